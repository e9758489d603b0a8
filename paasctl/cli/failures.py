"""The one place where a failure becomes ``error:``, ``hint:`` and an exit code."""

from __future__ import annotations

import os
import re
import sys
import traceback
from pathlib import Path

import click

from paasctl.console import Console, OutputLost
from paasctl.errors import Difference, HalfApplied, PaasctlError
from paasctl.model import App

INTERRUPTED = 130
#: What a shell says of a program that SIGPIPE ended: the reader of its output had enough.
CLOSED = 141
NOTHING_CHANGED = "nothing was changed"

#: SQLite, PostgreSQL, MySQL
_NO_TABLE = re.compile(
    r"no such (table|column)|(relation|column) \S+ does not exist|UndefinedTable|UndefinedColumn"
    r"|Table '\S+' doesn't exist|Unknown column"
)

#: the last line of a traceback, and what a host or an adapter then says to do
_RAISED = re.compile(r"^(?:\w+\.)*\w+(?:Error|Exception)\b.*$", re.MULTILINE)
_NO_MODULE = re.compile(r"ModuleNotFoundError: No module named '((?!_)[\w.]+)'")
_MEND = re.compile(r"(?:mend the app, then|correct the app and) push again")
#: where people write what a lock file is made from
_LOCKED = {"uv.lock": "pyproject.toml", "poetry.lock": "pyproject.toml", "Pipfile.lock": "Pipfile"}

#: From good to bad; of several targets the worst one's code is ours.
_SEVERITY = (0, 3, 4, 2, 1, 5, INTERRUPTED)


class Declined(Exception):
    """The user was asked and said no."""


class Interrupted(Exception):
    """Ctrl-C, with a sentence that says what state that left behind."""


def worst(codes: list[int]) -> int:
    """The exit code of several targets together."""
    known = [code for code in codes if code in _SEVERITY]
    return max(known, key=_SEVERITY.index, default=0)


def report(console: Console, root: Path, error: BaseException) -> int:
    """The end of a program that failed: :func:`tell`, and with ``--json`` the same as the one document on stdout."""
    code = tell(console, root, error)
    if console.wants_json and not console.said_json and code != CLOSED:
        message, hint = console.told or (NOTHING_CHANGED, "")
        console.json({"error": message, "hint": hint, "exit_code": code})
    return code


def tell(console: Console, root: Path, error: BaseException) -> int:
    """Say what went wrong on stderr, and return the exit code for it."""
    console.redactor.learn_files(root)  # the failure may have come before the values were known
    if isinstance(error, KeyboardInterrupt | click.Abort | Interrupted):
        _interrupted(console, error)
        return INTERRUPTED
    if isinstance(error, Declined):
        console.err(NOTHING_CHANGED)
        return 1
    if isinstance(error, BrokenPipeError):
        _give_up_stdout()
        return CLOSED
    _flush_stdout()
    code = _known(console, error)
    if console.verbosity >= 2:
        console.quote("".join(traceback.format_exception(error)).rstrip())
    return code


def _interrupted(console: Console, error: BaseException) -> None:
    sentence = str(error) if isinstance(error, Interrupted) else "interrupted"
    console.told = (sentence, "")
    console.err(sentence, "bold red")


def _known(console: Console, error: BaseException) -> int:
    if isinstance(error, Difference):
        console.err(error.message)
        console.err(f"hint: {error.hint}", "cyan")
        return error.exit_code
    if isinstance(error, PaasctlError):
        console.failure(error.message, error.hint, error.output)
        return error.exit_code
    if isinstance(error, click.ClickException):
        _usage(console, error)
        return error.exit_code
    if isinstance(error, OutputLost):
        state = "what it was to do is done" if console.changed else NOTHING_CHANGED
        reason = (error.strerror or "").lower()
        console.failure(f"the output cannot be written ({reason}); {state}", "make room for it, then run it again")
        return HalfApplied.exit_code if console.changed else 1
    if isinstance(error, OSError) and error.strerror:
        what = f"{os.fspath(error.filename)!r}: " if error.filename else ""
        console.failure(f"{what}{error.strerror} (at {place(error)})", "mend that, then run the same command again")
        return 1
    console.failure(
        f"{type(error).__name__} at {place(error)}; this is a bug, in paasctl or in the adapter",
        "the same command with -vv shows the traceback",
    )
    return 1


def _usage(console: Console, error: click.ClickException) -> None:
    context = getattr(error, "ctx", None)
    hint = f"see `{context.command_path} --help`" if context is not None else ""
    message = error.format_message().rstrip(".")
    console.failure(message[:1].lower() + message[1:] if message[1:2].islower() else message, hint)


def with_migration(error: PaasctlError, command: str) -> str:
    """The hint of a push that failed for a table or column that is not there, when nothing runs the migrations.

    Args:
        command: what would run them; empty where the app has none, or they are run.
    """
    if not command or not _NO_TABLE.search(error.output):
        return error.hint
    return f'the database lacks what the migrations make: set release = "{command}" under [app] in paasctl.toml'


def with_module(hint: str, output: str, app: App) -> str:
    """The hint of a push whose app could not be imported, when what is missing is a package and not the app's own."""
    raised = _RAISED.findall(output)
    missing = _NO_MODULE.fullmatch(raised[-1].strip()) if raised else None
    if not missing or _is_own(app.root, missing[1].partition(".")[0]):
        return hint
    said = (app.dependencies.file or "requirements.txt").rpartition("/")
    where = f"{_LOCKED[said[2]]}, lock it anew" if said[2] in _LOCKED else "".join(said)
    return _MEND.sub(f"add the package that holds `{missing[1]}` to {where}, then push again", hint)


def _is_own(root: Path, module: str) -> bool:
    """Whether the app's folder has the module, be it one that is not pushed."""
    return any((folder / name).exists() for folder in (root, root / "src") for name in (module, f"{module}.py"))


def place(error: BaseException) -> str:
    """Where an exception came from: file, line and function of the innermost frames. Never a value."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith("<frozen")]
    inner = reversed(frames[-2:])
    return ", called at ".join(f"{_short(f.filename)}:{f.lineno} ({f.name})" for f in inner) or "start-up"


def _short(filename: str) -> str:
    return "/".join(Path(filename).parts[-3:])


def _flush_stdout() -> None:
    """What cannot be written is let go here; otherwise Python complains about it once more at its end."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except (OSError, ValueError):
        _give_up_stdout()


def _give_up_stdout() -> None:
    """Let Python flush into nothing at its end: nobody reads our output, or its disk is full."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError, AttributeError):
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 -- for the rest of the process
