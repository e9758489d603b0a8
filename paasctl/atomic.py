"""Replace a small private file in one step."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path


def replace(path: Path, data: bytes, prefix: str, folder: Path | None = None) -> None:
    """Write a file of mode 0600 so that whoever reads it finds the old content or the new one, never a part.

    Args:
        prefix: how the name of the file begins that is there while this lasts.
        folder: where that file is, on the same file system; beside ``path`` unless said.

    Raises:
        OSError: it could not be written; the old file is in place.
    """
    handle, name = tempfile.mkstemp(dir=folder or path.parent, prefix=prefix)  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and os.geteuid() == 0:  # sudo must not take the file away from its owner
            owner = path.stat()
            os.chown(name, owner.st_uid, owner.st_gid)
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
