"""What goes into a bundle, and that its digest depends on nothing else."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bundles import NOBODY, ODD_NAMES, app, commit, git, paths, repository, touch, without_privileges, write

from paasctl import tree
from paasctl.bundle import build, entry_mode
from paasctl.errors import UsageError
from paasctl.git import listing as git_listing
from paasctl.ignore import Rules

# -------------------------------------------------------------------------------------------------------- with git


def test_tracked_and_untracked_files_but_not_ignored_ones(tmp_path: Path) -> None:
    root = repository(tmp_path)
    write(root, "app.py", "docs/index.md")
    write(root, ".gitignore", content="*.log\nbuild/\n")
    commit(root)
    write(root, "new.py", "debug.log", "build/x.py")
    assert paths(build(app(root), {})) == [".gitignore", "app.py", "docs/index.md", "new.py"]


def test_an_ignored_file_that_is_tracked_all_the_same_is_pushed(tmp_path: Path) -> None:
    root = repository(tmp_path)
    write(root, "kept.log")
    commit(root)
    write(root, ".gitignore", content="*.log\n")
    assert paths(build(app(root), {})) == [".gitignore", "kept.log"]


def test_an_app_in_a_subfolder_of_the_repository_has_its_own_paths(tmp_path: Path) -> None:
    root = repository(tmp_path)
    write(root, "shop/app.py", "shop/static/a.css", "other/app.py")
    write(root, ".gitignore", content="*.log\n")
    commit(root)
    write(root, "shop/debug.log")
    assert paths(build(app(root / "shop"), {})) == ["app.py", "static/a.css"]


def test_a_folder_that_the_repository_around_it_ignores_is_walked(tmp_path: Path) -> None:
    root = repository(tmp_path)
    write(root, ".gitignore", content="/scratch/\n")
    commit(root)
    write(root, "scratch/app.py", "scratch/a.log")
    write(root, "scratch/.gitignore", content="*.log\n.gitignore\n")
    assert paths(build(app(root / "scratch"), {})) == ["app.py"]


def test_a_tracked_file_that_was_deleted_is_not_pushed(tmp_path: Path) -> None:
    root = repository(tmp_path)
    write(root, "app.py", "gone.py", "folder/gone.py")
    commit(root)
    (root / "gone.py").unlink()
    (root / "folder/gone.py").unlink()
    (root / "folder").rmdir()
    assert paths(build(app(root), {})) == ["app.py"]


def test_a_tracked_file_that_became_a_folder_and_a_folder_that_became_a_link(tmp_path: Path) -> None:
    root = repository(tmp_path)
    write(root, "file", "folder/x.py", "real/x.py", "empty")
    commit(root)
    (root / "file").unlink()
    (root / "empty").unlink()
    (root / "empty").mkdir()
    write(root, "file/y.py")
    (root / "folder/x.py").unlink()
    (root / "folder").rmdir()
    (root / "folder").symlink_to("real")
    assert paths(build(app(root), {})) == ["file/y.py", "folder", "real/x.py"]


def test_the_files_of_submodules_are_pushed_as_the_ignore_rules_say(tmp_path: Path) -> None:
    theme = repository(tmp_path / "theme")
    write(theme, "theme.css", ".env.example", "deep/a.css")
    commit(theme)
    root = repository(tmp_path / "app")
    git(root, "submodule", "--quiet", "add", str(theme), "static/theme")
    commit(root)
    write(root, "static/theme/.env", "static/theme/new.css")
    found = paths(build(app(root), {}))
    assert [path for path in found if path.startswith("static/")] == [
        "static/theme/.env.example",
        "static/theme/deep/a.css",
        "static/theme/new.css",
        "static/theme/theme.css",
    ]


def test_a_submodule_that_is_not_checked_out_is_refused_unless_excluded(tmp_path: Path) -> None:
    theme = repository(tmp_path / "theme")
    write(theme, "theme.css")
    commit(theme)
    root = repository(tmp_path / "app")
    git(root, "submodule", "--quiet", "add", str(theme), "theme")
    commit(root)
    git(root, "submodule", "--quiet", "deinit", "theme")
    with pytest.raises(UsageError, match="submodule theme is not checked out") as caught:
        build(app(root), {})
    assert "git submodule update --init" in caught.value.hint
    assert paths(build(app(root, exclude=("theme/",)), {})) == [".gitmodules"]


def test_a_sparse_checkout_is_refused_unless_what_it_lacks_is_excluded(tmp_path: Path) -> None:
    root = repository(tmp_path)
    write(root, "app.py", "shop/views.py", "shop/models.py", "docs/index.md")
    commit(root)
    git(root, "sparse-checkout", "set", "docs")
    with pytest.raises(UsageError, match=r"^shop/models\.py and 1 more file are in git and not checked out") as caught:
        build(app(root), {})
    assert "git sparse-checkout disable" in caught.value.hint
    assert paths(build(app(root, exclude=("shop/",)), {})) == ["app.py", "docs/index.md"]
    git(root, "sparse-checkout", "disable")
    assert len(paths(build(app(root), {}))) == 4


def test_a_file_that_git_was_told_not_to_look_at_is_pushed_as_it_is(tmp_path: Path) -> None:
    root = repository(tmp_path)
    write(root, "app.py", "settings.py")
    commit(root)
    git(root, "update-index", "--skip-worktree", "settings.py")
    assert paths(build(app(root), {})) == ["app.py", "settings.py"]


def test_a_clone_inside_the_app_is_pushed_like_any_untracked_folder(tmp_path: Path) -> None:
    root = repository(tmp_path)
    inner = repository(tmp_path / "vendor" / "lib")
    write(inner, "lib.py")
    commit(inner)
    write(root, "app.py")
    assert paths(build(app(root), {})) == ["app.py", "vendor/lib/lib.py"]


@pytest.mark.parametrize("with_git", [True, False])
def test_odd_names_survive(tmp_path: Path, with_git: bool) -> None:
    root = repository(tmp_path / "app") if with_git else tmp_path / "app"
    root.mkdir(exist_ok=True)
    touch(root, ODD_NAMES)
    if with_git:
        commit(root)
    bundle = build(app(root), {})
    assert [path.encode("utf-8", "surrogateescape") for path in paths(bundle)] == sorted(ODD_NAMES)
    assert all(file.digest == hashlib.sha256(os.fsencode(file.path)).hexdigest() for file in bundle.files)


# ------------------------------------------------------------------------------------------------- modes and overlays


def test_the_exec_bit_and_links_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "run.sh", "app.py", "sub/data")
    (tmp_path / "run.sh").chmod(0o700)
    (tmp_path / "app.py").chmod(0o664)
    (tmp_path / "sub" / "up").symlink_to("../app.py")
    (tmp_path / "folder").symlink_to("./sub")
    files = {file.path: file for file in build(app(tmp_path), {}).files}
    assert {path: oct(file.mode) for path, file in files.items() if file.link is None} == {
        "app.py": "0o644",
        "run.sh": "0o755",
        "sub/data": "0o644",
    }
    assert {path: file.link for path, file in files.items() if file.link} == {"folder": "./sub", "sub/up": "../app.py"}
    assert files["folder"].digest == hashlib.sha256(b"./sub").hexdigest()
    assert [oct(entry_mode(file)) for file in files.values()] == [
        "0o100644",
        "0o120000",
        "0o100755",
        "0o100644",
        "0o120000",
    ]


def test_generated_files_are_laid_over_the_app_s_own(tmp_path: Path) -> None:
    write(tmp_path, "Procfile", "app.py")
    (tmp_path / "Procfile").chmod(0o755)
    bundle = build(app(tmp_path), {"Procfile": b"web: x\n", "new/runtime.py": b"y"})
    assert paths(bundle) == ["Procfile", "app.py", "new/runtime.py"]
    procfile = bundle.files[0]
    assert (procfile.content, oct(procfile.mode), procfile.size) == (b"web: x\n", "0o644", 7)
    assert bundle.size == 7 + 6 + 1


def test_a_generated_file_replaces_a_link_even_one_that_leads_out(tmp_path: Path) -> None:
    (tmp_path / "Procfile").symlink_to("/etc/passwd")
    assert build(app(tmp_path), {"Procfile": b"web: x\n"}).files[0].link is None


def test_a_generated_file_cannot_be_where_the_app_has_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "Procfile/readme")
    with pytest.raises(UsageError, match="Procfile would be a file and a folder"):
        build(app(tmp_path), {"Procfile": b""})


# ------------------------------------------------------------------------------------------------------------- links


@pytest.mark.parametrize("target", ["/etc/hostname", "../outside", "sub/../../outside", "dot/../../app/../outside"])
def test_a_link_that_leaves_the_app_is_refused(tmp_path: Path, target: str) -> None:
    root = tmp_path / "app"
    write(root, "sub/x")
    write(tmp_path, "outside")
    (root / "dot").symlink_to(".")
    (root / "bad").symlink_to(target)
    with pytest.raises(UsageError, match="the link bad leads out of the app's folder") as caught:
        build(app(root), {})
    assert "exclude" in caught.value.hint
    assert paths(build(app(root, exclude=("/bad",)), {})) == ["dot", "sub/x"]


def test_an_absolute_link_to_a_file_of_the_app_is_refused_with_the_relative_one(tmp_path: Path) -> None:
    write(tmp_path, "conf/app.ini", "sub/x")
    (tmp_path / "sub" / "link").symlink_to(tmp_path / "conf" / "app.ini")
    with pytest.raises(UsageError, match="the link sub/link names its target by a path of this machine") as caught:
        build(app(tmp_path), {})
    assert caught.value.hint == "make it relative: ln -sfn ../conf/app.ini sub/link"


def test_a_link_to_what_is_not_pushed_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "app.py", ".env")
    (tmp_path / "settings").symlink_to(".env")
    with pytest.raises(UsageError, match=r"the link settings leads to \.env, which is not pushed"):
        build(app(tmp_path), {})


def test_links_to_persist_paths_folders_and_nothing_are_kept(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "uploads/a.jpg", "data.db")
    (tmp_path / "static").mkdir()
    for name, target in {"static/up": "../uploads", "static/a": "../uploads/a.jpg", "db": "data.db"}.items():
        (tmp_path / name).symlink_to(target)
    (tmp_path / "broken").symlink_to("not-there")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "all").symlink_to("static")
    found = paths(build(app(tmp_path, persist=("uploads/", "data.db")), {}))
    assert found == ["all", "app.py", "broken", "db", "loop", "static/a", "static/up"]


# ---------------------------------------------------------------------------------------------- what cannot be pushed


@pytest.fixture
def nobodys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that belongs to whoever runs the test without root's right to read everything."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own is closed to nobody
        monkeypatch.setenv("HOME", folder)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        with without_privileges():
            yield Path(folder)


def test_an_unreadable_file_is_named(nobodys: Path) -> None:
    write(nobodys, "app.py", "sub/secret\n.txt")
    (nobodys / "sub" / "secret\n.txt").chmod(0)
    with pytest.raises(UsageError, match=r"sub/secret\\n\.txt cannot be read: permission"):
        build(app(nobodys), {})
    assert paths(build(app(nobodys, exclude=("sub/",)), {})) == ["app.py"]


@pytest.mark.parametrize("with_git", [True, False])
def test_an_unreadable_folder_is_named_unless_it_is_left_out(nobodys: Path, with_git: bool) -> None:
    if with_git:
        repository(nobodys)
    write(nobodys, "app.py", "pgdata/x")
    (nobodys / "pgdata").chmod(0)
    try:
        with pytest.raises(UsageError, match=r"pgdata/? cannot be read: permission denied"):
            build(app(nobodys), {})
        assert paths(build(app(nobodys, persist=("pgdata/",)), {})) == ["app.py"]
        assert (git_listing(nobodys, Rules(persist=frozenset(["pgdata"]))) is not None) == with_git
    finally:
        (nobodys / "pgdata").chmod(0o755)


def test_a_socket_or_a_pipe_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "app.py")
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("web.sock")
        with pytest.raises(UsageError, match=r"web\.sock is a socket"):
            build(app(tmp_path), {})
    assert paths(build(app(tmp_path, exclude=("*.sock",)), {})) == ["app.py"]
    os.mkfifo("queue")
    with pytest.raises(UsageError, match="queue is a pipe"):
        build(app(tmp_path, exclude=("*.sock",)), {})


def test_a_large_app_is_refused_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_BYTES", 10_000)
    monkeypatch.setattr("hashlib.file_digest", None)
    write(tmp_path, "app.py", "src/a.py")
    write(tmp_path, "data/models/big[1].bin", content="x" * 9000)
    write(tmp_path, "dump.sql", content="x" * 2000)
    with pytest.raises(UsageError) as caught:
        build(app(tmp_path, exclude=("tests/",)), {})
    assert "10.8 kB" in caught.value.message
    assert caught.value.message.endswith("the largest are data/models/ (8.8 kB)"), "without it the rest fits"
    line = caught.value.hint.partition("exclude = ")[2]
    assert json.loads(line) == ["tests/", "/data/models/"]


def test_the_exclude_line_of_the_refusal_makes_the_push_possible(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "MAX_BYTES", 2000)  # every one of them has to go
    write(tmp_path, "we[i]rd na*me!/big", "#big\\", "!big", content="x" * 4000)
    write(tmp_path, "app.py")
    with pytest.raises(UsageError) as caught:
        build(app(tmp_path), {})
    lines = json.loads(caught.value.hint.partition("exclude = ")[2])
    assert paths(build(app(tmp_path, exclude=tuple(lines)), {})) == ["app.py"]


def test_what_is_left_out_does_not_count_as_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MAX_BYTES", 1000)
    write(tmp_path, "app.py")
    write(tmp_path, "uploads/big", "node_modules/big", content="x" * 2000)
    assert paths(build(app(tmp_path, persist=("uploads/",)), {})) == ["app.py"]
