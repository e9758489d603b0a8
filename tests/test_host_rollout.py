"""Bringing processes to a release, with a Supervisor and an app's side that are played, on a clock of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from paasctl.procfiles.host import operations, rollout
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.release import Releases
from paasctl.procfiles.host.rollout import Rollout
from paasctl.procfiles.host.supervisor import Process, Supervisor
from paasctl.procfiles.host.wire import Failure

DOCUMENT = {"id": "v2", "settings": {"web": {"instances": 2, "stop_wait": 35}, "worker": {"instances": 1}}}


class World(Supervisor):
    """Supervisor and the app's side in one: a process notes its release ``notes_after`` seconds after its start."""

    notes_after = 1.0
    prefix = ""

    def __init__(self, layout: Layout) -> None:
        super().__init__(layout, self)  # type: ignore[arg-type]
        self.now = 0.0
        self.started: dict[str, float] = {}
        self.runs: dict[str, str] = {}
        self.restarts: list[str] = []
        self.probes: list[str] = []
        self.lives: dict[str, float] = {}
        self.notes: dict[str, dict[str, Any]] = {}
        self.asked = 0
        self.healthy: Callable[[str], bool] = lambda instance: True

    # ------------------------------------------------------------------------------------------------- a clock

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    # -------------------------------------------------------------------------------------------- a Supervisor

    def apply(self, document: Mapping[str, Any]) -> None:
        for name, settings in document["settings"].items():
            for number in range(settings["instances"]):
                if f"{name}:{name}_{number}" not in self.started:
                    self.start(f"{name}:{name}_{number}")

    def start(self, full: str) -> None:
        self.started[full] = self.now
        self.runs[full] = "v2"

    def restart(self, process: Process) -> Callable[[], bool]:
        self.restarts.append(process.label)
        self.start(process.full)
        return lambda: True

    def processes(self) -> list[Process]:
        self.asked += 1
        return [self._process(full) for full in sorted(self.started)]

    def _process(self, full: str) -> Process:
        name, _, number = full.partition(":")[2].rpartition("_")
        age = self.now - self.started[full]
        if age > self.lives.get(name, 1e9):
            return Process(name, number, full, "EXITED", None, None)
        note = self.runs[full] if age >= self.notes_after else None
        return Process(name, number, full, "RUNNING" if age > 1 else "STARTING", 1, note)

    # ------------------------------------------------------------------------------------------ the app's side

    def call(self, name: str, **args: Any) -> Any:
        if name == "probe":
            self.probes.append(args["instance"])
            healthy = self.healthy(args["instance"])
            self.now += 0.1 if healthy else args["limit"]
            return "" if healthy else "it does not answer at /"
        if name == "notes":
            return self.notes
        return {"tail": "its last words", "revisions": []}.get(name)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    layout = Layout(str(tmp_path / "app"))
    layout.make()
    world = World(layout)
    monkeypatch.setattr(rollout, "time", world)
    for release in ("v1", "v2"):
        (tmp_path / "app" / "releases" / release).mkdir()
        document = {**DOCUMENT, "id": release}
        rollout.write_json(layout.release(release, "release.json"), document)
    (tmp_path / "app" / "current").symlink_to("releases/v2")
    return world


def rolling(world: World, cancelled: Callable[[], bool] = lambda: False) -> Rollout:
    releases = Releases(world._layout, "", world)  # type: ignore[arg-type]
    return Rollout(world._layout, releases, world, world, cancelled)  # type: ignore[arg-type]


def test_what_supervisor_has_just_started_is_not_restarted(world: World) -> None:
    rolling(world).roll("v2", lambda line: None)
    assert world.restarts == []


def test_a_process_that_never_notes_its_release_is_restarted(world: World) -> None:
    world.apply(DOCUMENT)
    world.notes_after = 1e6
    with pytest.raises(Failure):
        rolling(world).roll("v2", lambda line: None)
    assert world.restarts[:2] == ["web.0", "web.1"]


