"""The conversation with a far end that is played: requests that are made ahead of their calls."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import pytest

from paasctl.errors import PaasctlError
from paasctl.target import load

ROOM = load("linux").__module__.rpartition(".")[0]
channel = import_module(f"{ROOM}.channel")
#: answers each request with its number, its name and its arguments
FAR = """
import json, sys
sys.stdin.readline()
print("a word of a shell's start-up files\\npaasctl-agent: have", flush=True)
sys.stdin.readline()
for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps({"id": asked["id"], "result": [asked["id"], asked["call"], asked["args"]]}), flush=True)
"""


def started(program: str = FAR) -> Any:
    return channel.Channel([sys.executable, "-c", program], {}, os.environ)


@pytest.fixture
def far() -> Iterator[Any]:
    one = started()
    yield one
    one.close()


def test_a_request_that_was_made_ahead_is_made_once(far: Any) -> None:
    far.ahead("observe", port=8000)
    assert far.call("observe", port=8000) == [1, "observe", {"port": 8000}]
    assert far.call("observe", port=8000) == [2, "observe", {"port": 8000}]


def test_an_answer_that_nobody_asks_for_is_passed_over(far: Any) -> None:
    far.ahead("observe", port=8000)
    assert far.call("observe", port=None) == [2, "observe", {"port": None}]
    assert far.call("observe", port=8000) == [3, "observe", {"port": 8000}]


def test_a_far_end_that_ends_is_told_by_the_call() -> None:
    one = started("import sys; sys.exit('Permission denied')")
    one.ahead("observe")
    for _ in range(2):
        with pytest.raises(PaasctlError, match="broke off") as caught:
            one.call("observe")
        assert "Permission denied" in caught.value.output
    one.close()


def test_each_call_to_a_far_end_that_ended_is_told_so() -> None:
    one = started("")
    for _ in range(2):
        with pytest.raises(PaasctlError, match="broke off"):
            one.call("observe")
    one.close()


@pytest.mark.parametrize("program", [FAR, "import sys; sys.stdin.read()", ""])
def test_what_was_asked_ahead_keeps_nobody_from_leaving(program: str) -> None:
    one = started(program)
    one.ahead("observe")
    one.close()
