"""Real databases that close idle connections after 5 s: an app that does nothing for 7 s finds out, or does not."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import real_databases
from runtime_lab import Bench, PythonOf, Server
from support.idle import FLASK

pytestmark = pytest.mark.e2e

CLIENTS, SECONDS_IDLE = 20, real_databases.IDLE + 2

PLAIN = """
import os
from sqlalchemy import create_engine, text
engine = create_engine(os.environ["DATABASE_URL"], pool_size=25)
def app(environ, start):
    if environ["PATH_INFO"] == "/q":
        with engine.connect() as c: c.execute(text("SELECT " + os.environ["SLEEP"]))
    start("200 OK", []); return [b"1"]
"""
DJANGO = """
import os
import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path
host, port = os.environ["HOST"].split(":")
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x" * 32, DATABASES={"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres", "HOST": host, "PORT": port,
    "CONN_MAX_AGE": 600}})
def q(request):
    from django.db import connection
    with connection.cursor() as cursor: cursor.execute("SELECT " + os.environ["SLEEP"])
    return HttpResponse("1")
urlpatterns = [path("q", q), path("up", lambda request: HttpResponse("up"))]
app = get_wsgi_application()
"""
FLASK3 = ("3.12", "gunicorn", "flask>=3.1", "flask-sqlalchemy>=3.1", "sqlalchemy>=2.1", "pymysql", "psycopg2-binary")
FLASK2 = ("3.8", "gunicorn", "flask==2.2.5", "werkzeug<2.3", "flask-sqlalchemy==2.5.1", "sqlalchemy==1.4.54", "pymysql")
SQLALCHEMY = ("3.11", "gunicorn", "sqlalchemy==2.0.*", "pymysql")
DJANGO5 = ("3.11", "gunicorn", "django==5.2.*", "psycopg2-binary")

RECYCLE = {"PAASCTL_POOL_RECYCLE": "4", "PAASCTL_POOL_PRE_PING": "0"}
PING = {"PAASCTL_POOL_RECYCLE": "3600"}


@dataclass(frozen=True)
class Case:
    database: str
    packages: tuple[str, ...]
    source: str
    env: dict[str, str]
    runtime: bool = True


CASES = {
    "MariaDB, Flask 3, without": Case("mysql+pymysql", FLASK3, FLASK, {}, runtime=False),
    "MariaDB, Flask 3, recycle": Case("mysql+pymysql", FLASK3, FLASK, RECYCLE),
    "MariaDB, Flask 3, ping": Case("mysql+pymysql", FLASK3, FLASK, PING),
    "MariaDB, Flask 2, without": Case("mysql+pymysql", FLASK2, FLASK, {}, runtime=False),
    "MariaDB, Flask 2, recycle": Case("mysql+pymysql", FLASK2, FLASK, RECYCLE),
    "MariaDB, SQLAlchemy 2.0, ping": Case("mysql+pymysql", SQLALCHEMY, PLAIN, PING),
    "PostgreSQL, Flask 3, without": Case("postgresql+psycopg2", FLASK3, FLASK, {}, runtime=False),
    "PostgreSQL, Flask 3, recycle": Case("postgresql+psycopg2", FLASK3, FLASK, RECYCLE),
    "PostgreSQL, Flask 3, ping": Case("postgresql+psycopg2", FLASK3, FLASK, PING),
    "PostgreSQL, Django, without": Case("postgresql", DJANGO5, DJANGO, {}, runtime=False),
    "PostgreSQL, Django, max age": Case("postgresql", DJANGO5, DJANGO, RECYCLE),
    "PostgreSQL, Django, health check": Case("postgresql", DJANGO5, DJANGO, PING),
}


def ask_all(server: Server) -> list[int]:
    """Twenty requests at a time, so that twenty connections are in use at once."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        return [answer.status for answer in clients.map(lambda _: server.get("/q"), range(CLIENTS))]


def serve(bench: Bench, case: Case, place: str) -> AbstractContextManager[Server]:
    bench.write(app=case.source)
    env = {**case.env, "DATABASE_URL": f"{case.database}://{place}", "HOST": place.partition("@")[2].partition("/")[0]}
    env["SLEEP"] = "pg_sleep(0.4)" if case.database.startswith("postgresql") else "SLEEP(0.4)"
    line = f"gunicorn -b 127.0.0.1:$PORT -k gthread --threads {CLIENTS} app:app"
    return bench.serve(line, runtime=case.runtime, ready="/up", **env)


@pytest.mark.parametrize(
    ("database", "gone"),
    [
        ("MariaDB", ("server has gone away", "Lost connection")),
        ("PostgreSQL", ("server closed the connection unexpectedly", "terminating connection due to idle")),
    ],
)
def test_twenty_requests_after_the_idle_time(
    database: str, gone: tuple[str, ...], tmp_path: Path, python_of: PythonOf
) -> None:
    """All cases at the same time, so that they are idle together."""
    cases = {name: case for name, case in CASES.items() if name.startswith(database)}
    with ExitStack() as stack:
        start = {"MariaDB": real_databases.mariadb, "PostgreSQL": real_databases.postgres}[database]
        place = stack.enter_context(start())
        servers = {}
        for number, (name, case) in enumerate(cases.items()):
            bench = Bench(tmp_path / str(number), python_of(*case.packages))
            servers[name] = stack.enter_context(serve(bench, case, place))
        before = {name: set(ask_all(server)) for name, server in servers.items()}
        time.sleep(SECONDS_IDLE)
        after = {name: Counter(ask_all(server)) for name, server in servers.items()}
        logs = {name: server.stdout + server.stderr for name, server in servers.items()}
    assert before == {name: {200} for name in cases}, "\n".join(text[-2000:] for text in logs.values())
    for name, case in cases.items():
        if case.runtime:
            assert after[name] == {200: CLIENTS}, logs[name][-3000:]
        else:  # SQLAlchemy throws the whole pool away at its first dead connection: one request paid for all
            assert after[name][500] >= 1, "without the runtime the request after the idle time fails"
            # Django without a LOGGING of its own says nothing at all
            assert case.source is DJANGO or any(words in logs[name] for words in gone)
