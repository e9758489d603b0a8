"""How a push treats the processes: one start each, Ctrl-C in the middle, a long stop, a restart that fails."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter
from pathlib import Path

import pytest
from support.apps import App, Maker

pytestmark = pytest.mark.e2e

PROCFILE = "web: gunicorn wsgi\nworker: python worker.py\n"
WORKER = "import time\nwhile True:\n    time.sleep(0.2)\n"
ODD = "x ;y #z %d 'q"


def with_worker(app: App, worker: str = WORKER) -> None:
    app.project.write("Procfile", PROCFILE)
    app.project.write("requirements.txt", "gunicorn>=22\n")
    app.project.write("worker.py", worker)
    app.project.commit("processes")


def host(app: App) -> Path:
    """The app's folder on this machine."""
    (found,) = app.paasctl.home.data.rglob("supervisord.conf")
    return found.parent


def supervisor_log(app: App) -> str:
    return (host(app) / "logs" / "supervisord.log").read_text()


def supervisor(app: App) -> int:
    """The process id of its supervisord."""
    (found,) = [one for one in app.paasctl.processes() if "supervisord" in one.line]
    return found.pid


def test_each_process_is_started_once(make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    with_worker(app)
    app.first_push()
    log = supervisor_log(app)
    assert Counter(re.findall(r"spawned: '(\w+)'", log)) == {"web_0": 1, "web_1": 1, "worker_0": 1}, log
    assert "SIGTERM" not in log

    (host(app) / "logs" / "supervisord.log").write_text("")
    os.kill(supervisor(app), signal.SIGKILL)
    app.url = app.push().url
    log = supervisor_log(app)
    assert Counter(re.findall(r"spawned: '(\w+)'", log)) == {"web_0": 1, "web_1": 1, "worker_0": 1}, log
    assert "SIGTERM" not in log

    (host(app) / "logs" / "supervisord.log").write_text("")
    app.project.write("Procfile", PROCFILE + "clock: python worker.py\n")
    app.push()
    assert re.findall(r"spawned: '(clock_\d)'", supervisor_log(app)) == ["clock_0"]


def slow_to_start(app: App) -> None:
    """Quick where no visitor comes, and never ready where they do."""
    path = app.project.root / "wsgi.py"
    path.write_text("import os, time\nif 'PAASCTL_SHARED_FD' in os.environ:\n    time.sleep(1000)\n" + path.read_text())


def test_ctrl_c_while_a_process_is_slow_to_start(make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    app.first_push()
    slow_to_start(app)
    running = app.start("push", "local", "--yes")
    assert running.wait_text("restart one after the other")
    (log,) = app.paasctl.home.data.rglob("logs/supervisord.log")
    while log.read_text().count("spawned: 'web_0'") < 2:
        assert running.process.poll() is None
    running.kill(signal.SIGINT)
    result = running.wait()
    assert result.code == 130, result
    assert "undone" in result.err, result
    app.project.restore()
    assert {app.serves() for _ in range(10)} == {"v001"}
    assert "nothing to do" in app.push().out


FAILS_ONCE_ASKED = """\
import os
if os.path.exists(os.environ["SWITCH"]) and "PAASCTL_SHARED_FD" in os.environ:
    raise RuntimeError("broken on purpose")
"""


def test_a_restart_that_fails_says_who_still_serves(make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    switch = app.paasctl.home.root / "broken"
    path = app.project.root / "wsgi.py"
    path.write_text(FAILS_ONCE_ASKED + path.read_text())
    app.first_push(SWITCH=str(switch))
    switch.touch()
    result = app.run("restart", "local", "--yes", code=5)
    assert "web.0 of v1 is not healthy" in result.err, result
    assert "v1 still serves on web.1" in result.err, result
    assert app.serves() == "v001"
    switch.unlink()
    app.run("restart", "local", "--yes")
    assert app.states() == {"running"}


def test_a_rollback_that_fails_leaves_the_good_release_good(make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    switch = app.paasctl.home.root / "broken"
    path = app.project.root / "wsgi.py"
    old = path.read_text()
    path.write_text(FAILS_ONCE_ASKED.replace("PAASCTL_SHARED_FD", "PAASCTL_PROBE_SOCKET") + old)
    app.first_push(SWITCH=str(switch))
    path.write_text(old)
    app.project.bump(commit=False)
    app.push()
    switch.touch()
    app.run("rollback", "local", "v1", "--yes", code=1)
    assert app.live() == "v2"
    assert {one["id"]: one["state"] for one in app.releases()} == {"v2": "live", "v1": "good"}
    switch.unlink()
    app.run("rollback", "local", "v1", "--yes")
    assert app.live() == "v1"


STUBBORN = """\
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(os.environ["BEGAN"], "w").close()
while True:
    time.sleep(0.1)
"""


def test_a_push_waits_for_a_supervisor_that_is_ending(make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    with_worker(app, STUBBORN)
    app.project.write("paasctl.toml", "[targets.local.processes.worker]\nstop_wait = 6\n")
    began = app.paasctl.home.root / "began"
    app.first_push(BEGAN=str(began))
    while not began.exists():
        assert app.running()
    os.kill(supervisor(app), signal.SIGTERM)
    while "waiting for" not in supervisor_log(app):
        assert app.running()
    app.url = app.push().url
    assert app.serves() == "v001"
    assert app.states() == {"running"}


def test_a_data_folder_whose_name_means_something_to_supervisor(make_app: Maker) -> None:
    app = make_app("plain_wsgi")
    app.paasctl.extra["XDG_DATA_HOME"] = str(app.paasctl.home.data / ODD)
    app.first_push()
    app.project.bump()
    app.push()
    assert {app.serves() for _ in range(6)} == {"v002"}
    app.run("down", "local", "--purge", "--yes")
    assert not app.running()
