"""A log file of the app's own on a real host: all processes of the app write it, and it rolls over while they do."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from hostlab.apps import HostApp
from support.web import fetch

pytestmark = pytest.mark.hosts

RECORDS, AT_ONCE = 10_000, 50
LOGGING = f"""

import logging, logging.handlers
handler = logging.handlers.RotatingFileHandler("logs/app.log", maxBytes=100_000, backupCount=50)
handler.setFormatter(logging.Formatter("%(process)d %(message)s"))
log = logging.getLogger("app")
log.addHandler(handler)
log.setLevel("INFO")
_plain = application


def application(environ, start_response):
    first = environ["PATH_INFO"].partition("/log/")[2]
    if first:
        for n in range(int(first), int(first) + {AT_ONCE}):
            log.info("RECORD %05d %s", n, "x" * 60)
        environ["PATH_INFO"] = "/"
    return _plain(environ, start_response)
"""
SETTINGS = """persist = ["logs/"]

[targets.linux.processes.web]
instances = 2
workers = 2
"""


@pytest.mark.once
def test_10000_records_of_two_instances_with_two_workers_exactly_once(make_app: Callable[..., HostApp]) -> None:
    app = make_app("plain_wsgi", SETTINGS)
    path = app.project.root / "wsgi.py"
    path.write_text(path.read_text() + LOGGING)
    app.project.commit("writes a log file")
    app.first_push()
    with ThreadPoolExecutor(8) as clients:
        urls = [f"{app.url}/log/{first}" for first in range(0, RECORDS, AT_ONCE)]
        assert Counter(answer.status for answer in clients.map(fetch, urls)) == {200: len(urls)}

    files = list((app.host.root / f"srv/{app.name}/shared/logs").glob("app.log*"))
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert [line for line in lines if not re.fullmatch(r"\d+ RECORD \d{5} x{60} request_id=\w{32}", line)] == []
    assert Counter(line.split()[2] for line in lines) == dict.fromkeys((f"{n:05}" for n in range(RECORDS)), 1)
    assert len({line.split()[0] for line in lines}) == 4, "every worker wrote"
    assert len(files) > 3, "rolled over at least three times"
