"""The app's name, which platforms and Linux make host and user names of."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LONGEST = 30


def app_name(root: Path, configured: tuple[str, str] | None, pyproject: Mapping[str, Any]) -> tuple[str, str]:
    """The name and where it came from: the configuration, pyproject.toml's project, or the folder."""
    if configured:
        return configured
    project = pyproject.get("project", {}).get("name")
    if isinstance(project, str) and _plain(project):
        return _plain(project), "pyproject.toml (project)"
    return _plain(root.resolve().name) or "app", "the folder's name"


def _plain(name: str) -> str:
    """Lower-case letters, digits and hyphens, a letter first, 30 at most; "" when nothing is left."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    plain = re.sub(r"[^a-z0-9]+", "-", ascii_only).strip("-")
    if plain and not plain[0].isalpha():
        plain = f"app-{plain}"
    return plain[:LONGEST].rstrip("-")
