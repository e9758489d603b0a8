"""A real uWSGI, as PythonAnywhere runs apps: the wrapper, and a file that the server itself sends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from runtime_lab import Bench, PythonOf, Server, eventually
from test_mail import Kept, settings, smtp
from test_sentry import stand_in

pytestmark = pytest.mark.e2e

SIZE = 3_000_000
APP = f"""
import logging
from flask import Flask, request, send_file
app = Flask(__name__)
@app.get("/file")
def file(): return send_file("large.bin")
@app.get("/who")
def who(): return "%s %s" % (request.remote_addr, request.scheme)
@app.get("/stream")
def stream():
    def parts():
        yield "a"
        logging.getLogger("app").error("IN-THE-BODY")
        yield "b"
    return parts()
@app.get("/boom")
def boom(): raise RuntimeError("BOOM-RECORD")
with open("large.bin", "wb") as out: out.write(bytes(range(120)) * {SIZE // 120})
"""
#: what the file that the platform's server loads says
ENTRY = """
import os, sys
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import _paasctl_runtime
application = _paasctl_runtime.application()
"""
SERVER = "pyuwsgi --http-socket 127.0.0.1:$PORT --master --processes 1 --disable-logging --wsgi-file entry.py"


def lines(server: Server, words: str) -> list[str]:
    """uWSGI makes one stream of stdout and stderr."""
    return [line for line in (server.stdout + server.stderr).splitlines() if words in line]


def test_requests_files_and_logs_under_uwsgi(bench: Bench, python_of: PythonOf) -> None:
    bench.python = python_of("3.11", "flask", "pyuwsgi")
    bench.write(app=APP, entry=ENTRY)
    env = {"PAASCTL_ENTRY": "app:app", "PAASCTL_LOG": "stdout", "PAASCTL_PROXY_HOPS": "1"}
    with bench.serve(SERVER, runtime=False, ready="/who", **env) as server:
        sent = server.get("/file")
        assert sent.status == 200, server.stderr
        assert len(sent.body) == SIZE
        assert sent.headers["x-request-id"]
        who = server.get("/who", X_Forwarded_For="6.6.6.6, 1.2.3.4", X_Forwarded_Proto="https")
        assert who.body == "1.2.3.4 https"
        streamed = server.get("/stream", X_Request_ID="stream-number-1")
        assert (streamed.body, streamed.headers["x-request-id"]) == ("ab", "stream-number-1")
        assert server.get("/boom").status == 500
        assert eventually(lambda: lines(server, "RuntimeError: BOOM-RECORD"))
    assert lines(server, "IN-THE-BODY") == ["ERROR [app] IN-THE-BODY request_id=stream-number-1"]
    assert len(lines(server, "RuntimeError: BOOM-RECORD")) == 1


class Slow(Kept):
    """Answers so late that the request is over by then."""

    async def handle_DATA(self, *arguments: Any) -> str:  # noqa: N802 - aiosmtpd's name
        await asyncio.sleep(0.5)
        return await super().handle_DATA(*arguments)


def test_an_error_is_mailed_where_threads_do_not_run(bench: Bench, python_of: PythonOf) -> None:
    """uWSGI as PythonAnywhere has it: between requests it runs no thread of Python's."""
    bench.python = python_of("3.11", "flask", "pyuwsgi<2.0.26")  # later ones run threads unasked
    bench.write(app=APP, entry=ENTRY)
    kept = Slow()
    with smtp(kept) as port:
        env = settings(port, PAASCTL_ENTRY="app:app", PAASCTL_MAILS_PER_HOUR="1", TMPDIR=str(bench.folder))
        with bench.serve(SERVER, runtime=False, ready="/who", **env) as server:
            assert server.get("/boom?token=sentinel-query-4").status == 500
            assert eventually(lambda: kept.mails), server.stderr
            assert "Python threads support is disabled" in server.stderr
            assert server.get("/boom").status == 500
            children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    (text,) = kept.texts()
    assert "BOOM-RECORD" in text
    assert f"GET http://127.0.0.1:{server.port}/boom\n" in text
    assert "sentinel" not in text
    assert len(children) == 1, "uWSGI's worker, and nothing of ours"


SLOW_NAMES = """
import socket, time
lookup = socket.getaddrinfo
def slow(*a, **k): time.sleep(0.5); return lookup(*a, **k)
socket.getaddrinfo = slow
"""


def test_sentry_where_threads_do_not_run(bench: Bench, python_of: PythonOf) -> None:
    bench.python = python_of("3.11", "flask", "pyuwsgi<2.0.26", "sentry-sdk>=2")
    bench.write(app=APP + SLOW_NAMES, entry=ENTRY)
    with stand_in() as (dsn, events):
        env = {"PAASCTL_ENTRY": "app:app", "PAASCTL_LOG": "stdout", "SENTRY_DSN": dsn}
        with bench.serve(SERVER, runtime=False, ready="/who", **env) as server:
            assert server.get("/boom").status == 500
            assert eventually(lambda: events)
            assert server.get("/who").status == 200
    assert [event["exception"]["values"][0]["value"] for event in events] == ["BOOM-RECORD"]
