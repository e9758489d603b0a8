"""Env files on the disk: private, replaced in one step, and the old one in place whenever something goes wrong."""

from __future__ import annotations

import multiprocessing
import os
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from paasctl import atomic, envstore
from paasctl.errors import PaasctlError, UsageError
from paasctl.secret import Secret

BEFORE = "# mine\r\nexport A='1'  # why\r\n\r\nB=2\r\n"


def write(root: Path, files: list[str], changes: dict[str, str | None], tracked: bool = False) -> tuple[str, ...]:
    secrets = {name: None if value is None else Secret(value) for name, value in changes.items()}
    return envstore.apply(root, files, secrets, tracked=lambda _: tracked)


def names(root: Path) -> list[str]:
    """What is there, besides paasctl's own folder and what makes git ignore it."""
    found = (str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
    return sorted(name for name in found if name != ".paasctl/.gitignore" and not name.startswith(".git/"))


def test_only_the_value_changes_and_the_file_is_private(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbf" + BEFORE.encode())
    (tmp_path / ".env").chmod(0o644)
    assert write(tmp_path, [".env"], {"A": "9"}) == (".env",)
    assert (tmp_path / ".env").read_bytes() == b"\xef\xbb\xbf" + BEFORE.replace("'1'", "'9'").encode()
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert names(tmp_path) == [".env"]


def test_a_file_that_does_not_exist_is_made(tmp_path: Path) -> None:
    assert write(tmp_path, [], {"SECRET_KEY": "abc"}) == (".env",)
    assert (tmp_path / ".env").read_text() == "SECRET_KEY=abc\n"
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_nothing_is_written_when_nothing_changes(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    before = (tmp_path / ".env").stat()
    assert write(tmp_path, [".env"], {"A": "1", "GONE": None}) == ()
    assert (tmp_path / ".env").stat() == before


def test_new_values_go_to_the_targets_own_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nB=1\n")
    (tmp_path / ".env.heroku").write_text("C=1\n")
    assert write(tmp_path, [".env", ".env.heroku"], {"A": "2", "B": None, "C": "3"}) == (".env", ".env.heroku")
    assert (tmp_path / ".env").read_text() == "A=1\n"
    assert (tmp_path / ".env.heroku").read_text() == "C=3\nA=2\n"


def test_cut_short_between_two_files_the_one_that_wins_is_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("GONE=1\nA=1\n")
    (tmp_path / ".env.heroku").write_text("GONE=2\n")
    real = envstore.save

    def save(root: Path, name: str, text: str) -> None:
        real(root, name, text)
        raise KeyboardInterrupt

    monkeypatch.setattr(envstore, "save", save)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, [".env", ".env.heroku"], {"A": "3", "GONE": None})
    assert (tmp_path / ".env").read_text() == "A=1\n"
    assert (tmp_path / ".env.heroku").read_text() == "GONE=2\n"


def test_a_file_that_git_tracks_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    with pytest.raises(UsageError, match="tracked by git"):
        write(tmp_path, [".env"], {"A": "hunter2"}, tracked=True)
    assert (tmp_path / ".env").read_text() == "A=1\n"


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "vault").mkdir()
    (tmp_path / "vault" / "env").write_text("A=1\n")
    (tmp_path / ".env").symlink_to("vault/env")
    write(tmp_path, [".env"], {"A": "2"})
    assert (tmp_path / ".env").is_symlink()
    assert (tmp_path / "vault" / "env").read_text() == "A=2\n"


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("A=1\n")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(PaasctlError, match=r"\.env could not be written \(No space left"):
        write(tmp_path, [".env"], {"A": "hunter2"})
    assert (tmp_path / ".env").read_text() == "A=1\n"
    assert not any("hunter2" in path.read_text() for path in tmp_path.rglob("*") if path.is_file())


def test_a_file_that_reads_back_differently_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    replace = atomic.replace

    def lossy(path: Path, data: bytes, prefix: str, folder: Path) -> None:
        old = tmp_path / ".paasctl" / ".env.paasctl-old"
        assert old.read_text() == "A=1\n"  # it is there until the new one is proven
        assert stat.S_IMODE(old.stat().st_mode) == 0o600
        replace(path, data[:-3], prefix, folder)

    monkeypatch.setattr(atomic, "replace", lossy)
    with pytest.raises(PaasctlError, match="read back differently"):
        write(tmp_path, [".env"], {"B": "hunter2"})
    assert (tmp_path / ".env").read_text() == "A=1\n"
    assert names(tmp_path) == [".env"]


def killed_write(root: Path, count: int) -> None:
    """Write, in a process that is killed once it has made sure of so many files that they are on the disk."""
    real, done = os.fsync, [0]

    def fsync(handle: int) -> None:
        real(handle)
        done[0] += 1
        if done[0] == count:
            os.kill(os.getpid(), signal.SIGKILL)

    os.fsync = fsync
    write(root, [".env"], {"A": "hunter2"})


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_a_kill_leaves_is_unseen_by_git_and_swept(tmp_path: Path, count: int, elsewhere: bool) -> None:
    root = tmp_path / "app"
    root.mkdir()
    (root / ".gitignore").write_text(".env\n")
    if elsewhere:
        (tmp_path / "env").write_text("A=1\n")
        (root / ".env").symlink_to(tmp_path / "env")
    else:
        (root / ".env").write_text("A=1\n")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    process = multiprocessing.get_context("fork").Process(target=killed_write, args=(root, count))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(names(root)) > 2  # something was left
    seen = subprocess.run(["git", "status", "--porcelain", "-uall"], cwd=root, capture_output=True, text=True).stdout
    assert seen == "?? .gitignore\n"
    write(root, [".env"], {"A": "3"})
    assert names(root) == [".env", ".gitignore"]
    assert (root / ".env").read_text() == "A=3\n"


def test_a_file_on_another_disk_is_replaced_from_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    replace, real = atomic.replace, os.stat
    folders = []

    def noted(path: Path, data: bytes, prefix: str, folder: Path) -> None:
        folders.append(folder)
        replace(path, data, prefix, folder)

    def other(path: Any, **options: Any) -> os.stat_result:
        found = real(path, **options)
        return os.stat_result((*found[:2], 4711, *found[3:])) if str(path).endswith(".paasctl") else found

    monkeypatch.setattr(atomic, "replace", noted)
    monkeypatch.setattr(os, "stat", other)
    write(tmp_path, [".env"], {"A": "2"})
    assert folders == [tmp_path]
    assert names(tmp_path) == [".env"]


def test_a_file_with_problems_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nA=2\n")
    with pytest.raises(UsageError, match=r"^\.env:2: "):
        write(tmp_path, [".env"], {"B": "1"})
    assert (tmp_path / ".env").read_text() == "A=1\nA=2\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_does_not_take_the_file_away_from_its_owner(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    os.chown(tmp_path / ".env", 65534, 65534)
    write(tmp_path, [".env"], {"A": "2"})
    assert (tmp_path / ".env").stat().st_uid == 65534
