"""Which processes there are and what they are told: setup prepares the host, earlier releases can still come back.

The tests share one app and run in their order.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hostlab.apps import SECRET, HostApp

pytestmark = pytest.mark.hosts

WEB = "web: gunicorn wsgi:application\n"
WORKER = "import time\n\nwhile True:\n    time.sleep(1)\n"


@pytest.fixture(scope="module")
def app(make_shared_app: Callable[..., HostApp]) -> HostApp:
    app = make_shared_app("plain_wsgi")
    app.project.env(SECRET_KEY=SECRET)
    app.project.write("requirements.txt", "gunicorn\n")
    app.project.write("Procfile", WEB)
    app.project.commit("without a worker")
    app.setup()
    app.push()
    return app


def test_a_release_with_a_new_process_that_fails_gives_way_to_the_one_before(app: HostApp) -> None:
    version = app.serves()
    app.project.write("Procfile", WEB + "worker: python worker.py\n")
    app.project.write("worker.py", "raise SystemExit('the worker ends on purpose')\n")
    app.project.bump()
    assert "paasctl setup linux" in app.push(code=2).err
    app.setup()
    result = app.push(code=1)
    assert "on purpose" in result.err
    assert "v1 serves again" in result.err
    assert (app.serves(), app.live()) == (version, "v1")
    assert app.status()["healthy"] is True


def test_a_rollback_to_other_processes_names_the_setup_that_it_needs(app: HostApp) -> None:
    app.project.write("worker.py", WORKER)
    app.project.commit("a worker that works")
    app.push()
    version, running = app.serves(), app.running()
    result = app.run("rollback", "linux", "v1", "--yes", code=2)
    assert "worker: 1 with stop_wait 35 there, none in v1" in result.err
    first = app.project.git("log", "--format=%h", "--abbrev=10", "--grep=without a worker").strip()
    assert f"in a checkout of {first}" in result.err
    assert (app.serves(), app.running()) == (version, running)


def test_after_that_setup_the_rollback_goes_through(app: HostApp) -> None:
    app.project.git("checkout", "-q", "main~2")
    app.setup()
    app.run("rollback", "linux", "v1", "--yes")
    assert (app.serves(), app.live()) == (app.project.version, "v1")
    assert not [name for name in app.running() if "worker" in name]
    app.project.git("checkout", "-q", "main")
    app.setup()
    app.push()
    assert app.serves() == app.project.version
    assert [name for name in app.running() if "worker" in name]


def test_what_the_configuration_says_of_a_process_is_in_force(app: HostApp) -> None:
    app.configure("\n[targets.linux.processes.web]\ninstances = 3\nworkers = 2\nthreads = 1\nstop_wait = 7\n")
    app.setup()
    app.push()
    assert len([name for name in app.running() if "web" in name]) == 3
    masters_and_workers = app.host.out(f"pgrep -u {app.name} -fc '[g]unicorn'").strip()
    assert masters_and_workers == str(3 * (1 + 2))
    assert "Using worker: sync" in app.run("logs", "linux", "--process", "web.2", "-n", "50").out, "one thread"
    waits = app.host.out(f"grep -h stopwaitsecs /etc/supervisor/conf.d/paasctl-{app.name}.conf").split()
    assert "stopwaitsecs=7" in waits


def test_a_command_that_hangs_is_named_and_ended_by_unlock(app: HostApp) -> None:
    before, good = app.live(), (app.project.root / "paasctl.toml").read_text()
    app.project.replace("paasctl.toml", "\n[targets.linux]", "release = 'sleep 1000'\n\n[targets.linux]")
    hanging = app.paasctl.start("push", "linux", "--yes", "-v")
    assert hanging.wait_text("release command"), hanging.wait()
    assert "is busy with a push" in app.push(code=1).err
    result = app.run("unlock", "linux", "--yes")
    assert "end a push of" in result.said
    assert hanging.wait(60).code == 1
    assert app.live() == before
    assert not app.host.ssh(f"pgrep -u {app.name} -x sleep", check=False).stdout
    app.project.write("paasctl.toml", good)
    assert "nothing to do" in app.push().out
    assert "nothing to do" in app.run("unlock", "linux", "--yes").out
