"""Somebody, or a power cut, has damaged what an app has on this machine: paasctl says so and can bring it in order."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.apps import App, Maker

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def app(make_shared_app: Maker) -> App:
    app = make_shared_app("plain_wsgi")
    app.first_push()
    return app


def folder(app: App) -> Path:
    (found,) = app.paasctl.home.data.glob("paasctl/local/*")
    return found


def changed_by_hand(app: App) -> Path:
    """Write into a file of the live release, which is read-only; returns the file."""
    (code,) = {path for path in (folder(app) / "code").iterdir() if path.is_dir()}
    victim = next(path for path in code.rglob("wsgi.py"))
    code.chmod(0o755)
    victim.chmod(0o644)
    victim.write_text("raise SystemExit('changed by hand')\n")
    return victim


def test_an_env_that_cannot_be_read_locks_nobody_out(app: App) -> None:
    newest = max((folder(app) / "env").glob("*.json"), key=lambda path: path.stat().st_mtime)
    newest.write_text('{"env": ')
    refused = app.push(code=1)
    assert "the env of the live release is missing or damaged; nothing was changed" in refused.err
    assert "--force" in refused.err
    assert app.run("status", "local", code=None).code in (0, 1)
    app.run("down", "local", "--dry-run")
    app.push("--force")
    assert app.serves() == app.project.version
    assert "nothing to do" in app.push().out


def test_code_that_was_changed_on_the_machine_is_written_anew(app: App) -> None:
    victim = changed_by_hand(app)
    result = app.push()
    assert "files of the live release were changed on the host" in result.err
    assert app.serves() == app.project.version
    assert "changed by hand" not in victim.read_text()
    assert "nothing to do" in app.push().out


def test_a_restart_never_starts_code_that_was_changed(app: App) -> None:
    changed_by_hand(app)
    app.run("restart", "local", "--yes")
    assert {app.serves() for _ in range(10)} == {app.project.version}
