"""Folders, trees and answers of the agent, where others may have had their hands."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path

import pytest
from paasctl.procfiles.host import tree as trees
from paasctl.procfiles.host.layout import Layout, disk_failure
from paasctl.procfiles.host.setup import own_folder
from paasctl.procfiles.host.tree import Trees, alike
from paasctl.procfiles.host.wire import Failure, Wire

MTIME = 1_700_000_000


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(str(tmp_path / "app"))
    layout.make()
    return layout


def a_tree(layout: Layout) -> tuple[Trees, list[trees.Entry], Path]:
    """A tree of one file, made of stored contents."""
    content = Path(layout.path("content"))
    content.write_bytes(b"one\n")
    digest = trees.content_digest(str(content))
    content.rename(layout.path("objects", digest))
    entries: list[trees.Entry] = [["web.py", "100644", digest, 4, MTIME, None]]
    found = Trees(layout)
    assert found.build("t1", entries, [], [])
    return found, entries, Path(layout.path("code", "t1"))


def test_a_tree_that_is_whole_is_left_alone(layout: Layout) -> None:
    found, entries, root = a_tree(layout)
    before = root.stat().st_ino
    assert not found.damaged("t1", alike)
    assert not found.build("t1", entries, [], [])
    assert root.stat().st_ino == before


@pytest.mark.parametrize("text", ["one\ntwo\n", "two\n"])
def test_a_file_that_was_written_to_is_seen_without_reading_it_and_mended(layout: Layout, text: str) -> None:
    found, entries, root = a_tree(layout)
    (root / "web.py").chmod(0o644)
    (root / "web.py").write_text(text)
    assert found.damaged("t1", alike) == ["web.py"]
    assert found.build("t1", entries, [], [])
    assert (root / "web.py").read_text() == "one\n"


def test_a_stored_content_that_was_cut_short_is_missing(layout: Layout) -> None:
    found, entries, _ = a_tree(layout)
    assert not found.missing(entries)
    os.truncate(layout.path("objects", entries[0][2]), 0)
    assert found.missing(entries) == [entries[0][2]]


def test_a_tree_has_the_very_files_of_another_where_they_are_as_they_were_made(layout: Layout) -> None:
    found, entries, root = a_tree(layout)
    inode = (root / "web.py").stat().st_ino
    found.build("t2", entries, [], [], like="t1")
    assert Path(layout.path("code", "t2", "web.py")).stat().st_ino == inode
    changed = [[*entries[0][:4], MTIME + 1, None]]
    found.build("t3", changed, [], [], like="t1")
    assert Path(layout.path("code", "t3", "web.py")).stat().st_ino != inode
    assert (root / "web.py").stat().st_mtime == MTIME
    found.build("t4", entries, [], [], like="no-such-tree")
    assert not found.damaged("t4")


@pytest.mark.parametrize("hurt", ["content", "mode", "gone"])
def test_a_file_that_is_not_as_it_was_made_is_not_taken_over(layout: Layout, hurt: str) -> None:
    found, entries, root = a_tree(layout)
    if hurt == "gone":
        root.chmod(0o755)
        (root / "web.py").unlink()
    else:
        (root / "web.py").chmod(0o644)
        if hurt == "content":
            (root / "web.py").write_text("two\n")
            os.utime(root / "web.py", (MTIME, MTIME))
            (root / "web.py").chmod(0o444)
    found.build("t2", entries, [], [], like="t1")
    made = Path(layout.path("code", "t2", "web.py"))
    assert made.read_text() == "one\n"
    assert stat.S_IMODE(made.stat().st_mode) == 0o444


def test_a_file_that_was_added_or_taken_away_is_seen(layout: Layout) -> None:
    found, _, root = a_tree(layout)
    root.chmod(0o755)
    (root / "more.py").touch()
    (root / "web.py").unlink()
    assert found.damaged("t1", alike) == ["more.py", "web.py"]


def test_folders_that_compiling_left_open_are_closed(layout: Layout) -> None:
    found, entries, root = a_tree(layout)
    root.chmod(0o755)
    found.build("t1", entries, [], [])
    assert stat.S_IMODE(root.stat().st_mode) == 0o555


def test_a_content_that_is_missing_is_a_sentence(layout: Layout) -> None:
    found, entries, root = a_tree(layout)
    Path(layout.path("objects", entries[0][2])).unlink()
    (root / "web.py").chmod(0o644)
    (root / "web.py").write_text("two\n")
    with pytest.raises(Failure, match="a stored file is missing on the host"):
        found.build("t1", entries, [], [])


def test_root_follows_no_link_when_it_gives_a_folder_away(tmp_path: Path) -> None:
    victim, folder = tmp_path / "etc", tmp_path / "srv" / "env"
    victim.mkdir(mode=0o755)
    folder.parent.mkdir()
    folder.symlink_to(victim)
    with pytest.raises(Failure, match="is not a folder"):
        own_folder(str(folder), os.getuid(), os.getgid(), 0o700)
    assert stat.S_IMODE(victim.stat().st_mode) == 0o755
    own_folder(str(tmp_path / "srv" / "logs"), os.getuid(), os.getgid(), 0o750)
    assert stat.S_IMODE((tmp_path / "srv" / "logs").stat().st_mode) == 0o750


@pytest.mark.parametrize(
    ("number", "sentence"),
    [
        (errno.ENOSPC, "cannot write below /srv/shop: the disk is full"),
        (errno.EROFS, "cannot write below /srv/shop: read-only file system"),
        (errno.ECONNREFUSED, "/srv/shop/run/web: connection refused"),
    ],
)
def test_only_a_write_is_called_a_write(number: int, sentence: str) -> None:
    error = OSError(number, os.strerror(number), "/srv/shop/run/web")
    assert disk_failure(error, "/srv/shop").message == sentence


def test_words_to_nobody_are_not_an_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    wire = Wire(io.BytesIO(), os.fdopen(writer, "wb", buffering=0))
    wire.say("web.0 runs v2")
    wire.answer(None)
