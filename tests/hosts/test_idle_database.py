"""Databases that close connections after 5 idle seconds, behind an unchanged app on a real host."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from hostlab.apps import HostApp
from hostlab.fleet import Fleet
from support.idle import FLASK
from support.web import fetch

pytestmark = pytest.mark.hosts

IDLE, CLIENTS = 7, 20
ONE = "\n[targets.linux.processes.web]\ninstances = 1\n"  # every request meets the same pool
APT = "DEBIAN_FRONTEND=noninteractive apt-get -qq"


@dataclass(frozen=True)
class Database:
    """Debian's own package of a database, how it is set up, and what an app needs to reach it."""

    package: str
    client: str
    sql: str
    remove: str
    driver: str
    scheme: str
    sleep: str
    gone: str


MARIADB = Database(
    package="mariadb-server",
    client="mariadb",
    sql="""SET GLOBAL wait_timeout = 5;
CREATE DATABASE app; CREATE USER app@'%' IDENTIFIED BY 'pw'; GRANT ALL ON app.* TO app@'%';""",
    remove="purge -y --auto-remove 'mariadb-*'; rm -rf /var/lib/mysql",
    driver="PyMySQL",
    scheme="mysql+pymysql",
    sleep="SLEEP(0.4)",
    gone="gone away",
)
POSTGRESQL = Database(
    package="postgresql",
    client="runuser -u postgres -- psql -v ON_ERROR_STOP=1",
    sql="""ALTER SYSTEM SET idle_session_timeout = '5s';
SELECT pg_reload_conf();
CREATE USER app PASSWORD 'pw';
CREATE DATABASE app OWNER app;""",
    remove="purge -y --auto-remove 'postgresql*'; rm -rf /var/lib/postgresql /etc/postgresql",
    driver="psycopg2-binary",
    scheme="postgresql+psycopg2",
    sleep="pg_sleep(0.4)",
    gone="psycopg2.OperationalError",
)


@pytest.fixture(params=[MARIADB, POSTGRESQL], ids=["MariaDB", "PostgreSQL"])
def database(fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database on the host, which is taken off again."""
    host, wanted = fleet.hosts[0], request.param
    host.ssh(f"{APT} update && {APT} install -y --no-install-recommends {wanted.package}")
    try:
        host.ssh(wanted.client, data=wanted.sql)
        yield wanted
    finally:
        host.ssh(f"{APT} {wanted.remove}", check=False)


def idle_app(make_app: Callable[..., HostApp], driver: str) -> HostApp:
    app = make_app("plain_wsgi", ONE)
    app.project.write("wsgi.py", FLASK)
    app.project.write("requirements.txt", f"Flask\nFlask-SQLAlchemy\n{driver}\ngunicorn\n")
    app.project.write("Procfile", f"web: gunicorn --workers 1 --threads {CLIENTS + 5} wsgi:app\n")
    app.project.commit("an app with a database")
    return app


def ask(app: HostApp) -> Counter[int]:
    """Twenty requests at once, on twenty connections to the database."""
    with ThreadPoolExecutor(CLIENTS) as clients:
        return Counter(answer.status for answer in clients.map(lambda _: app.get("/q"), range(CLIENTS)))


def after_idle(app: HostApp) -> int:
    """The answer after the idle time, when every connection of the pool was in use before it."""
    assert ask(app) == {200: CLIENTS}
    time.sleep(IDLE)
    return fetch(app.url + "/q").status


def test_the_request_after_seven_idle_seconds(make_app: Callable[..., HostApp], database: Database) -> None:
    """First with the runtime, then the same code with ``runtime = false``."""
    app = idle_app(make_app, database.driver)
    app.first_push(DATABASE_URL=f"{database.scheme}://app:pw@127.0.0.1/app", SLEEP=database.sleep)
    assert ask(app) == {200: CLIENTS}
    time.sleep(IDLE)
    assert ask(app) == {200: CLIENTS}
    assert [after_idle(app) for _ in range(3)] == [200, 200, 200]

    app.configure("runtime = false\n" + ONE)
    app.setup()  # gunicorn without the runtime listens on a port of its own
    app.push()
    assert [after_idle(app) for _ in range(3)] == [500, 500, 500]
    assert database.gone in app.run("logs", "linux", "-n", "400").out
