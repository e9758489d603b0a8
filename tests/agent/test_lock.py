"""The lock of an app on a host: one holder, also while its file is removed; and the end of a command that holds it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from paasctl.procfiles.host import lock as module
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.lock import Lock
from paasctl.procfiles.host.wire import Failure

HOLD = """
import signal, sys
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.lock import Lock
lock = Lock(Layout(sys.argv[1]))
lock.take("ada@laptop", "a push")
print("held", flush=True)
signal.pause()
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.2)


@pytest.fixture
def holder(layout: Layout) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock."""
    with subprocess.Popen([sys.executable, "-c", HOLD, layout.root], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_a_second_one_is_told_who_holds_it(layout: Layout, holder: subprocess.Popen[bytes]) -> None:
    with pytest.raises(Failure, match=r"ada@laptop is busy with a push \(since .*\); nothing was changed") as caught:
        Lock(layout).take("bob", "a push")
    assert caught.value.kind == "busy"


def test_it_is_free_when_its_holder_is_dead(layout: Layout, holder: subprocess.Popen[bytes]) -> None:
    holder.kill()
    holder.wait()
    Lock(layout).take("bob", "a push")


def test_nobody_is_given_a_lock_that_was_removed(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = Lock(layout), Lock(layout), Lock(layout)
    first.take("ada", "taking the app down")
    wait = module.patiently

    def removed_meanwhile(file: object) -> bool:
        monkeypatch.setattr(module, "patiently", wait)
        first.remove()
        return wait(file)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "patiently", removed_meanwhile)
    second.take("bob", "a push")
    with pytest.raises(Failure, match="bob is busy"):
        third.take("eve", "a push")


def test_unlock_ends_the_holder(layout: Layout, holder: subprocess.Popen[bytes]) -> None:
    owner = Lock(layout).break_()
    assert owner is not None
    assert (owner["who"], owner["pid"]) == ("ada@laptop", holder.pid)
    assert holder.wait() == -signal.SIGTERM
    assert Lock(layout).break_() is None


def test_unlock_does_not_say_that_it_ended_what_goes_on(
    layout: Layout, holder: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(module, "ENDING", 0.2)
        patch.setattr(os, "kill", lambda pid, number: None)
        with pytest.raises(Failure, match="a push of ada@laptop is being brought to an end") as caught:
            Lock(layout).break_()
    assert caught.value.kind == "busy"
    assert holder.poll() is None
