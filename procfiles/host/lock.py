"""One paasctl at a time per app: a lock that the kernel gives back when its owner dies."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import time
from typing import IO, Any, Dict, Optional

from .layout import Layout
from .wire import Failure

#: seconds that a command waits for the lock: one that was killed needs a moment to end what it began
PATIENCE = 10


def patiently(file: IO[str]) -> bool:
    """Try to take the lock for a while."""
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
    """Held from :meth:`take` until this process ends (or :meth:`release`)."""

    def __init__(self, layout: Layout) -> None:
        self._path = layout.path("lock")
        self._file: Optional[IO[str]] = None

    def take(self, who: str, what: str) -> None:
        """Take the lock, or fail with its owner's name.

        The flock is the lock; the text in the file only says who holds it.
        """
        if self._file is not None:
            return
        file = open(self._path, "a+")  # noqa: SIM115 -- held open on purpose
        if not patiently(file):
            owner = self.owner() or {}
            file.close()
            raise Failure(
                "%s is busy with %s (since %s); nothing was changed"
                % (owner.get("who", "somebody"), owner.get("what", "this app"), owner.get("since", "just now")),
                "wait for it to end and run the command again; `paasctl unlock` ends it",
                kind="busy",
            )
        self._file = file
        note = {"who": who, "what": what, "pid": os.getpid(), "host": socket.gethostname()}
        note["since"] = time.strftime("%H:%M:%S")
        file.seek(0)
        file.truncate()
        file.write(json.dumps(note))
        file.flush()

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

    def release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def break_(self) -> Optional[Dict[str, Any]]:
        """End the process that holds the lock; returns its owner, or None when nobody held it."""
        owner = self.owner()
        if owner and owner.get("pid") and owner.get("host") == socket.gethostname():
            os.kill(owner["pid"], signal.SIGTERM)
            for _ in range(50):
                if self.owner() is None:
                    break
                time.sleep(0.1)
        return owner
