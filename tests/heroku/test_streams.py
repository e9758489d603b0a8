"""Output of builds and release commands: shown while it comes, and whole and once wherever its stream breaks."""

from __future__ import annotations

import importlib
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest
from heroku_standin import HerokuApp, Standin
from laptop import Laptop, shown

from paasctl.redact import Redactor
from paasctl.secret import Secret
from paasctl.target import load

output = importlib.import_module(f"{load('heroku').connect.__module__.rpartition('.')[0]}.output")

LINES = [f"-----> stép {number} of the command" for number in range(5)]
SIZE = len("".join(f"{line}\n" for line in LINES).encode())

Breaker = Callable[[Standin], None]


def clean(standin: Standin) -> None:
    standin.cut_cleanly = True


def without_ranges(standin: Standin) -> None:
    standin.no_ranges = True


def with_nuls(standin: Standin) -> None:
    standin.keep_alive_nuls = True


ways = pytest.mark.parametrize("more", [lambda standin: None, clean, without_ranges, with_nuls])


@ways
def test_a_stream_that_breaks_at_any_byte(standin: Standin, app: HerokuApp, more: Breaker) -> None:
    more(standin)
    release = app.add_release("with output", None)
    release.output = LINES
    url = Secret(f"{standin.url}/streams/release/{release.id}?X-Amz-Signature=release-secret")
    for cut in range(SIZE + 1):
        standin.cut_streams_at = [cut] if standin.no_ranges else [cut, 3]
        lines: list[str] = []
        followed: Any = output.Output(url, Redactor(), lines.append)
        for _ in range(3):  # a stream that ends early, cleanly, is asked for again with the status
            followed.follow()
        assert followed.tail() == "\n".join(lines)
        assert lines == LINES, cut


@ways
@pytest.mark.parametrize("what", ["build", "release"])
def test_a_push_whose_stream_breaks(laptop: Laptop, standin: Standin, app: HerokuApp, more: Breaker, what: str) -> None:
    before: list[int | None] = []  # the streams before the one that breaks
    if what == "build":
        app.build_output, app.build_polls = LINES, 1
    else:
        app.build_output = ["-----> built"]
        app.release_command, app.release_output, app.release_polls = "succeeded", LINES, 2
        before = [None]
    more(standin)
    for number, cut in enumerate(range(0, SIZE, 13)):
        laptop.edit(number)
        standin.cut_streams_at = [*before, cut] if standin.no_ranges else [*before, cut, 3]
        result = laptop.push()
        shown_lines = [line.strip() for line in result.stderr.splitlines() if "stép" in line]
        assert shown_lines == LINES, (cut, shown(result))


@pytest.mark.parametrize("what", ["build", "release"])
def test_output_is_shown_while_it_comes(laptop: Laptop, standin: Standin, app: HerokuApp, what: str) -> None:
    """Heroku holds the second line back until paasctl has shown the first one."""
    if what == "build":
        app.build_output, app.build_polls = LINES, 1
    else:
        app.build_output = []
        app.release_command, app.release_output, app.release_polls = "succeeded", LINES, 1
    standin.hold, standin.hold_at = threading.Event(), LINES[0]
    process = laptop.start("push", "heroku", "-y", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    for line in process.stderr:
        if LINES[0] in line.decode():
            standin.hold.set()
    assert process.wait() == 0
    assert standin.held, "the stream was never held"
    assert not standin.held_in_vain, "the first line was shown only when all had come"
