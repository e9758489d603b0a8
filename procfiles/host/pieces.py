"""Files that the app's user made, handed in pieces to the one who deploys, who may not read them where they are."""

from __future__ import annotations

import base64
import os
from typing import Dict, Iterable, Iterator

from .layout import remove
from .wire import Failure

#: bytes of a file that are handed over at once
PIECE = 1 << 20


def read(root: str) -> Iterator[Dict[str, str]]:
    """The regular files below a folder: ``path`` and ``data`` (base64), a file's pieces in order."""
    for folder, _, files in os.walk(root):
        for path in (os.path.join(folder, name) for name in sorted(files)):
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    data = file.read(PIECE)
                    while True:
                        yield {"path": os.path.relpath(path, root), "data": base64.b64encode(data).decode("ascii")}
                        data = file.read(PIECE)
                        if not data:
                            break


def write(folder: str, pieces: Iterable[Dict[str, str]]) -> None:
    """Write what :func:`read` gave into a folder; the app's user chose the paths, so none may lead out of it."""
    making = folder + ".new"
    remove(making)
    os.makedirs(making)
    try:
        for piece in pieces:
            _append(making, piece)
    except BaseException:
        remove(making)  # the disk may be full
        raise
    remove(folder)
    os.rename(making, folder)


def _append(folder: str, piece: Dict[str, str]) -> None:
    path = os.path.normpath(os.path.join(folder, piece["path"]))
    if not path.startswith(folder + os.sep):
        message = "a file that the app's user made leads out of its folder; nothing was changed"
        raise Failure(message, "look at that app")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "ab") as file:
        file.write(base64.b64decode(piece["data"]))
