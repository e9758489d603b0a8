"""Static files for the web server in front: a copy that it can read, of regular files of the code and nothing else."""

from __future__ import annotations

import base64
import os
import shutil
from typing import Any, Dict, Iterable, Sequence

from .layout import point, remove
from .wire import Failure


def gather(folder: str, pieces: Iterable[Dict[str, str]]) -> None:
    """Write what the app collected into a folder of this user's, who may not read it where the app's user put it.

    Args:
        pieces: ``path`` and ``data`` (base64), a file's pieces in order; the app's user chose the paths.
    """
    making = folder + ".new"
    remove(making)
    os.makedirs(making)
    for piece in pieces:
        path = os.path.normpath(os.path.join(making, piece["path"]))
        if not path.startswith(making + os.sep):
            raise Failure("a collected static file leads out of its folder; nothing was changed", "look at that app")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "ab") as file:
            file.write(base64.b64decode(piece["data"]))
    remove(folder)
    os.rename(making, folder)


def publish(folder: str, document: Dict[str, Any], gathered: str) -> None:
    """Copy a release's static folders to ``folder/TREE`` and make ``folder/current`` point to it.

    Args:
        gathered: where :func:`gather` put what was collected for the release's tree.

    The copy lies under its URL (``/static/`` -> ``TREE/static/``). Links are left out: one that the app's author
    put there must not make the web server show another file of the host.
    """
    if not os.path.isdir(folder):
        return
    final = os.path.join(folder, document["tree"])
    if not os.path.isdir(final):
        making = final + ".new"
        remove(making)
        os.makedirs(making)
        for url, source in sorted(document["static"].items()):
            root = gathered if source.strip("/") in document["built"] else document["code"]
            copy(os.path.join(root, source), os.path.join(making, url.strip("/")))
        os.rename(making, final)
    point(os.path.join(folder, "current"), document["tree"])


def copy(source: str, target: str) -> None:
    """Copy the regular files of a folder, with their times, readable by everybody."""
    for folder, folders, files in os.walk(source):
        folders[:] = [name for name in folders if not os.path.islink(os.path.join(folder, name))]
        place = os.path.normpath(os.path.join(target, os.path.relpath(folder, source)))
        os.makedirs(place, exist_ok=True)
        for name in files:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                shutil.copyfile(path, os.path.join(place, name))
                shutil.copystat(path, os.path.join(place, name))
                os.chmod(os.path.join(place, name), 0o644)


def prune(folder: str, keep: Sequence[str]) -> None:
    """Remove the copies of trees that are not named."""
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        if name != "current" and name not in keep:
            remove(os.path.join(folder, name))
