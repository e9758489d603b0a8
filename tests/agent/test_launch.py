"""What a process notes of itself when it starts."""

from __future__ import annotations

import builtins
import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.host import launch


def note(folder: Path) -> Any:
    return json.loads((folder / "web.0.json").read_text())


def test_a_process_notes_its_release(tmp_path: Path) -> None:
    launch.record({"run": str(tmp_path), "id": "v2"}, "web", "0")
    assert note(tmp_path) == {"pid": os.getpid(), "release": "v2"}
    assert [path.name for path in tmp_path.iterdir()] == ["web.0.json"]


@pytest.mark.parametrize("before", ['{"pid": 1, "release": "a-much-longer-name-than-the-next"}', "{}"])
def test_on_a_full_disk_it_takes_the_room_of_the_note_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    (tmp_path / "web.0.json").write_text(before)
    usual = open

    def full(path: str, mode: str = "r", **more: Any) -> Any:
        if "x" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return usual(path, mode, **more)

    monkeypatch.setattr(builtins, "open", full)
    launch.record({"run": str(tmp_path), "id": "v2"}, "web", "0")
    monkeypatch.undo()
    assert note(tmp_path) == {"pid": os.getpid(), "release": "v2"}


def test_links_that_lie_where_it_notes_are_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("kept")
    run = tmp_path / "run"
    run.mkdir()
    for name in ("web.0.json", "web.0.json.new"):
        (run / name).symlink_to(tmp_path / "mine")
    launch.record({"run": str(run), "id": "v2"}, "web", "0")
    assert note(run) == {"pid": os.getpid(), "release": "v2"}
    assert [path.name for path in run.iterdir()] == ["web.0.json"]
    assert (tmp_path / "mine").read_text() == "kept"


def test_a_process_starts_where_it_can_note_nothing(tmp_path: Path) -> None:
    launch.record({"run": str(tmp_path / "not-there"), "id": "v2"}, "web", "0")
