"""An HTTP proxy on the hosts' bridge: the only way out of a host, for pip and apt."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from urllib.parse import urlsplit

CHUNK = 1 << 16
DROPPED = ("proxy-", "connection:")


class Relay:
    """A proxy that listens until it is closed."""

    def __init__(self, address: str) -> None:
        self._server = _Server((address, 0), _Handler)
        self.url = f"http://{address}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class _Handler(socketserver.StreamRequestHandler):
    """CONNECT for https; one plain request per connection for http."""

    def handle(self) -> None:
        method, target, version = self.rfile.readline().decode("latin1").split()
        headers = [line for line in iter(self.rfile.readline, b"\r\n") if line]
        try:
            if method == "CONNECT":
                host, _, port = target.rpartition(":")
                with socket.create_connection((host, int(port)), 30) as upstream:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
                    self._join(upstream)
            else:
                self._plain(method, target, version, headers)
        except OSError:
            return

    def _plain(self, method: str, target: str, version: str, headers: list[bytes]) -> None:
        url = urlsplit(target)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        kept = [line for line in headers if not line.decode("latin1").lower().startswith(DROPPED)]
        with socket.create_connection((url.hostname or "", url.port or 80), 30) as upstream:
            head = f"{method} {path} {version}\r\n".encode("latin1")
            upstream.sendall(head + b"".join(kept) + b"Connection: close\r\n\r\n")
            self._join(upstream)

    def _join(self, upstream: socket.socket) -> None:
        upstream.settimeout(None)
        back = threading.Thread(target=_pump, args=(upstream, self.connection), daemon=True)
        back.start()
        _pump(self.connection, upstream)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(CHUNK):
            sink.sendall(data)
    except OSError:
        pass
    finally:
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
