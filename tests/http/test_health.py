"""What counts as alive, and that the probe takes no credentials along and follows nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from paasctl.health import probe, wait


class Site:
    """A small site whose answers are set by the test."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.seen: list[tuple[str, dict[str, str]]] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.seen.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                status = site.answers.pop(0) if len(site.answers) > 1 else site.answers[0]
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.2:9/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *arguments: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.mark.parametrize(
    ("status", "unset", "configured"),
    [
        (200, True, True),
        (302, True, True),
        (404, True, False),
        (401, True, False),
        (500, False, False),
        (503, False, False),
    ],
)
def test_alive(site: Site, status: int, unset: bool, configured: bool) -> None:
    site.answers = [status]
    assert bool(probe(site.url)) is unset
    assert bool(probe(site.url, "/health")) is configured
    assert [path for path, _ in site.seen] == ["/", "/health"]


def test_no_credentials_and_no_redirect(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login evil password netrc-secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    site.answers = [301]
    assert probe(site.url).status == 301
    assert len(site.seen) == 1
    assert "authorization" not in site.seen[0][1]


def test_an_app_that_boots_is_waited_for(site: Site) -> None:
    site.answers = [503, 503, 200]
    said: list[str] = []
    slept: list[float] = []
    assert wait(site.url, say=said.append, sleep=slept.append).status == 200
    assert said == ["not alive yet: HTTP 503"] * 2
    assert slept == [1, 1]


def test_an_app_that_never_comes_is_given_up(site: Site) -> None:
    site.answers = [500]
    health = wait(site.url, attempts=3, sleep=lambda seconds: None)
    assert (health.alive, health.status, len(site.seen)) == (False, 500, 3)


def test_nobody_there() -> None:
    health = probe("http://127.0.0.1:9/")
    assert not health
    assert health.status is None
    assert "9" not in health.detail
