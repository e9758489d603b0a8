"""What is said of the files that a push would bring, and of which files nothing is said."""

from __future__ import annotations

from pathlib import Path

import pytest
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


@pytest.mark.parametrize("kind", ["", "RSA ", "OPENSSH ", "ENCRYPTED "])
@pytest.mark.parametrize("path", ["id_rsa", "ssh/id_ed25519_deploy", "cert/server.pem", "tls.KEY"])
def test_a_private_key_is_named(tmp_path: Path, path: str, kind: str) -> None:
    (warning,) = said(tmp_path, {path: f"-----BEGIN {kind}PRIVATE KEY-----\nAAAA\n-----END {kind}PRIVATE KEY-----\n"})
    assert warning == f"a private key is pushed with the code: {path}; a line in .paasctlignore keeps a file out"


def test_a_key_below_a_certificate_is_one(tmp_path: Path) -> None:
    both = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\r\nAA\n"
    assert len(said(tmp_path, {"server.pem": both})) == 1


def test_public_keys_other_names_and_what_is_left_out_are_passed_over(tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\nAAAA\n"
    files = {
        "id_rsa.pub": "ssh-rsa AAAA me@laptop\n",
        "ca.pem": "-----BEGIN CERTIFICATE-----\nAAAA\n",
        "jwt.key": "-----BEGIN PUBLIC KEY-----\nAAAA\n",
        "docs/keys.md": key,
        "kept.pem": key,
        "about.pem": f"the file begins with {key}",
        "large.pem": "x" * contents.KEY_SIZE + "\n" + key,
        ".paasctlignore": "kept.pem\n",
    }
    assert said(tmp_path, files) == []
