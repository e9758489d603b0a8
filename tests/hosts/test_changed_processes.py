"""A Procfile that gets a process: setup prepares the host for it, and releases from before can still come back.

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
