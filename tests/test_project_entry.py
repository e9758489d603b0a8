"""Which entry point an app has, from many shapes of code; none of it is imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from support.trees import Files, tree

from paasctl import config, project
from paasctl.errors import UsageError
from paasctl.model import App

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FACTORY = """
from flask import Flask

def create_app(config_name=None):
    app = Flask(__name__)
    return app
"""
DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n",
    "mysite/__init__.py": "",
    "mysite/settings.py": "WSGI_APPLICATION = 'mysite.wsgi.application'\n",
    "mysite/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
    "mysite/asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
    "requirements.txt": "django\n",
}


def read(root: Path, files: Files, choose: project.Choose | None = None) -> App:
    tree(root, {"requirements.txt": "flask\nfastapi\ndjango\n", **files})
    return project.read(root, config.load(root), choose=choose)


# what is in the folder -> entry, framework, interface
FOUND: dict[str, tuple[Files, str, str, str]] = {
    "an app in app.py": ({"app.py": FLASK}, "app:app", "flask", "wsgi"),
    "the module is imported whole": ({"app.py": "import flask\napp = flask.Flask('x')"}, "app:app", "flask", "wsgi"),
    "imported under another name": ({"app.py": "from flask import Flask as F\nx = F('x')"}, "app:x", "flask", "wsgi"),
    "in wsgi.py": ({"wsgi.py": FLASK.replace("app =", "application =")}, "wsgi:application", "flask", "wsgi"),
    "in an odd module": ({"hello.py": FLASK}, "hello:app", "flask", "wsgi"),
    "in a package": ({"blog/__init__.py": FLASK}, "blog:app", "flask", "wsgi"),
    "in a package's module": ({"blog/__init__.py": "", "blog/web.py": FLASK}, "blog.web:app", "flask", "wsgi"),
    "a factory": ({"blog/__init__.py": FACTORY}, "blog:create_app()", "flask", "wsgi"),
    "a factory named make_app": (
        {"blog.py": FACTORY.replace("create_app", "make_app")}, "blog:make_app()", "flask", "wsgi",
    ),
    "a factory that is re-exported": (
        {"blog/__init__.py": "from .factory import create_app", "blog/factory.py": FACTORY},
        "blog:create_app()", "flask", "wsgi",
    ),
    "a factory that imports inside": (
        {"blog.py": "def create_app():\n    from flask import Flask\n    return Flask('x')"},
        "blog:create_app()", "flask", "wsgi",
    ),
    "a factory of a factory": (
        {"blog.py": "from base import build\ndef create_app():\n    app = build()\n    return app",
         "base.py": "from flask import Flask\ndef build():\n    return Flask('x')"},
        "blog:create_app()", "flask", "wsgi",
    ),
    "wsgi.py calls the factory": (
        {"wsgi.py": "from blog import create_app\napp = create_app('production')", "blog/__init__.py": FACTORY},
        "wsgi:app", "flask", "wsgi",
    ),
    "wsgi.py re-exports the app": (
        {"wsgi.py": "from blog import app", "blog/__init__.py": FLASK}, "wsgi:app", "flask", "wsgi",
    ),
    "wsgi.py re-exports it by another name": (
        {"wsgi.py": "from blog import app as application", "blog.py": FLASK}, "wsgi:application", "flask", "wsgi",
    ),
    "wsgi.py through the module": (
        {"wsgi.py": "import blog.web\napplication = blog.web.app", "blog/__init__.py": "", "blog/web.py": FLASK},
        "wsgi:application", "flask", "wsgi",
    ),
    "wsgi.py with a star import": (
        {"wsgi.py": "from blog import *\nserver = app", "blog.py": FLASK}, "wsgi:server", "flask", "wsgi",
    ),
    "a script beside the factory": (
        {"celery_worker.py": "from blog import create_app\napp = create_app()", "blog/__init__.py": FACTORY},
        "blog:create_app()", "flask", "wsgi",
    ),
    "only run as a script": (
        {"run.py": "from blog import create_app\nif __name__ == '__main__':\n    app = create_app()\n    app.run()",
         "blog/__init__.py": FACTORY},
        "blog:create_app()", "flask", "wsgi",
    ),
    "in a try": ({"app.py": "from flask import Flask\ntry:\n    app = Flask('x')\nexcept Exception:\n    raise"},
                 "app:app", "flask", "wsgi"),
    "annotated": ({"app.py": "from flask import Flask\napp: Flask = Flask('x')"}, "app:app", "flask", "wsgi"),
    "a subclass": (
        {"app.py": "from base import Blog\napp = Blog('x')",
         "base.py": "import flask\nclass Mid(flask.Flask): ...\nclass Blog(Mid): ..."},
        "app:app", "flask", "wsgi",
    ),
    "wrapped under its own name": (
        {"app.py": FLASK + "from werkzeug.middleware.proxy_fix import ProxyFix\napp = ProxyFix(app)"},
        "app:app", "flask", "wsgi",
    ),
    "application over app": (
        {"wsgi.py": FLASK + "from whitenoise import WhiteNoise\napplication = WhiteNoise(app)"},
        "wsgi:application", "flask", "wsgi",
    ),
    "two apps under a dispatcher": (
        {"app.py": FLASK + "admin = Flask('admin')\n"
         "from werkzeug.middleware.dispatcher import DispatcherMiddleware as DM\n"
         "from werkzeug.middleware.dispatcher import DispatcherMiddleware\n"
         "application = DispatcherMiddleware(app, {'/admin': admin})"},
        "app:application", "flask", "wsgi",
    ),
    "apps of tests, docs and examples do not count": (
        {"app.py": FLASK, "tests/app.py": FLASK, "docs/conf.py": FLASK, "examples/a/app.py": FLASK, "test_x.py": FLASK},
        "app:app", "flask", "wsgi",
    ),
    "environments do not count": (
        {"app.py": FLASK, "e/pyvenv.cfg": "", "e/__init__.py": FLASK, ".tox/x.py": FLASK, "node_modules/x.py": FLASK},
        "app:app", "flask", "wsgi",
    ),
    "FastAPI": ({"main.py": "from fastapi import FastAPI\napp = FastAPI()"}, "main:app", "fastapi", "asgi"),
    "FastAPI with a mounted one": (
        {"main.py": "from fastapi import FastAPI\napi = FastAPI()\napp = FastAPI()\napp.mount('/api', api)"},
        "main:app", "fastapi", "asgi",
    ),
    "Flask made ASGI": (
        {"asgi.py": FLASK + "from asgiref.wsgi import WsgiToAsgi\napplication = WsgiToAsgi(app)"},
        "asgi:application", "flask", "asgi",
    ),
    "Starlette": (
        {"main.py": "from starlette.applications import Starlette\napp = Starlette()"}, "main:app", "starlette", "asgi",
    ),
    "Quart": ({"app.py": "from quart import Quart\napp = Quart(__name__)"}, "app:app", "quart", "asgi"),
    "Bottle": ({"app.py": "import bottle\napp = bottle.default_app()"}, "app:app", "bottle", "wsgi"),
    "Dash": (
        {"app.py": "import dash\napp = dash.Dash(__name__)\nserver = app.server"}, "app:server", "flask", "wsgi",
    ),
    "a WSGI function": (
        {"wsgi.py": "def application(environ, start_response):\n    return []"}, "wsgi:application", "wsgi", "wsgi",
    ),
    "a WSGI function with names of its own": (
        {"wsgi.py": "def application(e, s, /):\n    return []"}, "wsgi:application", "wsgi", "wsgi",
    ),
    "a factory of two parameters in wsgi.py": (
        {"wsgi.py": "from flask import Flask\ndef app(e, s):\n    return Flask(e)\napplication = app('x', 1)"},
        "wsgi:application", "flask", "wsgi",
    ),
    "a WSGI object": (
        {"wsgi.py": "class A:\n    def __call__(self, environ, start_response): ...\napp = A()"}, "wsgi:app", "wsgi",
        "wsgi",
    ),
    "an ASGI function": (
        {"app.py": "async def app(scope, receive, send): ..."}, "app:app", "asgi", "asgi",
    ),
    "Django": (DJANGO, "mysite.wsgi:application", "django", "wsgi"),
    "Django with ASGI_APPLICATION": (
        {**DJANGO, "mysite/settings.py": "ASGI_APPLICATION = 'mysite.asgi.application'"},
        "mysite.asgi:application", "django", "asgi",
    ),
    "Django with split settings": (
        {**DJANGO, "mysite/settings.py": "from .base import *", "mysite/base.py": "WSGI_APPLICATION = "
         "'mysite.wsgi.application'"},
        "mysite.wsgi:application", "django", "wsgi",
    ),
    "FLASK_APP in .flaskenv": ({"a.py": FLASK, "b.py": FLASK, ".flaskenv": "FLASK_APP=b"}, "b:app", "flask", "wsgi"),
    "FLASK_APP in .env": ({"a.py": FLASK, "b.py": FLASK, ".env": "FLASK_APP=b.py"}, "b:app", "flask", "wsgi"),
    ".env before .flaskenv": (
        {"a.py": FLASK, "b.py": FLASK, ".env": "FLASK_APP=a", ".flaskenv": "FLASK_APP=b"}, "a:app", "flask", "wsgi",
    ),
    "FLASK_APP names the factory": (
        {"blog.py": FACTORY, "a.py": FLASK, ".flaskenv": "FLASK_APP=blog:create_app"},
        "blog:create_app()", "flask", "wsgi",
    ),
    "FLASK_APP calls the factory": (
        {"blog.py": FACTORY, "a.py": FLASK, ".flaskenv": "FLASK_APP=\"blog:create_app('x')\""},
        "blog:create_app('x')", "flask", "wsgi",
    ),
    "FLASK_APP is a package": (
        {"blog/__init__.py": FACTORY, "a.py": FLASK, ".flaskenv": "FLASK_APP=blog"},
        "blog:create_app()", "flask", "wsgi",
    ),
    "FLASK_APP is a path": (
        {"blog/__init__.py": "", "blog/web.py": FLASK, "a.py": FLASK, ".flaskenv": "FLASK_APP=./blog/web.py"},
        "blog.web:app", "flask", "wsgi",
    ),
    "the Procfile before FLASK_APP": (
        {"a.py": FLASK, "b.py": FLASK, ".flaskenv": "FLASK_APP=b", "Procfile": "web: gunicorn a:app"},
        "a:app", "flask", "wsgi",
    ),
    "the configuration before the Procfile": (
        {"a.py": FLASK, "b.py": FLASK, "Procfile": "web: gunicorn a:app", "paasctl.toml": "[app]\nentry = 'b:app'"},
        "b:app", "flask", "wsgi",
    ),
    "the configuration names a module": (
        {"a.py": FLASK, "b.py": FLASK, "paasctl.toml": "[app]\nentry = 'b'"}, "b:app", "flask", "wsgi",
    ),
    "the configuration names a module with both": (
        {"b.py": FLASK + "application = app", "paasctl.toml": "[app]\nentry = 'b'"}, "b:application", "flask", "wsgi",
    ),
    "gunicorn's own default attribute": (
        {"w.py": FLASK + "application = app", "Procfile": "web: gunicorn w"}, "w:application", "flask", "wsgi",
    ),
    "a line that is not understood leaves detection": (
        {"app.py": FLASK, "Procfile": "web: ./serve.sh"}, "app:app", "flask", "wsgi",
    ),
    "uvicorn decides the interface": (
        {"app.py": "import x\napp = x.make()", "Procfile": "web: uvicorn app:app"}, "app:app", "asgi", "asgi",
    ),
}  # fmt: skip


@pytest.mark.parametrize("files, entry, framework, interface", FOUND.values(), ids=FOUND.keys())
def test_the_entry_point_is_found(tmp_path: Path, files: Files, entry: str, framework: str, interface: str) -> None:
    app = read(tmp_path, files)
    assert (app.entry, app.framework, app.interface) == (entry, framework, interface)


# what is in the folder -> the message, a part of the hint
REFUSED: dict[str, tuple[Files, str, str]] = {
    "nothing": (
        {}, "no app found: no Python file is here", 'entry = "module:attr"',
    ),
    "a framework that is only imported": (
        {"app.py": "from flask import Flask"},
        "no app found: looked through 1 Python file for an app object", "[app] in paasctl.toml",
    ),
    "a class of the same name": (
        {"app.py": "class Flask: ...\napp = Flask()"}, "no app found: looked through 1 Python file", "entry",
    ),
    "a factory by name only": (
        {"app.py": "def create_app():\n    return 1"}, "no app found: looked through 1 Python file", "entry",
    ),
    "a factory that returns nothing": (
        {"app.py": "from flask import Flask\ndef create_app():\n    Flask('x')"}, "no app found", "entry",
    ),
    "two apps": (
        {"a.py": FLASK, "b.py": FLASK},
        "there is more than one possible entry point: a:app (a.py:2), b:app (b.py:2)", 'entry = "a:app"',
    ),
    "two apps in one module": (
        {"app.py": "from flask import Flask\nx = Flask('x')\ny = Flask('y')"},
        "there is more than one possible entry point: app:x (app.py:2), app:y (app.py:3)", 'entry = "app:x"',
    ),
    "two calls of one factory": (
        {"blog.py": FACTORY, "wsgi.py": "from blog import create_app\napp = create_app('a')",
         "asgi.py": "from blog import create_app\n\napp = create_app('b')"},
        "there is more than one possible entry point: asgi:app (asgi.py:3), wsgi:app (wsgi.py:2)", "entry =",
    ),
    "Django without a word which": (
        {**DJANGO, "mysite/settings.py": ""},
        "there is more than one possible entry point: mysite.asgi:application", "entry =",
    ),
    "a factory that needs something": (
        {"blog.py": FACTORY.replace("=None", "")},
        "blog.py:3: blog:create_app makes the app, and needs an argument for config_name",
        "entry = \"blog:create_app('CONFIG_NAME')\"",
    ),
    "a syntax error": (
        {"app.py": "import flask\napp = Flask(\n"}, "no app found, and app.py:2: not valid Python", "repair",
    ),
    "latin-1": (
        {"app.py": "import flask\napp = 'caf\xe9'".encode("latin-1")},
        "no app found, and app.py:2: not valid UTF-8, and no encoding is declared", "repair",
    ),
    "NUL bytes": ({"app.py": b"app\0flask Flask"}, "no app found, and app.py:1: not valid Python", "repair"),
    "a plain folder in src": (
        {"src/web/app.py": FLASK}, "the app in src/web/app.py cannot be imported from here, since src/web/ is not",
        "write a wsgi.py here",
    ),
    "Django in src": (
        {f"src/{path}": text for path, text in DJANGO.items()},
        "the app in src/mysite/asgi.py cannot be imported from here, since src/ is not a package",
        "run paasctl in src/",
    ),
    "an entry in src without its module": (
        {"src/blog/__init__.py": FLASK, "paasctl.toml": "[app]\nentry = 'blog.web:app'"},
        "paasctl.toml:2: there is no module blog.web in the app's folder", "did you mean blog?",
    ),
    "a plain folder": (
        {"backend/app.py": FLASK}, "the app in backend/app.py cannot be imported from here", "run paasctl in backend/",
    ),
    "an entry that is none": (
        {"paasctl.toml": "[app]\nentry = 'wsgi.app.py:'"}, "paasctl.toml:2: the entry point is not written as one",
        "module:factory()",
    ),
    "an entry that would run code": (
        {"paasctl.toml": "[app]\nentry = 'wsgi:make(open(1))'"}, "paasctl.toml:2: the entry point is not written", "",
    ),
    "an entry without its module": (
        {"blog/__init__.py": FLASK, "blog/web.py": FLASK, "paasctl.toml": "[app]\nentry = 'blog.wbe:app'"},
        "paasctl.toml:2: there is no module blog.wbe in the app's folder", "did you mean blog.web?",
    ),
    "an entry without its attribute": (
        {"wsgi.py": FLASK, "paasctl.toml": "[app]\nentry = 'wsgi:ap'"}, "paasctl.toml:2: wsgi.py has no ap",
        "did you mean wsgi:app?",
    ),
    "a module without application and app": (
        {"wsgi.py": "x = 1", "paasctl.toml": "[app]\nentry = 'wsgi'"},
        "paasctl.toml:2: wsgi.py has neither application nor app", "name the attribute",
    ),
    "a factory without its parentheses": (
        {"blog.py": FACTORY, "paasctl.toml": "[app]\nentry = 'blog:create_app'"},
        "paasctl.toml:2: blog:create_app is a factory, and it is not called", 'write "blog:create_app()"',
    ),
    "a factory without its argument": (
        {"blog.py": FACTORY.replace("=None", ""), "paasctl.toml": "[app]\nentry = 'blog:create_app()'"},
        "paasctl.toml:2: blog:create_app needs an argument for config_name", "blog:create_app('CONFIG_NAME')",
    ),
    "an app with parentheses": (
        {"wsgi.py": FLASK, "paasctl.toml": "[app]\nentry = 'wsgi:app()'"},
        "paasctl.toml:2: wsgi:app is an app already", "leave the () out",
    ),
    "an entry with a syntax error": (
        {"wsgi.py": "x = 1\n\ndef (", "paasctl.toml": "[app]\nentry = 'wsgi:app'", ".python-version": "3.8"},
        "wsgi.py:3: not valid Python", "paasctl.toml:2 names wsgi",
    ),
    "the Procfile names what is not there": (
        {"wsgi.py": FLASK, "Procfile": "web: gunicorn wsgi:application"}, "Procfile:1: wsgi.py has no application",
        "name what wsgi.py defines",
    ),
    "FLASK_APP names nothing": (
        {"app.py": FLASK, ".env": "A=1\nFLASK_APP=sentinel_x"},
        ".env:2: FLASK_APP names no module that can be imported from the app's folder", "wsgi.py",
    ),
    "FLASK_APP names a module without an app": (
        {"a.py": "x = 1", "b.py": FLASK, ".flaskenv": "FLASK_APP=a"},
        ".flaskenv:1: FLASK_APP names a.py, and there is no Flask app", "FLASK_APP=module:attr",
    ),
    "FLASK_APP is src": (
        {"src/blog.py": FLASK, "b.py": FLASK, ".flaskenv": "FLASK_APP=src"},
        ".flaskenv:1: FLASK_APP names no module", "",
    ),
    "a module that is a slip away": (
        {"shop/__init__.py": FACTORY, "Procfile": 'web: gunicorn "shoop:create_app()"'},
        "Procfile:1: there is no module shoop in the app's folder", "did you mean shop:create_app()?",
    ),
    "neither a web process nor an app": (
        {"worker.py": "print('x')", "Procfile": "worker: python worker.py"},
        "Procfile has no web process, and no app found: looked through 1 Python file", "add the line `web: COMMAND`",
    ),
    "no web process": (
        {"wsgi.py": FLASK, "Procfile": "worker: python x.py"}, "Procfile has no web process",
        "add the line `web: gunicorn wsgi:app`",
    ),
    "an empty Procfile": ({"wsgi.py": FLASK, "Procfile": "# nothing"}, "Procfile has no web process", "add the line"),
    "nothing to install": (
        {"wsgi.py": FLASK, "requirements.txt": "", "paasctl.toml": "[app]\ndependencies = 'x.txt'"},
        "paasctl.toml:2: there is no file x.txt", "requirements.txt",
    ),
}  # fmt: skip


@pytest.mark.parametrize("files, message, hint", REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_known_is_refused_with_what_to_write(
    tmp_path: Path, files: Files, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, files)
    assert caught.value.exit_code == 2
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint
    assert "sentinel" not in caught.value.message + caught.value.hint


def test_a_user_who_can_be_asked_is_asked(tmp_path: Path) -> None:
    asked: list[tuple[str, Sequence[str]]] = []

    def choose(question: str, options: Sequence[str]) -> str:
        asked.append((question, options))
        return options[1]

    app = read(tmp_path, {"a.py": FLASK, "b.py": FLASK}, choose)
    assert (app.entry, app.origins["entry"]) == ("b:app", "chosen")
    assert asked == [("Which one is the app?", ["a:app", "b:app"])]


def test_one_app_is_never_a_question(tmp_path: Path) -> None:
    def choose(question: str, options: Sequence[str]) -> str:
        raise AssertionError(f"asked {question} {options}")

    assert read(tmp_path, {"wsgi.py": "from blog import app", "blog.py": FLASK}, choose).entry == "wsgi:app"


def test_nothing_of_the_app_is_executed(tmp_path: Path) -> None:
    trap = "import pathlib\npathlib.Path(__file__ + '.ran').touch()\nraise SystemExit('executed')\n"
    files = {"wsgi.py": trap + FLASK, "conftest.py": trap, "setup.py": trap, "sitecustomize.py": trap}
    assert read(tmp_path, files).entry == "wsgi:app"
    assert not list(tmp_path.glob("*.ran"))


def test_a_package_that_the_app_requires_is_no_slip(tmp_path: Path) -> None:
    files = {"shop.py": "", "requirements.txt": "shoop", "paasctl.toml": "[app]\nentry = 'shoop:app'"}
    assert read(tmp_path, files).entry == "shoop:app"


def test_a_module_of_an_installed_package_is_taken_with_a_warning(tmp_path: Path) -> None:
    app = read(tmp_path, {"paasctl.toml": "[app]\nentry = 'datasette.app:app'"})
    assert app.entry == "datasette.app:app"
    assert "it must come from an installed package" in app.warnings[0]


FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
FASTAPI_IN_SRC = {"src/api/main.py": FASTAPI}
FLASK_IN_SRC = {"src/web/__init__.py": "from .base import app", "src/web/base.py": FLASK}

# what is in the folder -> entry, framework, interface
IN_SRC: dict[str, tuple[Files, str, str, str]] = {
    "wsgi.py": ({**FASTAPI_IN_SRC, "wsgi.py": "from api.main import app"}, "wsgi:app", "fastapi", "asgi"),
    "asgi.py": ({**FASTAPI_IN_SRC, "asgi.py": "from api.main import app"}, "asgi:app", "fastapi", "asgi"),
    "main.py": ({**FASTAPI_IN_SRC, "main.py": "from api.main import app"}, "main:app", "fastapi", "asgi"),
    "src. in front": ({**FASTAPI_IN_SRC, "app.py": "from src.api.main import app"}, "app:app", "fastapi", "asgi"),
    "by another name": (
        {**FLASK_IN_SRC, "wsgi.py": "from web import app as application"}, "wsgi:application", "flask", "wsgi",
    ),
    "through the module": ({**FLASK_IN_SRC, "wsgi.py": "import web\napp = web.app"}, "wsgi:app", "flask", "wsgi"),
    "a factory": (
        {"src/blog/__init__.py": FACTORY, "wsgi.py": "from blog import create_app\napp = create_app()"},
        "wsgi:app", "flask", "wsgi",
    ),
    "an entry": (
        {**FASTAPI_IN_SRC, "paasctl.toml": "[app]\nentry = 'api.main:app'"}, "api.main:app", "fastapi", "asgi",
    ),
    "an entry that is a re-export": (
        {**FASTAPI_IN_SRC, "src/api/__init__.py": "from .main import app", "paasctl.toml": "[app]\nentry = 'api:app'"},
        "api:app", "fastapi", "asgi",
    ),
    "an entry to a wsgi.py": (
        {**FASTAPI_IN_SRC, "wsgi.py": "from api.main import app", "paasctl.toml": "[app]\nentry = 'wsgi:app'"},
        "wsgi:app", "fastapi", "asgi",
    ),
    "the web line": ({**FLASK_IN_SRC, "Procfile": "web: gunicorn web.base:app"}, "web.base:app", "flask", "wsgi"),
    "FLASK_APP": (
        {"src/blog.py": FLASK, "b.py": FLASK, ".flaskenv": "FLASK_APP=src/blog.py"}, "blog:app", "flask", "wsgi",
    ),
    "nothing says it": ({**FASTAPI_IN_SRC, "src/api/__init__.py": ""}, "api.main:app", "fastapi", "asgi"),
    "nothing says it, a factory": ({"src/blog/__init__.py": FACTORY}, "blog:create_app()", "flask", "wsgi"),
    "src is a package": ({"src/__init__.py": "", "src/main.py": FASTAPI}, "src.main:app", "fastapi", "asgi"),
    "an app at the top wins over src as a package": (
        {"app.py": FLASK, "src/__init__.py": "", "src/api.py": FASTAPI}, "app:app", "flask", "wsgi",
    ),
    "an app at the top wins": ({"src/blog.py": FLASK, "main.py": FASTAPI}, "main:app", "fastapi", "asgi"),
}  # fmt: skip


@pytest.mark.parametrize("files, entry, framework, interface", IN_SRC.values(), ids=IN_SRC.keys())
def test_an_app_in_src_is_found(tmp_path: Path, files: Files, entry: str, framework: str, interface: str) -> None:
    app = read(tmp_path, files)
    assert (app.entry, app.framework, app.interface, app.warnings) == (entry, framework, interface, ())


@pytest.mark.parametrize(
    ("files", "source"),
    [
        (FASTAPI_IN_SRC, "src"),
        ({**FASTAPI_IN_SRC, "requirements.txt": "fastapi\n."}, ""),
        ({**FASTAPI_IN_SRC, "requirements.txt": "fastapi\n-e .[extra]"}, ""),
        ({**FASTAPI_IN_SRC, "requirements.txt": "fastapi\n./lib"}, "src"),
        ({**FASTAPI_IN_SRC, "wsgi.py": "from src.api.main import app"}, ""),
        ({"api/__init__.py": "", "api/main.py": FASTAPI, "src/x.py": FASTAPI}, ""),
    ],
)
def test_src_is_on_the_import_path_unless_the_project_is_installed(tmp_path: Path, files: Files, source: str) -> None:
    top = {} if "wsgi.py" in files or "api/main.py" in files else {"wsgi.py": "from api.main import app"}
    assert read(tmp_path, {**files, **top}).source == source


def test_what_a_newer_python_may_understand_is_no_error(tmp_path: Path) -> None:
    files = {"wsgi.py": "def (", "paasctl.toml": "[app]\nentry = 'wsgi:app'\npython = '3.19'"}
    assert "wsgi.py:1: not valid Python" in read(tmp_path, files).warnings[0]


def test_a_name_that_cannot_be_seen_is_trusted(tmp_path: Path) -> None:
    files = {"wsgi.py": "from somewhere import *", "paasctl.toml": "[app]\nentry = 'wsgi:app'"}
    assert read(tmp_path, files).entry == "wsgi:app"


def test_a_broken_file_elsewhere_does_not_stop_a_push(tmp_path: Path) -> None:
    assert read(tmp_path, {"app.py": FLASK, "old.py": "import flask\nprint 'x'"}).entry == "app:app"


def test_circular_imports_end(tmp_path: Path) -> None:
    files = {"a.py": "from b import app", "b.py": "from a import app", "c.py": FLASK}
    assert read(tmp_path, files).entry == "c:app"


def test_a_large_tree_is_cut_and_said_so(tmp_path: Path) -> None:
    for files in ({f"pkg/m{number}.py": "" for number in range(520)}, {"generated.py": "#" * 500_000 + "\n"}):
        app = read(tmp_path, {**files, "app.py": FLASK})
        assert app.entry == "app:app"
        assert app.notes == ("there is a great deal of Python here; only the nearest files were looked at",)


def test_a_named_module_is_read_however_large(tmp_path: Path) -> None:
    files = {"wsgi.py": "#" * 500_000 + "\n" + FLASK, "paasctl.toml": "[app]\nentry = 'wsgi'"}
    assert read(tmp_path, files).entry == "wsgi:app"


def test_the_origin_names_the_place(tmp_path: Path) -> None:
    assert read(tmp_path, {"app.py": FLASK}).origins["entry"] == "detected in app.py:2"


def test_a_disagreement_with_the_procfile_is_said(tmp_path: Path) -> None:
    app = read(tmp_path, {"a.py": FLASK, "b.py": FLASK, "Procfile": "web: gunicorn a:app",
                          "paasctl.toml": "[app]\nentry = 'b:app'"})  # fmt: skip
    assert app.notes == ("Procfile:1 names a:app; b:app is used, from paasctl.toml:2",)


@pytest.mark.parametrize(
    ("wsgi", "warned"),
    [
        ("from blog import app", False),
        ("from blog import create_app\napp = create_app('production')", True),
        (FLASK, True),
        ("x = 1", False),
    ],
)
def test_a_wsgi_module_that_flask_app_goes_past_is_named(tmp_path: Path, wsgi: str, warned: bool) -> None:
    app = read(
        tmp_path, {"blog.py": FACTORY + "app = create_app()", "wsgi.py": wsgi, ".flaskenv": "FLASK_APP=blog:app"}
    )
    assert app.entry == "blog:app"
    assert ['entry = "wsgi:app"' in warning for warning in app.warnings] == [True] * warned
