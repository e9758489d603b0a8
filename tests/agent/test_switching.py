"""The two links of a commit, `current` and the one of the static files, on a disk that has no room for one of them."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from paasctl.procfiles.host import layout, rollout, static
from paasctl.procfiles.host import release as releases
from paasctl.procfiles.host.layout import Layout, write_json
from paasctl.procfiles.host.release import Releases
from paasctl.procfiles.host.rollout import Rollout


class Host(SimpleNamespace):
    """v1 is live. ``rolled`` are the releases that the processes were brought to."""

    layout: Layout
    rollout: Rollout
    rolled: list[str]

    def state(self) -> tuple[str | None, str, Any]:
        """What is live, whose static files the web server in front finds, and what is not over."""
        found = Path(self.layout.public, "current", "static", "shop.css").read_text()
        return self.layout.live(), found, rollout.unfinished(self.layout)


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    at = Layout(str(tmp_path / "app"), public=str(tmp_path / "www"))
    at.make()
    Path(at.public).mkdir()
    for release in ("v1", "v2"):
        Path(at.release(release)).mkdir()
        code = Path(at.path("code", release))
        (code / "static").mkdir(parents=True)
        (code / "static" / "shop.css").write_text(release)
        document = {"id": release, "tree": release, "code": str(code), "static": {"/static/": "static"}, "built": []}
        write_json(at.release(release, "release.json"), document)
    nobody: Any = None
    supervisor: Any = SimpleNamespace(suit=lambda document: document)
    made = Rollout(at, Releases(at, "", nobody), supervisor, nobody)
    rolled: list[str] = []
    monkeypatch.setattr(made, "_bring", lambda document, say: rolled.append(document["id"]))
    made.switch("v1", None)
    layout.remove(at.path("operation.json"))
    return Host(layout=at, rollout=made, rolled=rolled)


def full(folder: str) -> Callable[[str, str], None]:
    """As :func:`layout.point`, on a disk that has no room in a folder."""

    def point(link: str, target: str) -> None:
        if Path(link).parent == Path(folder):
            raise OSError(errno.ENOSPC, "No space left on device", link)
        layout.point(link, target)

    return point


def test_the_static_files_come_back_though_the_release_never_was_current(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as disk:
        disk.setattr(releases, "point", full(host.layout.root))
        with pytest.raises(OSError, match="No space left"):
            host.rollout.switch("v2", "v1")
    assert host.state() == ("v1", "v2", {"to": "v2", "from": "v1", "back": False})
    host.rollout.undo("v2", "v1", print)
    assert host.state() == ("v1", "v1", None)


def test_the_processes_come_back_though_the_static_files_cannot(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operation is not over: the next push brings the static files too."""
    host.rollout.switch("v2", "v1")
    monkeypatch.setattr(static, "point", full(host.layout.public))
    with pytest.raises(OSError, match="No space left"):
        host.rollout.undo("v2", "v1", print)
    assert host.state() == ("v1", "v2", {"to": "v2", "from": "v1", "back": False})
    assert host.rolled == ["v1"]


def test_what_goes_back_is_told_from_what_a_push_brings(host: Host) -> None:
    Path(host.layout.release("v1", "good")).touch()
    host.rollout.switch("v2", "v1")
    assert host.state()[2] == {"to": "v2", "from": "v1", "back": False}
    host.rollout.switch("v1", "v2")
    assert host.state()[2] == {"to": "v1", "from": "v2", "back": True}
