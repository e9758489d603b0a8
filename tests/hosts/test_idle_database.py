"""A MariaDB that closes connections after 5 idle seconds, behind an unchanged app on a real host."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from hostlab.apps import HostApp
from hostlab.fleet import Fleet, Host
from support.idle import FLASK
from support.web import fetch

pytestmark = pytest.mark.hosts

IDLE, CLIENTS = 7, 20
ONE = "\n[targets.linux.processes.web]\ninstances = 1\n"  # every request meets the same pool
APT = "DEBIAN_FRONTEND=noninteractive apt-get -qq"
SQL = """SET GLOBAL wait_timeout = 5;
CREATE DATABASE app; CREATE USER app@'%' IDENTIFIED BY 'pw'; GRANT ALL ON app.* TO app@'%';"""


@pytest.fixture
def database(fleet: Fleet) -> Iterator[Host]:
    """A host with Debian's own MariaDB, which is taken off again."""
    host = fleet.hosts[0]
    host.ssh(f"{APT} update && {APT} install -y --no-install-recommends mariadb-server")
    try:
        host.ssh("mariadb", data=SQL)
        yield host
    finally:
        host.ssh(f"{APT} purge -y --auto-remove 'mariadb-*'; rm -rf /var/lib/mysql", check=False)


def idle_app(make_app: Callable[..., HostApp]) -> HostApp:
    app = make_app("plain_wsgi", ONE)
    app.project.write("wsgi.py", FLASK)
    app.project.write("requirements.txt", "Flask\nFlask-SQLAlchemy\nPyMySQL\ngunicorn\n")
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


def test_the_request_after_seven_idle_seconds(make_app: Callable[..., HostApp], database: Host) -> None:
    """First with the runtime, then the same code with ``runtime = false``."""
    app = idle_app(make_app)
    app.first_push(DATABASE_URL="mysql+pymysql://app:pw@127.0.0.1/app", SLEEP="SLEEP(0.4)")
    assert ask(app) == {200: CLIENTS}
    time.sleep(IDLE)
    assert ask(app) == {200: CLIENTS}
    assert [after_idle(app) for _ in range(3)] == [200, 200, 200]

    app.configure("runtime = false\n" + ONE)
    app.setup()  # gunicorn without the runtime listens on a port of its own
    app.push()
    assert [after_idle(app) for _ in range(3)] == [500, 500, 500]
    assert "gone away" in app.run("logs", "linux", "-n", "400").out
