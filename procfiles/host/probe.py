"""Ask one process, and only that one, whether it is healthy and which release it runs."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import zlib
from typing import Any, Callable, Dict, Iterator, Optional, Sequence

HTTPS = "443"
#: seconds that one answer may take, and that a process may take to give its first
ANSWER, START = 10, 60
#: seconds for which the page is taken after that: an app may complain of one that is not, and a stream never ends
PAGE = 1


class Probe:
    """How to ask: where (a unix socket's path, or a port of this machine), which path, as which host.

    ``named``: the answer must say that it is the release's. ``moved`` is the host whose TLS was answered instead of a
    page. ``strict`` is set when the user named a health path: then only answers below 400 are healthy, else below 500.
    """

    def __init__(self, where: str, path: str, host: str, release: str, strict: bool, named: bool) -> None:
        self._where, self._path, self._host = where, path, host
        self._release, self._limit, self._named = release, 400 if strict else 500, named
        self._strict, self._tls = strict, False
        self.problem, self.status, self.moved = "it does not answer", 0, ""

    @classmethod
    def of(cls, document: Dict[str, Any], where: str) -> Probe:
        """The probe of a release's web process."""
        health = document["health"]
        # only the runtime's wrapper adds the release's name to the answer; elsewhere the private place is proof enough
        named = bool(document["runtime"] and document["handover"])
        return cls(where, health or "/", document["host"], document["id"], bool(health), named)

    @classmethod
    def visitor(cls, document: Dict[str, Any]) -> Probe:
        """The probe of a release by the way that visitors take: through the web server in front, where there is one."""
        probe = cls.of(document, str(document["front"]))
        if any(probe._path.startswith(url) for url in document["static"]):
            probe._named = False  # the web server in front gives that file itself
        return probe

    def over_tls(self) -> Probe:
        """The same probe of the TLS to which the web server in front sends everybody."""
        probe = Probe(HTTPS, self._path, self.moved, self._release, self._strict, self._named)
        probe._tls = True
        return probe

    def healthy(self) -> bool:
        """Ask once. ``problem`` then says what is wrong, in words that follow the release's name."""
        from http.client import HTTPException  # takes a while to import, which most commands do without

        try:
            status, release = self._ask()
            self.status = status
        except (OSError, HTTPException) as error:
            self.problem = "it does not answer at %s (%s)" % (self._path, type(error).__name__)
            return False
        if status >= self._limit:
            self.problem = "it answers %d at %s" % (status, self._path)
        elif self._named and release != self._release:
            self.problem = "what answers %d at %s is not this release" % (status, self._path)
        else:
            return True
        return False

    def wait(self, alive: Callable[[], bool], cancelled: Callable[[], bool], limit: float = START) -> bool:
        """Ask until it is healthy, has ended, or ``limit`` seconds are over."""
        deadline, refusals = time.monotonic() + limit, 0
        while time.monotonic() < deadline and not cancelled():
            if self.healthy():
                return True
            if not alive():
                self.problem = "it ended while it started"
                return False
            # an answer is an answer: a short grace for an app that warms up, not the whole minute
            refusals += self.problem.startswith("it answers")
            if refusals >= 5:
                return False
            time.sleep(0.05 if not refusals else 0.4)
        return False

    def _ask(self) -> "tuple[int, Optional[str]]":
        from http.client import HTTPConnection, HTTPException

        connection = HTTPConnection("127.0.0.1")
        with connected(self._where) as plain, plain.dup() as line, contextlib.closing(connection):
            with within(ANSWER, line):
                connection.sock = secured(plain, self._host) if self._tls else plain
                headers = {"Host": self._host, "X-Paasctl-Probe": self._release}
                headers.update({"Connection": "close", "User-Agent": "paasctl"})
                connection.request("GET", self._path, headers=headers)
                answer = connection.getresponse()
            with answer, contextlib.suppress(OSError, HTTPException), within(PAGE, line):
                answer.read(1 << 20)
            release = answer.getheader("X-Paasctl-Release")
            self.moved = "" if release else tls_host(answer.getheader("Location") or "")
            return answer.status, release


@contextlib.contextmanager
def within(seconds: float, line: socket.socket) -> Iterator[None]:
    """Give all that is done on a connection one time limit: a socket's own is of each receive, and a drip renews it.

    Raises:
        TimeoutError: it was over, and the connection is cut.
    """
    over = threading.Event()

    def cut() -> None:
        over.set()
        with contextlib.suppress(OSError):  # the other side has ended it
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:
        if not over.is_set():
            raise
    finally:
        timer.cancel()
    if over.is_set():
        raise TimeoutError


def connected(where: str) -> socket.socket:
    """A connection to a unix socket (a path) or to a port of this machine (digits)."""
    if where.isdigit():
        return socket.create_connection(("127.0.0.1", int(where)), ANSWER)
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        found.settimeout(ANSWER)
        found.connect(where)
    except OSError:
        found.close()
        raise
    return found


def secured(plain: socket.socket, host: str) -> socket.socket:
    """TLS on a connection within this machine; whether visitors trust its certificate is not asked here."""
    import ssl

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(plain, server_hostname=host)


def tls_host(location: str) -> str:
    """The host that a redirection to https leads to."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(location)
        return (parts.hostname or "") if parts.scheme == "https" else ""
    except ValueError:
        return ""


def port_is_free(port: int) -> bool:
    """Whether nobody listens on a port of this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def first_port(root: str) -> int:
    """Where the search for an app's port begins: apps differ, so that two first pushes at once do not collide."""
    return 8000 + zlib.crc32(os.fsencode(root)) % 1000


def free_port(first: int = 8000, but: Sequence[int] = ()) -> int:
    """The first free port from ``first`` on that is not one of others'."""
    for port in range(first, first + 1000):
        if port not in but and port_is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
