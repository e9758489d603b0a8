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
        if "w" in mode:
            raise OSError(errno.ENOSPC, "No space left on device")
        return usual(path, mode, **more)

    monkeypatch.setattr(builtins, "open", full)
    launch.record({"run": str(tmp_path), "id": "v2"}, "web", "0")
    monkeypatch.undo()
    assert note(tmp_path) == {"pid": os.getpid(), "release": "v2"}


def test_a_process_starts_where_it_can_note_nothing(tmp_path: Path) -> None:
    launch.record({"run": str(tmp_path / "not-there"), "id": "v2"}, "web", "0")
