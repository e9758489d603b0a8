"""What a roll makes of the states that Supervisor says, one after the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.host import rollout
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.release import Releases
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
        self.left = list(states)

    def states(self) -> list[State]:
        state, pid = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        return [(WORKER, state, pid)]

    def restart(self, process: Process) -> Callable[[], bool]:
        polls = iter(range(2))  # its control program runs meanwhile
        return lambda: next(polls, None) is None or not self.states()


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
        roll(tmp_path, App(os.getpid()), *[("RUNNING", 8), ("RUNNING", 9)] * 2)
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


class Kept:
    """Releases of which only the code matters."""

    def __init__(self, **trees: str) -> None:
        self.trees, self.marked = trees, dict[str, str]()

    def get(self, release: str) -> dict[str, Any]:
        return {"id": release, "tree": self.trees[release]}

    def mark(self, release: str, state: str) -> None:
        self.marked[release] = state


class Answers:
    """The app's user, with one answer for each call."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    def call(self, name: str, **args: Any) -> Any:
        return self.answers[name]


def live(tmp_path: Path, release: str) -> Layout:
    (tmp_path / "releases" / release).mkdir(parents=True)
    (tmp_path / "releases" / release / "release.json").write_text("{}")
    (tmp_path / "current").symlink_to(f"releases/{release}")
    return Layout(str(tmp_path))


@pytest.mark.parametrize(
    ("stopped", "said"),
    [
        (True, "importing v2 did not finish within 60 s; v1 still serves"),
        (False, "v2 cannot be imported; v1 still serves"),
    ],
)
def test_an_import_that_hangs_is_told_from_one_that_fails(tmp_path: Path, stopped: bool, said: str) -> None:
    app, releases = Answers(run={"status": 1, "output": "its words", "stopped": stopped}), Kept()
    with pytest.raises(Failure) as caught:
        Rollout(live(tmp_path, "v1"), releases, Any, app).preflight("v2")  # type: ignore[arg-type]
    assert str(caught.value) == said and releases.marked == {"v2": "failed"}


@pytest.mark.parametrize("trees", [{"v1": "a", "v2": "b"}, {"v1": "a", "v2": "a"}])
@pytest.mark.parametrize("switched", [False, True])
@pytest.mark.parametrize("before", ["a001", "ba9f"])
def test_the_database_is_ahead_of_other_code_only(
    tmp_path: Path, trees: dict[str, str], switched: bool, before: str
) -> None:
    """Before the switch v1 serves; after it v2 does, which is given up for v1. Not every release migrates."""
    layout = live(tmp_path, "v2" if switched else "v1")
    (tmp_path / "migrating.json").write_text(f'{{"release": "v2", "at": ["{before}"]}}')
    (tmp_path / "operation.json").write_text('{"to": "v2", "from": "v1"}')
    canary = {"problem": "it answers 500 at /", "output": ""}
    with pytest.raises(Failure) as caught:
        Rollout(layout, Kept(**trees), Any, Answers(canary=canary, revisions=["ba9f"])).canary("v2")  # type: ignore[arg-type]
    ahead = "so the database (ba9f) is ahead of the code that serves"
    assert (ahead in str(caught.value)) == (trees["v1"] != trees["v2"] and before != "ba9f")
    assert "the release command had run" in str(caught.value)


@pytest.mark.parametrize("copies", [["/srv/shop/backups/shop.db-1"], []])
def test_a_release_command_that_fails_names_the_copy_from_before(tmp_path: Path, copies: list[str]) -> None:
    kept = Kept(v2="b")
    kept.get = lambda release: {"id": release, "tree": "b", "release_command": "flask db upgrade"}  # type: ignore[method-assign]
    app: Any = Answers(back_up=copies, revisions=["a001"], run={"status": 1})
    with pytest.raises(Failure) as caught:
        Rollout(live(tmp_path, "v1"), kept, Any, app).release_command("v2", print)  # type: ignore[arg-type]
    assert caught.value.hint.endswith("as the database was before: /srv/shop/backups/shop.db-1" if copies else "again")


def test_a_push_that_was_interrupted_leaves_nothing_after_the_next(tmp_path: Path) -> None:
    layout = live(tmp_path, "v3")
    for name, state in (("v1", "failed"), ("v2", ""), ("v3", "good")):
        (tmp_path / "releases" / name).mkdir(exist_ok=True)
        document = f'{{"id": "{name}", "env": "e", "tree": "t", "was": null}}'
        (tmp_path / "releases" / name / "release.json").write_text(document)
        if state:
            (tmp_path / "releases" / name / state).touch()
    releases = Releases(layout, "", Answers(prune_env=None))  # type: ignore[arg-type]
    assert [each["state"] for each in releases.all()] == ["failed", "unfinished", "live"]
    assert [each["id"] for each in releases.prune()] == ["v1", "v3"]
    assert sorted(path.name for path in (tmp_path / "releases").iterdir()) == ["v1", "v3"]
