"""Taking an app off: it can be killed anywhere and run again, whatever it had removed by then."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from paasctl.procfiles.host import agent as agents
from paasctl.procfiles.host import operations
from paasctl.procfiles.host.agent import Agent
from paasctl.procfiles.host.layout import point, remove, write_json
from paasctl.procfiles.host.wire import Failure

PLACES = ["code", "objects", "releases", "venvs"]


class Killed(BaseException):
    """The agent is gone in the middle of something."""


def agent(root: Path) -> Agent:
    """An agent that has just been started for the app below ``root``, where no Supervisor runs."""
    wire: Any = SimpleNamespace(say=print, cancelled=Event())
    return Agent(wire, {"root": str(root), "name": "shop", "origin": ""}, {"paasctl_host.launch": ""})


def locked(root: Path, **changes: Any) -> Agent:
    """The next command's agent: it has looked, and has taken the lock for what it saw."""
    one = agent(root)
    seen = one.do_observe({"port": None}, None)
    live = next((document["id"] for document in seen["releases"] if document["state"] == "live"), None)
    expected = {"live": live, "last": seen["last"], "unfinished": seen["unfinished"]}
    one.do_lock({"who": "ada", "what": "taking the app down", "port": seen["port"], **expected, **changes}, None)
    return one


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """v1 is live below this folder."""
    one = locked(tmp_path / "shop")
    at = one.layout
    for name in ("code/t1", "objects/0a", "venvs/x"):
        Path(at.path(name)).mkdir()
    document = {"id": "v1", "tree": "t1", "env": "e1", "settings": {}, "health": None}
    one.releases.make({**document, "venv": at.path("venvs", "x")}, {}, "")
    point(at.current, "releases/v1")
    one.lock.remove()
    return Path(at.root)


@pytest.mark.parametrize("next_one", ["current", *PLACES, "app.json", "tmp"])
def test_one_that_is_killed_is_run_again(next_one: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: str) -> None:
        if path == str(root / next_one):
            raise Killed
        remove(path)

    one = locked(root)
    with monkeypatch.context() as death, pytest.raises(Killed):
        death.setattr(operations, "remove", killed)
        operations.down(one, purge=False)
    one.lock.remove()
    seen = agent(root).do_observe({"port": None}, None)
    assert (seen["begun"], seen["exists"]) == (True, next_one == "current")
    operations.down(locked(root), purge=False)
    assert not root.exists()


@pytest.mark.parametrize("left", [*PLACES, "app.json"])
def test_whatever_is_left_is_something_to_take_away(left: str, root: Path) -> None:
    for name in [*PLACES, "app.json", "current"]:
        if name != left:
            remove(str(root / name))
    assert agent(root).do_observe({"port": None}, None)["begun"]


@pytest.mark.parametrize("damage", ["", "{", "[]"])
def test_a_link_to_a_release_that_is_not_whole_makes_nothing_live(damage: str, root: Path) -> None:
    document = root / "releases" / "v1" / "release.json"
    remove(str(document))
    if damage:
        document.write_text(damage)
    one = locked(root)
    assert one.layout.live() is None
    assert operations.status(one)["problem"] == "nothing is live"


def test_what_is_gone_leaves_nothing_to_take_away(root: Path) -> None:
    write_json(str(root / "shared" / "data.json"), {})
    operations.down(locked(root), purge=False)
    assert [path.name for path in root.iterdir()] == ["shared"]
    assert not agent(root).do_observe({"port": None}, None)["begun"]


def test_a_port_that_somebody_else_has_keeps_nothing_here(root: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        with pytest.raises(Failure, match="is in use by another program"):
            locked(root, port=other.getsockname()[1])
        operations.down(locked(root, port=None), purge=False)
    assert not root.exists()


def test_a_full_disk_keeps_nothing_here(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(agents, "write_json", full)
    monkeypatch.setattr(os, "write", full)
    one = locked(root, port=None)
    assert one.lock.owner() == {}, "it is held, and nobody knows by whom"
    operations.down(one, purge=False)
    assert not root.exists()


def test_a_lock_for_the_same_port_writes_nothing(root: Path) -> None:
    before = (root / "app.json").stat()
    locked(root).lock.remove()
    assert os.path.samestat(before, (root / "app.json").stat())
