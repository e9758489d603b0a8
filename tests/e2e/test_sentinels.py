"""No value of the env shows: not on stdout or stderr, not in any process's arguments, not in a file others may read.

Every command and every failure is run under strace, which records each exec there and in the daemons that live on.
"""

from __future__ import annotations

import os
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import execs
from support.apps import App, apps
from support.cli import Result
from support.sentinels import Sentinels

pytestmark = [pytest.mark.e2e, pytest.mark.once]


@pytest.fixture(scope="module")
def sentinels() -> Sentinels:
    return Sentinels()


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[execs.Recorder | None]:
    if execs.why_not():
        yield None
        return
    recorder = execs.Recorder(tmp_path_factory.mktemp("execs"))
    yield recorder
    recorder.stop()


@pytest.fixture(scope="module")
def app(sentinels: Sentinels, recorder: execs.Recorder | None) -> Iterator[App]:
    """The shop with secrets for an env; every command that runs for it is searched."""
    with apps() as make:
        app = make("flask_shop")
        app.project.env(sentinels.values)
        own = [app.project.root / ".env"]

        def search(result: Result) -> None:
            what = f"paasctl {' '.join(result.words[:2])}"
            sentinels.check(result.out, f"stdout of {what}")
            sentinels.check(result.err, f"stderr of {what}")
            sentinels.check_files([app.paasctl.home.root, app.project.root, *runs()], but=own)
            if recorder:
                sentinels.check(recorder.text(), f"the arguments of a process that {what} started")

        app.paasctl.recorder, app.paasctl.after = recorder, search
        app.url = app.push("-vv").url
        yield app


def runs() -> list[Path]:
    """Folders of short names that paasctl makes for sockets, when its own folder's name is too long."""
    return list(Path("/tmp").glob(f"paasctl-{os.getuid()}"))


def test_the_arguments_of_processes_are_recorded(recorder: execs.Recorder | None, app: App) -> None:
    if recorder is None:
        pytest.skip(execs.why_not())
    text = recorder.text()
    for program in ("gunicorn", "supervisord", "uv", "worker.py", "flask"):
        assert program in text, f"the record is not complete: {program} is missing"


def test_the_app_has_every_value_as_it_is(app: App, sentinels: Sentinels) -> None:
    from support.projects import fingerprint

    for name, value in sentinels.values.items():
        got = app.get(f"/env/{urllib.parse.quote(name)}").json()
        assert got == {"set": True, "fingerprint": fingerprint(value)}, name


COMMANDS = [
    ["status", "local", "-vv"],
    ["status", "local", "--json"],
    ["releases", "local"],
    ["releases", "local", "--json"],
    ["targets"],
    ["doctor", "local"],
    ["doctor", "local", "--json"],
    ["logs", "local", "-n", "500"],
    ["env", "diff", "local"],
    ["env", "diff", "local", "--json"],
    ["env", "sync", "local", "--dry-run"],
    ["env", "sync", "local", "--yes"],
    ["env", "check"],
    ["env", "pull", "local", "--dry-run"],
    ["push", "local", "--dry-run", "-vv"],
    ["push", "local", "--dry-run", "--json"],
    ["push", "local", "--check"],
    ["push", "local", "--yes", "--json"],
    ["init", "local", "--dry-run"],
    ["run", "local", "--", "python", "-c", "print(1)"],
    ["run", "local", "--", "flask", "no-such-command"],
    ["restart", "local", "--yes"],
    ["rollback", "local", "no-such-release", "--yes"],
    ["unlock", "local", "--yes"],
    ["push", "no-such-target", "--yes"],
    ["push", "local", "--no-such-option"],
]


def spoken(words: list[str]) -> list[str]:
    """The words with -vv where paasctl takes it: before the command."""
    return ["-vv", *(word for word in words if word != "-vv")] if "-vv" in words else words


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_command_shows_no_value(words: list[str], app: App) -> None:
    result = app.run(*spoken(words), code=None)
    assert result.said.strip()


def test_a_changed_value_is_not_shown(app: App, sentinels: Sentinels) -> None:
    changed = {**sentinels.values, "MAIL_PASSWORD": sentinels.values["MAIL_PASSWORD"] + "2"}
    app.project.env(changed)
    assert "MAIL_PASSWORD" in app.push().out
    del changed["DASHED"]
    app.project.env(changed)
    app.push("--delete")
    app.project.env(sentinels.values)
    app.push()


@pytest.mark.parametrize("what", ["import", "health", "release", "requirements"])
def test_a_broken_release_shows_no_value(what: str, app: App) -> None:
    getattr(app.project, f"break_{what}")()
    app.run("-vv", "push", "local", "--yes", code=1)
    app.project.restore()


LEAKS = {
    "in an exception": "import os\nraise RuntimeError(f'cannot use {dict(os.environ)}')\n",
    "by print": "import os\nprint(os.environ['MAIL_PASSWORD'], os.environ['DASHED'])\nraise RuntimeError('no')\n",
}


@pytest.mark.parametrize("how", LEAKS)
def test_an_app_that_shows_its_own_secrets_is_masked(how: str, app: App) -> None:
    path = app.project.root / "wsgi.py"
    path.write_text(LEAKS[how] + path.read_text())
    try:
        assert "RuntimeError" in app.run("-vv", "push", "local", "--yes", code=1).err
    finally:
        app.project.restore()


def test_a_bad_env_file_shows_no_value(app: App, sentinels: Sentinels) -> None:
    value = sentinels.values["SECRET_KEY"]
    for bad in (f"SECRET KEY={value}\n", f"A='{value}\n", f"A={value}\nA={value}\n", f"A=${{{value}}}\n", f"{value}\n"):
        app.project.write(".env", bad)
        (app.project.root / ".env").chmod(0o600)
        try:
            app.run("-vv", "push", "local", "--yes", code=2)
        finally:
            app.project.env(sentinels.values)


def test_a_killed_push_leaves_nothing_readable(app: App, sentinels: Sentinels) -> None:
    app.project.bump()
    for line in (1, 3, 5):
        app.project.env({**sentinels.values, "N": str(line)})
        running = app.start("push", "local", "--yes")
        running.wait_lines(line)
        running.kill()
        sentinels.check(running.wait().said, "a killed push")
        sentinels.check_files([app.paasctl.home.root, *runs()], but=[app.project.root / ".env"])
    app.project.env(sentinels.values)
    app.push()


def test_rollback_and_down_show_no_value(app: App) -> None:
    app.run("-vv", "rollback", "local", "--yes")
    app.run("-vv", "down", "local", "--yes")
    app.run("-vv", "down", "local", "--purge", "--yes")
