"""Frameworks x destinations under gunicorn, unchanged apps: where each record went, how often, and the pool's recycle.

Everything is read from the outside: from the process's output, from the app's folder, and over HTTP.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from runtime_lab import Bench, PythonOf, Server

pytestmark = pytest.mark.e2e

URL = "mysql+pymysql://u:p@127.0.0.1:1/d"
FILE_LOG = """
import logging, logging.handlers, os
if os.environ.get("MAKE_LOGS"): os.mkdir("logs")
handler = logging.handlers.RotatingFileHandler("logs/app.log", maxBytes=1_000_000, backupCount=3)
handler.setFormatter(logging.Formatter("%(asctime)s OWN %(levelname)s %(message)s"))
"""
FLASK = (
    FILE_LOG
    + """
from flask import Flask
from flask_sqlalchemy import SQLAlchemy
app = Flask(__name__)
app.config.update(SQLALCHEMY_DATABASE_URI=os.environ["DATABASE_URL"], SQLALCHEMY_TRACK_MODIFICATIONS=False)
app.logger.addHandler(handler); app.logger.setLevel("INFO")
db = SQLAlchemy(app)
@app.route("/")
def index():
    app.logger.info("INFO-RECORD"); return "x"
@app.route("/boom")
def boom(): raise RuntimeError("BOOM-RECORD")
@app.route("/pool")
def pool(): return {"recycle": db.engine.pool._recycle, "ping": bool(db.engine.pool._pre_ping)}
"""
)
PLAIN = (
    FILE_LOG
    + """
import json
from sqlalchemy import create_engine
engine = create_engine(os.environ["DATABASE_URL"], pool_recycle=3600)
log = logging.getLogger("app"); log.addHandler(handler); log.setLevel("INFO")
def app(environ, start):
    path, body = environ["PATH_INFO"], "x"
    if path == "/": log.info("INFO-RECORD")
    if path == "/boom":
        try: raise RuntimeError("BOOM-RECORD")
        except RuntimeError: log.exception("failed")
    if path == "/pool": body = json.dumps({"recycle": engine.pool._recycle, "ping": bool(engine.pool._pre_ping)})
    start("200 OK", []); return [body.encode()]
"""
)
DJANGO = """
import logging, os
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path
settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x" * 32, DATABASES={"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": "x", "HOST": "127.0.0.1", "PORT": "1", "CONN_MAX_AGE": 7200}})
def index(request):
    logging.getLogger("app").info("INFO-RECORD"); return HttpResponse("x")
def boom(request): raise RuntimeError("BOOM-RECORD")
def pool(request):
    from django.db import connection
    kept = connection.settings_dict
    return JsonResponse({"recycle": kept["CONN_MAX_AGE"], "ping": kept["CONN_HEALTH_CHECKS"]})
urlpatterns = [path("", index), path("boom", boom), path("pool", pool)]
app = get_wsgi_application()
"""
FASTAPI = """
import logging, os
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine
engine = create_async_engine(os.environ["DATABASE_URL"].replace("pymysql", "aiomysql"), pool_recycle=3600)
app = FastAPI()
@app.get("/")
async def index():
    logging.getLogger("app").info("INFO-RECORD"); return "x"
@app.get("/boom")
async def boom(): raise RuntimeError("BOOM-RECORD")
@app.get("/pool")
async def pool(): return {"recycle": engine.pool._recycle, "ping": bool(engine.pool._pre_ping)}
"""
FLASK2 = ("flask==2.2.5", "werkzeug<2.3", "flask-sqlalchemy==2.5.1", "sqlalchemy==1.4.54", "pymysql")
FASTAPI_PACKAGES = ("fastapi", "uvicorn", "uvicorn-worker", "sqlalchemy==2.0.*", "greenlet", "aiomysql", "pymysql")
#: source, gunicorn's worker, Python and packages
APPS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Flask 3, Flask-SQLAlchemy 3.1": (
        FLASK, "", ("3.14", "gunicorn", "flask>=3.1", "flask-sqlalchemy>=3.1", "sqlalchemy>=2.1", "pymysql")
    ),
    "Flask 2.2, Flask-SQLAlchemy 2.5": (FLASK, "", ("3.8", "gunicorn", *FLASK2)),
    "plain SQLAlchemy 2": (PLAIN, "", ("3.9", "gunicorn", "sqlalchemy==2.0.*", "pymysql")),
    "Django 5": (DJANGO, "", ("3.12", "gunicorn", "django>=5,<6", "psycopg2-binary")),
    "FastAPI": (FASTAPI, "-k uvicorn_worker.UvicornWorker ", ("3.10", "gunicorn", *FASTAPI_PACKAGES)),
}  # fmt: skip
#: Those have no log file of their own; their records are nobody's without the runtime.
WITHOUT_SET_UP = ("Django 5", "FastAPI")


def ask(server: Server) -> dict[str, Any]:
    server.get("/")
    server.get("/boom")
    pool: dict[str, Any] = json.loads(server.get("/pool").body)
    return pool


def where(bench: Bench, server: Server, words: str) -> dict[str, int]:
    """How often words are on stdout, on stderr and in the app's log file."""
    file = bench.folder / "logs/app.log"
    texts = {"stdout": server.stdout, "stderr": server.stderr, "file": file.read_text() if file.exists() else ""}
    return {place: text.count(words) for place, text in texts.items() if words in text}


EXPECTED: dict[str, dict[str, dict[str, int]]] = {
    # destination: {kind of app: where its records are}
    "stdout": {"files": {"stdout": 1}, "none": {"stdout": 1}},
    "file": {"files": {"file": 1}, "none": {"stderr": 1}},
}


@pytest.mark.parametrize("destination", ["stdout", "file", "keep"])
@pytest.mark.parametrize("name", APPS)
def test_an_unchanged_app(bench: Bench, name: str, destination: str, python_of: PythonOf) -> None:
    source, worker, packages = APPS[name]
    bench.python = python_of(*packages)
    bench.write(app=source)
    env = {"DATABASE_URL": URL, "PAASCTL_LOG": destination, "PAASCTL_POOL_RECYCLE": "280"}
    if destination == "keep":
        env["MAKE_LOGS"] = "1"  # the app would not start without the folder, and keep changes nothing
    with bench.serve(f"gunicorn -b 127.0.0.1:$PORT {worker}app:app", ready="/pool", **env) as server:
        assert ask(server) == {"recycle": 280, "ping": True}
    info, boom = where(bench, server, "INFO-RECORD"), where(bench, server, "RuntimeError: BOOM-RECORD")
    check(name, destination, info, boom)
    assert (bench.folder / "logs").exists() == (destination != "stdout" and name not in WITHOUT_SET_UP)


def check(name: str, destination: str, info: dict[str, int], boom: dict[str, int]) -> None:
    """Once where it should be; Flask's own console beside its file, and uvicorn's own error log, speak as ever."""
    bare = name in WITHOUT_SET_UP
    beside = {"stderr": 1} if name.startswith("Flask") else {}
    if destination == "keep":
        assert info == ({} if bare else {"file": 1, **beside})
        assert boom == ({} if name == "Django 5" else {"stderr": 1} if bare else {"file": 1, **beside})
        return
    expected = EXPECTED[destination]["none" if bare else "files"]
    if destination == "file":
        expected = {**expected, **beside}
    assert info == expected
    assert boom == ({"stderr": 1} if name == "FastAPI" else expected)
