"""Operations on real processes: a restart that is cut short, a process that is down, a push beside another."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from support.apps import App, Maker

pytestmark = pytest.mark.e2e

CONFIG = "[targets.local.processes.web]\ninstances = 1\n"


@pytest.fixture(scope="module")
def app(make_shared_app: Maker) -> App:
    """A small app with one web process and a worker."""
    app = make_shared_app("plain_wsgi")
    app.project.write("Procfile", "web: gunicorn wsgi\nworker: python worker.py\n")
    app.project.write("worker.py", "import time\nprint('working', flush=True)\nwhile True:\n    time.sleep(0.2)\n")
    app.project.write("requirements.txt", "gunicorn>=22\n")
    app.project.write("paasctl.toml", CONFIG)
    app.project.commit("processes")
    app.first_push()
    return app


def until(holds: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def target(app: App) -> Any:
    return app.paasctl.status()["targets"][0]


def states(app: App) -> dict[str, str]:
    return {each["name"]: each["state"] for each in target(app)["processes"]}


@pytest.mark.parametrize("process", ["gunicorn", "worker.py"])
def test_a_restart_that_is_interrupted_leaves_every_process_running(process: str, app: App) -> None:
    before = {one.pid for one in app.paasctl.processes() if process in one.line}
    running = app.start("restart", "local", "--yes")

    def ended() -> bool:
        return not before <= {one.pid for one in app.paasctl.processes()}

    until(ended, "nothing was restarted")
    running.kill(signal.SIGINT)
    result = running.wait()
    assert result.code == 130 and "nothing was changed" not in result.err, result
    assert states(app) == {"web.0": "running", "worker.0": "running"}
    assert target(app)["healthy"] is True
    assert app.serves() == app.project.version


def test_a_process_that_is_down_is_not_healthy(app: App) -> None:
    (conf,) = app.paasctl.home.data.rglob("supervisord.conf")
    words = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(conf), "stop", "worker:worker_0"]
    subprocess.run(words, check=True, capture_output=True)
    found = target(app)
    assert (found["healthy"], found["health"]) == (False, "worker.0 is stopped")
    shown = app.run("status", "local").out
    assert "NOT healthy (worker.0 is stopped)" in shown and "nothing" not in shown
    app.push()
    assert target(app)["healthy"] is True and states(app)["worker.0"] == "running"


def test_a_push_that_waits_for_another_has_nothing_to_do(app: App) -> None:
    app.project.bump()
    first = app.start("push", "local", "--yes")
    assert first.wait_text("[1/")
    assert first.wait_text("current")
    second = app.push("--wait")
    assert first.wait().code == 0
    assert "nothing to do" in second.out and "interrupted" not in second.err, second
    assert app.serves() == app.project.version


def test_status_and_open_show_what_runs_and_not_what_is_configured(app: App) -> None:
    url = target(app)["url"]
    try:
        app.project.write("paasctl.toml", f"[targets.local]\nport = {free_port()}\n{CONFIG}")
        assert target(app)["url"] == url
        assert app.run("restart", "local", "--yes").code == 0
        assert target(app)["url"] == url and app.serves() == app.project.version
    finally:
        app.project.write("paasctl.toml", CONFIG)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_logs_of_a_process_that_is_not_there(app: App) -> None:
    result = app.run("logs", "local", "--process", "wrker", code=2)
    assert "there is no process 'wrker'" in result.err and "web, worker" in result.err
    assert "working" in app.run("logs", "local", "--process", "worker").out


def test_a_reader_of_the_logs_who_has_enough(app: App) -> None:
    words = app.paasctl.command(["logs", "local"])
    script = '"$@" | head -n 1'
    done = subprocess.run(
        ["bash", "-c", f"{script}; exit ${{PIPESTATUS[0]}}", "bash", *words],
        env=app.paasctl.environ(), cwd=os.fspath(app.paasctl.home.root), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert len(done.stdout.splitlines()) == 1 and done.returncode in (0, 141), done
