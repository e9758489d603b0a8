"""What is left out of a bundle: secrets, caches, what the user says, and without git what git would ignore."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.bundles import app, git, paths, repository, write

from paasctl import git as git_module
from paasctl.bundle import build
from paasctl.errors import UsageError

SECRET_OR_CACHE = [
    *(".env", ".env.heroku", ".env.local", ".envrc", "config/.env.production", ".flaskenv", "sub/.flaskenv"),
    *(".paasctl/seen.json", "sub/.git", "__pycache__/a.cpython-311.pyc", "a.pyc", "sub/b.pyo", ".env/bin/python"),
    *(".pytest_cache/x", ".mypy_cache/x", ".ruff_cache/x", ".tox/py/x", ".nox/x", "static/node_modules/x/y.js"),
    *("shop.egg-info/PKG-INFO", "static/.DS_Store"),
]
HARMLESS = [
    *(".env.example", "sub/.env.example", "env/a.py", "environment.py", "venv.py", "cache/x", ".flake8", ".gitignore"),
    *(".github/workflows/ci.yml", ".well-known/security.txt", ".ebextensions/x", "node_modules.txt", "pycache/x"),
]


@pytest.mark.parametrize("path", SECRET_OR_CACHE)
@pytest.mark.parametrize("tracked", [True, False])
def test_secrets_and_caches_are_never_pushed_even_when_tracked(tmp_path: Path, path: str, tracked: bool) -> None:
    if tracked:
        repository(tmp_path)
    write(tmp_path, "app.py", path)
    if tracked and not path.endswith(".git"):
        git(tmp_path, "add", "--force", path)
    assert "app.py" in paths(build(app(tmp_path), {}))
    assert path not in paths(build(app(tmp_path), {}))


@pytest.mark.parametrize("tracked", [True, False])
@pytest.mark.parametrize("said", ["prod.env", "./prod.env", "conf/../prod.env", "linked.env", "{root}/prod.env"])
def test_a_configured_env_file_is_never_pushed_whatever_its_name(tmp_path: Path, said: str, tracked: bool) -> None:
    if tracked:
        repository(tmp_path)
    write(tmp_path, "app.py", "prod.env", "sub/prod.env", "prod.env.paasctl-old", "prod.env.paasctl-x1", "prod.envy")
    if "linked" in said:
        (tmp_path / "linked.env").symlink_to("prod.env")
    if tracked:
        git(tmp_path, "add", "--force", ".")
    made = build(app(tmp_path, private=(said.format(root=tmp_path),), exclude=("!prod.env",)), {})
    assert paths(made) == ["app.py", "prod.envy", "sub/prod.env"]


def test_the_example_that_is_configured_as_an_env_file_is_not_pushed(tmp_path: Path) -> None:
    write(tmp_path, "app.py", ".env.example")
    assert paths(build(app(tmp_path, private=(".env.example",)), {})) == ["app.py"]


@pytest.mark.parametrize("tracked", [True, False])
def test_a_file_that_an_env_file_is_a_link_to_is_not_pushed(tmp_path: Path, tracked: bool) -> None:
    if tracked:
        repository(tmp_path)
    write(tmp_path, "app.py", "docs/example", *(f"secrets/{name}" for name in ("base.env", "h.env", "flask", "README")))
    links = {".env": "current", ".env.heroku": "secrets/h.env", ".flaskenv": "secrets/flask"}
    for link, target in {**links, "current": "secrets/base.env", ".env.example": "docs/example"}.items():
        (tmp_path / link).symlink_to(target)
    if tracked:
        git(tmp_path, "add", "--force", ".")
    made = build(app(tmp_path), {})
    assert paths(made) == [".env.example", "app.py", "docs/example", "secrets/README"]


def test_a_folder_or_nothing_behind_a_link_named_like_an_env_file_changes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "conf/settings.py")
    for link, target in {".env.d": "conf", ".env": "nowhere", ".env.a": ".env.a", ".env.out": "/etc/passwd"}.items():
        (tmp_path / link).symlink_to(target)
    assert paths(build(app(tmp_path), {})) == ["app.py", "conf/settings.py"]


def test_a_link_to_a_configured_env_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "prod.env")
    (tmp_path / "settings").symlink_to("prod.env")
    with pytest.raises(UsageError, match=r"leads to prod\.env, which is not pushed"):
        build(app(tmp_path, private=("prod.env",)), {})


def test_an_include_pattern_does_not_bring_a_secret_back(tmp_path: Path) -> None:
    write(tmp_path, "app.py", ".env")
    assert paths(build(app(tmp_path, exclude=("!.env",)), {})) == ["app.py"]


def test_files_that_look_a_little_like_secrets_are_pushed(tmp_path: Path) -> None:
    write(tmp_path, *HARMLESS)
    (tmp_path / ".gitignore").write_text("")
    assert paths(build(app(tmp_path), {})) == sorted(HARMLESS)


def test_a_virtual_environment_is_recognised_by_its_file_whatever_its_name(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "tools/py/pyvenv.cfg", "tools/py/lib/site.py", "tools/x.py")
    assert paths(build(app(tmp_path), {})) == ["app.py", "tools/x.py"]


def test_an_app_whose_own_folder_is_a_virtual_environment_is_still_pushed(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "pyvenv.cfg")
    assert "app.py" in paths(build(app(tmp_path), {}))


def test_persist_paths_are_left_out_with_sqlite_s_companions(tmp_path: Path) -> None:
    kept = ["data.db.sql", "uploads2/x", "other/uploads/x", "uploads.py"]
    write(tmp_path, "data.db", "data.db-wal", "data.db-shm", "data.db-journal", "uploads/a", "uploads/b/c", *kept)
    assert paths(build(app(tmp_path, persist=("data.db", "./uploads/")), {})) == sorted(kept)


def test_exclude_and_paasctlignore_are_gitignore_patterns(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "tests/t.py", "docs/a.md", "docs/keep.md", "sub/tests/t.py", "root.txt", "sub/root.txt")
    write(tmp_path, ".paasctlignore", content="\ufeff# ours\r\ndocs/*\r\n!docs/keep.md\r\n")
    found = paths(build(app(tmp_path, exclude=("tests/", "/root.txt", ".paasctlignore")), {}))
    assert found == ["app.py", "docs/keep.md", "sub/root.txt"]


def test_exclude_has_the_last_word_over_paasctlignore(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "docs/a.md")
    write(tmp_path, ".paasctlignore", content="*.md\n.paasctlignore\n")
    assert paths(build(app(tmp_path, exclude=("!*.md",)), {})) == ["app.py", "docs/a.md"]


def test_a_pattern_that_means_nothing_is_named(tmp_path: Path) -> None:
    write(tmp_path, "app.py")
    with pytest.raises(UsageError, match="exclude: '!' is not a pattern"):
        build(app(tmp_path, exclude=("tests/", "!")), {})


def test_generated_files_are_pushed_whatever_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, "app.py")
    assert paths(build(app(tmp_path, exclude=("*",)), {"Procfile": b""})) == ["Procfile"]


# -------------------------------------------------------------------------------------------- where there is no git


def test_a_walk_honours_every_gitignore_on_the_way(tmp_path: Path) -> None:
    write(tmp_path, ".gitignore", content="*.log\n/build/\n")
    write(tmp_path, "sub/.gitignore", content="!keep.log\nlocal.py\n")
    write(tmp_path, "a.log", "sub/b.log", "sub/keep.log", "sub/deep/keep.log", "sub/local.py", "local.py", "build/x")
    found = paths(build(app(tmp_path), {}))
    assert found == [".gitignore", "local.py", "sub/.gitignore", "sub/deep/keep.log", "sub/keep.log"]


def test_without_the_git_program_the_repository_s_own_rules_still_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = repository(tmp_path)
    write(root, ".gitignore", content="*.log\n/shop/private/\n")
    write(root, ".git/info/exclude", content="*.tmp\n")
    write(root, "shop/app.py", "shop/a.log", "shop/b.tmp", "shop/private/x", "shop/sub/private/y")
    with_git = paths(build(app(root / "shop"), {}))
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert paths(build(app(root / "shop"), {})) == with_git == ["app.py", "sub/private/y"]


def test_broken_lines_of_a_gitignore_are_passed_over_as_git_does(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "a.log")
    write(tmp_path, ".gitignore", content="!\n\n   \n#x\n*.log\n.gitignore\n")
    assert paths(build(app(tmp_path), {})) == ["app.py"]


def test_links_to_folders_are_not_entered(tmp_path: Path) -> None:
    write(tmp_path, "sub/x.py")
    (tmp_path / "again").symlink_to("sub")
    (tmp_path / "self").symlink_to(".")
    assert paths(build(app(tmp_path), {})) == ["again", "self", "sub/x.py"]


PARTS = st.sampled_from(["a", "b", "ab", "a.b", "*", "?", "**", "a*", "*.b", "[ab]"])
PATTERN = st.builds(
    lambda no, start, parts, end: no + start + "/".join(parts) + end,
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(PARTS, min_size=1, max_size=3),
    st.sampled_from(["", "/"]),
)


@given(st.lists(PATTERN, max_size=4), st.lists(PATTERN, max_size=4))
@example(["a/**", "!a/b"], [])
@example(["/*", "!/a", "!/z"], ["*", "!ab"])
@example(["*", "!*/", "!*.b"], ["!a"])
@example(["*.b", "b/*", "!b/ab"], ["!*.b"])
@example(["z/", "!a"], ["\\!a", "# b", "a\\ ", "b/  "])
@settings(max_examples=30, deadline=None)
def test_a_walk_finds_what_git_finds(outer: list[str], inner: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = repository(Path(folder))
        names = ["a", "b", "ab", "a.b"]
        write(root, *(f"{x}/{y}/{z}" for x in names[:3] for y in names[:3] for z in names), *(f"z/{n}" for n in names))
        (root / ".gitignore").write_text("\n".join([*outer, "!.gitignore"]))
        (root / "a" / ".gitignore").write_text("\n".join([*inner, "!.gitignore"]))
        with_git = paths(build(app(root), {}))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(git_module, "listing", lambda *_: None)
            assert paths(build(app(root), {})) == with_git


def test_the_users_global_ignore_file_counts_with_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "ignore", content="*.swp\n")
    write(tmp_path, "config", content=f"[core]\nexcludesFile = {tmp_path}/ignore\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.fspath(tmp_path / "config"))
    root = repository(tmp_path / "app")
    write(root, "app.py", ".app.py.swp")
    assert paths(build(app(root), {})) == ["app.py"]
