"""What is said of the files that a push would bring, and of which files nothing is said."""

from __future__ import annotations

from pathlib import Path

from support.bundles import app
from support.trees import Files, tree

from paasctl import contents
from paasctl.bundle import build

POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"


def said(root: Path, files: Files, **fields: object) -> list[str]:
    return list(contents.warnings(build(app(tree(root, files), **fields), {"wrapper": b"x" * 100})))


def test_files_that_git_lfs_has_not_fetched_are_named(tmp_path: Path) -> None:
    (warning,) = said(tmp_path, {"app.py": "x = 1\n" * 20, "model.bin": POINTER, "static/logo.png": POINTER})
    assert warning.startswith("git-lfs has not fetched all files")
    assert "in place of model.bin, static/logo.png; run `git lfs pull`" in warning


def test_many_of_them_are_counted(tmp_path: Path) -> None:
    (warning,) = said(tmp_path, {f"{number}.png": POINTER for number in range(9)})
    assert "0.png, 1.png, 2.png, 6 more files;" in warning


def test_a_text_about_git_lfs_and_what_is_not_pushed_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("README.md")
    files = {"README.md": f"git-lfs begins a pointer with\n{POINTER}", "long.md": POINTER * 2, "a.bin": POINTER}
    assert said(tmp_path, files, exclude=("a.bin",)) == []


def test_a_file_that_is_gone_when_it_is_looked_at_is_no_failure(tmp_path: Path) -> None:
    code = build(app(tree(tmp_path, {"a.bin": POINTER})), {})
    (tmp_path / "a.bin").unlink()
    assert list(contents.warnings(code)) == []
