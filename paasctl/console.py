"""What the user sees: results on stdout, talk on stderr, and questions where somebody is there to answer."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import IO, Any, Protocol

from paasctl.model import Step
from paasctl.redact import Redactor

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def is_interactive() -> bool:
    """Whether a question would be read and answered by a person."""
    return _is_tty(sys.stdin) and _is_tty(sys.stderr)


def _is_tty(stream: IO[str] | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


class OutputLost(OSError):
    """A result cannot be written: the disk under stdout is full."""


@contextmanager
def result() -> Iterator[None]:
    """Tell a result that cannot be written from what goes wrong elsewhere; a reader who went away is no failure."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputLost(error.errno, error.strerror) from error


class Paper(Protocol):
    """Where lines are put down: plain text, or a terminal in colour."""

    def line(self, text: str, style: str) -> None: ...

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None: ...


class Plain:
    """Lines for pipes, files and CI."""

    def __init__(self, stream: IO[str] | None) -> None:
        self._stream = stream

    def line(self, text: str, style: str) -> None:
        if self._stream is not None:
            self._stream.write(text + "\n")
            self._stream.flush()

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
        for row in (head, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.line("  ".join(cells).rstrip(), "")


class Terminal:
    """Lines for a person's terminal, by rich; long lines are left to the terminal so that URLs stay whole."""

    def __init__(self, stream: IO[str]) -> None:
        from rich.console import Console as RichConsole

        self.rich = RichConsole(file=stream, highlight=False, markup=False, emoji=False)

    def line(self, text: str, style: str) -> None:
        self.rich.print(text, style=style or None, soft_wrap=True)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        from rich.table import Table
        from rich.text import Text

        table = Table(*head, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for column in table.columns:
            column.overflow = "fold"
        for row in rows:
            table.add_row(*map(Text, row))
        self.rich.print(table)


def _paper(stream: IO[str] | None) -> Paper:
    colour = _is_tty(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return Terminal(stream) if colour and stream is not None else Plain(stream)


class Console:
    """All that paasctl prints goes through here, and through the redactor.

    ``verbosity``: 1 adds where things come from, 2 tracebacks. With ``quiet_stdout`` (``--json``) only :meth:`json`
    writes to stdout, and what a person reads goes to stderr. ``wants_json`` and ``said_json``: whether a document was
    asked for on the command line, and whether one was written. ``told`` is the last failure with its hint, ``changed``
    whether this command has done what it was to change.
    """

    def __init__(self) -> None:
        self.verbosity = 0
        self.quiet_stdout = False
        self.wants_json = self.said_json = False
        self.changed = False
        self.told: tuple[str, str] | None = None
        self.redactor = Redactor()
        self._papers: dict[str, Paper] = {}
        self._stop_spinner: Callable[[], None] | None = None
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # a terminal that cannot show a letter must not end a push
                stream.reconfigure(errors="backslashreplace")

    # ------------------------------------------------------------------------------------------------ results

    def out(self, text: str = "", style: str = "") -> None:
        """One result, on stdout."""
        if self.quiet_stdout:
            self.err(text, style)
        else:
            with result():
                self._on("stdout").line(self._shown(text), style)

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """A table on stdout, without columns that say nothing; nothing when it has no rows."""
        if rows:
            kept = [column for column in zip(head, *rows, strict=True) if any(column[1:])]
            cells = [[self._shown(cell) for cell in row] for row in zip(*kept, strict=True)]
            with result():
                self._on("stderr" if self.quiet_stdout else "stdout").table(cells[0], cells[1:])

    def json(self, document: Any) -> None:
        """The result for a program: one JSON document on stdout, in ASCII."""
        self._plain_stdout(self._clean_json(document, ours=True), indent=2)

    def json_line(self, document: Any) -> None:
        """One of many results for a program, as a line: what the app wrote."""
        self._plain_stdout(self._clean_json(document, ours=False), indent=None)

    def raw(self, text: str) -> None:
        """A line that the app wrote, with its own colours, on stdout."""
        self.idle()
        with result():
            Plain(sys.stdout).line(self.redactor.clean(text), "")

    # --------------------------------------------------------------------------------------------------- talk

    def err(self, text: str = "", style: str = "") -> None:
        """One line of talk, on stderr. A reader who went away does not stop the work."""
        with suppress(OSError, ValueError):
            self._on("stderr").line(self._shown(text), style)

    def aside(self, text: str) -> None:
        """A line that something which runs says; what :meth:`busy` shows stays below it."""
        with suppress(OSError, ValueError):
            self._paper("stderr").line(self._shown(text, ours=False), "dim")

    def quote(self, text: str) -> None:
        """What another program or an exception says, on stderr."""
        with suppress(OSError, ValueError):
            self._on("stderr").line(self._shown(text, ours=False), "dim")

    def note(self, text: str) -> None:
        self.err(f"note: {text}", "cyan")

    def warn(self, text: str) -> None:
        self.err(f"warning: {text}", "yellow")

    def failure(self, message: str, hint: str = "", output: str = "") -> None:
        """What went wrong, the last lines of what the failing program said, and what to do."""
        self.idle()
        self.told = (message, hint)
        self.err(f"error: {message}", "bold red")
        for line in output.splitlines():
            self.quote(f"  | {line}")
        if hint:
            self.err(f"hint: {hint}", "cyan")

    def busy(self, text: str) -> None:
        """Show on a terminal that something runs, until the next line is printed."""
        self.idle()
        paper = self._on("stderr")
        if isinstance(paper, Terminal) and is_interactive():
            from rich.text import Text

            status = paper.rich.status(Text(self._shown(text)))
            status.start()
            self._stop_spinner = status.stop

    def idle(self) -> None:
        """End what :meth:`busy` shows."""
        stop, self._stop_spinner = self._stop_spinner, None
        if stop is not None:
            stop()

    # ---------------------------------------------------------------------------------------------- questions

    def confirm(self, question: str) -> bool:
        """Ask for a yes; no is the default.

        Raises:
            click.Abort: Ctrl-C or end of input.
        """
        import click

        self.idle()
        return click.confirm(self._shown(question), default=False, err=True)

    def ask(self, question: str, default: str = "") -> str:
        """Ask for a line of text."""
        import click

        self.idle()
        return str(click.prompt(self._shown(question), default=default, show_default=bool(default), err=True))

    def pick(self, question: str, options: Sequence[str]) -> str:
        """Ask for one of some words; the number in the list, or its first letters, will do."""
        self.idle()
        for number, option in enumerate(options, start=1):
            self.err(f"  {number}. {option}")
        while True:
            answer = self.ask(question).strip()
            if answer.isdigit() and 1 <= int(answer) <= len(options):
                return options[int(answer) - 1]
            if answer in options:
                return answer
            near = [option for option in options if answer and option.startswith(answer)]
            if len(near) == 1:
                return near[0]
            self.err(f"one of: {', '.join(options)}")

    # ------------------------------------------------------------------------------------------------ the rest

    def _on(self, name: str) -> Paper:
        self.idle()
        return self._paper(name)

    def _paper(self, name: str) -> Paper:
        if name not in self._papers:
            self._papers[name] = _paper(getattr(sys, name))
        return self._papers[name]

    def _plain_stdout(self, document: Any, indent: int | None) -> None:
        self.idle()
        self.said_json = True
        with result():
            Plain(sys.stdout).line(json.dumps(document, indent=indent), "")

    def _shown(self, text: str, *, ours: bool = True) -> str:
        """Masked, and without codes that would move a terminal's cursor or rename its window."""
        bare = _ANSI.sub("", self.redactor.clean(text, ours=ours)).replace("\r\n", "\n").replace("\r", "\n")
        masked = self.redactor.clean(bare, ours=ours)  # once more: a colour code may have stood inside a value
        return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", masked)

    def _clean_json(self, document: Any, ours: bool) -> Any:
        if isinstance(document, str):
            return self.redactor.clean(document, ours=ours)
        if isinstance(document, dict):
            return {key: self._clean_json(value, ours) for key, value in document.items()}
        if isinstance(document, list | tuple):
            return [self._clean_json(item, ours) for item in document]
        return document


class Progress:
    """The report of a running plan: which step it is at, whether it is being undone, and whether that has ended."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.number = 0
        self.is_undoing = self.undone = False

    def started(self, step: Step, number: int, of: int) -> None:
        self.number = number
        self._console.err(f"[{number}/{of}] {step.title}", "bold")
        self._console.busy(step.title)

    def say(self, line: str) -> None:
        self._console.aside(f"      {line}")

    def undoing(self, step: Step) -> None:
        self.is_undoing = True
        self._console.err(f"undoing: {step.title}", "yellow")

    def undid(self, step: Step) -> None:
        self.undone = True


@contextmanager
def working(console: Console, text: str) -> Iterator[None]:
    """Show ``text`` while something slow is read."""
    console.busy(text)
    try:
        yield
    finally:
        console.idle()
