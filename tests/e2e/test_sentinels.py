"""No value of the env shows: not on stdout or stderr, not in any process's arguments, not in a file others may read.

Every command and every failure is run under strace, which records each exec there and in the daemons that live on.
"""

from __future__ import annotations

import os
import socket
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import execs
from support.apps import App, apps
from support.cli import Paasctl, Result
from support.disks import small_disk
from support.projects import Project
from support.sentinels import Sentinels
from support.wrong import TABLE

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
    ["env", "pull", "local", "--yes"],
    ["open", "local"],
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


def test_a_new_secret_is_not_shown(app: App, sentinels: Sentinels) -> None:
    result = app.run("-vv", "env", "secret", "ANOTHER_KEY", "--yes")
    secret = (app.project.root / ".env").read_text().rpartition("ANOTHER_KEY=")[2].strip()
    assert len(secret) >= 32
    assert secret not in result.said
    app.project.env(sentinels.values)


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


@pytest.mark.parametrize("wrong", TABLE, ids=lambda wrong: wrong.__name__)
def test_a_refused_push_shows_no_value(wrong: Callable[[Project], None], app: App, sentinels: Sentinels) -> None:
    wrong(app.project)
    try:
        app.run("-vv", "push", "local", "--yes", code=None)
    finally:
        app.project.restore()
        app.project.env(sentinels.values)


def test_a_machine_that_refuses_shows_no_value(app: App, sentinels: Sentinels) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        app.project.write("paasctl.toml", f"[targets.local]\nport = {server.getsockname()[1]}\n")
        app.run("-vv", "push", "local", "--yes", code=1)
        app.project.restore()
    with small_disk(app.paasctl.home.root / "small") as (disk, limit):
        app.project.write("large.bin", os.urandom(6_000_000).hex())
        full = Paasctl(app.project.root, app.paasctl.home, prefix=limit, XDG_DATA_HOME=str(disk))
        full.recorder, full.after = app.paasctl.recorder, app.paasctl.after
        full.run("-vv", "push", "local", "--yes", code=1)
        full.run("down", "local", "--purge", "--yes", code=None)
        app.project.restore()
    app.push()


def test_logs_that_are_followed_show_no_value(app: App, sentinels: Sentinels) -> None:
    following = app.start("-vv", "logs", "local", "-f")
    assert following.wait_output("", 20)
    app.get("/orders", b"fruit=apple")
    following.kill(2)
    sentinels.check(following.wait(20).said, "logs -f")


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
