"""A whole app, read: processes, release, static files, warnings, and where everything came from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.trees import Files, tree

from paasctl import config, project
from paasctl.config import TargetSettings
from paasctl.errors import UsageError
from paasctl.model import App

PROJECTS = Path(__file__).parent / "projects"
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
DJANGO_SETTINGS = """
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
WSGI_APPLICATION = "mysite.wsgi.application"
STATIC_URL = "static/"
MEDIA_ROOT = BASE_DIR / "media"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
"""
DJANGO = {
    "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n",
    "mysite/__init__.py": "",
    "mysite/settings.py": DJANGO_SETTINGS,
    "mysite/wsgi.py": "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n",
    "mysite/asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
    "requirements.txt": "django\n",
}


def read(root: Path, files: Files, target: TargetSettings | None = None) -> App:
    tree(root, {"requirements.txt": "flask", **files})
    return project.read(root, config.load(root), target)


def test_the_env_files_of_all_targets_are_private(tmp_path: Path) -> None:
    (tmp_path / "wsgi.py").write_text("from flask import Flask\napp = Flask(__name__)\n")
    (tmp_path / "requirements.txt").write_text("flask\n")
    (tmp_path / "paasctl.toml").write_text(
        '[app]\nenv = ["a.env"]\n[targets.local]\n[targets.heroku]\napp = "x"\nenv = ["a.env", "c/b.env"]\n'
    )
    found = config.load(tmp_path)
    assert project.read(tmp_path, found, found.targets["local"]).private == ("a.env", "c/b.env")


def test_the_app_of_the_guide(tmp_path: Path) -> None:
    """The app that the well-known 17-command guide ends with, its three logging mistakes included."""
    root = tmp_path / "Blog of Eric"
    shutil.copytree(PROJECTS / "guide-app", root)
    app = project.read(root, config.load(root))
    assert (app.name, app.framework, app.entry, app.interface) == ("blog-of-eric", "flask", "blog:create_app()", "wsgi")
    assert (app.python, app.processes, app.release) == ("3.8", {"web": "gunicorn 'blog:create_app()'"}, None)
    assert (app.dependencies.file, app.dependencies.added) == ("requirements.txt", ("gunicorn",))
    assert app.persist == ("data-dev.db", "data.db", "logs/", "uploads/")
    assert app.static == {"/static/": "blog/static"}
    assert app.origins == {
        "name": "the folder's name",
        "entry": ".flaskenv:1",
        "interface": ".flaskenv:1",
        "python": ".python-version",
        "processes": "generated, since there is no Procfile",
        "dependencies": "requirements.txt (the first that is there)",
        "static:/static/": "blog/__init__.py:16",
        "persist:data-dev.db": "blog/settings.py:19",
        "persist:data.db": "blog/settings.py:27",
        "persist:logs/": "blog/__init__.py:32",
        "persist:uploads/": "blog/settings.py:15",
    }
    assert [warning.partition(",")[0] for warning in app.warnings] == [
        ".flaskenv:1: FLASK_APP decides for blog:create_app(); wsgi.py",
        "blog/__init__.py:26: RequestFormatter uses requests.url",
        "blog/__init__.py:27: RequestFormatter fails outside a request; ask flask.has_request_context() first",
        "blog/__init__.py:37: the handler mail_handler is never added to a logger; call addHandler with it",
    ]
    assert "flask db upgrade" in app.notes[0]


def test_a_django_project(tmp_path: Path) -> None:
    settings = DJANGO_SETTINGS + 'STATIC_ROOT = BASE_DIR / "staticfiles"\n'
    app = read(tmp_path, {**DJANGO, "mysite/settings.py": settings})
    assert (app.framework, app.entry) == ("django", "mysite.wsgi:application")
    assert app.processes == {"web": "gunicorn mysite.wsgi:application"}
    assert app.persist == ("db.sqlite3", "media/")
    assert app.static == {"/static/": "staticfiles"}
    assert app.notes == ()


def test_django_without_static_root_is_told(tmp_path: Path) -> None:
    app = read(tmp_path, DJANGO)
    assert app.static == {}
    assert "STATIC_ROOT is not set" in app.notes[0]


def test_a_fastapi_app(tmp_path: Path) -> None:
    app = read(tmp_path, {"main.py": "from fastapi import FastAPI\napp = FastAPI()", "requirements.txt": "fastapi"})
    assert (app.interface, app.processes) == ("asgi", {"web": "uvicorn main:app"})
    assert app.dependencies.added == ("uvicorn",)


def test_an_app_without_dependencies_needs_no_file(tmp_path: Path) -> None:
    app = project.read(tree(tmp_path, {"wsgi.py": "def application(environ, start_response): ..."}), config.Config())
    assert (app.dependencies.file, app.dependencies.requirements) == (None, "")
    assert app.dependencies.added == ("gunicorn",)


def test_a_framework_without_a_dependency_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="the app uses flask, and no file says what to install") as caught:
        project.read(tree(tmp_path, {"wsgi.py": FLASK}), config.Config())
    assert "echo flask >> requirements.txt" in caught.value.hint


def test_the_procfile_gives_processes_and_release(tmp_path: Path) -> None:
    lines = "release: flask db upgrade\nweb: gunicorn wsgi:app\nworker: celery -A x worker\n"
    app = read(tmp_path, {"wsgi.py": FLASK, "Procfile": lines})
    assert app.processes == {"web": "gunicorn wsgi:app", "worker": "celery -A x worker"}
    assert (app.release, app.origins["release"], app.origins["processes"]) == (
        "flask db upgrade", "Procfile:1", "Procfile",
    )  # fmt: skip


def test_the_configuration_decides_what_it_says(tmp_path: Path) -> None:
    said = "[app]\nname = 'x'\nrelease = 'make x'\ntest = 'pytest'\nhealth = '/up'\nexclude = ['a/']\npython = '3.12'\n"
    app = read(tmp_path, {"wsgi.py": FLASK, "Procfile": "web: gunicorn wsgi:app\nrelease: y", "paasctl.toml": said})
    assert (app.name, app.release, app.test, app.health, app.exclude, app.python) == (
        "x", "make x", "pytest", "/up", ("a/",), "3.12",
    )  # fmt: skip
    assert app.origins["release"] == "paasctl.toml:3"


@pytest.mark.parametrize(
    ("files", "added"),
    [
        ({"Procfile": "web: gunicorn wsgi:app"}, ("gunicorn",)),
        ({"Procfile": "web: waitress-serve wsgi:app"}, ("waitress",)),
        ({"Procfile": "web: gunicorn -k uvicorn.workers.UvicornWorker wsgi:app"}, ("gunicorn", "uvicorn")),
        ({"Procfile": "web: ./serve.sh"}, ()),
        ({"Procfile": "web: python wsgi.py"}, ()),
        ({"requirements.txt": "flask\ngunicorn"}, ()),
    ],
)
def test_the_server_that_the_web_line_starts_is_added(tmp_path: Path, files: Files, added: tuple[str, ...]) -> None:
    assert read(tmp_path, {"wsgi.py": FLASK, **files}).dependencies.added == added


def test_a_web_line_of_its_own_needs_no_entry(tmp_path: Path) -> None:
    app = read(tmp_path, {"Procfile": "web: python serve.py", "serve.py": "print()", "requirements.txt": ""})
    assert (app.entry, app.framework, app.interface) == (None, "wsgi", "wsgi")


@pytest.mark.parametrize(
    ("files", "warning"),
    [
        ({"procfile": "web: x"}, "procfile is not read; its name must be Procfile"),
        ({"Procfile.txt": "web: x"}, "Procfile.txt is not read; its name must be Procfile"),
        ({"Procfile": "web: flask run -p $PORT"}, "Procfile:1: web starts a server made for development"),
        ({"Procfile": "web: uvicorn wsgi:app"}, "Procfile:1 starts uvicorn, and wsgi:app is a WSGI app"),
        (
            {"Procfile": "web: gunicorn main:a", "main.py": "from fastapi import FastAPI\na = FastAPI()"},
            "Procfile:1 starts gunicorn for WSGI, and main:a is an ASGI app",
        ),
    ],
)
def test_what_will_go_wrong_on_the_target_is_said(tmp_path: Path, files: Files, warning: str) -> None:
    app = read(tmp_path, {"wsgi.py": FLASK, **files})
    assert [each for each in app.warnings if each.startswith(warning)]


def test_arguments_for_a_factory_under_uvicorn_are_refused(tmp_path: Path) -> None:
    files = {"main.py": "from fastapi import FastAPI\ndef create_app(x):\n    return FastAPI()",
             "paasctl.toml": "[app]\nentry = \"main:create_app('x')\"", "requirements.txt": "fastapi"}  # fmt: skip
    with pytest.raises(UsageError, match="uvicorn cannot hand arguments") as caught:
        read(tmp_path, files)
    assert "asgi.py" in caught.value.hint


STATIC = [
    ("Flask(__name__)", "wsgi.py", "static/", {"/static/": "static"}),
    ("Flask(__name__)", "blog/__init__.py", "blog/static/", {"/static/": "blog/static"}),
    ("Flask('blog')", "blog/factory.py", "blog/static/", {"/static/": "blog/static"}),
    ("Flask(__name__.split('.')[0])", "blog/web.py", "blog/static/", {"/static/": "blog/static"}),
    ("Flask(__name__, static_folder='assets')", "wsgi.py", "assets/", {"/assets/": "assets"}),
    ("Flask(__name__, static_folder='../s')", "blog/__init__.py", "s/", {"/s/": "s"}),
    ("Flask(__name__, static_url_path='/s')", "wsgi.py", "static/", {"/s/": "static"}),
    ("Flask(__name__, static_url_path='')", "wsgi.py", "static/", {}),
    ("Flask(__name__, static_folder=None)", "wsgi.py", "static/", {}),
    ("Flask(__name__, static_folder='/srv/s')", "wsgi.py", "static/", {}),
    ("Flask(__name__)", "wsgi.py", "templates/", {}),
]


@pytest.mark.parametrize(("made", "file", "folder", "static"), STATIC)
def test_flasks_static_folder(tmp_path: Path, made: str, file: str, folder: str, static: dict[str, str]) -> None:
    files = {"blog/__init__.py": "", file: f"from flask import Flask\napp = {made}\n", folder: ""}
    assert read(tmp_path, files).static == static


def test_a_target_adds_static_folders_and_wins(tmp_path: Path) -> None:
    target = TargetSettings("x", "local", static={"/static/": "other", "/m/": "media"}, lines={"static": 9})
    app = read(tmp_path, {"wsgi.py": FLASK, "static/": ""}, target)
    assert app.static == {"/static/": "other", "/m/": "media"}


FAULTS = {
    "has_request_context is asked": (
        "class F(logging.Formatter):\n    def format(self, r):\n        if has_request_context():\n"
        "            r.url = request.url\n        return super().format(r)\n",
        0,
    ),
    "request is not asked for": (
        "class F(logging.Formatter):\n    def format(s, r):\n        r.u = request.url\n        r.m = request.path\n",
        1,
    ),
    "requests is another library": ("class Client:\n    def go(self):\n        return requests.url\n", 0),
    "requests in a formatter": (
        "class F(logging.Formatter):\n    def format(self, r):\n        r.u = requests.url\n", 1,
    ),
    "a handler that is added": (
        "def f(app):\n    h = logging.StreamHandler()\n    h.setLevel(1)\n    app.logger.addHandler(h)\n", 0,
    ),
    "a handler that is returned": ("def f(app):\n    h = logging.StreamHandler()\n    return h\n", 0),
    "a handler in a list": ("def f(app):\n    h = logging.StreamHandler()\n    for x in [h]:\n        g(x)\n", 0),
    "flask's request is not asked for": (
        "class F(logging.Formatter):\n    def format(s, r):\n        r.u = flask.request.url\n", 1,
    ),
    "another object's request": (
        "class F(logging.Formatter):\n    def format(s, r):\n        r.u = r.request.url\n", 0,
    ),
    "flask.has_request_context is asked": (
        "class F(logging.Formatter):\n    def format(s, r):\n"
        "        r.u = flask.request.url if flask.has_request_context() else ''\n", 0,
    ),
    "request is asked itself": (
        "class F(logging.Formatter):\n    def format(s, r):\n        r.u = request.url if request else None\n", 0,
    ),
    "request is asked in a word": (
        "class F(logging.Formatter):\n    def format(s, r):\n        r.u = request and request.url\n", 0,
    ),
    "a formatter that lives without": (
        "class F(logging.Formatter):\n    def format(s, r):\n        try:\n            r.u = request.url\n"
        "        except RuntimeError:\n            r.u = ''\n", 0,
    ),
    "a handler of the module that is only set up": ("h = logging.StreamHandler()\nh.setLevel(1)\n", 1),
    "a handler of the module that is added": ("h = logging.StreamHandler()\nlogging.root.addHandler(h)\n", 0),
    "a handler of the module that a function adds": (
        "h = logging.StreamHandler()\ndef f(app):\n    app.logger.addHandler(h)\n", 0,
    ),
    "a handler below an if": (
        "def f(app):\n    if not app.debug:\n        h = logging.StreamHandler()\n        h.setLevel(1)\n", 1,
    ),
    "one of two handlers below an if and added after it": (
        "def f(app):\n    if app.debug:\n        h = logging.StreamHandler()\n    else:\n"
        "        h = logging.FileHandler('logs/a.log')\n    app.logger.addHandler(h)\n", 0,
    ),
    "a handler that is only set up": ("def f(app):\n    h = logging.StreamHandler()\n    h.setLevel(1)\n", 1),
}  # fmt: skip


@pytest.mark.parametrize("code, count", FAULTS.values(), ids=FAULTS.keys())
def test_broken_logging_is_recognised(tmp_path: Path, code: str, count: int) -> None:
    app = read(tmp_path, {"wsgi.py": FLASK, "log.py": f"import logging\n\n{code}"})
    assert len(app.warnings) == count


def test_a_handler_that_another_module_may_import_is_no_fault(tmp_path: Path) -> None:
    log = "import logging\nconsole = logging.StreamHandler()\n"
    assert len(read(tmp_path, {"wsgi.py": FLASK, "log.py": log}).warnings) == 1
    assert read(tmp_path, {"use.py": "from log import console\n"}).warnings == ()


@pytest.mark.parametrize(
    ("folder", "pyproject", "name"),
    [
        ("My Blog", "", "my-blog"),
        ("Größe_2", "", "groe-2"),
        ("2048", "", "app-2048"),
        ("博客", "", "app"),
        ("x" * 50, "", "x" * 30),
        ("x", '[project]\nname = "Blue_Log"\n', "blue-log"),
    ],
)
def test_the_name_is_one_that_platforms_take(tmp_path: Path, folder: str, pyproject: str, name: str) -> None:
    files = {"wsgi.py": FLASK, **({"pyproject.toml": pyproject} if pyproject else {})}
    (tmp_path / folder).mkdir()
    assert read(tmp_path / folder, files).name == name


def test_a_relative_root_is_the_same_app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(
        tree(tmp_path, {"wsgi.py": FLASK, "requirements.txt": "flask", ".env": "DATABASE_URL=sqlite:///a"})
    )
    app = project.read(Path(), config.Config())
    assert (app.root, app.persist) == (tmp_path, ("a",))


@pytest.mark.parametrize("name", ["Procfile", "requirements.txt", "pyproject.toml", "paasctl.toml", "runtime.txt"])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"caf\xe9: \xe9\n", b"\0\0\0"])
def test_no_file_of_the_user_gives_a_traceback(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, {"wsgi.py": FLASK, name: content})
    assert name in caught.value.message and caught.value.hint
