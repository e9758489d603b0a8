"""Small projects written out in a test: path -> content, so that a case shows all that matters for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

Files = Mapping[str, str | bytes]


def tree(root: Path, files: Files) -> Path:
    """Write the files below ``root`` and return it; text is dedented, a path that ends in / is an empty folder."""
    for path, content in files.items():
        file = root / path
        if path.endswith("/"):
            file.mkdir(parents=True, exist_ok=True)
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else dedent(content).lstrip("\n").encode())
    return root
