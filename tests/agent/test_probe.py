"""The health check ends, whatever the app answers with."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from paasctl.procfiles.host import probe
from paasctl.procfiles.host.probe import Probe

HEAD = b"HTTP/1.1 200 OK\r\nX-Paasctl-Release: v1\r\n"
Drip = Callable[[bytes, bytes], Probe]


@pytest.fixture
def drip(monkeypatch: pytest.MonkeyPatch) -> Iterator[Drip]:
    """Starts an app that answers with some bytes, and then with others again and again; who asks it."""
    monkeypatch.setattr(probe, "ANSWER", 0.5)
    monkeypatch.setattr(probe, "PAGE", 0.2, raising=False)
    over = threading.Event()
    server = socket.create_server(("127.0.0.1", 0))

    def serve(first: bytes, then: bytes) -> None:
        with contextlib.suppress(OSError), server.accept()[0] as line:
            line.recv(1000)
            line.sendall(first)
            while not over.wait(0.05):
                line.sendall(then)

    def start(first: bytes, then: bytes) -> Probe:
        threading.Thread(target=serve, args=(first, then), daemon=True).start()
        return Probe(str(server.getsockname()[1]), "/", "localhost", "v1", strict=False, named=True)

    yield start
    over.set()
    server.close()


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("first", "then", "problem"),
    [
        (HEAD + b"\r\n", b"data: tick\n\n", ""),
        (HEAD, b"X-More: 1\r\n", "it does not answer at / (TimeoutError)"),
        (b"", b"H", "it does not answer at / (TimeoutError)"),
    ],
    ids=["a page that never ends", "headers that never end", "a status line that never ends"],
)
def test_an_answer_that_never_ends_does_not_hold_the_push(drip: Drip, first: bytes, then: bytes, problem: str) -> None:
    asked, begun = drip(first, then), time.monotonic()
    assert asked.healthy() is not bool(problem)
    assert asked.problem == (problem or "it does not answer")
    assert time.monotonic() - begun < 5