def test_an_old_release_is_restarted_web_first(world: World) -> None:
    world.apply(DOCUMENT)
    world.runs = dict.fromkeys(world.runs, "v1")
    world.now = 10
    rolling(world).roll("v2", lambda line: None)
    assert world.restarts == ["web.0", "web.1", "worker.0"]


def note(release: str, *labels: str) -> dict[str, dict[str, Any]]:
    """What processes that live noted; this one's id is as good as another."""
    return {label: {"pid": os.getpid(), "release": release} for label in labels}


EACH = ("web.0", "web.1", "worker.0")


@pytest.mark.parametrize(
    ("noted", "enough"),
    [
        (note("v1", *EACH), True),
        (note("v1", *EACH[:2]), False),
        ({**note("v1", *EACH[:2]), **note("v2", "worker.0")}, False),
        ({**note("v1", *EACH[:2]), "worker.0": {"pid": 2**22 + 1, "release": "v1"}}, False),
        (note("v1", *EACH, "web.2"), False),
    ],
    ids=["all", "one without a note", "one that runs it already", "one that ended", "one too many"],
)
def test_supervisor_is_asked_unless_every_process_noted_another_release(
    world: World, noted: dict[str, Any], enough: bool
) -> None:
    world.apply(DOCUMENT)
    world.runs = dict.fromkeys(world.runs, "v1")
    world.notes, world.now = noted, 10
    asked: list[int] = []
    restart = world.restart

    def counted(process: Process) -> Callable[[], bool]:
        asked.append(world.asked)
        return restart(process)

    world.restart = counted  # type: ignore[method-assign]
    rolling(world).roll("v2", lambda line: None)
    assert world.restarts == list(EACH)
    assert (asked[0] == 0) == enough
    assert asked[1] == asked[0], "a process that is healthy is asked for nothing more"


def test_a_process_that_starts_again_and_again_has_ended(world: World) -> None:
    """Its notes say that it lives, each time with another id."""
    world.apply(DOCUMENT)
    world.runs, world.now = dict.fromkeys(world.runs, "v1"), 10
    world.healthy = lambda instance: False
    lives = iter([os.getpid(), os.getppid()])
    call = world.call

    def noting(name: str, **args: Any) -> Any:
        if name == "notes" and world.restarts:
            return {"web.0": {"pid": next(lives), "release": "v2"}}
        return call(name, **args)

    world.call = noting  # type: ignore[method-assign]
    with pytest.raises(Failure, match="it ended while it started"):
        rolling(world).roll("v2", lambda line: None)


def test_ctrl_c_ends_the_wait_for_a_slow_start_at_once(world: World) -> None:
    world.healthy = lambda instance: False
    with pytest.raises(Failure, match="interrupted"):
        rolling(world, lambda: bool(world.probes)).roll("v2", lambda line: None)
    assert world.probes == ["0"]


def test_ctrl_c_ends_the_wait_for_a_worker_at_once(world: World) -> None:
    said: list[str] = []
    with pytest.raises(Failure, match="interrupted"):
        rolling(world, lambda: len(said) == 2).roll("v2", said.append)
    assert said == ["web.0 runs v2", "web.1 runs v2"]


def test_ctrl_c_does_not_cut_an_undo(world: World) -> None:
    world.apply(DOCUMENT)
    world.now = 10
    world.start = lambda full: world.runs.update({full: "v1"})  # type: ignore[method-assign]
    rolling(world, lambda: True).undo("v2", "v1", lambda line: None)
    assert set(world.runs.values()) == {"v1"}


def test_an_undo_is_not_stopped_by_a_setup_that_was_made_for_the_release_that_failed(world: World) -> None:
    """v1 has no worker: it comes back without one, and nobody waits for what it does not know."""
    world.apply(DOCUMENT)
    world.now = 10
    world.start = lambda full: world.runs.update({full: "v1"})  # type: ignore[method-assign]
    web = {"id": "v1", "settings": {"web": {"instances": 2, "stop_wait": 35}}}
    rollout.write_json(world._layout.release("v1", "release.json"), web)
    rolling(world).undo("v2", "v1", lambda line: None)
    assert world.restarts == ["web.0", "web.1"]


