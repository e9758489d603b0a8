"""A live tree that is made anew under its processes: each is restarted, though the command that made it dies."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any

import pytest
from paasctl.procfiles.host import operations, tree
from paasctl.procfiles.host.agent import Agent
from paasctl.procfiles.host.layout import point


class Killed(BaseException):
    """The agent is gone in the middle of something."""


def agent(root: Path) -> Agent:
    """An agent that has just been started, where no Supervisor runs."""
    wire: Any = SimpleNamespace(say=print, cancelled=Event())
    return Agent(wire, {"root": str(root), "name": "shop", "origin": ""}, {"paasctl_host.launch": ""})


def remade(root: Path) -> bool:
    """What the next command finds."""
    return bool(agent(root).do_observe({"port": None}, None)["remade"])


def make(root: Path, tree_name: str = "t1") -> None:
    one = agent(root)
    entries = json.loads((root / "entries.json").read_text())
    one._make_tree({"tree": tree_name, "persist": [], "built": []}, entries)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """v1 is live, with one file, which somebody has changed."""
    monkeypatch.setattr(operations, "process_ids", lambda agent: {})
    one = agent(tmp_path)
    one.layout.make()
    text = tmp_path / "text"
    text.write_text("as pushed")
    digest = tree.content_digest(str(text))
    text.rename(tmp_path / "objects" / digest)
    (tmp_path / "entries.json").write_text(json.dumps([["web.py", "100644", digest, 9, 1600000000, None]]))
    make(tmp_path)
    document = {"id": "v1", "tree": "t1", "env": "e1", "settings": {}, "venv": "x"}
    one.releases.make(document, {}, "")
    point(one.layout.current, "releases/v1")
    assert not remade(tmp_path)
    web = tmp_path / "code" / "t1" / "web.py"
    web.chmod(0o644)
    web.write_text("by hand!!")
    return tmp_path


def rolled(root: Path, monkeypatch: pytest.MonkeyPatch, *, ends_well: bool = True) -> list[bool]:
    """Whether a roll restarts the processes that run the release already."""
    one, anew = agent(root), list[bool]()

    def roll(release: str, say: Any, anew: bool, seen: list[bool] = anew) -> list[Any]:
        seen.append(anew)
        if not ends_well:
            raise Killed
        return []

    monkeypatch.setattr(one.rollout, "roll", roll)
    one.do_roll({"release": "v1"}, None)
    return anew


def test_a_command_that_died_before_the_roll_leaves_that_to_the_next(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(root)
    assert remade(root)
    with pytest.raises(Killed):
        rolled(root, monkeypatch, ends_well=False)
    assert remade(root)
    assert rolled(root, monkeypatch) == [True]
    assert not remade(root)
    assert rolled(root, monkeypatch) == [False]


def test_it_is_known_before_the_tree_is_in_its_place(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as death, pytest.raises(Killed):
        death.setattr(tree.Trees, "_replace", killed)
        make(root)
    assert remade(root)


def test_a_tree_that_is_not_live_restarts_nothing(root: Path) -> None:
    make(root, "t2")
    (root / "code" / "t2" / "web.py").unlink()
    make(root, "t2")
    assert not remade(root)


def test_a_restart_is_all_that_was_missing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(root)
    one = agent(root)
    monkeypatch.setattr(one.rollout, "roll", lambda *_, **__: [])
    operations.restart(one)
    assert not remade(root)
