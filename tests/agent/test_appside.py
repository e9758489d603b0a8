"""What the app puts among its own files must not keep anybody from looking at it, or from taking it down."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.host import appside, logfiles
from paasctl.procfiles.host.appside import AppSide
from paasctl.procfiles.host.layout import Layout, write_json
from paasctl.procfiles.host.wire import Failure

GOOD: dict[str, Any] = {"env": {"A": "1"}, "manifest": "m"}
#: what is not a JSON file of ours, and how it is made
ODD: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": Path.mkdir,
    "no object": lambda path: path.write_text("[1]"),
    "too deep": lambda path: path.write_text("[" * 100_000),
    "too large": lambda path: path.write_text(" " * appside.LARGEST + json.dumps({**GOOD, "pid": 8, "release": "v1"})),
}
pytestmark = pytest.mark.timeout(20)


@pytest.fixture
def side(tmp_path: Path) -> Iterator[AppSide]:
    made = AppSide(Layout(str(tmp_path / "app")), print, lambda: False)
    made.do_make_folders({}, None)
    yield made


def run(side: AppSide) -> Path:
    """The folder of sockets and notes, which lies elsewhere where the app's own path is long."""
    return Path(side.layout.run_folder())


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_file_is_no_note_and_no_env(side: AppSide, odd: str) -> None:
    write_json(str(run(side) / "web.0.json"), {"pid": 7, "release": "v1"})
    write_json(side.layout.env_file("e2"), GOOD)
    ODD[odd](run(side) / "worker.0.json")
    ODD[odd](Path(side.layout.env_file("e1")))
    assert side.do_notes({}, None) == {"web.0": {"pid": 7, "release": "v1"}}
    assert side.do_other_envs({"but": None}, None) == [{"A": "1"}]
    with pytest.raises(Failure, match="the env of the live release is missing or damaged"):
        side.do_read_env({"id": "e1"}, None)


@pytest.mark.parametrize(
    "note",
    [
        {"pid": "7", "release": "v1"},
        {"pid": 1 << 40, "release": "v1"},
        {"pid": -1, "release": "v1"},
        {"pid": 7, "release": ["v1"]},
        {"pid": 7},
    ],
)
def test_a_note_of_another_shape_is_none(side: AppSide, note: Any) -> None:
    write_json(str(run(side) / "web.0.json"), note)
    assert side.do_notes({}, None) == {}


@pytest.mark.parametrize(
    "env", [{"env": {"A": "1"}}, {"env": ["A"], "manifest": "m"}, {"env": {"A": 1}, "manifest": ""}]
)
def test_an_env_of_another_shape_is_damaged(side: AppSide, env: Any) -> None:
    write_json(side.layout.env_file("e1"), env)
    assert side.do_other_envs({"but": None}, None) == []
    with pytest.raises(Failure, match="missing or damaged"):
        side.do_read_env({"id": "e1"}, None)


def test_a_pipe_among_the_logs_has_no_lines(side: AppSide) -> None:
    os.mkfifo(Path(side.layout.logs, "web_0.log"))
    assert side.do_tail({"log": "web_0"}, None) == ""
    assert list(logfiles.lines(side.layout.logs, "", None, 10, follow=False)) == []
    followed = threading.Thread(target=lambda: next(logfiles.lines(side.layout.logs, "", None, 0, True)), daemon=True)
    followed.start()  # for ever; it must come as far as the next file
    followed.join(0.5)
    Path(side.layout.logs, "worker_0.log").write_text("up\n")
    followed.join(5)
    assert not followed.is_alive()


def test_a_pipe_in_place_of_the_canarys_log_is_replaced(side: AppSide, monkeypatch: pytest.MonkeyPatch) -> None:
    log = run(side) / "canary.log"
    os.mkfifo(log)
    start = Path(side.layout.release("v1", "start"))
    start.parent.mkdir(parents=True)
    start.write_text("#!/bin/sh\necho its last words\nexit 1\n")
    start.chmod(0o755)
    monkeypatch.setattr(appside.Probe, "healthy", lambda self: False)  # it is asked until it has ended
    document = {"id": "v1", "handover": True, "health": None, "runtime": True, "host": "localhost"}
    assert side.do_canary({"document": document}, None)["output"] == "its last words"
    assert log.is_file()
