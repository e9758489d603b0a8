"""What a user who is not root pushes from one folder: releases are read-only, for what is installed and what logs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.apps import App, apps

pytestmark = pytest.mark.e2e

NOBODY = 65534
#: reads what root can (the tests' own Python may lie in root's home) and writes what nobody can
AS_NOBODY = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
READS = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
PROJECT = '[project]\nname = "{0}"\nversion = "1"\n[tool.setuptools]\npy-modules = ["{0}"]\n'
LOGS = """import os
import logging

logging.getLogger("app").addHandler(logging.FileHandler("app.log"))
logging.getLogger("app").error("RECORD 1")
"""


@pytest.fixture
def app() -> Iterator[App]:
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("needs setpriv, to be another user than root")
    with apps() as make:
        app = make("plain_wsgi")
        if os.geteuid() == 0:
            app.paasctl.prefix = (*AS_NOBODY, *READS)
        app.paasctl.extra["UV_CACHE_DIR"] = str(app.paasctl.home.root / "uv")
        yield app


def hand_over(app: App) -> None:
    """What the test wrote as root belongs to the user who pushes."""
    if os.geteuid() == 0:
        folder = app.paasctl.home.root.parent
        for path in (folder, *folder.rglob("*")):
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)


def greeting(app: App, text: str) -> None:
    app.project.write("libs/greet/greet.py", f"TEXT = {text!r}\n")


@pytest.mark.parametrize("line", ["./libs/greet", "-e ./libs/greet"])
def test_a_local_project_is_installed_and_renewed(app: App, line: str) -> None:
    app.project.write("libs/greet/pyproject.toml", PROJECT.format("greet"))
    app.project.write("requirements.txt", f"gunicorn>=22\n{line}\n")
    app.project.replace("wsgi.py", "import os\n", "import os\n\nimport greet\n")
    app.project.replace("wsgi.py", "\\nhello\\n", "\\n{greet.TEXT}\\n")
    greeting(app, "from the library")
    hand_over(app)
    pushed = app.push()
    app.url = pushed.url
    assert ("not editable" in pushed.said) == line.startswith("-e")
    assert "from the library" in app.get("/").body
    # what declares the library stays as it is, which is all that uv's cache looks at
    greeting(app, "from the new one")
    hand_over(app)
    app.push()
    assert "from the new one" in app.get("/").body
    assert not list(Path(app.paasctl.home.data).rglob("build-*")), "the copy is gone"


def test_a_log_file_in_the_apps_own_folder_outlives_its_releases(app: App) -> None:
    app.project.replace("wsgi.py", "import os\n", LOGS)
    hand_over(app)
    app.url = app.push().url
    assert app.get("/").status == 200
    (log,) = app.paasctl.home.root.rglob("shared/app.log")
    assert log.read_text().count("RECORD 1") >= 1
    app.project.replace("wsgi.py", "RECORD 1", "RECORD 2")
    hand_over(app)
    app.push()
    assert {"RECORD 1", "RECORD 2"} <= {line.partition(" request")[0] for line in log.read_text().splitlines()}
