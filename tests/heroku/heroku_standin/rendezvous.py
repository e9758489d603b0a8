"""Heroku's rendezvous: TLS, a secret, then the input and output of a command that is really run by a shell."""

from __future__ import annotations

import os
import ssl
import subprocess
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import Any

from .server import Standin


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost and 127.0.0.1, and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    words += ["-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run(words, check=True, capture_output=True)
    return certificate, key


@dataclass
class Rendezvous:
    """Runs what the stand-in was asked to run. ``drops`` closes the connection before the command ends."""

    standin: Standin
    certificate: Path
    key: Path
    drops: bool = False
    greeting: bytes = b"rendezvous\r\n"
    chunk: int = 7  # bytes at a time, so that everything is torn apart
    secrets: list[str] = field(default_factory=list)

    def __enter__(self) -> Rendezvous:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.standin.rendezvous = f"localhost:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingTCPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that refuses the certificate is nothing to report."""


def _handler(meeting: Rendezvous) -> type[BaseRequestHandler]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(meeting.certificate, meeting.key)

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with context.wrap_socket(self.request, server_side=True) as connection:
                secret = connection.recv(200).decode().strip()
                meeting.secrets.append(secret)
                asked = meeting.standin.world.one_offs.get(secret)
                if asked is None:
                    return
                app, command = asked
                connection.sendall(meeting.greeting)
                done = subprocess.run(
                    ["sh", "-c", command],
                    env=os.environ | app.current.config,
                    capture_output=True,
                    stdin=subprocess.DEVNULL,
                )
                output = done.stdout + done.stderr
                if meeting.drops:
                    output = output[: len(output) // 2]
                for start in range(0, len(output), meeting.chunk):
                    connection.sendall(output[start : start + meeting.chunk])
                self._wait_for_the_client(connection)

        def _wait_for_the_client(self, connection: ssl.SSLSocket) -> None:
            """Let it close first, for a while: Heroku's own client dies of a connection that is closed before its."""
            if not meeting.drops:
                connection.settimeout(2)
                with suppress(OSError):
                    while connection.recv(100):
                        pass
            with suppress(OSError):
                connection.unwrap()

    return Handler
