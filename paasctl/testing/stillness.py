"""A block of code in which no I/O can happen in silence."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

#: Beginnings of the audit events (see the Python documentation) that mean I/O.
EVENTS = (
    *("open", "socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostby", "socket.send"),
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "pty.spawn", "time.sleep"),
    *("os.listdir", "os.scandir", "os.walk", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link"),
    *("os.symlink", "os.chmod", "os.chown", "os.truncate", "os.utime", "shutil.", "tempfile.", "sqlite3.connect"),
    *("urllib.Request", "http.client.", "ftplib.connect", "smtplib.connect"),
)

_watched = threading.local()


@contextmanager
def stillness() -> Iterator[list[str]]:
    """Make I/O of this thread fail.

    Yields:
        The events that were stopped, which also tells of those whose failure somebody caught.
    """
    _install()
    stopped: list[str] = []
    _watched.stopped = stopped
    try:
        yield stopped
    finally:
        _watched.stopped = None


@cache
def _install() -> None:
    sys.addaudithook(_audit)  # for the rest of the process; outside of the block it does nothing


def _audit(event: str, arguments: tuple[object, ...]) -> None:
    stopped: list[str] | None = getattr(_watched, "stopped", None)
    if stopped is None or not event.startswith(EVENTS):
        return
    stopped.append(f"{event} {arguments[0] if arguments else ''}".rstrip())
    raise AssertionError(f"I/O where there must be none: {stopped[-1]}")
