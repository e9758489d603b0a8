"""A TOML file with the line of every key, so that each message about it can say ``file:line``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paasctl.errors import UsageError
from paasctl.textfile import read_text

Path_ = tuple[str, ...]

_PART = r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_KEY = rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*"
_STATEMENT = re.compile(
    rf"(?P<skip>[ \t\r\n]+|\#[^\n]*)|(?P<table>\[\[?[ \t]*{_KEY}[ \t]*\]\]?)|(?P<key>{_KEY})[ \t]*=",
)
# What a value is made of; a newline outside of these, with no bracket open, ends it.
_PIECE = re.compile(
    r"(?P<text>\"\"\"(?:\\.|[^\\])*?\"{3,5}|'''.*?'{3,5}|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'|\#[^\n]*|[^\"'#\[\]{}\n]+)"
    r"|(?P<open>[\[{])|(?P<close>[\]}])|(?P<newline>\n)",
    re.DOTALL,
)
_AT = re.compile(r"\s*\(at (?:line (?P<line>\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed TOML file: its data and where each key stands."""

    file: str
    data: Mapping[str, Any]
    lines: Mapping[Path_, int]

    def line(self, path: Path_) -> int:
        """The line of a key; where it has none of its own, of the first key in it, of the table that holds it, or 1."""
        while path:
            below = [line for each, line in self.lines.items() if each[: len(path)] == path]
            if below:
                return self.lines.get(path, min(below))
            path = path[:-1]
        return 1


def read(path: Path, file: str) -> Document:
    """Parse a TOML file.

    Raises:
        UsageError: the file cannot be read, or is not TOML (``file:line``; no value of it is shown).
    """
    text = read_text(path, file)
    if text.startswith("\ufeff"):
        raise UsageError(f"{file}:1: the file starts with a byte order mark", hint="save it as UTF-8 without a BOM")
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = _AT.search(message)
        line = at["line"] if at and at["line"] else str(text.rstrip("\n").count("\n") + 1)
        reason = _AT.sub("", message)
        raise UsageError(f"{file}:{line}: not valid TOML: {reason}", hint=_mending(reason)) from error
    return Document(file, data, locate(text))


def _mending(reason: str) -> str:
    """What to write, by what Python's parser complains about."""
    if "table declaration" in reason:
        return "a table's name stands in brackets: [app]"
    if reason.startswith("Cannot"):  # a table or a key for the second time
        return "write each table and each key once"
    return 'lines are `key = "value"`, strings in quotes, below a table\'s name in brackets: [app]'


def locate(text: str) -> dict[Path_, int]:
    """The line (from 1) of every table and key of a text that is known to be valid TOML."""
    text = text.replace("\r\n", "\n")
    lines: dict[Path_, int] = {}
    table: Path_ = ()
    position = 0
    while match := _STATEMENT.match(text, position):
        line = text.count("\n", 0, match.start()) + 1
        position = match.end()
        if match["table"]:
            table = _path(match["table"])
            lines.setdefault(table, line)
        elif match["key"]:
            lines.setdefault(table + _path(f"{match['key']} = 0"), line)
            position = _end_of_value(text, position)
    return lines


def _path(statement: str) -> Path_:
    """The keys of ``[a.b]`` or ``a.b = 0``, quoting resolved by the TOML parser itself."""
    path: list[str] = []
    node: Any = tomllib.loads(statement)
    while node and isinstance(node, (dict, list)):
        if isinstance(node, list):
            node = node[0]
            continue
        key, node = next(iter(node.items()))
        path.append(key)
    return tuple(path)


def _end_of_value(text: str, position: int) -> int:
    depth = 0
    while piece := _PIECE.match(text, position):
        if piece["newline"] and not depth:
            break
        depth += bool(piece["open"]) - bool(piece["close"])
        position = piece.end()
    return position
