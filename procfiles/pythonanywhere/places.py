"""Where an app's files lie in the account, and how this program reads and writes its own."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from typing import Any, Dict, Iterator, Optional

#: The largest document that is read; a real one is a few hundred kilobytes.
DOCUMENT_LIMIT = 8 * 1024 * 1024


class Invalid(Exception):
    """What was uploaded is not what paasctl writes. The text never holds a value of the env."""


class WrongPython(Invalid):
    """The web app runs another Python than the one that a release was made for."""


class Places:
    """The folders of one app: ``apps`` and ``data`` are closed to other users, ``public`` is what visitors may read."""

    def __init__(self, home: str, app: str, wsgi: str) -> None:
        self.root = os.path.join(home, ".paasctl")
        self.base = os.path.join(self.root, "apps", app)
        self.data = os.path.join(self.root, "data", app)
        self.public = os.path.join(self.root, "public", app)
        self.wsgi = wsgi
        self.deploy = self.path("deploy.json")
        self.active = self.path("active.json")

    def path(self, *names: str) -> str:
        """A path under the app's own folder."""
        return os.path.join(self.base, *names)

    def close(self) -> None:
        """Shut other users out. The Files API cannot set modes, so this is the first thing done at every load."""
        for folder, mode in (
            (self.root, 0o711),
            (os.path.dirname(self.base), 0o700),
            (os.path.dirname(self.data), 0o700),
            (self.base, 0o700),
            (self.data, 0o700),
        ):
            os.makedirs(folder, exist_ok=True)
            os.chmod(folder, mode)
        for name in ("env", "jobs", "nonces", "incoming"):
            self._close_folder(self.path(name))
        for path in (self.deploy, self.active):
            with contextlib.suppress(FileNotFoundError):
                os.chmod(path, 0o600)

    def _close_folder(self, folder: str) -> None:
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o700)
        for entry in os.scandir(folder):
            if entry.is_file(follow_symlinks=False):
                os.chmod(entry.path, 0o600)


def read_json(path: str) -> Optional[Dict[str, Any]]:
    """A JSON object from a file, or None when there is no such file.

    Raises:
        Invalid: the file holds anything else.
    """
    name = os.path.basename(path)
    try:
        with open(path, "rb") as file:
            data = file.read(DOCUMENT_LIMIT + 1)
    except FileNotFoundError:
        return None
    if len(data) > DOCUMENT_LIMIT:
        raise Invalid("%s is too large" % name)
    try:
        found = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Invalid("%s is not JSON" % name) from None
    if not isinstance(found, dict):
        raise Invalid("%s is not a JSON object" % name)
    return found


def write_json(path: str, document: Dict[str, Any]) -> None:
    """Write a file that only its owner may read, in one rename.

    Raises:
        OSError: it could not be written; the old file is as it was.
    """
    temporary = "%s.%d.tmp" % (path, os.getpid())
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def exclusive(path: str, wait: float) -> Iterator[bool]:
    """Hold a lock between the processes of this app; gives whether it was got within ``wait`` seconds.

    The kernel gives it back when its holder dies. It is unlocked by name and not by closing alone, because a
    server forks its workers after the load, and each of them inherits the descriptor.
    """
    with open(path, "a") as file:
        got = _flock(file.fileno(), wait)
        try:
            yield got
        finally:
            if got:
                fcntl.flock(file.fileno(), fcntl.LOCK_UN)


def _flock(descriptor: int, wait: float) -> bool:
    end = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.05)


def remove(path: str) -> None:
    """Remove a file, link or folder; one that is not there is no error."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        os.unlink(path)


def names_in(folder: str) -> list[str]:
    """What a folder holds; nothing when it is not there."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def older(path: str, seconds: float) -> bool:
    """Was a file or folder last changed longer ago than this?"""
    try:
        return time.time() - os.lstat(path).st_mtime > seconds
    except OSError:
        return False


def say(text: str) -> None:
    """One line in the server log. Never a value of the env."""
    print("paasctl: " + " ".join(text.split()), flush=True)
