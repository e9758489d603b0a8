"""Somebody, or a power cut, has damaged what an app has on this machine: paasctl says so and can bring it in order."""

from __future__ import annotations

import json
import os
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


def code(app: App) -> Path:
    """Where the code of the live release lies."""
    document = folder(app) / "current" / "release.json"
    return Path(json.loads(document.read_text())["code"])


def changed_by_hand(app: App) -> Path:
    """Write into a file of the live release, which is read-only; returns the file."""
    victim = code(app) / "wsgi.py"
    victim.parent.chmod(0o755)
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


@pytest.mark.once
def test_code_that_was_written_anew_by_a_push_that_died_is_run_after_the_next(app: App) -> None:
    before = {one.pid for one in app.paasctl.processes() if "gunicorn" in one.line}
    changed_by_hand(app)
    running = app.start("push", "local", "--yes")
    assert running.wait_text("upload the code") and running.wait_text("[3/")
    running.kill()
    running.wait()
    app.push("--wait")
    assert before and not before & {one.pid for one in app.paasctl.processes()}
    assert "nothing to do" in app.push().out


def test_contents_that_were_cut_short_are_sent_again_by_one_push(app: App) -> None:
    """A power cut leaves files that have their names and no contents."""
    changed_by_hand(app)
    for stored in (folder(app) / "objects").iterdir():
        os.truncate(stored, 0)
    app.push()
    assert app.serves() == app.project.version
    assert "nothing to do" in app.push().out


def test_an_environment_whose_python_is_gone_is_made_anew(app: App) -> None:
    (python,) = folder(app).glob("venvs/*/bin/python")
    python.unlink()
    assert "push" in app.run("restart", "local", "--yes", code=1).err
    assert "install the dependencies" in app.push().out
    assert "nothing to do" in app.push().out
    app.run("restart", "local", "--yes")
    assert app.serves() == app.project.version


def test_a_restart_never_starts_code_that_was_changed(app: App) -> None:
    changed_by_hand(app)
    app.run("restart", "local", "--yes")
    assert {app.serves() for _ in range(10)} == {app.project.version}


APPENDS = """
import os

def application(environ, start_response):
    os.chmod("data.txt", 0o644)
    with open("data.txt", "a") as file:
        file.write("written by the app\\n")
    start_response("200 OK", [])
    return [b"written"]
"""


def test_what_the_app_writes_into_its_code_changes_no_other_release(make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    app.project.write("data.txt", "as it was pushed\n")
    app.first_push()
    first = code(app)
    app.project.write("wsgi.py", APPENDS)
    app.push()
    assert app.get("/").body == "written"
    assert "written by the app" in (code(app) / "data.txt").read_text()
    assert (first / "data.txt").read_text() == "as it was pushed\n"
