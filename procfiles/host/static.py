"""Static files for the web server in front: a copy that it can read, of regular files of the code and nothing else."""

from __future__ import annotations

import os
import shutil
from typing import Any, Dict, Sequence

from .layout import point, remove


def publish(folder: str, document: Dict[str, Any], gathered: str) -> None:
    """Copy a release's static folders to ``folder/TREE`` and make ``folder/current`` point to it.

    Args:
        gathered: the copy of what the app's user collected for the release's tree.

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
        os.sync()  # what has its name is taken for whole, also after a power cut
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
