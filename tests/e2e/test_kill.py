"""paasctl is killed, or meets another paasctl, in the middle of a push: the old or the new release serves, and the
next push brings it to an end."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from support.apps import SECRET, App, Maker

pytestmark = [pytest.mark.e2e, pytest.mark.once]

MOMENTS = 10


@pytest.fixture(scope="module")
def app(make_shared_app: Maker) -> App:
    """A small app with a worker and a release command."""
    app = make_shared_app("plain_wsgi")
    app.project.write("Procfile", "web: gunicorn wsgi\nworker: python worker.py\nrelease: python -c 'print(1)'\n")
    app.project.write("worker.py", "import time\nprint('working', flush=True)\nwhile True:\n    time.sleep(0.2)\n")
    app.project.write("requirements.txt", "gunicorn>=22\n")
    app.project.commit("processes")
    app.first_push()
    return app


@pytest.fixture(scope="module")
def lines_of_a_push(app: App) -> list[tuple[float, str]]:
    """What a whole push says, and when."""
    app.project.bump()
    began, running, seen = time.monotonic(), app.start("push", "local", "--yes"), []
    while running.wait_lines(len(seen) + 1):
        seen.append((time.monotonic() - began, running.lines[len(seen)]))
    assert running.wait().code == 0
    assert len(seen) >= 5, seen
    return seen


@pytest.fixture(autouse=True)
def settled(app: App) -> None:
    """Whatever the test before left behind is over, so that one failure is not counted again and again."""
    end = time.monotonic() + 60
    while (result := app.push(code=None)).code and time.monotonic() < end:
        time.sleep(2)
    app.url = result.url if result.code == 0 else app.url


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_a_push_that_is_killed(moment: int, app: App, lines_of_a_push: list[tuple[float, str]]) -> None:
    line, extra = divmod(moment * len(lines_of_a_push), MOMENTS)
    before = app.serves()
    after = app.project.bump()
    running = app.start("push", "local", "--yes")
    assert running.wait_lines(line + 1), running.wait()
    # between two lines: a part of the time that this step took in the whole push
    following = lines_of_a_push[min(line + 1, len(lines_of_a_push) - 1)][0]
    time.sleep((following - lines_of_a_push[line][0]) * extra / MOMENTS)
    running.kill()
    said = running.wait()
    seen = {app.serves() for _ in range(10)}
    assert seen in ({before}, {after}, {before, after}), said
    result = app.push()
    assert {app.serves() for _ in range(10)} == {after}, f"{said}\n{result}"
    assert "nothing to do" in app.push().out
    assert app.states() == {"running"}
    strays = [one for one in app.paasctl.processes() if "paasctl" in one.line and "push" in one.line]
    assert not strays


def test_ctrl_c_leaves_the_old_release_and_says_so(app: App) -> None:
    before = app.serves()
    app.project.bump()
    running = app.start("push", "local", "--yes")
    assert running.wait_text("[2/")
    running.kill(signal.SIGINT)
    result = running.wait()
    assert result.code == 130, result
    assert "interrupted" in result.err
    assert "Traceback" not in result.err
    assert app.serves() == before
    app.push()
    assert app.serves() == app.project.version


def test_a_first_push_that_is_killed_while_it_installs(make_app: Maker) -> None:
    app = make_app("factory_app")
    app.project.env(SECRET_KEY=SECRET)
    running = app.start("push", "local", "--yes")
    assert running.wait_text("install")
    time.sleep(0.2)
    running.kill()
    running.wait()
    app.url = app.push().url
    assert app.serves() == "v001"


def test_two_pushes_at_once(app: App) -> None:
    app.project.bump()
    first = app.start("push", "local", "--yes")
    assert first.wait_text("[2/")
    second = app.start("push", "local", "--yes").wait()
    assert first.wait().code == 0
    assert app.serves() == app.project.version
    if second.code == 1:  # the first took longer than a push waits for another
        assert "push" in second.err and "since" in second.err, second
    elif second.code == 4:  # it waited, and what it had planned no longer holds
        assert "meanwhile; this command changed nothing" in second.err, second
    else:
        assert "nothing to do" in second.out, second
    assert "nothing to do" in app.push().out


def test_two_apps_pushed_for_the_first_time_at_once_get_ports_of_their_own(make_app: Maker) -> None:
    one, other = make_app("plain_wsgi", "one"), make_app("plain_wsgi", "other")
    pushes = [each.start("push", "local", "--yes") for each in (one, other)]
    results = [push.wait() for push in pushes]
    for app, result in zip((one, other), results, strict=True):
        assert result.code == 0, result
        app.url = result.url
        assert app.serves() == "v001"
    assert one.url != other.url


def test_a_lock_that_a_dead_push_left_is_taken_over(app: App) -> None:
    app.project.bump()
    running = app.start("push", "local", "--yes")
    assert running.wait_text("[2/")
    running.kill()
    running.wait()
    app.run("unlock", "local", "--yes")
    app.push()
    assert app.serves() == app.project.version


def test_supervisor_is_killed_and_the_next_push_brings_the_app_back(app: App) -> None:
    (supervisor,) = [one for one in app.paasctl.processes() if "supervisord" in one.line]
    os.kill(supervisor.pid, signal.SIGKILL)
    app.project.bump()
    result = app.push()
    app.url = result.url
    assert {app.serves() for _ in range(10)} == {app.project.version}
    assert sum("supervisord" in one.line for one in app.paasctl.processes()) == 1
    assert app.states() == {"running"}


def settled_by_itself(app: App) -> None:
    """What paasctl left behind comes to an end without any further command."""
    end = time.monotonic() + 120
    while (folder := next(app.paasctl.home.data.glob("paasctl/local/*/operation.json"), None)) is not None:
        assert time.monotonic() < end, folder.read_text()
        time.sleep(0.2)
    assert app.states() == {"running"}
    details = {one["detail"] for one in app.paasctl.status()["targets"][0]["processes"]}
    assert details == {f"runs {app.live()}"}


def test_a_roll_whose_paasctl_is_killed_comes_to_its_end(app: App) -> None:
    app.project.bump()
    running = app.start("push", "local", "--yes")
    assert running.wait_text("web.0 runs")
    running.kill()
    running.wait()
    settled_by_itself(app)
    assert {app.serves() for _ in range(10)} == {app.project.version}
    assert "nothing to do" in app.push().out


def test_a_release_that_fails_when_nobody_listens_any_more_is_undone(app: App) -> None:
    before, live = app.serves(), app.live()
    worker = (app.project.root / "worker.py").read_text()
    app.project.bump()
    app.project.write("worker.py", "import sys\nprint('cannot work', flush=True)\nsys.exit(1)\n")
    running = app.start("push", "local", "--yes")
    assert running.wait_text("web.0 runs")
    running.kill()
    running.wait()
    settled_by_itself(app)
    assert (app.serves(), app.live()) == (before, live)
    app.project.write("worker.py", worker)


def test_a_rollback_that_died_after_the_rename_is_finished_by_the_next(app: App) -> None:
    older, version = app.live(), app.serves()
    app.project.bump()
    app.push()
    (folder,) = app.paasctl.home.data.glob("paasctl/local/*")
    (folder / "operation.json").write_text(json.dumps({"to": older, "from": app.live(), "back": True}))
    (folder / "current").unlink()
    (folder / "current").symlink_to(f"releases/{older}")
    result = app.run("rollback", "local", "--yes")
    assert f"the last rollback was interrupted after it made {older} current" in result.err
    assert (app.live(), {app.serves() for _ in range(10)}) == (older, {version})
    settled_by_itself(app)


def test_unlock_ends_a_release_command_and_all_that_it_started(app: App) -> None:
    tick = "import sys, time\nfor _ in range(600):\n    open('shared-ticks', 'a').write('.'); time.sleep(0.1)\n"
    procfile = (app.project.root / "Procfile").read_text()
    app.project.write("tick.py", tick.replace("shared-ticks", str(app.paasctl.home.root / "ticks")))
    app.project.write("Procfile", procfile.replace("release: python -c 'print(1)'", "release: python tick.py"))
    before = app.serves()
    running = app.start("push", "local", "--yes")
    ticks = app.paasctl.home.root / "ticks"
    end = time.monotonic() + 60
    while not ticks.exists() and time.monotonic() < end:
        time.sleep(0.05)
    app.run("unlock", "local", "--yes")
    assert not [one for one in app.paasctl.processes() if "tick.py" in one.line]
    result = running.wait()
    assert result.code, result
    assert app.serves() == before
    app.project.write("Procfile", procfile)
    app.push()
