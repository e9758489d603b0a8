"""A bundle's tar: the same bytes on every machine, and unpacked the same tree."""

from __future__ import annotations

import gzip
import io
import os
import stat
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from support.bundles import ODD_NAMES, TREES, Trees, app, make, paths, touch, write

from paasctl.archive import CHUNK
from paasctl.bundle import build, read_content, write_tar, write_tar_gz
from paasctl.errors import PaasctlError
from paasctl.model import Bundle


def tar(bundle: Bundle, wanted: list[str] | None = None) -> bytes:
    stream = io.BytesIO()
    write_tar(bundle, stream, wanted)
    return stream.getvalue()


def unpack(archive: bytes, root: Path) -> None:
    """As somebody does who has neither Python nor paasctl."""
    root.mkdir(exist_ok=True)
    subprocess.run(["tar", "-x", "-f", "-", "-C", str(root)], input=archive, check=True)


def odd(root: Path) -> Bundle:
    write(root, "app.py", "run.sh", "sub/deep/" + "x" * 200 + "/" + "y" * 200)
    (root / "run.sh").chmod(0o700)
    touch(root, ODD_NAMES)
    (root / "link").symlink_to("sub/deep/" + "x" * 200)
    return build(app(root), {"Procfile": b"web: x\n"})


def test_an_unpacked_tar_is_the_bundle(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    bundle = odd(tmp_path / "app")
    unpack(tar(bundle), tmp_path / "new")
    again = build(app(tmp_path / "new"), {})
    assert again.digest == bundle.digest
    for file in again.files:
        assert file.source is not None
        if file.link is None:
            assert file.source.stat().st_mtime == file.mtime
            assert stat.S_IMODE(file.source.stat().st_mode) == file.mode


def test_python_reads_the_names_as_they_are(tmp_path: Path) -> None:
    bundle = odd(tmp_path)
    with tarfile.open(fileobj=io.BytesIO(tar(bundle)), encoding="utf-8", errors="surrogateescape") as archive:
        members = archive.getmembers()
    assert [member.name for member in members] == paths(bundle)
    assert {(m.uid, m.gid, m.uname, m.gname) for m in members} == {(0, 0, "root", "root")}


@given(TREES)
@settings(max_examples=30, deadline=None)
def test_any_tree_comes_out_as_it_went_in(files: Trees) -> None:
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        make(Path(one), files.items(), 0o022)
        bundle = build(app(Path(one)), {})
        unpack(tar(bundle), Path(two))
        assert build(app(Path(two)), {}).digest == bundle.digest


def test_equal_trees_are_equal_bytes_whenever_they_were_made(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    first, second = odd(tmp_path / "one"), odd(tmp_path / "two")
    for path in (tmp_path / "two").rglob("*.py"):
        os.utime(path, (1, 1))
    assert tar(first) == tar(second)
    packed = [io.BytesIO(), io.BytesIO()]
    for bundle, stream in zip((first, second), packed, strict=True):
        stream.name = f"{id(stream)}.gz"  # a name that must not end up in gzip's header
        write_tar_gz(bundle, stream)
    assert packed[0].getvalue() == packed[1].getvalue()
    assert gzip.decompress(packed[0].getvalue()) == tar(first)
    assert packed[0].getvalue()[3:8] == bytes(5)  # no flags (so no name) and no time


def test_a_part_of_a_bundle_can_be_written(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b.py", "c.py")
    bundle = build(app(tmp_path), {})
    with tarfile.open(fileobj=io.BytesIO(tar(bundle, ["c.py", "a.py", "not-there"]))) as archive:
        assert archive.getnames() == ["a.py", "c.py"]
    with tarfile.open(fileobj=io.BytesIO(tar(bundle, []))) as archive:
        assert archive.getnames() == []


def test_the_tar_is_written_while_files_are_read(tmp_path: Path) -> None:
    write(tmp_path, "big", content="x" * (3 * CHUNK))

    class Pieces:
        largest = 0

        def write(self, data: bytes) -> int:
            self.largest = max(self.largest, len(data))
            return len(data)

    stream = Pieces()
    write_tar(build(app(tmp_path), {}), stream)  # type: ignore[arg-type]
    assert 0 < stream.largest < CHUNK


def test_content_comes_in_pieces_of_exactly_the_stated_size(tmp_path: Path) -> None:
    write(tmp_path, "big", content="x" * (2 * CHUNK + 7))
    write(tmp_path, "empty", content="")
    bundle = build(app(tmp_path), {"made": b"abc"})
    pieces = {file.path: list(read_content(file)) for file in bundle.files}
    assert [len(piece) for piece in pieces["big"]] == [CHUNK, CHUNK, 7]
    assert (pieces["empty"], pieces["made"]) == ([], [b"abc"])


# ---------------------------------------------------------------------------------------- the disk moves underneath


def shorter(path: Path) -> None:
    path.write_text("x")


def other_content(path: Path) -> None:
    path.write_text("x = 2\n")


def gone(path: Path) -> None:
    path.unlink()


def a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("happens", [shorter, other_content, gone, a_link, a_pipe])
@pytest.mark.parametrize("write_it", [tar, lambda bundle: write_tar_gz(bundle, io.BytesIO())])
def test_a_file_that_changes_stops_the_push(tmp_path: Path, happens, write_it) -> None:  # type: ignore[no-untyped-def]
    write(tmp_path, "a.py", "b.py")
    bundle = build(app(tmp_path), {})
    happens(tmp_path / "b.py")
    with pytest.raises(PaasctlError, match=r"b\.py changed while it was being read; push again"):
        write_it(bundle)
    with pytest.raises(PaasctlError, match="changed while"):
        list(read_content(bundle.files[1]))


def test_a_file_that_grew_at_its_end_is_pushed_as_it_was_seen(tmp_path: Path) -> None:
    write(tmp_path, "a.log")
    bundle = build(app(tmp_path), {})
    before = tar(bundle)
    with (tmp_path / "a.log").open("a") as log:
        log.write("more\n")
    assert tar(bundle) == before


def test_a_full_disk_is_not_taken_for_a_changed_file(tmp_path: Path) -> None:
    write(tmp_path, "a.py", content="x" * 100_000)

    class Full:
        def write(self, data: bytes) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        write_tar(build(app(tmp_path), {}), Full())  # type: ignore[arg-type]
