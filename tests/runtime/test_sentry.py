"""Sentry: initialised where the env says so and the app did not, against a loopback stand-in for its server."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from runtime_lab import Bench, PythonOf, eventually

pytestmark = pytest.mark.e2e

FLASK = """
import os
import flask
if os.environ.get("OWN"):
    import sentry_sdk; sentry_sdk.init(release="own release")
app = flask.Flask("app")
@app.route("/boom")
def boom(): raise RuntimeError("for sentry")
@app.route("/")
def index(): return "x"
"""


@contextmanager
def stand_in() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Takes envelopes; yields a DSN and the events that arrived."""
    events: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            for line in body.splitlines():
                item = json.loads(line)
                if "exception" in item:
                    events.append(item)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://key@127.0.0.1:{server.server_port}/1", events
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    "line",
    [
        "gunicorn -b 127.0.0.1:$PORT app:app",
        "gunicorn --preload -b 127.0.0.1:$PORT app:app",
        "waitress-serve --listen=127.0.0.1:$PORT app:app",
    ],
)
@pytest.mark.parametrize("version", ["sentry-sdk>=2", "sentry-sdk<2"])
def test_an_unhandled_exception_arrives_with_release_and_environment(
    bench: Bench, python_of: PythonOf, line: str, version: str
) -> None:
    bench.python = python_of("3.11", "gunicorn", "waitress", "flask", version)
    bench.write(app=FLASK)
    with (
        stand_in() as (dsn, events),
        bench.serve(line, SENTRY_DSN=dsn, PAASCTL_RELEASE="r7", PAASCTL_TARGET="staging") as server,
    ):
        server.get("/boom")
        assert eventually(lambda: events)
    assert (events[0]["release"], events[0]["environment"]) == ("r7", "staging")
    assert events[0]["exception"]["values"][0]["value"] == "for sentry"


def test_an_app_that_does_it_itself_decides(bench: Bench, python_of: PythonOf) -> None:
    bench.python = python_of("3.11", "gunicorn", "waitress", "flask", "sentry-sdk>=2")
    bench.write(app=FLASK)
    with (
        stand_in() as (dsn, events),
        bench.serve("gunicorn -b 127.0.0.1:$PORT app:app", SENTRY_DSN=dsn, OWN="1", PAASCTL_RELEASE="r7") as server,
    ):
        server.get("/boom")
        assert eventually(lambda: events)
    assert [event["release"] for event in events] == ["own release"]


def test_scripts_and_workers_too(bench: Bench, python_of: PythonOf) -> None:
    bench.python = python_of("3.11", "gunicorn", "waitress", "flask", "sentry-sdk>=2")
    bench.write(worker="raise RuntimeError('in a worker')")
    with stand_in() as (dsn, events):
        assert bench.run("python", "worker.py", SENTRY_DSN=dsn).returncode == 1
    assert [event["exception"]["values"][0]["value"] for event in events] == ["in a worker"]


def test_where_it_is_not_installed_it_is_one_line(bench: Bench) -> None:
    bench.write(app="print('runs')")
    done = bench.run("python", "app.py", SENTRY_DSN="https://key@127.0.0.1/1")
    assert done.stdout == "runs\n"
    assert done.stderr == "paasctl: SENTRY_DSN is set, and sentry-sdk is not among the app's dependencies\n"
