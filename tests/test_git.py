"""What git knows of an app's folder, and that nothing about git can stop a push that does not need it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.bundles import NOBODY, commit, git, repository, write

from paasctl.git import env_warnings, persist_notes, provenance

DUBIOUS = "#!/bin/sh\necho \"fatal: detected dubious ownership in repository at '/srv/app'\" >&2\nexit 128\n"


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    return repository(tmp_path / "app")


@pytest.fixture
def cloned(repo: Path, tmp_path: Path) -> Path:
    """A clone whose one commit is on the remote."""
    write(repo, "app.py")
    commit(repo)
    git(tmp_path, "clone", "-q", str(repo), "clone")
    return tmp_path / "clone"


def test_a_commit_and_its_branch_are_known(repo: Path) -> None:
    write(repo, "app.py")
    head = commit(repo)
    known = provenance(repo)
    assert (known.commit, known.branch, known.dirty) == (head, "main", False)


def test_who_pushes_is_a_user_at_a_host(tmp_path: Path) -> None:
    user, _, host = provenance(tmp_path).who.partition("@")
    assert user
    assert host


def test_a_uid_without_a_name_is_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nameless)
    assert provenance(tmp_path).who.startswith(f"{os.getuid()}@")


def test_a_repository_without_a_commit_has_no_commit(repo: Path) -> None:
    known = provenance(repo)
    assert (known.commit, known.branch, known.unpushed) == ("", "main", False)


def test_a_detached_head_has_no_branch(repo: Path) -> None:
    write(repo, "app.py")
    git(repo, "checkout", "-q", "--detach", commit(repo))
    assert provenance(repo).branch == ""


@pytest.mark.parametrize("change", ["app.py", "new.py"])
def test_a_changed_or_untracked_file_makes_the_tree_dirty(repo: Path, change: str) -> None:
    write(repo, "app.py")
    commit(repo)
    write(repo, change, content="changed\n")
    assert provenance(repo).dirty


def test_an_untracked_file_that_is_never_pushed_makes_nothing_dirty(repo: Path) -> None:
    write(repo, "app.py")
    commit(repo)
    write(repo, ".env", "__pycache__/app.cpython-311.pyc", "sub/.paasctl/seen.json")
    assert not provenance(repo).dirty


def test_a_change_beside_the_app_does_not_make_it_dirty(repo: Path) -> None:
    write(repo, "shop/app.py", "docs/index.md")
    commit(repo)
    write(repo, "docs/index.md", content="changed\n")
    assert not provenance(repo / "shop").dirty
    assert provenance(repo).dirty


def test_a_commit_that_is_on_no_remote_is_unpushed(cloned: Path) -> None:
    assert not provenance(cloned).unpushed
    write(cloned, "app.py", content="changed\n")
    commit(cloned)
    assert provenance(cloned).unpushed


def test_without_a_remote_nothing_is_unpushed(repo: Path) -> None:
    write(repo, "app.py")
    commit(repo)
    assert not provenance(repo).unpushed


def test_tracked_files_that_no_release_will_have_are_named(repo: Path) -> None:
    assert persist_notes(repo, ("uploads/",)) == ()
    write(repo, "app.py", "uploads/.gitkeep", "uploads/default.png", "uploads/a/b.png", "data.db")
    commit(repo)
    write(repo, "uploads/of-a-visitor.png")
    (note,) = persist_notes(repo, ("uploads/",))
    assert note.startswith("uploads/a/b.png and 1 more, which git tracks, is not pushed")
    assert persist_notes(repo, ("data.db",))[0].startswith("data.db, which git tracks, is not pushed")
    assert persist_notes(repo, ("elsewhere/",)) == persist_notes(repo, ()) == ()


def test_a_hook_s_variables_do_not_lead_to_another_repository(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(repo, "app.py")
    head = commit(repo)
    other = repository(tmp_path / "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert provenance(repo).commit == head


def test_provenance_does_not_write_the_index(repo: Path) -> None:
    write(repo, "app.py")
    commit(repo)
    os.utime(repo / "app.py", (1, 1))  # what makes `git status` refresh and rewrite the index
    before = (repo / ".git" / "index").read_bytes()
    provenance(repo)
    assert (repo / ".git" / "index").read_bytes() == before


def test_without_git_only_who_is_known(repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    known = provenance(repo)
    assert known.who
    assert (known.commit, known.branch, known.dirty, known.unpushed) == ("", "", False, False)
    assert env_warnings(repo, [".env"]) == ()


# ------------------------------------------------------------------------------------------------------ env warnings


def private(path: Path) -> None:
    path.write_text("SECRET_KEY=s3cret\n")
    path.chmod(0o600)


def test_a_private_untracked_env_is_no_warning(repo: Path) -> None:
    private(repo / ".env")
    assert env_warnings(repo, [".env", ".env.heroku"]) == ()


def test_a_tracked_env_names_the_three_things_to_do(repo: Path) -> None:
    private(repo / ".env")
    commit(repo)
    (warning,) = env_warnings(repo, [".env"])
    assert "git rm --cached .env" in warning
    assert ".gitignore" in warning
    assert "rotate" in warning
    assert "s3cret" not in warning


def test_a_tracked_env_is_found_in_a_subfolder_and_by_its_full_path(repo: Path) -> None:
    write(repo, "shop/app.py")
    private(repo / "shop" / ".env.staging")
    commit(repo)
    shop = repo / "shop"
    assert env_warnings(shop, [shop / ".env.staging"]) == env_warnings(shop, [".env.staging"])
    assert "git rm --cached .env.staging" in env_warnings(shop, [".env.staging"])[0]


def test_an_env_outside_of_the_repository_does_not_hide_a_tracked_one(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    private(tmp_path / "elsewhere" / ".env")
    private(repo / ".env")
    commit(repo)
    (warning,) = env_warnings(repo, [tmp_path / "elsewhere" / ".env", ".env"])
    assert "git rm --cached .env" in warning


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_an_env_that_others_can_read_says_chmod(tmp_path: Path, mode: int) -> None:
    private(tmp_path / ".env")
    (tmp_path / ".env").chmod(mode)
    (warning,) = env_warnings(tmp_path, [".env"])
    assert "chmod 600 .env" in warning


def test_a_pattern_in_a_name_is_not_a_pattern(repo: Path) -> None:
    private(repo / ".env")
    commit(repo)
    private(repo / ".env*")
    assert env_warnings(repo, [".env*"]) == ()


# ----------------------------------------------------------------------------------- a repository of somebody else's


def refused(root: Path) -> None:
    assert provenance(root).commit == ""
    (warning,) = env_warnings(root, [".env"])
    assert "safe.directory" in warning
    assert str(root) in warning


def test_a_repository_that_git_distrusts_is_a_warning(
    repo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin" / "git"
    write(fake.parent, "git", content=DUBIOUS)
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    refused(repo)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_another_user_is_a_warning(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("SUDO_UID", raising=False)
    write(repo, "app.py")
    commit(repo)
    for path in (repo, *repo.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    refused(repo)
