"""What reaches the two streams, and how questions are answered."""

from __future__ import annotations

import io
import json
import sys
from typing import Any

import pytest

from paasctl.console import Console, is_interactive
from paasctl.secret import MASK, Secret

SECRET = Secret("hidden-value-0001")


@pytest.fixture
def console() -> Console:
    made = Console()
    made.redactor.learn([SECRET])
    return made


def test_results_and_talk_are_apart(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    console.out("result")
    console.err("talk")
    console.note("n")
    console.warn("w")
    assert tuple(capsys.readouterr()) == ("result\n", "talk\nnote: n\nwarning: w\n")


def test_everything_is_masked(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    value = SECRET.reveal()
    console.out(value)
    console.err(f"\x1b[31m{value[:5]}\x1b[0m{value[5:]}")
    console.aside(value)
    console.raw(value)
    console.table(("A",), [(value,)])
    console.json({"a": [value, {"b": value}]})
    console.json_line({"text": value})
    console.failure(value, value, value)
    assert value not in "".join(capsys.readouterr())


def test_json_keeps_stdout_for_itself(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    console.quiet_stdout = True
    console.out("for people")
    console.table(("A",), [("for people",)])
    console.json({"a": "é", "secret": SECRET.reveal()})
    out, err = capsys.readouterr()
    assert json.loads(out) == {"a": "é", "secret": MASK}
    assert out.isascii() and err.count("for people") == 2


def test_foreign_text_cannot_steer_the_terminal(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    console.err("\x1b]0;title\x07a\x1b[2Jb\x08c\r\nd\re\tf")
    assert capsys.readouterr().err == "ab\\x08c\nd\ne\tf\n"


def test_a_table_in_a_pipe_is_aligned_and_leaves_empty_columns_out(
    console: Console, capsys: pytest.CaptureFixture[str]
) -> None:
    console.table(("ID", "NOTE", "WHO"), [("r1", "", "eva"), ("r100", "", "bob")])
    console.table(("ID",), [])
    assert capsys.readouterr().out == "ID    WHO\nr1    eva\nr100  bob\n"


def test_a_failure_shows_what_the_program_said(console: Console, capsys: pytest.CaptureFixture[str]) -> None:
    console.failure("it broke", "mend it", "line 1\nline 2")
    assert capsys.readouterr().err == "error: it broke\n  | line 1\n  | line 2\nhint: mend it\n"


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("theirs\n", "theirs"), ("2\n", "theirs"), ("th\n", "theirs"), ("9\nx\nskip\n", "skip"), ("t\n", "theirs")],
)
def test_one_of_some_words(console: Console, monkeypatch: pytest.MonkeyPatch, typed: str, answer: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert console.pick("NAME", ["ours", "theirs", "skip"]) == answer


def test_no_is_the_default(console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    assert console.confirm("sure?") is False


class Gone(io.StringIO):
    """A pipe whose reader went away."""

    def write(self, _text: str) -> int:
        raise BrokenPipeError(32, "Broken pipe")


def test_a_reader_of_progress_who_goes_away_does_not_stop_a_push(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", Gone())
    console = Console()
    console.err("x")
    console.aside("x")
    with pytest.raises(BrokenPipeError):
        monkeypatch.setattr(sys, "stdout", Gone())
        Console().out("x")


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_nobody_is_there_without_a_terminal(monkeypatch: pytest.MonkeyPatch, stream: Any) -> None:
    monkeypatch.setattr(sys, "stdin", stream)
    assert not is_interactive()
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdin", closed)
    assert not is_interactive()


def test_closed_streams_are_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    console = Console()
    console.out("x")
    console.err("x")
    console.json({})
