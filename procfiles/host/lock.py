"""One paasctl at a time per app: a lock that the kernel gives back when its owner dies."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import socket
import time
from typing import IO, Any, Dict, Optional, Union

from .layout import Layout
from .wire import Failure

#: seconds that a command waits for the lock: one that was killed needs a moment to end what it began
PATIENCE = 10
#: seconds that a command which was told to end may take: one that is making its release live does that first
ENDING = 180


def patiently(file: Union[IO[str], int]) -> bool:
    """Try for a while to take the lock of a file, or of a handle; whether it was taken."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)


class Lock:
    """Held from :meth:`take` until this process ends (or :meth:`remove`)."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.path("lock")
        self._file: Optional[IO[str]] = None

    def take(self, who: str, what: str) -> None:
        """Take the lock, or fail with its owner's name.

        The flock is the lock; the text in the file only says who holds it.
        """
        if self._file is not None:
            return
        file = self._taken()
        if file is None:
            owner = self.owner() or {}
            raise Failure(
                "%s is busy with %s (since %s); nothing was changed"
                % (owner.get("who", "somebody"), owner.get("what", "this app"), owner.get("since", "just now")),
                "wait for it to end and run the command again; `paasctl unlock` ends it",
                kind="busy",
            )
        self._file = file
        note = {"who": who, "what": what, "pid": os.getpid(), "host": socket.gethostname()}
        note["since"] = time.strftime("%H:%M:%S")
        file.truncate(0)
        with contextlib.suppress(OSError):  # a full disk must not keep `down` from making room
            os.write(file.fileno(), json.dumps(note).encode("ascii"))

    def owner(self) -> Optional[Dict[str, Any]]:
        """Who holds the lock now, or None when nobody does."""
        try:
            with open(self._path) as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except OSError:
                    return dict(json.loads(file.read() or "{}"))
                return None
        except (OSError, ValueError):
            return None

    def remove(self) -> None:
        """Remove the lock's file, then give the lock up: whoever waits for it notices and takes a new one."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        if self._file is not None:
            self._file.close()
            self._file = None

    def break_(self) -> Optional[Dict[str, Any]]:
        """End the command that holds the lock, and all that it started; returns its owner, or None.

        Raises:
            Failure: it could not be ended; it still holds the lock.
        """
        owner = self.owner()
        if owner is None:
            return None
        said = "%s of %s" % (owner.get("what", "a command"), owner.get("who", "somebody"))
        try:
            os.kill(int(owner["pid"]), signal.SIGTERM)
        except ProcessLookupError:
            pass
        except (KeyError, PermissionError):
            raise Failure("%s belongs to another user of the host and goes on" % said, "ask them to end it") from None
        deadline = time.monotonic() + ENDING
        while self.owner() is not None:
            if time.monotonic() > deadline:
                hint = "wait for it, then run `paasctl status`"
                raise Failure(
                    "%s is being brought to an end, which takes a while; it holds the lock" % said, hint, kind="busy"
                )
            time.sleep(0.1)
        return owner

    def _taken(self) -> Optional[IO[str]]:
        """The locked file, or None when somebody keeps it; never a file that was removed meanwhile."""
        while True:
            file = open(self._path, "a+")  # noqa: SIM115 -- held open on purpose
            if not patiently(file):
                file.close()
                return None
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(file.fileno()), os.stat(self._path)):
                    return file
            file.close()
