"""The last lines of a program that failed: whole tracebacks, and its end in any case."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paasctl.procfiles.host import children
from paasctl.procfiles.host.children import TRACEBACK, last

FRAMES = [f'  File "app.py", line {number}, in f' for number in range(8)]


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "b", "c", "d", "e", "f"], ["b", "c", "d", "e", "f"]),
        (["a", TRACEBACK, *FRAMES[:3], "KeyError: x"], [TRACEBACK, *FRAMES[:3], "KeyError: x"]),
        # the second one is whole, the first is not
        ([TRACEBACK, *FRAMES, "KeyError: x", TRACEBACK, "  f()", "E: y"], [TRACEBACK, "  f()", "E: y"]),
        # longer than what is shown: how it ended matters
        ([TRACEBACK, *FRAMES, "KeyError: x"], [TRACEBACK, "  ...", *FRAMES[-2:], "KeyError: x"]),
        ([" indented", "  a", "  b", "  c", "  d", "  e"], ["  a", "  b", "  c", "  d", "  e"]),
    ],
)
def test_no_traceback_begins_in_its_middle(lines: list[str], shown: list[str]) -> None:
    assert last(lines, 5) == shown


@given(st.lists(st.sampled_from([TRACEBACK, "  a", "b", "", "c"])), st.integers(3, 8))
def test_the_end_is_always_there_and_never_too_much(lines: list[str], count: int) -> None:
    shown = last(lines, count)
    assert len(shown) <= count and shown[-1:] == lines[-1:]
    if shown and shown[0].startswith(" "):
        before = [line for line in lines[: len(lines) - len(shown)] if not line.startswith(" ")]
        assert before[-1:] != [TRACEBACK]


def test_a_program_that_is_stopped_says_so(tmp_path: Path) -> None:
    ended = children.run([sys.executable, "-c", "import time; time.sleep(60)"], str(tmp_path), limit=0.2)
    assert ended.stopped and ended.status
    assert not children.run([sys.executable, "-c", "raise SystemExit(3)"], str(tmp_path), limit=60).stopped
