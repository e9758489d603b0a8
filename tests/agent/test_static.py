"""The static files that a web server in front reads: of the code, and what the app collected."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import pytest
from paasctl.procfiles.host import appside, static
from paasctl.procfiles.host.appside import AppSide
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.wire import Failure


def piece(path: str, data: bytes = b"x") -> dict[str, str]:
    return {"path": path, "data": base64.b64encode(data).decode("ascii")}


def test_what_was_collected_arrives_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appside, "PIECE", 4)
    layout = Layout(str(tmp_path))
    files = {
        "staticfiles/admin/base.css": b"body {}" * 9,
        "staticfiles/empty.js": b"",
        "staticfiles/ümlaut.txt": b"1234",
    }
    for path, data in files.items():
        place = Path(layout.built("t1"), path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    Path(layout.built("t1"), "staticfiles", "passwd").symlink_to("/etc/passwd")
    side = AppSide(layout, lambda line: None, lambda: False)
    static.gather(str(tmp_path / "collected"), side.items_collected({"tree": "t1"}))
    found = {path: (tmp_path / "collected" / path).read_bytes() for path in static_files(tmp_path / "collected")}
    assert found == files


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", ".."])
def test_a_path_that_leads_out_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(Failure, match="leads out of its folder"):
        static.gather(str(tmp_path / "collected"), [piece(path)])
    assert not (tmp_path / "x").exists()


def test_collected_and_pushed_folders_are_published_under_their_urls(tmp_path: Path) -> None:
    code, gathered, public = tmp_path / "code", tmp_path / "collected", tmp_path / "www"
    public.mkdir()
    (code / "app" / "media").mkdir(parents=True)
    (code / "app" / "media" / "logo.png").write_bytes(b"png")
    (code / "staticfiles").symlink_to("/nowhere/that/can/be/read")
    static.gather(str(gathered), [piece("staticfiles/admin/base.css", b"css")])
    document = {
        "tree": "t1",
        "code": str(code),
        "built": ["staticfiles"],
        "static": {"/static/": "staticfiles", "/media/": "app/media"},
    }
    static.publish(str(public), document, str(gathered))
    assert (public / "current" / "static" / "admin" / "base.css").read_bytes() == b"css"
    assert (public / "current" / "media" / "logo.png").read_bytes() == b"png"


def static_files(root: Path) -> list[str]:
    return [os.path.relpath(path, root) for path in root.rglob("*") if path.is_file()]
