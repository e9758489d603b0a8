"""A real MariaDB that closes connections after 5 idle seconds, behind the app on the stand-in."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from standin import Account, Platform
from standin.laptop import Laptop
from standin.process import why_not
from standin.visitor import get

pytestmark = pytest.mark.e2e
HOST, PORT = "eric.mysql.pythonanywhere-services.com", 33061
IDLE = 7

APP = """\
import os


from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import text

app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db = SQLAlchemy(app)


@app.route("/")
def index():
    return "up"


@app.route("/q")
def query():
    return str(db.session.execute(text("select connection_id()")).scalar())


@app.route("/recycle")
def recycle():
    return str(db.engine.pool._recycle)
"""


@pytest.fixture
def database(tmp_path: Path, account: Account) -> Iterator[Platform]:
    """The platform with a MariaDB in the site's own namespace, under the name that PythonAnywhere's has."""
    reason = why_not() or ("" if shutil.which("mariadbd") else "needs mariadbd (mariadb-server)")
    if reason:
        pytest.skip(f"THE IDLE DATABASE ON PYTHONANYWHERE'S STAND-IN WAS NOT TRIED: {reason}")
    data = tmp_path / "mysql"
    words = ["mariadb-install-db", "--no-defaults", "--user=root", "--auth-root-authentication-method=normal"]
    subprocess.run([*words, f"--datadir={data}"], check=True, capture_output=True)
    start = tmp_path / "init.sql"
    start.write_text("create database app;\ncreate user app identified by 'pw';\ngrant all on app.* to app;\n")
    platform = Platform(account)
    platform.hosts = HOST
    platform.before = (
        f"mariadbd --no-defaults --user=root --datadir={data} --socket={tmp_path}/s --port={PORT} "
        f"--bind-address=127.0.0.1 --skip-name-resolve --wait-timeout=5 --init-file={start} --pid-file={tmp_path}/pid "
        f">{tmp_path}/mysql.log 2>&1 & while ! grep -q 'ready for connections' {tmp_path}/mysql.log; do sleep 0.1; done"
    )
    yield platform
    platform.close()


def pushed(platform: Platform, folder: Path, config: str = "") -> Laptop:
    folder.mkdir()
    laptop = Laptop(platform, folder, python=platform.account.pythons[0])
    laptop.write("app.py", APP)
    laptop.write("requirements.txt", "Flask==3.1.3\nFlask-SQLAlchemy==3.1.1\nPyMySQL==1.1.1\n")
    laptop.env({"DATABASE_URL": f"mysql+pymysql://app:pw@{HOST}:{PORT}/app"})
    laptop.config()
    (folder / "paasctl.toml").write_text((folder / "paasctl.toml").read_text() + config)
    laptop.push()
    return laptop


def statuses(platform: Platform) -> list[int]:
    """A query, 7 idle seconds, two queries, 7 idle seconds, a query."""
    found = [get(platform, "/q").status]
    time.sleep(IDLE)
    found += [get(platform, "/q").status, get(platform, "/q").status]
    time.sleep(IDLE)
    return [*found, get(platform, "/q").status]


def test_no_connection_has_gone_away(database: Platform, tmp_path: Path) -> None:
    pushed(database, tmp_path / "shop")
    assert get(database, "/recycle").text == "280"
    assert statuses(database) == [200, 200, 200, 200]


def test_without_the_runtime_it_has(database: Platform, tmp_path: Path) -> None:
    pushed(database, tmp_path / "shop", "runtime = false\n")
    assert statuses(database) == [200, 500, 200, 500]
