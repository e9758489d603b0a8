"""The Procfile: a name, a colon and a command per line; anything else is an error with ``file:line``.

Other readers skip what they do not understand (an indented line, ``web : x``, a byte order mark), so that a process
is silently missing on the platform. Here it stops before anything is pushed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from paasctl.errors import UsageError

_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Procfile:
    """The commands of a Procfile by process, in the file's order, and the line of each."""

    processes: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


def parse(text: str, file: str = "Procfile") -> Procfile:
    """Read a Procfile. Comment lines and blank lines are skipped; CRLF is fine.

    Raises:
        UsageError: a line is indented, has no colon or a space before it, no command, a name that is not made of
            letters, digits, ``_`` and ``-``, or repeats a name; or the text starts with a byte order mark.
    """
    if text.startswith("\ufeff"):
        raise UsageError(f"{file}:1: the file starts with a byte order mark", hint="save it as UTF-8 without a BOM")
    processes: dict[str, str] = {}
    lines: dict[str, int] = {}
    for number, line in enumerate(re.split(r"\r\n|\n|\r", text), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, command, problem, hint = _split(line)
        if not problem and name in processes:
            problem, hint = f"{name} is already on line {lines[name]}", "give one of the two another name"
        if problem:
            raise UsageError(f"{file}:{number}: {problem}", hint=hint)
        processes[name], lines[name] = command, number
    return Procfile(processes, lines)


def format(processes: Mapping[str, str]) -> str:
    """The text of a Procfile; :func:`parse` reads the same processes from it.

    Raises:
        ValueError: a name or a command cannot stand in a Procfile.
    """
    for name, command in processes.items():
        if not _NAME.fullmatch(name) or not command or command != command.strip() or re.search(r"[\r\n\0]", command):
            raise ValueError(f"{name!r} cannot be written as a line of a Procfile")
    return "".join(f"{name}: {command}\n" for name, command in processes.items())


def _split(line: str) -> tuple[str, str, str, str]:
    """A line's name and command, or what is wrong with it and what to do."""
    name, colon, command = line.partition(":")
    command = command.strip()
    example = "write it as `web: gunicorn wsgi:app`"
    problem = hint = ""
    if line[0].isspace():
        problem, hint = "the line is indented", "start it in the first column; a Procfile has no continuation lines"
    elif not colon or re.search(r"\S\s+\S", name):  # `web gunicorn wsgi:app` has one, but too late
        first = line.split()[0]
        problem, hint = "there is no colon after the process's name", example
        if _NAME.fullmatch(first):
            problem, hint = f"there is no colon after {first}", f"write it as `{first}: COMMAND`"
    elif name != name.rstrip():
        problem, hint = "there is a space before the colon", f"write it as `{name.rstrip()}: COMMAND`"
    elif not _NAME.fullmatch(name):
        problem, hint = "the process's name is not made of letters, digits, _ and -", example
    elif not command:
        problem, hint = f"{name} has no command", example
    elif "\0" in command:
        problem, hint = f"{name}'s command holds a NUL character", "remove it"
    return name, command, problem, hint
