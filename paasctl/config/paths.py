"""Paths inside the app's folder, as users write them."""

from __future__ import annotations

import posixpath
import re

_DRIVE = re.compile(r"[A-Za-z]:[\\/]")


def folder_path(path: str) -> str | None:
    """A path relative to the app's folder in its plain form (``./a//b/`` is ``a/b/``).

    A closing slash, which says that it is a directory, is kept. None when the path is absolute, leaves the folder,
    is the folder itself, or begins in the home directory.
    """
    path = path.strip()
    clean = posixpath.normpath(path)
    if not path or clean in (".", "..") or clean.startswith(("/", "../", "~")) or _DRIVE.match(path):
        return None
    return f"{clean}/" if path.endswith("/") else clean
