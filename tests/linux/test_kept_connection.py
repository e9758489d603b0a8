"""A connection that was kept and is dead: the agent is started once more on a new one. ssh is played by a script."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from paasctl.errors import PaasctlError
from paasctl.target import load

ROOM = load("linux").__module__.rpartition(".")[0]
ssh, channel = (import_module(f"{ROOM}.{name}") for name in ("ssh", "channel"))
#: notes what it is started for; the first time it ends as ``first`` says, later it is the agent
PROGRAM = """\
#!/bin/sh
case " $* " in
*" -G "*) printf 'user deploy\\nhostname 192.0.2.1\\ncontrolpath %s\\n' "$(cat {folder}/own)"; exit;;
*" -O "*) echo stop >>{folder}/started; exit;;
esac
echo "$@" | head -1 >>{folder}/started
[ -e {folder}/again ] && exec {python} -c "$(cat {folder}/agent)"
touch {folder}/again
. {folder}/first
"""
AGENT = """\
import json, sys
sys.stdin.readline()
print("paasctl-agent: have", flush=True)
sys.stdin.readline()
for line in sys.stdin:
    print(json.dumps({"id": json.loads(line)["id"], "result": "here"}), flush=True)
"""
DEAD = "echo 'client_loop: send disconnect: Broken pipe' >&2; exit 255"
Laptop = tuple[Any, Path]


@pytest.fixture
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """An ssh with a connection that was kept, and the folder of the script."""
    folder = tmp_path_factory.mktemp("k")
    for name, text in {"ssh": PROGRAM, "agent": AGENT, "own": "none", "first": DEAD}.items():
        (folder / name).write_text(text.format(folder=folder, python=sys.executable) if name == "ssh" else text)
    (folder / "ssh").chmod(0o755)
    one = ssh.Ssh("shop", None, folder / "s", {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"})
    with keep(one._control_path):
        yield one, folder


def keep(path: Path) -> socket.socket:
    """The socket of a connection that is kept."""
    kept = socket.socket(socket.AF_UNIX)
    kept.bind(str(path))
    return kept


def ask(one: Any) -> str:
    conversation = channel.Channel(one.python(), {}, one.environ, one.explain, otherwise=one.otherwise())
    try:
        conversation.ahead("observe")
        return str(conversation.call("observe"))
    finally:
        conversation.close()


def started(folder: Path) -> list[str]:
    return (folder / "started").read_text().splitlines()


@pytest.mark.parametrize("first", [DEAD, "exec sleep 1000"], ids=["broken", "silent"])
def test_a_dead_connection_is_given_up_for_a_new_one(
    laptop: Laptop, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, folder = laptop
    monkeypatch.setattr(channel, "FIRST", 0.3)
    (folder / "first").write_text(first)
    assert ask(one) == "here"
    dead, stop, anew = started(folder)
    assert (stop, anew) == ("stop", dead)
    assert not one._control_path.exists()


def test_a_kept_connection_of_the_users_own_is_passed_by(laptop: Laptop, tmp_path: Path) -> None:
    one, folder = laptop
    (folder / "own").write_text(str(folder / "mine"))
    mine = ssh.Ssh("shop", None, folder / "s", one.environ)
    with keep(folder / "mine"):
        assert ask(mine) == "here"
    first, second = started(folder)
    assert "ControlPath" not in first
    assert "-o ControlPath=none" in second
    assert (folder / "mine").exists()


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("echo 'shop: Permission denied (publickey).' >&2; exit 255", "does not let this user in"),
        ("echo 'python3: command not found' >&2; exit 127", "has no python3"),
        ("echo 'Traceback' >&2; exit 1", "could not be asked"),
        ("echo 'paasctl-agent: have'; exit 255", "broke off"),
    ],
)
def test_a_refusal_and_an_agent_that_had_begun_are_final(laptop: Laptop, first: str, told: str) -> None:
    one, folder = laptop
    (folder / "first").write_text(first)
    with pytest.raises(PaasctlError, match=told):
        ask(one)
    assert len(started(folder)) == 1


def test_without_a_kept_connection_there_is_one_try(laptop: Laptop) -> None:
    one, folder = laptop
    one._control_path.unlink()
    with pytest.raises(PaasctlError, match="shop cannot be reached"):
        ask(one)
    assert len(started(folder)) == 1


def test_a_new_connection_that_fails_too_is_told(laptop: Laptop) -> None:
    one, folder = laptop
    (folder / "agent").write_text("import sys; print('No route to host', file=sys.stderr); sys.exit(255)")
    with pytest.raises(PaasctlError, match="no route"):
        ask(one)
    assert len(started(folder)) == 3
