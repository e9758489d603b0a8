"""The host's Supervisor through its control program, which is played by a script."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.host import children, system
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.supervisor import Process
from paasctl.procfiles.host.system import SystemSupervisor

WEB = "shop-a-web:shop-a-web_0"
SETUP = {"app": "shop", "generation": "a", "settings": {"web": {"instances": 1, "stop_wait": 5}}}
ONE, TWO = {"instances": 1, "stop_wait": 5}, {"instances": 2, "stop_wait": 5}
#: says what it was asked, and goes on until a file is there
CTL = '#!/bin/sh\necho "$@" >>{folder}/asked\nwhile ! [ -e {folder}/started ]; do sleep 0.02; done\n'


@pytest.fixture
def supervisor(tmp_path: Path) -> SystemSupervisor:
    (tmp_path / "setup.json").write_text(json.dumps(SETUP))
    (tmp_path / "ctl").write_text(CTL.format(folder=tmp_path))
    layout = Layout(str(tmp_path), setup=str(tmp_path / "setup.json"))
    return SystemSupervisor(layout, ["/bin/sh", str(tmp_path / "ctl")], Any)  # type: ignore[arg-type]


@pytest.fixture
def old() -> Iterator[subprocess.Popen[bytes]]:
    """The process that is to be restarted."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"]) as process:
        yield process
        process.kill()


def web(pid: int | None, state: str = "RUNNING") -> Process:
    return Process("web", "0", WEB, state, pid, "v1")


def test_a_restart_is_one_command_and_returns_when_the_old_process_has_ended(
    supervisor: SystemSupervisor, old: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    returned = threading.Event()
    begun = []

    def restart() -> None:
        begun.append(supervisor.restart(web(old.pid)))
        returned.set()

    thread = threading.Thread(target=restart)
    thread.start()
    while not (tmp_path / "asked").exists():
        assert not returned.is_set(), "the old process is there still"
        time.sleep(0.01)
    assert not returned.wait(0.2)
    old.kill()
    old.wait()
    thread.join()
    assert not begun[0](), "its control program waits for the new one still"
    (tmp_path / "started").touch()
    while not begun[0]():
        time.sleep(0.01)
    assert (tmp_path / "asked").read_text().splitlines() == [f"restart {WEB}"]


@pytest.mark.parametrize(("pid", "state"), [(None, "FATAL"), (2**22 + 1, "RUNNING")])
def test_what_does_not_run_is_not_waited_for(
    supervisor: SystemSupervisor, tmp_path: Path, pid: int | None, state: str
) -> None:
    begun = supervisor.restart(web(pid, state))
    assert not begun()
    (tmp_path / "started").touch()
    while not begun():
        time.sleep(0.01)


@pytest.mark.parametrize("state", ["STARTING", "BACKOFF", "EXITED"])
def test_one_that_comes_and_goes_is_restarted_to_the_end(
    supervisor: SystemSupervisor, tmp_path: Path, state: str
) -> None:
    """Supervisor may have begun it anew before the command arrives: what is seen then is not what will run."""
    threading.Timer(0.3, (tmp_path / "started").touch).start()
    assert supervisor.restart(web(2**22 + 1, state))()


def test_a_process_that_never_ends_is_waited_for_so_long(
    supervisor: SystemSupervisor, old: subprocess.Popen[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system, "ANSWER", -5)
    begun = supervisor.restart(web(old.pid))
    assert not begun()
    (tmp_path / "started").touch()
    while not begun():
        time.sleep(0.01)
    assert not children.running, "what is over is forgotten"


def test_a_release_comes_back_with_those_of_its_processes_that_the_host_still_knows(
    supervisor: SystemSupervisor, tmp_path: Path
) -> None:
    (tmp_path / "started").touch()
    (tmp_path / "setup.json").write_text(json.dumps({**SETUP, "settings": {"web": TWO, "worker": ONE}}))
    document = {"id": "v1", "settings": {"web": {**TWO, "instances": 3, "threads": 4}, "beat": ONE}}
    assert supervisor.suit(document) == {"id": "v1", "settings": {"web": {**TWO, "threads": 4}}}
    assert (tmp_path / "asked").read_text() == "stop shop-a-worker:shop-a-worker_0\n", "it ran what failed"
