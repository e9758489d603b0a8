"""Settings that are split over several modules: names that come by star imports, and which settings a server uses."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.trees import Files, tree

from paasctl import config, project
from paasctl.errors import UsageError
from paasctl.model import App

BASE = "from pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent.parent\n"
NAMED = 'DATABASES = {"default": {"NAME": BASE_DIR / "prod" / "x.sqlite3"}}\nMEDIA_ROOT = BASE_DIR / "media"\n'


def read(root: Path, files: Files) -> App:
    wsgi = "def application(environ, start_response): ..."
    tree(root, {"wsgi.py": wsgi, "config/__init__.py": "", "config/settings/__init__.py": "", **files})
    return project.read(root, config.load(root))


# what is in config/settings/ -> what outlives a release
STARS: dict[str, tuple[Files, tuple[str, ...]]] = {
    "relative": ({"base.py": BASE, "prod.py": "from .base import *\n" + NAMED}, ("media/", "prod/x.sqlite3")),
    "absolute": (
        {"base.py": BASE, "prod.py": "from config.settings.base import *\n" + NAMED}, ("media/", "prod/x.sqlite3"),
    ),
    "one name": ({"base.py": BASE, "prod.py": "from .base import BASE_DIR\n" + NAMED}, ("media/", "prod/x.sqlite3")),
    "a module's attribute": (
        {"base.py": BASE, "prod.py": 'from . import base\nMEDIA_ROOT = base.BASE_DIR / "media"'}, ("media/",),
    ),
    "several levels": (
        {"paths.py": BASE, "base.py": "from ..settings.paths import *", "common.py": "from .base import *",
         "prod.py": "from .common import *\n" + NAMED},
        ("media/", "prod/x.sqlite3"),
    ),
    "a name that the base imports": (
        {"paths.py": BASE, "base.py": "from .paths import BASE_DIR", "prod.py": "from .base import *\n" + NAMED},
        ("media/", "prod/x.sqlite3"),
    ),
    "functions that the base imports": (
        {"base.py": "from os.path import join as j, dirname as d\nfrom pathlib import Path as P",
         "prod.py": "from .base import *\nMEDIA_ROOT = j(d(__file__), 'm')\nUPLOAD_DIR = P(__file__).parent / 'u'"},
        ("config/settings/m/", "config/settings/u/"),
    ),
    "the later star import wins": (
        {"a.py": "ROOT = 'a'", "b.py": "ROOT = 'b'",
         "prod.py": "from .a import *\nfrom .b import *\nMEDIA_ROOT = ROOT + '/m'"}, ("b/m/",),
    ),
    "a later definition wins": (
        {"a.py": "ROOT = 'a'", "prod.py": "from .a import *\nROOT = 'b'\nROOT = 'c'\nMEDIA_ROOT = ROOT + '/m'"},
        ("c/m/",),
    ),
    "a star import after the definition wins": (
        {"a.py": "ROOT = 'a'", "prod.py": "ROOT = 'b'\nfrom .a import *\nMEDIA_ROOT = ROOT + '/m'"}, ("a/m/",),
    ),
    "what only may happen hides nothing": (
        {"a.py": "ROOT = 'a'",
         "prod.py": "ROOT = 'b'\ntry:\n    from .a import *\nexcept ImportError: ...\nif f():\n    ROOT = 'c'\n"
         "MEDIA_ROOT = ROOT + '/m'"},
        ("a/m/", "b/m/", "c/m/"),
    ),
    "a name made of what it was": (
        {"a.py": "ROOT = 'a'", "prod.py": "from .a import *\nROOT = ROOT + '/b'\nMEDIA_ROOT = ROOT\n"},
        ("a/b/",),
    ),
    "a setting made of what it was": (
        {"a.py": "UP = MEDIA_ROOT = 'a'", "prod.py": "from .a import *\nMEDIA_ROOT = MEDIA_ROOT + '/b'\n"}, ("a/",),
    ),
    "a name with an underscore stays at home": (
        {"a.py": "_ROOT = 'a'", "prod.py": "from .a import *\nMEDIA_ROOT = _ROOT + '/m'"}, (),
    ),
    "a missing module": (
        {"prod.py": "from .gone import *\nfrom away import *\nfrom ..... import *\nfrom .gone import ROOT as R\n"
         "MEDIA_ROOT = 'm'\nUPLOAD_DIR = R + '/u' or ROOT"},
        ("m/",),
    ),
    "a circle": (
        {"a.py": "from .prod import *\nROOT = 'a'", "prod.py": "from .prod import *\nfrom .a import *\n"
         "MEDIA_ROOT = ROOT + '/m'\nUPLOAD_DIR = NOWHERE"},
        ("a/m/",),
    ),
    "a chain without an end": (
        {f"m{at}.py": f"from .m{at + 1} import *\nUPLOAD_DIR = ROOT" for at in range(400)}, (),
    ),
    "ways that multiply": (
        {f"m{at}.py": "".join(f"from .m{other} import *\n" for other in range(30)) + "UPLOAD_DIR = ROOT"
         for at in range(30)},
        (),
    ),
}  # fmt: skip


@pytest.mark.parametrize("settings, persist", STARS.values(), ids=STARS.keys())
def test_a_name_means_what_it_does_after_the_import(tmp_path: Path, settings: Files, persist: tuple[str, ...]) -> None:
    app = read(tmp_path, {f"config/settings/{path}": content for path, content in settings.items()})
    assert app.persist == persist


@pytest.mark.parametrize("many", [2, 30])
def test_an_entry_point_is_looked_for_once_in_every_star_import(tmp_path: Path, many: int) -> None:
    """Also where they go in a circle."""
    stars = "".join(f"from m{other} import *\n" for other in range(many))
    files = {f"m{at}.py": stars for at in range(many)} | {"paasctl.toml": "[app]\nentry = 'm0:app'"}
    with pytest.raises(UsageError, match=r"m0.py has no app"):
        read(tmp_path, files)


# --------------------------------------------------------------------------------------------- which settings are used

WSGI = """import os
from django.core.wsgi import get_wsgi_application
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.production")
application = get_wsgi_application()
"""
ASGI = WSGI.replace("wsgi", "asgi")
MANAGE = "import os\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'config.settings.dev')\n"
DJANGO = {
    "manage.py": MANAGE,
    "config/__init__.py": "",
    "config/wsgi.py": WSGI,
    "config/settings/__init__.py": "",
    "config/settings/base.py": BASE + "WSGI_APPLICATION = 'config.wsgi.application'\nSTATIC_URL = 'static/'\n",
    "config/settings/dev.py": "from .base import *\nSTATIC_ROOT = BASE_DIR / 'devstatic'\n",
    "config/settings/production.py": "from .base import *\nSTATIC_ROOT = BASE_DIR / 'staticfiles'\n" + NAMED,
    "requirements.txt": "django\n",
}
REASON = "config/wsgi.py:3 names it for the server, manage.py:3 config.settings.dev"


def django(root: Path, files: Files) -> App:
    tree(root, {**DJANGO, **files})
    return project.read(root, config.load(root))


# what differs from the usual layout -> what every process is told, and why
TOLD: dict[str, tuple[Files, str, str]] = {
    "wsgi.py and manage.py differ": ({}, "config.settings.production", REASON),
    "the Procfile starts asgi.py": (
        {"config/wsgi.py": "", "config/asgi.py": ASGI, "Procfile": "web: uvicorn config.asgi:application"},
        "config.settings.production",
        REASON.replace("wsgi", "asgi"),
    ),
    "a module passes the application on": (
        {"app.py": "from config.wsgi import application", "Procfile": "web: gunicorn app:application"},
        "config.settings.production",
        REASON,
    ),
    "manage.py has it from elsewhere": (
        {"manage.py": "import os, x\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', x.settings())"},
        "config.settings.production",
        "config/wsgi.py:3 names it for the server, manage.py none that can be seen",
    ),
    "wsgi.py insists": (
        {"config/wsgi.py": WSGI.replace('.setdefault("DJANGO_SETTINGS_MODULE", ', '["DJANGO_SETTINGS_MODULE"] = (')},
        "config.settings.production",
        REASON,
    ),
    "they agree": ({"manage.py": MANAGE.replace("dev", "production")}, "", ""),
    "wsgi.py names none": ({"config/wsgi.py": WSGI.replace("DJANGO_", "OTHER_")}, "", ""),
    "wsgi.py names several": (
        {"config/wsgi.py": WSGI + "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'x')"},
        "",
        "",
    ),
    "wsgi.py looks whether it is set": (
        {"config/wsgi.py": WSGI + "print(os.environ.get('DJANGO_SETTINGS_MODULE', 'x'))"},
        "config.settings.production",
        REASON,
    ),
    "the web line names one": (
        {"Procfile": "web: A=1 DJANGO_SETTINGS_MODULE=config.settings.other gunicorn config.wsgi"},
        "config.settings.other",
        "Procfile:1 names it for the server, manage.py:3 config.settings.dev",
    ),
    "a shell makes that of the web line": (
        {"Procfile": "web: DJANGO_SETTINGS_MODULE=$X gunicorn config.wsgi"},
        "config.settings.production",
        REASON,
    ),
    ".env names one": ({".env": "DJANGO_SETTINGS_MODULE=config.settings.production"}, "", ""),
}


@pytest.mark.parametrize("files, told, reason", TOLD.values(), ids=TOLD.keys())
def test_every_process_uses_the_servers_settings(tmp_path: Path, files: Files, told: str, reason: str) -> None:
    app = django(tmp_path, files)
    assert (app.settings, app.origins.get("settings", "")) == (told, reason)
    assert app.warnings == ()


def test_without_manage_py_there_is_nothing_to_tell(tmp_path: Path) -> None:
    tree(tmp_path, {path: content for path, content in DJANGO.items() if path != "manage.py"})
    app = project.read(tmp_path, config.load(tmp_path))
    assert (app.settings, app.static) == ("", {})  # nobody could collect them


def test_the_settings_of_a_wsgi_module_at_the_top_may_lie_in_src(tmp_path: Path) -> None:
    files = {
        f"src/{path}": content for path, content in DJANGO.items() if path not in ("config/wsgi.py", "requirements.txt")
    }
    tree(tmp_path, {**files, "wsgi.py": WSGI, "requirements.txt": "django\n"})
    assert project.read(tmp_path, config.load(tmp_path)).source == "src"


def test_static_files_and_data_are_those_of_the_servers_settings(tmp_path: Path) -> None:
    app = django(tmp_path, {})
    assert (app.static, app.notes) == ({"/static/": "staticfiles"}, ())
    assert app.persist == ("media/", "prod/x.sqlite3")
    assert app.databases == ("prod/x.sqlite3",)


def test_the_env_file_wins_over_wsgi_and_the_plan_warns(tmp_path: Path) -> None:
    app = django(tmp_path, {".env": "A=1\nDJANGO_SETTINGS_MODULE=config.settings.dev"})
    assert (app.settings, app.static) == ("", {"/static/": "devstatic"})
    (warning,) = app.warnings
    assert warning.startswith(".env:2: DJANGO_SETTINGS_MODULE decides; config/wsgi.py:3 names other settings")
    assert "config.settings.production" in warning and "settings.dev" not in warning


def test_a_wsgi_module_that_insists_on_other_settings_than_the_env_file_is_named(tmp_path: Path) -> None:
    wsgi = WSGI.replace('.setdefault("DJANGO_SETTINGS_MODULE", ', '["DJANGO_SETTINGS_MODULE"] = (')
    app = django(tmp_path, {".env": "DJANGO_SETTINGS_MODULE=config.settings.dev", "config/wsgi.py": wsgi})
    assert app.warnings[0].startswith(
        "config/wsgi.py:3 sets DJANGO_SETTINGS_MODULE to config.settings.production for the server, whatever .env:1"
    )


# -------------------------------------------------------------------------------------------------------- STATIC_ROOT

NOT_SET = "STATIC_ROOT is not set, so collectstatic cannot run and static files are not served"
UNSEEN = (
    "the folder that STATIC_ROOT names cannot be seen in the code; [targets.NAME.static] in paasctl.toml can name it"
)

# production.py -> the folder that is served, and the note
STATIC: dict[str, tuple[str, str, str]] = {
    "as the base says": ("from .base import *\nfrom .dev import STATIC_ROOT", "devstatic", ""),
    "the later star import wins": ("from .dev import *\nfrom .other import *", "other", ""),
    "the later definition wins": ("from .dev import *\nSTATIC_ROOT = 'a'\nSTATIC_ROOT = 'b'", "b", ""),
    "a star import below wins": ("STATIC_URL = '/s'\nSTATIC_ROOT = 'a'\nfrom .dev import *", "devstatic", ""),
    "made of what it was": ("from .dev import *\nSTATIC_ROOT = STATIC_ROOT / 'x'", "devstatic/x", ""),
    "a class for settings": ("class Production(Base):\n    STATIC_URL = 'static/'\n    STATIC_ROOT = 'a'", "a", ""),
    "a developer's own leads elsewhere": (
        "from .dev import *\ntry:\n    from .local import *\nexcept ImportError: ...\n", "devstatic", "",
    ),
    "it leads elsewhere": (
        "from .local import *\nfrom .base import STATIC_URL", "",
        "config/settings/local.py:1: STATIC_ROOT is no folder in the app's, so static files are not served from it",
    ),
    "not set": (
        "from .base import *\nfrom .gone import *",
        "",
        f"config/settings/base.py:4: {NOT_SET} (read: config/settings/production.py, config/settings/base.py)",
    ),
    "set to what cannot be seen": (
        "from .dev import *\nSTATIC_ROOT = env('STATIC')", "", f"config/settings/production.py:2: {UNSEEN}",
    ),
    "imported from what cannot be seen": (
        "from .base import *\nfrom away import STATIC_ROOT", "", f"config/settings/production.py: {UNSEEN}",
    ),
    "elsewhere": ("from .base import *\nSTATIC_URL = 'https://cdn.example.com/'", "", ""),
}  # fmt: skip


@pytest.mark.parametrize("production, folder, note", STATIC.values(), ids=STATIC.keys())
def test_static_root_is_what_the_settings_say_in_the_end(
    tmp_path: Path, production: str, folder: str, note: str
) -> None:
    other = "from .base import *\nSTATIC_ROOT = 'other'\n"
    settings = {"production": production, "other": other, "local": "STATIC_ROOT = '/srv/x'\n"}
    app = django(tmp_path, {f"config/settings/{name}.py": text for name, text in settings.items()})
    assert app.static == ({"/static/": folder} if folder else {})
    assert app.notes == ((note,) if note else ())
