"""Read one of the user's text files, with a sentence instead of a traceback when that is impossible."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from paasctl.errors import UsageError

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def is_file(path: Path) -> bool:
    """Whether a file is there; not in a folder that may not be entered, where ``Path.is_file`` raises."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Whether a folder is there; not in one that may not be entered, where ``Path.is_dir`` raises."""
    return os.path.isdir(path)  # noqa: PTH112


def read_bytes(path: Path, name: str) -> bytes:
    """The content of a file; ``name`` is what messages call it.

    Raises:
        UsageError: the file is missing, not a file, or not readable.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UsageError(f"{name} cannot be read: {reason}", hint=f"check the path and the mode of {name}") from error


def read_text(path: Path, name: str) -> str:
    """The content of a UTF-8 file, a leading byte order mark kept (who parses the text decides about it).

    Raises:
        UsageError: the file is missing, unreadable, UTF-16 or not UTF-8 (``file:line``).
    """
    data = read_bytes(path, name)
    if data.startswith(_UTF16):
        raise UsageError(
            f"{name} is encoded in UTF-16 (PowerShell's `>` does that)",
            hint=f"save {name} as UTF-8; in PowerShell: `| Out-File -Encoding utf8`",
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{name}:{line}: not valid UTF-8", hint=f"save {name} as UTF-8") from error
