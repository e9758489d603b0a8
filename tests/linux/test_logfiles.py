"""The last lines of several processes' logs are told in the order in which they were written."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paasctl.procfiles.host import logfiles


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "web_0.log").write_text(
        "starting\n"
        "[2024-11-22 10:00:00 +0000] [7] [INFO] Listening\n"
        "2024-11-22T10:00:04.500Z ERROR no\nTraceback\n  File\n"
        "2024-11-22 10:00:09,250 INFO last\n"
    )
    (tmp_path / "worker_0.log").write_text("2024-11-22T11:00:02+01:00 two\n2024-11-22 10:00:06.1 six\n")
    (tmp_path / "supervisord.log").write_text("2024-11-22 10:00:07,000 INFO not the app's\n")
    return tmp_path


def last(folder: Path, count: int, process: str | None = None) -> list[str]:
    return [" ".join(item) for item in logfiles.lines(str(folder), "", process, count, False)]


ALL = [
    "web.0 starting",
    "web.0 [2024-11-22 10:00:00 +0000] [7] [INFO] Listening",
    "worker.0 2024-11-22T11:00:02+01:00 two",
    "web.0 2024-11-22T10:00:04.500Z ERROR no",
    "web.0 Traceback",
    "web.0   File",
    "worker.0 2024-11-22 10:00:06.1 six",
    "web.0 2024-11-22 10:00:09,250 INFO last",
]


@pytest.mark.parametrize("count", [0, 1, 2, 5, 8, 100])
def test_so_many_lines_in_all_the_newest_last(folder: Path, count: int) -> None:
    assert last(folder, count) == (ALL[-count:] if count else [])


def test_the_end_of_a_long_traceback_is_as_new_as_its_beginning(folder: Path) -> None:
    (folder / "web_1.log").write_text("2024-11-22 10:00:11,000 ERROR boom\n" + "  a frame\n" * 50 + "KeyError\n")
    assert last(folder, 2) == ["web.1   a frame", "web.1 KeyError"]


def test_of_one_process(folder: Path) -> None:
    assert last(folder, 1, "worker") == last(folder, 1, "worker.0") == ["worker.0 2024-11-22 10:00:06.1 six"]
    assert last(folder, 1, "worker.1") == []


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])) | st.from_regex(logfiles.MOMENT)))
def test_no_line_is_lost_or_moved_within_its_file(lines: list[str]) -> None:
    dated = logfiles.dated(lines)
    assert [line for _, line in dated] == lines
    assert [moment for moment, _ in dated] == sorted(moment for moment, _ in dated)


def test_a_day_to_come_is_not_when_a_line_was_written() -> None:
    assert logfiles.dated(["2124-01-01 00:00:00 it expires"])[0][0] == 0.0


def test_lines_without_any_time_come_in_the_order_of_the_processes(tmp_path: Path) -> None:
    for name in ("b_0", "a_0"):
        (tmp_path / f"{name}.log").write_text(f"{name}{os.linesep}")
    assert last(tmp_path, 10) == ["a.0 a_0", "b.0 b_0"]
