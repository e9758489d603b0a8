"""Files that the app's user made, as they arrive with the one who deploys."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from paasctl.procfiles.host import pieces
from paasctl.procfiles.host.wire import Failure


def test_what_was_made_arrives_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE", 4)
    files = {"admin/base.css": b"body {}" * 9, "empty.js": b"", "ümlaut.txt": b"1234"}
    for path, data in files.items():
        place = tmp_path / "made" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    (tmp_path / "made" / "passwd").symlink_to("/etc/passwd")
    arrived = tmp_path / "arrived"
    pieces.write(str(arrived), pieces.read(str(tmp_path / "made")))
    found = {os.path.relpath(path, arrived): path.read_bytes() for path in arrived.rglob("*") if path.is_file()}
    assert found == files


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", ".."])
def test_a_path_that_leads_out_is_refused_and_nothing_is_left(tmp_path: Path, path: str) -> None:
    piece = {"path": path, "data": base64.b64encode(b"x").decode("ascii")}
    with pytest.raises(Failure, match="leads out of its folder"):
        pieces.write(str(tmp_path / "arrived"), [piece])
    assert not [*tmp_path.iterdir()]
