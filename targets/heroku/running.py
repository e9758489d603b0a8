"""Runs a command in a one-off dyno and passes its output through; its exit status comes behind the output."""

from __future__ import annotations

import os
import re
import secrets
import select
import shlex
import socket
import ssl
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from paasctl.errors import PaasctlError, UsageError
from paasctl.secret import Secret

from .api import Api
from .failures import Uncertain

#: Seconds to reach Heroku's rendezvous, and until it greets.
_TIMEOUT = 30.0

Write = Callable[[bytes], object]


def run(api: Api, command: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run a command with the app's code and config, in a dyno of its own, and answer with its exit status.

    With a terminal on both sides the dyno has one too, and what is typed goes there; otherwise its standard input
    is empty. What it prints is passed through to our standard output unchanged.

    Raises:
        PaasctlError: the dyno could not be started or reached, or its connection ended before the command did.
    """
    terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    mark = f"paasctl-exit-{secrets.token_hex(8)}:"
    # a space before the semicolon, so that Heroku still finds a process type named by the first word
    body: dict[str, Any] = {
        "command": f'{shlex.join(command)} ; echo "{mark}$?"',
        "attach": True,
        "type": "run",
        "env": _terminal_env(environ) if terminal else {},
        "force_no_tty": not terminal,
    }
    dyno = _start(api, body)
    url = dyno.get("attach_url")
    if not isinstance(url, str) or urlsplit(url).scheme != "rendezvous":
        raise UsageError(
            "this app's dynos can only be reached by ssh, which paasctl does not do", hint="use `heroku run`"
        )
    with _attach(Secret(url), environ) as connection:
        status = _pass_through(connection, mark.encode(), terminal)
    if status is None:
        raise PaasctlError(
            f"the connection to {dyno.get('name', 'the dyno')} ended before the command did; it may go on there",
            hint="`heroku ps` shows it, `heroku ps:stop` ends it",
        )
    return status


def _start(api: Api, body: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        answer = api.run(body)
    except Uncertain as error:
        raise PaasctlError(
            f"{error.message}; the command may or may not have been started",
            hint="`heroku ps` shows a run dyno if it was; it is not started twice",
        ) from None
    return answer if isinstance(answer, Mapping) else {}


def _terminal_env(environ: Mapping[str, str]) -> dict[str, str]:
    columns, lines = os.get_terminal_size(sys.stdout.fileno())
    return {"TERM": environ.get("TERM", "xterm"), "COLUMNS": str(columns), "LINES": str(lines)}


@contextmanager
def _attach(url: Secret, environ: Mapping[str, str]) -> Iterator[ssl.SSLSocket]:
    """A connection to the dyno's input and output, certificate checked; the secret in the address opens it."""
    parts = urlsplit(url.reveal())
    host, port = parts.hostname or "", parts.port or 5000
    failure = ""
    try:
        plain = socket.create_connection((host, port), timeout=_TIMEOUT)
        connection = _tls(environ).wrap_socket(plain, server_hostname=host)
        key = parts.path.removeprefix("/") + (f"?{parts.query}" if parts.query else "")
        connection.sendall(f"{key}\r\n".encode())
        _greeting(connection)
    except ssl.SSLError as error:
        failure = f"the certificate was not accepted ({error.reason or 'TLS'})"
    except OSError as error:
        failure = error.strerror or type(error).__name__
    if failure:
        raise PaasctlError(f"the one-off dyno could not be reached at {host}: {failure}", hint="check the network")
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    with connection:
        yield connection


def _tls(environ: Mapping[str, str]) -> ssl.SSLContext:
    import certifi

    return ssl.create_default_context(cafile=environ.get("REQUESTS_CA_BUNDLE") or certifi.where())


def _greeting(connection: ssl.SSLSocket) -> None:
    line = b""
    while not line.endswith(b"\n"):
        byte = connection.recv(1)
        if not byte or len(line) > 100:
            raise OSError(0, "the rendezvous does not greet")
        line += byte
    if not line.startswith(b"rendezvous"):
        raise OSError(0, "it is not a rendezvous")


def _pass_through(connection: ssl.SSLSocket, mark: bytes, terminal: bool) -> int | None:
    """Copy both ways until the mark with the exit status comes; None when the connection ends before."""
    output = Output(mark, lambda data: os.write(1, data))
    with _raw_terminal(terminal):
        while output.status is None:
            readable = [connection] if connection.pending() else _ready(connection, terminal)
            if 0 in readable:
                connection.sendall(os.read(0, 4096) or b"\x04")
            if connection in readable:
                try:
                    data = connection.recv(65536)
                except OSError:
                    data = b""
                if not data:
                    output.end()
                    return output.status
                output.feed(data)
    return output.status


def _ready(connection: ssl.SSLSocket, terminal: bool) -> Sequence[Any]:
    sources: list[Any] = [connection, 0] if terminal else [connection]
    return select.select(sources, [], [])[0]


@contextmanager
def _raw_terminal(terminal: bool) -> Iterator[None]:
    """Our terminal hands every key on, Ctrl-C too; it is put back whatever happens."""
    if not terminal:
        yield
        return
    import termios
    import tty

    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


class Output:
    """Passes output on up to the mark, and reads the exit status behind it."""

    def __init__(self, mark: bytes, write: Write) -> None:
        self._mark, self._write, self._held = mark, write, b""
        self.status: int | None = None

    def feed(self, data: bytes) -> None:
        """Take the next bytes. What may be the beginning of the mark is held back until it is clear."""
        self._held += data
        found = re.search(re.escape(self._mark) + rb"(\d{1,3})\s", self._held)
        if found:
            self.status = int(found[1])
            self._write(self._held[: found.start()])
            self._held = b""
            return
        keep = self._may_begin_mark()
        self._write(self._held[: len(self._held) - keep])
        self._held = self._held[len(self._held) - keep :]

    def end(self) -> None:
        """The connection is over: the mark may have come without anything behind it."""
        found = re.search(re.escape(self._mark) + rb"(\d{1,3})\s*$", self._held)
        if found:
            self.status = int(found[1])
            self._held = self._held[: found.start()]
        self._write(self._held)
        self._held = b""

    def _may_begin_mark(self) -> int:
        """How many of the last bytes could belong to the mark."""
        whole = self._held.rfind(self._mark)
        if whole >= 0:
            return len(self._held) - whole
        return next((n for n in range(len(self._mark) - 1, 0, -1) if self._held.endswith(self._mark[:n])), 0)
