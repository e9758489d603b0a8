"""A real uWSGI, as PythonAnywhere runs apps: the wrapper, and a file that the server itself sends."""

from __future__ import annotations

import pytest
from runtime_lab import Bench, PythonOf, Server, eventually

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
