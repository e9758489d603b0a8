"""Folders with little room, for what a full disk does."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, megabytes: int = 4) -> Iterator[tuple[Path, list[str]]]:
    """A data folder with little room: a small file system where we may mount one, else a limit on every file's size."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if os.getuid() == 0 and subprocess.run(options, capture_output=True).returncode == 0:
        try:
            yield folder, []
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)
    elif shutil.which("prlimit"):
        yield folder, ["prlimit", f"--fsize={megabytes * 1_000_000}"]
    else:
        pytest.skip("neither a mount nor prlimit: a full disk is NOT tried (apt install util-linux)")
