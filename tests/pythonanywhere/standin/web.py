"""Two HTTP servers on loopback: the API, and the front that visitors meet before the web app."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Handle = Callable[[BaseHTTPRequestHandler, bytes], tuple[int, list[tuple[str, str]], bytes] | None]


def serve(handle: Handle) -> ThreadingHTTPServer:
    """A server on a free port of 127.0.0.1. A handler that answers None drops the connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: Any) -> None: ...

        def any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found = handle(self, body)
            if found is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            status, headers, content = found
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_HEAD = do_OPTIONS = any  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def stop(server: ThreadingHTTPServer) -> None:
    """End a server."""
    server.shutdown()
    server.server_close()


def encoded(content: Any) -> tuple[list[tuple[str, str]], bytes]:
    """The headers and bytes of an API answer."""
    if isinstance(content, bytes):
        kind = "text/html" if content.startswith(b"<") else "application/octet-stream"
        return [("Content-Type", kind)], content
    return [("Content-Type", "application/json")], json.dumps(content).encode()


class UnixConnection(http.client.HTTPConnection):
    """HTTP to a socket file."""

    def __init__(self, path: Path, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def forward(
    socket_file: Path, method: str, path: str, headers: list[tuple[str, str]], body: bytes, timeout: float
) -> tuple[int, list[tuple[str, str]], bytes]:
    """Pass a request to the web app and bring its answer."""
    connection = UnixConnection(socket_file, timeout)
    try:
        connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        connection.endheaders(body or None)
        answer = connection.getresponse()
        content = answer.read()
        skipped = ("content-length", "connection", "transfer-encoding", "date", "server")
        return answer.status, [(n, v) for n, v in answer.getheaders() if n.lower() not in skipped], content
    finally:
        connection.close()
