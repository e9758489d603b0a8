"""The static files that a web server in front reads: of the code, and what the app collected."""

from __future__ import annotations

from pathlib import Path

import pytest
from paasctl.procfiles.host import static


def test_collected_and_pushed_folders_are_published_under_their_urls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, gathered, public = tmp_path / "code", tmp_path / "collected", tmp_path / "www"
    public.mkdir()
    (code / "app" / "media").mkdir(parents=True)
    (code / "app" / "media" / "logo.png").write_bytes(b"png")
    (code / "staticfiles").symlink_to("/nowhere/that/can/be/read")
    (gathered / "staticfiles" / "admin").mkdir(parents=True)
    (gathered / "staticfiles" / "admin" / "base.css").write_bytes(b"css")
    document = {
        "tree": "t1",
        "code": str(code),
        "built": ["staticfiles"],
        "static": {"/static/": "staticfiles", "/media/": "app/media"},
    }
    synced = list[bool]()
    monkeypatch.setattr(static.os, "sync", lambda: synced.append((public / "t1").exists()))
    static.publish(str(public), document, str(gathered))
    assert (public / "current" / "static" / "admin" / "base.css").read_bytes() == b"css"
    assert (public / "current" / "media" / "logo.png").read_bytes() == b"png"
    assert synced == [False], (
        "its files are on the disk before it has its name: a copy with its name is never made anew"
    )
