"""The words that paasctl starts ssh with, and what it makes of ssh's own."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from paasctl.target import load

ROOM = load("linux").__module__.rpartition(".")[0]
ssh, channel = (import_module(f"{ROOM}.{name}") for name in ("ssh", "channel"))


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
    ("status", "said", "told"),
    [
        (255, "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", "is not the one"),
        (255, "No ED25519 host key is known for shop\nHost key verification failed.", "is not known"),
        (255, "deploy@192.0.2.1: Permission denied (publickey).", "does not let this user in"),
        (255, "Received disconnect: Too many authentication failures\nDisconnected", "too many keys"),
        (255, "ssh: Could not resolve hostname shop: Name or service not known", "no host named as in shop"),
        (255, "ssh: connect to host 192.0.2.1 port 22: Connection timed out", "shop cannot be reached (no answer)"),
        (
            255,
            "ssh: connect to host 192.0.2.1 port 22: Connection refused",
            "shop cannot be reached (connection refused)",
        ),
        (255, "ssh: connect to host 192.0.2.1 port 22: Network is unreachable", "shop cannot be reached (no network)"),
        (255, "kex_exchange: read\nConnection closed by remote host", "cannot be reached (Connection closed by remote"),
        (255, "Connection reset by peer", "shop cannot be reached (Connection reset by peer)"),
        (255, "client_loop: send disconnect: Broken pipe", "shop cannot be reached (client_loop"),
        (255, "", "shop cannot be reached (exit status 255)"),
        (127, "bash: line 1: python3: command not found", "shop has no python3"),
        (127, "bash: Zeile 1: python3: Kommando nicht gefunden.", "shop has no python3"),
        (127, "env: 'sudo': No such file or directory", "shop has no sudo"),
        (1, "sudo: python3: command not found", "shop has no python3"),
        (1, "sudo: a password is required", "may not become root on shop"),
        (1, "sudo: sorry, you must have a tty to run sudo", "may not become root on shop"),
        (1, "deploy is not in the sudoers file.", "may not become root on shop"),
        (1, "sudo: Ein Passwort ist notwendig", "shop could not be asked (sudo: Ein Passwort ist notwendig)"),
        (126, "sh: 1: exec: python3: Permission denied", "shop could not be asked (sh: 1: exec: python3: Permission"),
        (
            1,
            "Traceback\nPermissionError: [Errno 13] Permission denied: '/x'",
            "shop could not be asked (PermissionError",
        ),
    ],
)
def test_what_ends_before_the_agent_begins_is_told_with_what_to_do(
    tmp_path: Path, status: int, said: str, told: str
) -> None:
    error = client(tmp_path).explain(channel.Ending(status, tuple(said.splitlines()), begun=False))
    assert told in error.message
    assert error.message.endswith("; nothing was sent, nothing changed there")
    assert error.hint
    assert error.output == said


def test_what_ends_later_names_the_host_and_does_not_say_that_nothing_was_sent(tmp_path: Path) -> None:
    error = client(tmp_path).explain(channel.Ending(255, ("shop: Connection timed out",), begun=True))
    assert error.message == "the conversation with shop broke off"
    assert "same command" in error.hint


def test_sockets_lie_in_a_private_folder_that_is_short_enough(tmp_path: Path) -> None:
    long = tmp_path / ("long-" * 20)
    folder = ssh.socket_folder(long)
    try:
        assert len(os.fsencode(folder)) <= ssh.LONGEST
        assert folder.stat().st_mode & 0o777 == 0o700
    finally:
        folder.rmdir()
