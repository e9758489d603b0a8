"""What is read of the host while one group of processes takes another's place."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest
from paasctl.procfiles.host.groups import connections
from paasctl.procfiles.host.system import STATUS

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc/net/unix")


def test_the_connections_to_a_socket_are_counted_accepted_or_not(tmp_path: Path) -> None:
    path = str(tmp_path / "web.sock")
    with (
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX) as one,
        socket.socket(socket.AF_UNIX) as two,
    ):
        server.bind(path)
        server.listen(5)
        assert connections(path) == 0
        one.connect(path)
        assert connections(path) == 1
        accepted, _ = server.accept()
        two.connect(path)
        assert connections(path) == 2
        accepted.close()
        assert connections(path) == 1


@pytest.mark.parametrize(
    ("line", "state", "pid"),
    [
        ("shop-a-web:shop-a-web_0   RUNNING   pid 56, uptime 0:01:12", "RUNNING", "56"),
        ("shop-a-web:shop-a-web_0   STARTING  ", "STARTING", None),
        ("shop-a-web:shop-a-web_0   STARTING", "STARTING", None),
        ("shop-a-web:shop-a-web_0   BACKOFF   Exited too quickly (process log may have details)", "BACKOFF", None),
        ("shop-a-web:shop-a-web_0   STOPPED   Not started", "STOPPED", None),
    ],
)
def test_every_state_that_supervisor_says_is_understood(line: str, state: str, pid: str | None) -> None:
    found = STATUS.match(line)
    assert found
    assert (found["full"], found["state"], found["pid"]) == ("shop-a-web:shop-a-web_0", state, pid)


def test_an_answer_that_is_no_state_is_none() -> None:
    assert not STATUS.match("unix:///var/run/supervisor.sock no such file")
    assert not STATUS.match("shop-a-web: ERROR (no such group)")
