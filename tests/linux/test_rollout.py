"""What a roll makes of the states that Supervisor says, one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.host import rollout
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.rollout import Rollout
from paasctl.procfiles.host.supervisor import Process, State, Supervisor
from paasctl.procfiles.host.wire import Failure

WORKER = "shop-a-worker:shop-a-worker_0"
GONE = 2**22 + 1  # no process has this id


class App:
    """The app's user: what a process noted when it started."""

    def __init__(self, pid: int, release: str = "v2") -> None:
        self.note = {"worker.0": {"pid": pid, "release": release}}

    def call(self, name: str, **args: Any) -> Any:
        return {"notes": self.note, "tail": "its last words"}[name]

    def items(self, name: str, **args: Any) -> Iterator[Any]:
        raise NotImplementedError


class Scripted(Supervisor):
    """Says the next state each time, and the last one for ever."""

    prefix = "shop-a-"

    def __init__(self, tmp_path: Path, app: App, *states: tuple[str, int | None]) -> None:
        super().__init__(Layout(str(tmp_path)), app)
        self.left, self.asked = list(states), 0

    def states(self) -> list[State]:
        self.asked += 1
        state, pid = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return [(WORKER, state, pid)]

    def restart(self, process: Process) -> Callable[[], bool]:
        self.asked = 0
        return lambda: self.asked >= 2


def roll(tmp_path: Path, app: App, *states: tuple[str, int | None], optional: bool = False) -> list[str]:
    """Bring one worker from v1 to v2; what was said."""
    supervisor, said = Scripted(tmp_path, app, *states), list[str]()
    old = Process("worker", "0", WORKER, "RUNNING", 7, "v1")
    document = {"id": "v2", "settings": {"worker": {"optional": optional}}}
    Rollout(Layout(str(tmp_path)), Any, supervisor, app)._workers(document, [old], said.append)  # type: ignore[arg-type]
    return said


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rollout, "STAYS_UP", 0)


@pytest.mark.parametrize("before", ["STOPPED", "FATAL", "BACKOFF"])
def test_a_worker_that_was_told_to_start_and_has_not_yet_is_waited_for(tmp_path: Path, before: str) -> None:
    """``before``: what a process that is not there yet is called, by Supervisor."""
    own = os.getpid()
    said = roll(tmp_path, App(own), (before, None), ("STARTING", None), ("RUNNING", own))
    assert said == ["worker.0 runs v2"]


def test_a_worker_that_starts_again_and_again_does_not_stay_up(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="does not stay up") as caught:
        roll(tmp_path, App(os.getpid()), ("RUNNING", 8), ("RUNNING", 9))
    assert caught.value.output == "its last words"


@pytest.mark.parametrize("state", ["BACKOFF", "FATAL", "EXITED"])
def test_a_worker_that_ended_does_not_stay_up(tmp_path: Path, state: str) -> None:
    with pytest.raises(Failure, match="does not stay up"):
        roll(tmp_path, App(GONE), (state, None))


def test_an_optional_worker_may_end(tmp_path: Path) -> None:
    said = roll(tmp_path, App(GONE), ("FATAL", None), optional=True)
    assert said == ["worker.0 does not stay up (it is optional)"]


def test_a_process_that_starts_is_known_by_its_note_while_it_lives(tmp_path: Path) -> None:
    """Supervisor's control program says no process id before it calls a process started."""
    alive = Scripted(tmp_path, App(os.getpid()), ("STARTING", None)).processes()[0]
    assert (alive.pid, alive.release) == (os.getpid(), "v2")
    gone = Scripted(tmp_path, App(GONE), ("STARTING", None)).processes()[0]
    assert (gone.pid, gone.release) == (None, None)
    other = Scripted(tmp_path, App(os.getpid()), ("RUNNING", 9)).processes()[0]
    assert (other.pid, other.release) == (9, None)
