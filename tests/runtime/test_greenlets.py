"""gunicorn's gevent worker: requests in one thread are told apart, and a silent mail server holds none of them up."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest
from runtime_lab import Bench, PythonOf
from test_mail import settings, silent_server

pytestmark = pytest.mark.e2e

CLIENTS = 8
APP = """
import logging, time
log = logging.getLogger("app"); log.addHandler(logging.FileHandler("app.log"))
waiting = 0
def app(environ, start):
    global waiting
    waiting += 1
    if environ["PATH_INFO"] != "/":
        log.error("BEFORE %s", environ["PATH_INFO"])
        while waiting < 9: time.sleep(0.01)  # until all of them are in here
        log.error("AFTER %s", environ["PATH_INFO"])
    start("200 OK", []); return [b"x"]
"""


@pytest.mark.parametrize("destination", ["stdout", "file"])
def test_requests_at_the_same_time_in_one_thread(bench: Bench, python_of: PythonOf, destination: str) -> None:
    bench.python = python_of("3.12", "gunicorn", "gevent", "packaging")
    bench.write(app=APP)
    with silent_server() as port:
        env = {**settings(port), "PAASCTL_LOG": destination}
        with bench.serve("gunicorn -k gevent -b 127.0.0.1:$PORT app:app", **env) as server:
            with ThreadPoolExecutor(CLIENTS) as clients:
                list(clients.map(lambda n: server.get(f"/p{n}", X_Request_ID=f"request-{n}"), range(CLIENTS)))
            server.stop(signal.SIGKILL)  # it would wait for its mails
        text = server.stdout if destination == "stdout" else (bench.folder / "app.log").read_text()
    expected = {f"{word} /p{n} request_id=request-{n}" for word in ("BEFORE", "AFTER") for n in range(CLIENTS)}
    assert sorted(text.splitlines()) == sorted(expected)
