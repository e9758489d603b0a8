"""The words that paasctl starts ssh with, and what it makes of ssh's own."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from paasctl.target import load

ssh: Any = import_module(load("linux").__module__.rpartition(".")[0] + ".ssh")


def client(tmp_path: Path, configuration: str = "", **more: str) -> Any:
    (tmp_path / "config").write_text(f"Host shop\n  HostName 192.0.2.1\n  User deploy\n{configuration}")
    return ssh.Ssh("shop", tmp_path / "config", tmp_path / "s", dict(os.environ), **more)


def test_the_users_own_configuration_is_in_force(tmp_path: Path) -> None:
    one = client(tmp_path)
    assert (one.user, one.host) == ("deploy", "192.0.2.1")
    words = one.argv("true")
    assert "StrictHostKeyChecking=yes" in words
    assert "ControlMaster=auto" in words
    assert words[-3:] == ["--", "shop", "true"]


def test_another_user_may_log_in_for_setup(tmp_path: Path) -> None:
    one = client(tmp_path, login="root")
    assert one.user == "root"
    assert one.argv("true")[:5] == [one.argv("true")[0], "-F", str(tmp_path / "config"), "-l", "root"]


def test_a_control_path_of_the_users_own_is_respected(tmp_path: Path) -> None:
    one = client(tmp_path, "  ControlPath ~/.ssh/mine-%C\n  ControlMaster auto\n")
    assert not any(word.startswith("Control") for word in one.argv("true"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", "is not the one"),
        ("No ED25519 host key is known for shop\nHost key verification failed.", "is not known"),
        ("deploy@192.0.2.1: Permission denied (publickey).", "does not let this user in"),
        ("ssh: Could not resolve hostname shop: Name or service not known", "no host named"),
        ("ssh: connect to host 192.0.2.1 port 22: Connection timed out", "no answer"),
        ("ssh: connect to host 192.0.2.1 port 22: Connection refused", "connection refused"),
        ("bash: line 1: python3: command not found", "has no python3"),
        ("sudo: a password is required", "may not become root"),
        ("client_loop: send disconnect: Broken pipe", "broke off"),
    ],
)
def test_what_ssh_says_is_told_with_what_to_do(tmp_path: Path, said: str, told: str) -> None:
    error = client(tmp_path).explain(said.splitlines())
    assert told in error.message
    assert error.hint
    assert error.output == said


def test_sockets_lie_in_a_private_folder_that_is_short_enough(tmp_path: Path) -> None:
    long = tmp_path / ("long-" * 20)
    folder = ssh.socket_folder(long)
    try:
        assert len(os.fsencode(folder)) <= ssh.LONGEST
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        folder.rmdir()
