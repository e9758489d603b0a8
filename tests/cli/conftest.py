"""A home and a project of their own for every test, and adapters installed through real entry points."""

from __future__ import annotations

import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from paasctl.cli import cli

HERE = Path(__file__).parent
ENTRY_POINTS = """[paasctl.targets]
fake = fake_paas:Fake
clumsy = fake_paas:Clumsy
buggy = fake_paas:Buggy
broken = fake_paas_that_is_missing:Broken
"""

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like site-packages with one third-party distribution in it."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copy(HERE / "fake_paas.py", folder)
    metadata = folder / "fake_paas-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: fake-paas\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture(autouse=True)
def world(plugins: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The fake platform, empty; the home folder is elsewhere, and the terminal is not one."""
    monkeypatch.syspath_prepend(str(plugins))
    home = tmp_path / "home"
    home.mkdir()
    for name in [*os.environ]:
        if name.startswith(("GIT_", "PAASCTL_", "XDG_", "HEROKU_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    module = importlib.import_module("fake_paas")
    module.WORLD.clear()
    module.WORLD.contexts.clear()
    yield module.WORLD


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A Flask app with a .env, and one target on the fake platform."""
    root = tmp_path / "bluelog"
    root.mkdir()
    (root / "wsgi.py").write_text("from flask import Flask\n\napp = Flask(__name__)\n")
    (root / "requirements.txt").write_text("flask==3.1.2\ngunicorn==23.0.0\n")
    (root / "runtime.txt").write_text("python-3.11.7\n")
    (root / "Procfile").write_text("web: gunicorn wsgi:app\n")
    (root / ".env").write_text("SECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\nMAIL_SERVER=mail.sentinel-2.test\n")
    (root / ".env").chmod(0o600)
    (root / "paasctl.toml").write_text('[targets.shop]\nadapter = "fake"\n')
    return root


@pytest.fixture
def run(project: Path) -> Run:
    """Run paasctl in the project: ``run("push", "-y", code=0)``; ``answers`` are typed at a terminal."""

    def runner(*words: str, code: int | None = 0, answers: str | None = None) -> Result:
        with pytest.MonkeyPatch.context() as patch:
            if answers is not None:
                patch.setattr("paasctl.console.is_interactive", lambda: True)
            result = CliRunner().invoke(cli, ["-C", str(project), *words], input=answers)
        shown = f"exit {result.exit_code}\n--- stdout\n{result.stdout}\n--- stderr\n{result.stderr}"
        assert "sentinel" not in shown, shown
        assert code is None or result.exit_code == code, shown
        return result

    return runner
