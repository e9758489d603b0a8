"""The app's own supervisord, a real one: what it has is what a release asks for, whatever happened before."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.host import rpc
from paasctl.procfiles.host.appside import AppSide
from paasctl.procfiles.host.deputy import Direct
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.own import OwnSupervisor
from paasctl.procfiles.host.wire import Failure

pytestmark = pytest.mark.e2e

#: what `;`, `#`, `%` and quotes would do in Supervisor's file
ODD = "x ;y #z %d %(here)s 'q \"w $HOME"
START = """\
#!/bin/sh
# $2 is the process, $3 its instance
echo "$2.$3" >> starts
printf '{"pid": %d, "release": "v1"}' $$ > run/note.$$ && mv run/note.$$ "run/$2.$3.json"
. releases/v1/program
"""
SLEEPS = "exec sleep 1000\n"
STUBBORN = "trap '' TERM\nwhile :; do sleep 0.1; done\n"


class Machine:
    """An app's folder with a release whose every process runs one shell script, and its Supervisor."""

    def __init__(self, root: Path) -> None:
        self.layout = Layout(str(root))
        self.layout.make()
        self.layout.make_apps()
        (root / "releases" / "v1").mkdir()
        (root / "current").symlink_to("releases/v1")
        (root / "releases" / "v1" / "start").write_text(START)
        (root / "releases" / "v1" / "start").chmod(0o755)
        self.program(SLEEPS)
        self.supervisor = self.another()

    def another(self) -> OwnSupervisor:
        """As the next command sees it."""
        app = Direct(AppSide(self.layout, lambda line: None, lambda: False))
        return OwnSupervisor(self.layout, sys.executable, app)

    def program(self, text: str) -> None:
        Path(self.layout.release("v1", "program")).write_text(text)

    def started(self) -> list[str]:
        path = Path(self.layout.path("starts"))
        return sorted(path.read_text().split()) if path.exists() else []

    def has(self) -> list[str]:
        return sorted(process.label for process in self.another().processes())


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short one: a longer one's sockets and notes would be elsewhere."""
    with tempfile.TemporaryDirectory(prefix="pown-") as name:
        yield Path(name)


@pytest.fixture
def machine(folder: Path) -> Iterator[Machine]:
    machine = Machine(folder / "app")
    yield machine
    machine.another().stop()


def asks(stop_wait: int = 5, **instances: int) -> dict[str, Any]:
    """A release's document: so many instances of each process."""
    settings = {name: {"instances": number, "stop_wait": stop_wait} for name, number in instances.items()}
    return {"id": "v1", "processes": dict.fromkeys(instances, ""), "settings": settings, "handover": False, "port": 0}


def settled(machine: Machine) -> bool:
    """Whether each process runs and says so; a Supervisor that crashes starts no other meanwhile."""
    return all(one.state == "RUNNING" and one.release for one in machine.another().processes())


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_a_folder_whose_name_means_something_to_supervisor(folder: Path) -> None:
    machine = Machine(folder / ODD)
    try:
        machine.supervisor.apply(asks(web=2, worker=1))
        eventually(lambda: machine.has() == ["web.0", "web.1", "worker.0"] and settled(machine))
        machine.another().apply(asks(web=2))
        assert machine.has() == ["web.0", "web.1"]
        logs = {path.name for path in Path(machine.layout.logs).iterdir()}
        assert {"supervisord.log", "web_0.log", "web_1.log", "worker_0.log"} <= logs
    finally:
        machine.another().stop()
    assert not machine.another().running()


def test_the_same_processes_are_not_touched(machine: Machine) -> None:
    machine.supervisor.apply(asks(web=2, worker=1))
    eventually(lambda: settled(machine))
    before = {one.label: one.pid for one in machine.another().processes()}
    machine.another().apply(asks(web=2, worker=1))
    assert {one.label: one.pid for one in machine.another().processes()} == before
    machine.another().apply(asks(web=2, worker=1, clock=1))
    eventually(lambda: settled(machine))
    after = {one.label: one.pid for one in machine.another().processes()}
    assert {name: after[name] for name in before} == before
    assert machine.started() == ["clock.0", "web.0", "web.1", "worker.0"]


CALLS = ("getState", "reloadConfig", "stopProcessGroup", "removeProcessGroup", "addProcessGroup")
OLD, NEW = asks(web=2, worker=1), asks(web=3, clock=1)
NAMES = {"old": ["web.0", "web.1", "worker.0"], "new": ["clock.0", "web.0", "web.1", "web.2"]}


class Killed(BaseException):
    """The agent is killed here."""


@pytest.mark.parametrize("then", ["old", "new"])
@pytest.mark.parametrize("at", CALLS)
def test_a_change_that_was_killed_is_brought_to_an_end_or_undone(
    at: str, then: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.supervisor.apply(OLD)
    real = rpc.Rpc.call

    def killed(self: rpc.Rpc, method: str, *args: Any) -> Any:
        if method == at and at != "getState":
            raise Killed
        result = real(self, method, *args)
        if method == at:  # the one after the configuration was written
            text = Path(machine.layout.path("supervisord.conf")).read_text()
            if "[program:clock]" in text:
                raise Killed
        return result

    with monkeypatch.context() as patch:
        patch.setattr(rpc.Rpc, "call", killed)
        with pytest.raises(Killed):
            machine.another().apply(NEW)
    machine.another().apply(OLD if then == "old" else NEW)
    assert machine.has() == NAMES[then]


def test_a_process_that_crashes_on_and_on_can_be_taken_away(machine: Machine) -> None:
    machine.program("sleep 0.3\nexit 1\n")
    machine.supervisor.apply(asks(web=1, worker=3))
    eventually(lambda: len(machine.started()) >= 4)
    machine.another().apply(asks(web=1))
    assert machine.has() == ["web.0"]


def test_a_stop_may_take_longer_than_a_call(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "ANSWER", 0.5)
    machine.program(STUBBORN)
    machine.supervisor.apply(asks(worker=1, stop_wait=2))
    eventually(lambda: settled(machine))
    (before,) = machine.another().processes()
    machine.another().restart(before)
    eventually(lambda: settled(machine))
    (after,) = machine.another().processes()
    assert after.pid != before.pid
    machine.another().apply(asks(worker=2, stop_wait=2))
    assert machine.has() == ["worker.0", "worker.1"]
    machine.another().stop()
    assert not machine.another().running()


def test_a_supervisor_that_ends_is_waited_for(machine: Machine) -> None:
    machine.program(STUBBORN)
    machine.supervisor.apply(asks(worker=1, stop_wait=2))
    eventually(lambda: settled(machine))
    machine.another()._rpc.call("shutdown")
    assert not machine.another().running()
    assert machine.another().processes() == []
    machine.another().apply(asks(worker=1, stop_wait=2))
    assert machine.another().running()
    machine.another()._rpc.call("shutdown")
    machine.another().stop()
    assert not machine.another().running()


def test_a_supervisor_that_refuses_says_what(machine: Machine) -> None:
    machine.supervisor.apply(asks(worker=1))
    with pytest.raises(Failure, match="refuses removeProcessGroup worker: STILL_RUNNING: worker"):
        machine.another()._rpc.call("removeProcessGroup", "worker")
    Path(machine.layout.path("supervisord.conf")).write_text("[program:no-command]\n[supervisord]\n")
    with pytest.raises(Failure, match="refuses reloadConfig"):
        machine.another()._rpc.call("reloadConfig")
