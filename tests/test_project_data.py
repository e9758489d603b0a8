"""What an app writes and must outlive a release, found in its env files and its code."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.trees import Files, tree

from paasctl import config, project
from paasctl.config import TargetSettings
from paasctl.model import App

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


def read(root: Path, files: Files, target: TargetSettings | None = None) -> App:
    tree(root, {"wsgi.py": FLASK, "requirements.txt": "flask", **files})
    return project.read(root, config.load(root), target)


# what is in the folder -> what outlives a release
KEPT: dict[str, tuple[Files, tuple[str, ...]]] = {
    "nothing": ({}, ()),
    "SQLite in DATABASE_URL": ({".env": "DATABASE_URL=sqlite:///data.db"}, ("data.db",)),
    "SQLite in SQLALCHEMY_DATABASE_URI": ({".env": "SQLALCHEMY_DATABASE_URI='sqlite:///db/x.db?a=1'"}, ("db/x.db",)),
    "a driver in the URL": ({".env": "DATABASE_URL=sqlite+aiosqlite:///./a.db"}, ("a.db",)),
    "in memory": ({".env": "DATABASE_URL=sqlite:///:memory:"}, ()),
    "a server": ({".env": "DATABASE_URL=postgresql://u:p@h/data.db"}, ()),
    "a literal": ({"s.py": "DATABASE_URL = 'sqlite:///app.db'"}, ("app.db",)),
    "os.path.join": (
        {"c.py": "import os\nbase = os.path.abspath(os.path.dirname(__file__))\n"
         "SQLALCHEMY_DATABASE_URI = 'sqlite:///' + os.path.join(base, 'data.db')"},
        ("data.db",),
    ),
    "pathlib": (
        {"p/c.py": "from pathlib import Path\nBASE = Path(__file__).resolve().parent.parent\n"
         "DB = f'sqlite:///{BASE / \"x.db\"}'"},
        ("x.db",),
    ),
    "parents[]": (
        {"p/c.py": "import pathlib\nDB_PATH = pathlib.Path(__file__).parents[1] / 'x.sqlite3'"}, ("x.sqlite3",),
    ),
    "an import": (
        {"base.py": "import os\nHERE = os.path.dirname(__file__)",
         "c.py": "import os\nfrom base import HERE\nDATABASE = os.path.join(HERE, 'a.sqlite')"},
        ("a.sqlite",),
    ),
    "the default of getenv": (
        {"c.py": "import os\nDB_URL = os.environ.get('DATABASE_URL', 'sqlite:///a.db')"}, ("a.db",),
    ),
    "getenv or a default": (
        {"c.py": "import os\nDB_URL = os.environ.get('DATABASE_URL') or 'sqlite:///a.db'"}, ("a.db",),
    ),
    "the env file instead of the default": (
        {"c.py": "import os\nDB_URL = os.environ.get('DATABASE_URL') or 'sqlite:///a.db'",
         ".env": "DATABASE_URL=postgresql://h/x"}, (),
    ),
    "either of two": (
        {"c.py": "import os\nDB_URL = 'sqlite:///' + ('a.db' if os.name == 'nt' else 'b.db')"}, ("a.db", "b.db"),
    ),
    "os.environ[...]": (
        {"c.py": "import os\nfrom sqlalchemy import create_engine\ne = create_engine(os.environ['MAIN'])",
         ".env": "MAIN=sqlite:///m.db"}, ("m.db",),
    ),
    "joinpath and cwd": (
        {"c.py": "from pathlib import Path\nDB_PATH = Path.cwd().joinpath('d', 'a.db')\n"
         "UPLOAD_DIR = Path('u').resolve()"},
        ("d/a.db", "u/"),
    ),
    "a module's attribute": (
        {"base.py": "ROOT = 'store'", "c.py": "import base\nimport os\nUPLOAD_DIR = os.path.join(base.ROOT, 'up')"},
        ("store/up/",),
    ),
    "the package's folder": (
        {"p/__init__.py": "", "p/c.py": "def f(app):\n    app.config['UPLOAD_FOLDER'] = app.root_path + '/up'"},
        ("p/up/",),
    ),
    "a name of the class or the function": (
        {"c.py": "class C:\n    here = 'x'\n    UPLOAD_DIR = here + '/up'\n"
         "def f(a):\n    d = 'y'\n    a.UPLOAD_DIR = f'{d}/up'"},
        ("x/up/", "y/up/"),
    ),
    "several at once": ({"c.py": "a, b = 'x.db', 'y.db'\nDB = b"}, ("y.db",)),
    "the file's own folder, made normal": (
        {"c.py": "import os.path as p\nDB = p.normpath(p.join(p.dirname(__file__), 'd', '..', 'a.db'))"}, ("a.db",),
    ),
    "what cannot be seen": (
        {"c.py": "import x\nDB = x.path() + 'a.db'\nDB = '%s.db' % x\nDB = x[0]\nDB = x and 'a.db'\n"
         "DB = f'{x!r:>3}.db'\nfor DB in x: ...\nwith x as DB: ...\nDB += 'a.db'\nUPLOAD_DIR = DB"}, (),
    ),
    "classes, without those for tests": (
        {"c.py": "class Dev:\n    DATABASE_URI = 'sqlite:///dev.db'\nclass TestingConfig:\n    DATABASE_URI = 'sqlite:///t.db'"},
        ("dev.db",),
    ),
    "app.config[...]": ({"c.py": "def f(app):\n    app.config['DATABASE_URI'] = 'sqlite:///a.db'"}, ("a.db",)),
    "from_mapping": (
        {"c.py": "import os\ndef f(app):\n"
         "    app.config.from_mapping(DATABASE=os.path.join(app.instance_path, 'a.sqlite'))"},
        ("instance/",),
    ),
    "create_engine": ({"c.py": "import sqlalchemy\ne = sqlalchemy.create_engine('sqlite:///./sql.db')"}, ("sql.db",)),
    "sqlite3.connect": ({"c.py": "import sqlite3\nc = sqlite3.connect('data/a.db')"}, ("data/a.db",)),
    "Flask-SQLAlchemy 3": (
        {"c.py": "import flask_sqlalchemy\nSQLALCHEMY_DATABASE_URI = 'sqlite:///a.db'"}, ("instance/",),
    ),
    "Flask-SQLAlchemy 3 pinned": (
        {"c.py": "import flask_sqlalchemy", ".env": "DATABASE_URL=sqlite:///a.db",
         "requirements.txt": "flask\nflask-sqlalchemy==3.1.1"}, ("instance/",),
    ),
    "Flask-SQLAlchemy 2": (
        {"c.py": "import flask_sqlalchemy\nSQLALCHEMY_DATABASE_URI = 'sqlite:///a.db'",
         "requirements.txt": "flask\nflask-sqlalchemy<3"}, ("a.db",),
    ),
    "Flask-SQLAlchemy with an absolute path": (
        {"c.py": "import flask_sqlalchemy, os\nh = os.path.dirname(__file__)\n"
         "DATABASE_URI = 'sqlite:////' + os.path.join(h, 'a.db')"}, ("a.db",),
    ),
    "the instance folder": ({"instance/x": ""}, ("instance/",)),
    "the instance folder of an app in src": (
        {"wsgi.py": "from shop import app", "src/shop/__init__.py": FLASK, "src/instance/x": "", "instance/x": ""},
        ("src/instance/",),
    ),
    "instance_path of an app in src": (
        {"wsgi.py": "from shop import app",
         "src/shop/__init__.py": f"{FLASK}DATABASE = app.instance_path + '/a.sqlite'"}, ("src/instance/",),
    ),
    "a literal in src": ({"src/shop/s.py": "DATABASE_URL = 'sqlite:///app.db'"}, ("app.db",)),
    "uploads": ({"c.py": "UPLOAD_FOLDER = 'uploads'"}, ("uploads/",)),
    "uploads by other names": (
        {"c.py": "UPLOAD_PATH = 'a'\nBLUELOG_UPLOAD_PATH = 'b'\nUPLOADED_PHOTOS_DEST = 'c'\nMEDIA_ROOT = 'd'"},
        ("a/", "b/", "c/", "d/"),
    ),
    "a file inside a folder": (
        {"c.py": "UPLOAD_FOLDER = 'data/up'\nDATABASE_URI = 'sqlite:///data/up/x.db'"}, ("data/up/",),
    ),
    "a log folder": (
        {"c.py": "from logging.handlers import RotatingFileHandler\nRotatingFileHandler('logs/app.log', 'a')"},
        ("logs/",),
    ),
    "a log folder by keyword": (
        {"c.py": "import logging\nlogging.FileHandler(filename='var/log/app.log')"}, ("var/log/",),
    ),
    "a log folder in dictConfig": (
        {"c.py": "L = {'handlers': {'f': {'class': 'logging.FileHandler', 'filename': 'logs/a.log'}}}"}, ("logs/",),
    ),
    "a log file that the configuration names": (
        {"c.py": "from pathlib import Path\nROOT = Path(__file__).parent\n"
         "class Config:\n    LOG_FILE = str(ROOT / 'logs' / 'app.log')"},
        ("logs/",),
    ),
    "a setting about logs that is no path": ({"c.py": "LOG_FILE = 'stdout'"}, ()),
    "a log folder in basicConfig": ({"c.py": "import logging\nlogging.basicConfig(filename='logs/x.log')"}, ("logs/",)),
    "what tests write": ({"tests/c.py": "DATABASE_URI = 'sqlite:///t.db'\nUPLOAD_FOLDER = 'x'"}, ()),
    "what only looks like it": (
        {"c.py": "DATABASE = 'bank'\nUPLOADS_ALLOWED = 'png'\nNAME = 'x'\nMEDIA_ROOT = ''\nDATABASE_URI = f()"}, (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("files, persist", KEPT.values(), ids=KEPT.keys())
def test_what_the_app_writes_is_found(tmp_path: Path, files: Files, persist: tuple[str, ...]) -> None:
    app = read(tmp_path, files)
    assert app.persist == persist
    assert app.warnings == ()
    assert {f"persist:{path}" for path in persist} <= set(app.origins)


# what is in the folder -> the warning
LOST: dict[str, tuple[Files, str]] = {
    "SQLite elsewhere": ({"c.py": "DB = 'sqlite:////var/lib/x.db'"}, "c.py:1: an SQLite file outside the app's folder"),
    "SQLite above": ({"c.py": "DB = 'sqlite:///../x.db'"}, "c.py:1: an SQLite file outside the app's folder"),
    "SQLite elsewhere, in .env": (
        {".env": "A=1\nDATABASE_URL=sqlite:////srv/sentinel.db"},
        "DATABASE_URL in .env:2: an SQLite file outside the app's folder",
    ),
    "uploads elsewhere": ({"c.py": "UPLOAD_FOLDER = '/srv/up'"}, "c.py:1: an upload folder outside the app's folder"),
    "uploads among the app's own files": (
        {"c.py": "UPLOAD_FOLDER = 'static'", "static/a.css": ""},
        "c.py:1: an upload folder in static/, which also holds the app's own files",
    ),
    "a log at the top": (
        {"c.py": "import logging\nlogging.FileHandler('app.log')"},
        "c.py:2: a log file directly in the app's folder does not survive a release",
    ),
    "a log elsewhere": (
        {"c.py": "import logging\nlogging.FileHandler('/var/log/app.log')"},
        "c.py:2: a log file outside the app's folder",
    ),
}  # fmt: skip


@pytest.mark.parametrize("files, warning", LOST.values(), ids=LOST.keys())
def test_what_will_not_survive_is_said(tmp_path: Path, files: Files, warning: str) -> None:
    app = read(tmp_path, files)
    assert app.persist == ()
    assert len(app.warnings) == 1 and app.warnings[0].startswith(warning)
    assert "sentinel" not in repr(app)


def test_the_origin_is_the_line_that_says_so(tmp_path: Path) -> None:
    app = read(tmp_path, {".env": "A=1\nDATABASE_URL=sqlite:///a.db", "c.py": "\n\nUPLOAD_FOLDER = 'up'"})
    assert app.origins["persist:a.db"] == "DATABASE_URL in .env:2"
    assert app.origins["persist:up/"] == "c.py:1"


def test_the_configuration_replaces_detection(tmp_path: Path) -> None:
    files = {
        "c.py": "UPLOAD_FOLDER = 'up'\nDATABASE_URI = 'sqlite:///d/a.db'",
        "paasctl.toml": "[app]\npersist = ['d/']",
    }
    app = read(tmp_path, files)
    assert app.persist == ("d/",)
    assert app.origins["persist:d/"] == "paasctl.toml:2"
    assert app.warnings == ("c.py:1: up/ is written by the app and is not under persist (paasctl.toml:2)",)


CODE = "DATABASE_URI = 'sqlite:///d/a.db'"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"c.py": f"{CODE}\nUPLOAD_FOLDER = 'up'"}, ("d/a.db",)),
        ({".env": "DATABASE_URL=postgresql://h/x"}, ()),
        ({"c.py": CODE, "paasctl.toml": "[app]\npersist = ['d/', 'b.sqlite3']"}, ("b.sqlite3", "d/a.db")),
        ({"c.py": CODE, "paasctl.toml": "[app]\npersist = ['up/']"}, ()),
    ],
)
def test_the_databases_among_what_outlives_a_release_are_known(
    tmp_path: Path, files: Files, found: tuple[str, ...]
) -> None:
    assert read(tmp_path, files).databases == found


def test_a_target_replaces_the_configuration(tmp_path: Path) -> None:
    files = {"paasctl.toml": "[app]\npersist = ['a']\nhealth = '/'\n[targets.x]\npersist = ['b']\nhealth = '/x'"}
    tree(tmp_path, files)
    loaded = config.load(tmp_path)
    app = read(tmp_path, files, loaded.targets["x"])
    assert (app.persist, app.health) == (("b",), "/x")
    assert (app.origins["persist:b"], app.origins["health"]) == ("paasctl.toml:5", "paasctl.toml:6")


def test_a_database_in_the_checkout_is_no_data_of_a_release(tmp_path: Path) -> None:
    code = "import os\nDATABASE_URI = os.getenv('DATABASE_URL', 'sqlite:///app.db')"
    app = read(tmp_path, {".env": f"DATABASE_URL=sqlite:///{tmp_path}/app.db", "c.py": code})
    assert (app.persist, app.databases, app.warnings) == ((), (), ())


def test_the_targets_own_env_file_counts(tmp_path: Path) -> None:
    files = {".env": "DATABASE_URL=postgresql://h/x", ".env.x": "DATABASE_URL=sqlite:///a.db"}
    assert read(tmp_path, files).persist == ()
    assert read(tmp_path, files, TargetSettings("x", "local")).persist == ("a.db",)


def test_a_strange_env_file_is_left_to_its_own_reader(tmp_path: Path) -> None:
    assert read(tmp_path, {".env": b"\xff\xfe\x00DATABASE_URL=sqlite:///a.db"}).persist == ()
    assert read(tmp_path, {".env": "what is this\nDATABASE_URL=sqlite:///a.db"}).persist == ("a.db",)


def test_an_expression_that_grows_ends(tmp_path: Path) -> None:
    grow = "\n".join(f"a{i + 1} = a{i} + a{i}\na{i + 1} = a{i} + 'x'" for i in range(40))
    assert read(tmp_path, {"c.py": f"a0 = 'x'\n{grow}\nDATABASE_URI = a40\nb = b + b\nDB = b"}).persist == ()