def test_a_worker_is_watched_from_when_its_program_begins(world: World) -> None:
    """The start of a slow machine is not counted: the worker that ends two seconds later is still seen."""
    world.notes_after, world.lives = 5.0, {"worker": 7.0}
    with pytest.raises(Failure, match=r"worker\.0 of v2 is not healthy: it does not stay up"):
        rolling(world).roll("v2", lambda line: None)


def test_a_long_stop_is_announced(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.apply(DOCUMENT)
    world.now, said = 10, []
    monkeypatch.setattr(rollout, "PATIENCE", 30)
    rolling(world).roll("v2", said.append, anew=True)
    assert [line for line in said if "end" in line] == ["web.0 gets up to 35 s to end", "web.1 gets up to 35 s to end"]


# ------------------------------------------------------------------------------------------------------- restart


def agent(world: World) -> Any:
    return SimpleNamespace(
        layout=world._layout, supervisor=world, rollout=rolling(world), wire=SimpleNamespace(say=lambda line: None)
    )


@pytest.fixture
def running(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """All processes run v2; each start gives another process id."""
    world.apply(DOCUMENT)
    world.now = 10
    ids = iter(range(1, 99))
    pids = {full: next(ids) for full in world.started}
    start, process = world.start, world._process

    def started(full: str) -> None:
        start(full)
        pids[full] = next(ids)

    def with_id(full: str) -> Process:
        found = process(full)
        found.pid = pids[full] if found.state != "EXITED" else None
        return found

    monkeypatch.setattr(world, "start", started)
    monkeypatch.setattr(world, "_process", with_id)
    return world


def test_a_restart_is_of_every_process(running: World) -> None:
    operations.restart(agent(running))
    assert running.restarts == ["web.0", "web.1", "worker.0"]


def test_a_restart_that_fails_is_half_done_and_says_who_still_serves(running: World) -> None:
    running.healthy = lambda instance: instance == "1"
    with pytest.raises(Failure, match=r"web\.0 of v2 is not healthy.*; v2 still serves on web\.1$") as failure:
        operations.restart(agent(running))
    assert failure.value.kind == "half"
    assert failure.value.output == "its last words"


def test_a_restart_after_which_nobody_serves_says_so(running: World) -> None:
    running.healthy = lambda instance: False
    with pytest.raises(Failure, match="no process of v2 serves now") as failure:
        operations.restart(agent(running))
    assert failure.value.kind == "half"


def test_a_restart_that_fails_before_it_stops_anything_changes_nothing(
    running: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(document: object) -> None:
        raise Failure("Supervisor does not answer")

    monkeypatch.setattr(running, "apply", refuse)
    with pytest.raises(Failure, match="does not answer") as failure:
        operations.restart(agent(running))
    assert failure.value.kind == "failed"


# ------------------------------------------------------------------------------------------- good, and failed later


def test_a_good_release_stays_good_whatever_happens_to_it_later(world: World) -> None:
    releases = Releases(world._layout, "", world)  # type: ignore[arg-type]
    for state in ("good", "failed"):
        releases.mark("v1", state)
    releases.mark("v2", "failed")
    Path(world._layout.current).unlink()
    assert [(d["id"], d["state"], d["good"]) for d in releases.all()] == [("v1", "good", True), ("v2", "failed", False)]


def test_a_worker_that_crashes_while_it_is_being_restarted_is_not_taken_for_the_one_that_stays(world: World) -> None:
    """Supervisor starts the one that crashes once more before it hears of the restart."""
    world.apply(DOCUMENT)
    world.runs = dict.fromkeys(world.runs, "v1")
    world.now = 10
    heard, pids = world.now + 4, iter(range(100, 200))

    def restart(process: Process) -> Callable[[], bool]:
        World.restart(world, process)
        return lambda: process.name != "worker" or world.now >= heard

    def processes() -> list[Process]:
        found = World.processes(world)
        for process in found:
            if process.name == "worker":
                process.pid = 7 if world.now >= heard else next(pids)
        return found

    world.restart, world.processes = restart, processes  # type: ignore[method-assign]
    rolling(world).roll("v2", lambda line: None)
