"""Archives that try to leave their folder, lie about themselves or arrive damaged."""

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.pythonanywhere.places import Invalid
from paasctl.procfiles.pythonanywhere.unpack import unpack


def info(name: str, **more: Any) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    for key, value in more.items():
        setattr(found, key, value)
    return found


def tar(*members: tuple[tarfile.TarInfo, bytes], format: int = tarfile.GNU_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=format) as archive:
        for member, content in members:
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), 1)


def described(data: bytes, folder: Path, **more: Any) -> dict[str, Any]:
    """Lay an archive into ``folder`` in parts of 300 bytes, and describe it."""
    parts = []
    for number, start in enumerate(range(0, max(len(data), 1), 300)):
        content = data[start : start + 300]
        (folder / f"a.{number}").write_bytes(content)
        sha256 = hashlib.sha256(content).hexdigest()
        parts.append({"name": f"a.{number}", "sha256": sha256, "size": len(content)})
    return {"name": "a", "bytes": 10_000, "files": 20, "parts": parts, **more}


def try_unpack(data: bytes, folder: Path, **more: Any) -> Path:
    incoming = folder / "incoming"
    incoming.mkdir()
    unpack(described(data, incoming, **more), str(incoming), str(folder / "out"))
    return folder / "out"


def test_unpacks_files_links_and_folders(tmp_path: Path) -> None:
    data = tar(
        (info("a/b.txt", mode=0o600, mtime=1_000_000_000), b"hello"),
        (info("run", mode=0o700), b"#!/bin/sh\n" + os.urandom(900)),
        (info("a/up", type=tarfile.SYMTYPE, linkname="../run"), b""),
        (info("a/gone", type=tarfile.SYMTYPE, linkname="data/later.db"), b""),
        (info("sp ce/ü\udcff.txt"), b"odd"),
    )
    out = try_unpack(data, tmp_path)
    assert (out / "a/b.txt").read_bytes() == b"hello"
    assert int((out / "a/b.txt").stat().st_mtime) == 1_000_000_000
    assert (out / "a/b.txt").stat().st_mode & 0o777 == 0o644
    assert (out / "run").stat().st_mode & 0o777 == 0o755
    assert str((out / "a/up").readlink()) == "../run"
    assert (out / "sp ce" / os.fsdecode("ü".encode() + b"\xff.txt")).exists()


LEAVING = {
    "absolute": [(info("/etc/x"), b"x")],
    "dots": [(info("../x"), b"x")],
    "dots inside": [(info("a/../../x"), b"x")],
    "link to above": [(info("l", type=tarfile.SYMTYPE, linkname="../x"), b"")],
    "absolute link": [(info("l", type=tarfile.SYMTYPE, linkname="/etc"), b"")],
    "through a link": [(info("l", type=tarfile.SYMTYPE, linkname="a"), b""), (info("l/x"), b"x")],
    "link of a link": [
        (info("a/b/l", type=tarfile.SYMTYPE, linkname="../.."), b""),
        (info("m", type=tarfile.SYMTYPE, linkname="a/b/l/../x"), b""),
    ],
    "hard link": [(info("h", type=tarfile.LNKTYPE, linkname="/etc/passwd"), b"")],
    "device": [(info("d", type=tarfile.CHRTYPE, devmajor=1, devminor=3), b"")],
    "pipe": [(info("p", type=tarfile.FIFOTYPE), b"")],
    "same name twice": [(info("x"), b"1"), (info("x"), b"2")],
    "file over folder": [(info("x/y"), b"1"), (info("x"), b"2")],
    "folder over file": [(info("x"), b"1"), (info("x/y"), b"2")],
    "empty name": [(info("."), b"1")],
    "too many bytes": [(info("x"), b"1" * 10_001)],
    "too many files": [(info(f"x{n}"), b"") for n in range(21)],
}


@pytest.mark.parametrize("name", LEAVING)
@pytest.mark.parametrize("format", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_refuses_and_leaves_nothing(name: str, format: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("outside")
    with pytest.raises(Invalid):
        try_unpack(tar(*LEAVING[name], format=format), tmp_path)
    assert (tmp_path / "x").read_text() == "outside"
    assert {p.name for p in tmp_path.iterdir()} == {"x", "incoming"}


def test_a_truncated_upload_is_named(tmp_path: Path) -> None:
    data = tar((info("x"), os.urandom(2000)))
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    archive = described(data, incoming)
    (incoming / "a.2").write_bytes((incoming / "a.2").read_bytes()[:100])
    with pytest.raises(Invalid, match=r"a\.2 is damaged: 100 of 300 bytes"):
        unpack(archive, str(incoming), str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_a_missing_part_is_named(tmp_path: Path) -> None:
    incoming = tmp_path / "incoming"
    incoming.mkdir()
    archive = described(tar((info("x"), b"1")), incoming)
    (incoming / "a.0").unlink()
    with pytest.raises(Invalid, match="not there"):
        unpack(archive, str(incoming), str(tmp_path / "out"))


def test_a_stream_that_ends_early_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid):
        try_unpack(tar((info("x"), os.urandom(5000)))[:-700], tmp_path)


def test_a_full_disk_is_not_called_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(122, "Disk quota exceeded")

    monkeypatch.setattr(os, "utime", full)
    with pytest.raises(OSError, match="Disk quota exceeded"):
        try_unpack(tar((info("x"), b"1")), tmp_path)
    assert not (tmp_path / "out").exists()
