"""The stand-in's HTTP side: one server for the API, the signed addresses, the streams and the apps' own sites."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from .faults import Fault
from .routes import Answer, Call, answer
from .world import World

TOKEN = "HRKU-standin-token-0001"
_HTML = b"<!DOCTYPE html><html><body><h1>Application error</h1></body></html>"
_NOT_API = ("/s3/", "/streams/", "/logplex/", "/sites/")


@dataclass(frozen=True)
class Seen:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def api(self) -> bool:
        """Whether it went to the API, and not to a signed address or an app's site."""
        return not self.path.startswith(_NOT_API)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def __str__(self) -> str:
        return f"{self.method} {self.path.partition('?')[0]}"


Check = Callable[[Call, Answer], None]


@dataclass
class Standin:
    """Heroku on loopback. Use as a context manager; ``url`` is the ``api_url`` for a target."""

    world: World = field(default_factory=World)
    seen: list[Seen] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    before: list[Callable[[Seen], None]] = field(default_factory=list)  # called before a request is looked at
    check: Check | None = None  # looks at every exchange with the API
    problems: list[str] = field(default_factory=list)
    cut_streams_at: list[int | None] = field(default_factory=list)  # the next streams break after so many bytes
    cut_cleanly: bool = False  # ... as if they had ended there
    no_ranges: bool = False  # streams do not resume: a Range gets the whole again
    keep_alive_nuls: bool = False
    hold: threading.Event | None = None  # until it is set, a stream stops behind the line ``hold_at``
    hold_at: str = ""
    held: bool = False
    held_in_vain: bool = False  # nobody set it in time
    events: bool = False  # logs come as an event stream
    remaining: int = 4500
    warning: str = ""
    rendezvous: str = ""  # host:port of the rendezvous, for attached dynos
    kill: tuple[int, int, str] | None = None  # process id, request number, "before" or "after"
    lock: threading.RLock = field(default_factory=threading.RLock)
    url: str = ""

    def __enter__(self) -> Standin:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def api_calls(self) -> list[str]:
        """The requests to the API so far: ``GET /apps/x/builds``."""
        return [str(one) for one in self.seen if one.api]

    def writes(self, path: str = "") -> list[Seen]:
        """The requests to the API that change something, of which the path holds ``path``."""
        return [one for one in self.seen if one.api and one.method != "GET" and path in one.path]

    @contextmanager
    def counting(self) -> Iterator[list[str]]:
        """The API requests of a block; filled at its end."""
        found: list[str] = []
        start = len(self.seen)
        yield found
        found += [str(one) for one in self.seen[start:] if one.api]

    def strike(self, method: str, path: str) -> str:
        with self.lock:
            return next((fault.kind for fault in self.faults if fault.strikes(method, path)), "")

    def shoot(self, moment: str) -> None:
        """Kill the client at the request for which that was ordered."""
        if self.kill is not None and (len(self.seen), moment) == self.kill[1:]:
            os.kill(self.kill[0], signal.SIGKILL)
            self.kill = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 50

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that breaks the connection is nothing to report."""


def _handler(standin: Standin) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def log_message(self, *_: object) -> None: ...

        def _go(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen = Seen(self.command, self.path, headers, body)
            with standin.lock:
                standin.seen.append(seen)
            for hook in [*standin.before]:
                hook(seen)
            standin.shoot("before")
            kind = standin.strike(seen.method, seen.path)
            if kind == "reset-before":
                return self._reset()
            if kind in ("429", "500", "503"):
                return self._refuse(kind)
            call = Call(standin, seen.method, seen.path, headers, body)
            with standin.lock:
                found = answer(call)
            if standin.check is not None and seen.api and not kind:
                standin.check(call, found)
            standin.shoot("after")
            if kind == "reset-after":
                return self._reset()
            if kind == "500-after":
                return self._refuse("500")
            return self._send(found, kind)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = _go  # noqa: N815

        def _refuse(self, kind: str) -> None:
            if kind == "429":
                body = json.dumps({"id": "rate_limit", "message": "Your account reached the API rate limit"}).encode()
                return self._send(Answer(429, body, "application/json"), "")
            return self._send(Answer(int(kind), _HTML, "text/html"), "")

        def _send(self, found: Answer, kind: str) -> None:
            body = found.body
            if kind == "half-json":
                body = body[: len(body) // 2]
            self.send_response(found.status)
            self.send_header("Content-Type", found.kind)
            self.send_header("Request-Id", "rid-1,rid-2")
            self.send_header("RateLimit-Remaining", str(standin.remaining))
            if standin.warning:
                self.send_header("X-Heroku-Warning", standin.warning)
            for name, value in found.headers.items():
                self.send_header(name, value)
            if found.stream is not None:
                return self._stream(found.stream)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if kind == "truncated":
                self.wfile.write(body[: len(body) // 2])
                return self._reset()
            self.wfile.write(body)
            return None

        def _stream(self, data: bytes) -> None:
            """Chunked, a line at a time; or cut where that was ordered."""
            cut = standin.cut_streams_at.pop(0) if standin.cut_streams_at else None
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            whole = data if cut is None else data[:cut]
            for line in re.findall(rb"[^\n]*\n|[^\n]+", whole):
                if standin.keep_alive_nuls:
                    line = b"\0" + line
                self.wfile.write(b"%x\r\n%s\r\n" % (len(line), line))
                self.wfile.flush()
                if standin.hold is not None and standin.hold_at in line.decode():
                    standin.held = True
                    standin.held_in_vain |= not standin.hold.wait(20)
            if cut is not None and not standin.cut_cleanly:
                return self._reset()
            self.wfile.write(b"0\r\n\r\n")
            return None

        def _reset(self) -> None:
            self.close_connection = True
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    return Handler
