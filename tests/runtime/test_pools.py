"""Connection pools of every SQLAlchemy: how old a connection may grow, and that it is tried before use."""

from __future__ import annotations

import json

import pytest
from runtime_lab import Bench, PythonOf

MAKE = """
import json, os, sys
import _paasctl_runtime
from sqlalchemy import create_engine, engine_from_config, pool
found = {}
def note(name, p): found[name] = [p._recycle, bool(p._pre_ping)]
note("default", create_engine(URL).pool)
note("longer", create_engine(URL, pool_recycle=7200).pool)
note("shorter", create_engine(URL, pool_recycle=60).pool)
note("own ping", create_engine(URL, pool_recycle=60, pool_pre_ping=True).pool)
note("from config", engine_from_config({"sqlalchemy.url": URL, "sqlalchemy.pool_recycle": "3600"}).pool)
note("recreated", create_engine(URL, pool_recycle=7200).pool.recreate())
engine = create_engine(URL); engine.dispose()
note("disposed", engine.pool)
note("null pool", create_engine(URL, poolclass=pool.NullPool).pool)
note("sqlite file", create_engine("sqlite:///x.db", pool_recycle=7200).pool)
note("sqlite memory", create_engine("sqlite://").pool)
note("bare", pool.QueuePool(lambda: None, recycle=7200))
if EARLY is not None: note("early", EARLY.pool)
try:
    from sqlalchemy.ext.asyncio import create_async_engine
    note("async", create_async_engine(ASYNC, pool_recycle=7200).pool)
except ImportError:
    pass
print(json.dumps(found))
"""
URLS = """
URL, ASYNC, EARLY = "mysql+pymysql://u:p@127.0.0.1:1/d", "mysql+aiomysql://u:p@127.0.0.1:1/d", None
"""
EARLY = """
from sqlalchemy import create_engine
EARLY = create_engine(URL, pool_recycle=7200)
"""
VERSIONS = {
    "1.3": ("3.8", "sqlalchemy==1.3.24", "pymysql"),
    "1.4": ("3.9", "sqlalchemy==1.4.54", "pymysql", "greenlet", "aiomysql"),
    "2.0": ("3.12", "sqlalchemy==2.0.*", "pymysql", "greenlet", "aiomysql"),
    "2.1": ("3.14", "sqlalchemy==2.1.*", "pymysql", "greenlet", "aiomysql"),
}
UNTOUCHED = {"sqlite file": [7200, False], "sqlite memory": [-1, False], "bare": [7200, False]}


@pytest.mark.e2e
@pytest.mark.parametrize("version", VERSIONS)
def test_every_way_to_make_an_engine(bench: Bench, version: str, python_of: PythonOf) -> None:
    bench.python = python_of(*VERSIONS[version])
    bench.write(app=URLS + MAKE)
    found = pools(bench)
    clamped = {name: [280, True] for name in ("default", "longer", "from config", "recreated", "disposed", "null pool")}
    own = {"shorter": [60, True], "own ping": [60, True]}
    asynchronous = {} if version == "1.3" else {"async": [280, True]}
    assert found == {**clamped, **own, **UNTOUCHED, **asynchronous}


@pytest.mark.e2e
@pytest.mark.parametrize("version", ["1.4", "2.1"])
def test_an_engine_made_before_the_hook(bench: Bench, version: str, python_of: PythonOf) -> None:
    """Where something imports the runtime late (PythonAnywhere's console), the engines that exist count too."""
    bench.python = python_of(*VERSIONS[version])
    bench.write(app=URLS + EARLY + "import _paasctl_runtime\n_paasctl_runtime.install()" + MAKE)
    done = bench.run("python", "app.py", runtime=False, PAASCTL_POOL_RECYCLE="280", PAASCTL_LOG="keep")
    assert json.loads(done.stdout)["early"] == [280, True], done.stderr


@pytest.mark.e2e
def test_switched_off(bench: Bench, python_of: PythonOf) -> None:
    bench.python = python_of(*VERSIONS["2.0"])
    bench.write(app=URLS + MAKE)
    assert pools(bench, PAASCTL_POOL_PRE_PING="0")["default"] == [280, False]
    assert pools(bench, PAASCTL_POOL_RECYCLE="", PAASCTL_POOL_PRE_PING="0")["longer"] == [7200, False]


@pytest.mark.e2e
@pytest.mark.parametrize("number", ["", "0"])
def test_without_a_number_connections_are_tried_all_the_same(bench: Bench, python_of: PythonOf, number: str) -> None:
    bench.python = python_of(*VERSIONS["2.0"])
    bench.write(app=URLS + MAKE)
    found = pools(bench, PAASCTL_POOL_RECYCLE=number)
    assert (found["default"], found["longer"]) == ([-1, True], [7200, True])
    assert {name: found[name] for name in UNTOUCHED} == UNTOUCHED


def pools(bench: Bench, **env: str) -> dict[str, list[object]]:
    done = bench.run("python", "app.py", **{"PAASCTL_POOL_RECYCLE": "280", **env})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    result: dict[str, list[object]] = json.loads(done.stdout)
    return result


DJANGO = """
import django, json
from django.conf import settings
def database(engine, **more): return {"ENGINE": "django.db.backends." + engine, "NAME": "x", **more}
settings.configure(DATABASES={
    "default": database("postgresql"), "kept": database("postgresql", CONN_MAX_AGE=600),
    "forever": database("postgresql", CONN_MAX_AGE=None), "short": database("postgresql", CONN_MAX_AGE=60),
    "file": database("sqlite3", CONN_MAX_AGE=600)})
django.setup()
from django.db import connections
print(json.dumps({a: [connections[a].settings_dict["CONN_MAX_AGE"],
    connections[a].settings_dict["CONN_HEALTH_CHECKS"]] for a in connections}))
"""


@pytest.mark.e2e
def test_django_connections_that_are_kept(bench: Bench, python_of: PythonOf) -> None:
    bench.python = python_of("3.11", "django==5.2.*", "psycopg2-binary")
    bench.write(app=DJANGO)
    assert pools(bench) == {
        "default": [0, False],
        "kept": [280, True],
        "forever": [280, True],
        "short": [60, True],
        "file": [600, False],
    }
    assert pools(bench, PAASCTL_POOL_RECYCLE="")["kept"] == [600, True]
    assert pools(bench, PAASCTL_POOL_PRE_PING="0")["kept"] == [280, False]


def test_an_app_without_a_database_library_imports_none(bench: Bench) -> None:
    bench.write(app="import sys; print([n for n in sys.modules if n.startswith(('sqlalchemy', 'django'))])")
    assert bench.run("python", "app.py", PAASCTL_POOL_RECYCLE="280").stdout == "[]\n"


def test_looking_for_a_library_without_importing_it_loses_no_hook(bench: Bench) -> None:
    """find_spec asks every finder: what waits for the import must still be there afterwards."""
    package = bench.folder / "sqlalchemy" / "pool"
    package.mkdir(parents=True)
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "base.py").write_text("class Pool:\n    def __init__(self): self._recycle = -1\n")
    bench.write(
        app="""import importlib.util
importlib.util.find_spec("sqlalchemy.pool.base")
import sqlalchemy.pool.base as base
print(type(base.Pool.__dict__.get("_recycle")).__name__)"""
    )
    assert bench.run("python", "app.py", PAASCTL_POOL_RECYCLE="280").stdout == "property\n"
