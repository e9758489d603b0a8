"""The sockets that a server is handed: one shared with its siblings, one private for the probe of a deploy."""

from __future__ import annotations

import fcntl
import os

from .base import guard, setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket

BACKLOG = 64
FIRST_FD = 3  # systemd's protocol: handed-on sockets are file descriptors 3, 4, ...


def handed_sockets() -> list[socket.socket]:
    """The listening sockets to serve on, or none when the line's own address counts."""
    sockets = []
    with guard("the shared socket"):
        if setting("SHARED_FD"):
            sockets.append(adopt(int(setting("SHARED_FD"))))
    if setting("PROBE_SOCKET"):
        with guard("the probe socket"):
            sockets.append(private_socket(setting("PROBE_SOCKET")))
    return sockets


def adopt(fd: int) -> socket.socket:
    """An inherited listening socket, moved away from ``fd``; where that was a standard stream, /dev/null takes over."""
    import socket

    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 64)
    if fd > 2:
        os.close(fd)
    else:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, fd)
        if null != fd:
            os.close(null)
    return socket.socket(fileno=moved)


def private_socket(path: str) -> socket.socket:
    """Listen on a Unix socket that only this process answers and only its user may connect to."""
    import socket

    if os.path.exists(path):
        os.unlink(path)
    probe = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        probe.bind(path)
    finally:
        os.umask(mask)
    probe.listen(BACKLOG)
    high = fcntl.fcntl(probe.fileno(), fcntl.F_DUPFD_CLOEXEC, 64)
    probe.close()
    return socket.socket(fileno=high)


def hand_on(sockets: list[socket.socket]) -> None:
    """Give the sockets to this very process by systemd's protocol, LISTEN_FDS and LISTEN_PID."""
    for fd, one in enumerate(sockets, FIRST_FD):
        os.dup2(one.fileno(), fd, inheritable=False)
        one.close()
    os.environ["LISTEN_FDS"] = str(len(sockets))
    os.environ["LISTEN_PID"] = str(os.getpid())
