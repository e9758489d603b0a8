"""Take typed values out of a TOML table; whatever is wrong is an error with ``file:line`` and never shows a value."""

from __future__ import annotations

import datetime
import difflib
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from paasctl.config.document import Document, Path_
from paasctl.errors import UsageError

_WORDS: dict[type, str] = {
    bool: "true or false",
    str: "a string",
    int: "a whole number",
    float: "a number",
    list: "an array",
    dict: "a table",
    datetime.datetime: "a date",
    datetime.date: "a date",
    datetime.time: "a time",
}


def word(kind: type) -> str:
    """What a user calls a TOML type: ``a string``, ``an array``."""
    return _WORDS.get(kind, kind.__name__)


def is_a(value: object, kind: type) -> bool:
    """Whether a TOML value is of a Python type; ``true`` is no number, a whole number is also a number."""
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, (int, float) if kind is float else kind)


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """A hint for a misspelt word: the nearest known one, else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(wrong.lower().replace("-", "_"), names, n=1)
    near = near or difflib.get_close_matches(wrong.lower(), names, n=1)
    return f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"


class Table:
    """One table of a configuration file."""

    def __init__(self, document: Document, path: Path_, shown: str, data: Any) -> None:
        self._document, self._path, self._shown = document, path, shown
        if not isinstance(data, Mapping):
            self._fail(path, f"[{shown}] must be a table, not {word(type(data))}", f"write it as [{shown}]")
        self.data: Mapping[str, Any] = data

    def table(self, key: str) -> Table:
        """A table inside this one; an empty one when it is not there."""
        shown = f"{self._shown}.{key}" if self._shown else key
        return Table(self._document, (*self._path, key), shown, self.data.get(key, {}))

    def tables(self) -> dict[str, Table]:
        """All values of this table, each of which must be a table."""
        return {key: self.table(key) for key in self.data}

    def lines(self) -> dict[str, int]:
        """The line of each key below this table by dotted path, and of the table itself under ``""``."""
        found = {"": self._document.line(self._path)}
        for path, line in self._document.lines.items():
            if len(path) > len(self._path) and path[: len(self._path)] == self._path:
                found[".".join(path[len(self._path) :])] = line
        return found

    def fail(self, key: str, message: str, hint: str = "") -> NoReturn:
        """Raise the error for one key: ``paasctl.toml:12: MESSAGE``."""
        self._fail((*self._path, key), message, hint)

    def unknown(self, known: Iterable[str]) -> None:
        """Refuse keys that are not known, naming the nearest that is."""
        names = set(known)
        for key in self.data:
            if key not in names:
                where = f"[{self._shown}]" if self._shown else "the file"
                self.fail(key, f"{where} has no key {key}", suggestion(key, names))

    def value(self, key: str, kind: type) -> Any:
        """The value of a key, or None where it is not set."""
        value = self.data.get(key)
        if value is not None and not is_a(value, kind):
            hint = f'write it in quotes: {key} = "..."' if kind is str else ""
            self.fail(key, f"{key} must be {word(kind)}, not {word(type(value))}", hint)
        return value

    def text(self, key: str) -> str | None:
        """A string with something in it, or None."""
        value = self.value(key, str)
        if value is None:
            return None
        if not value.strip() or "\n" in value or "\0" in value:
            self.fail(key, f"{key} must be one line and not empty", "leave the key out for the default")
        return str(value)

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self.value(key, bool)
        return default if value is None else bool(value)

    def number(self, key: str, least: int = 1) -> int | None:
        """A whole number that is not below ``least``, or None."""
        value = self.value(key, int)
        if value is not None and value < least:
            self.fail(key, f"{key} must be {least} or more", "leave the key out for the default")
        return None if value is None else int(value)

    def texts(self, key: str) -> tuple[str, ...] | None:
        """An array of strings, or None."""
        value = self.value(key, list)
        if value is None:
            return None
        if not all(isinstance(item, str) and item.strip() and "\0" not in item for item in value):
            self.fail(key, f"{key} must be an array of strings", f'write it as {key} = ["...", "..."]')
        return tuple(value)

    def choice(self, key: str, choices: tuple[str, ...]) -> str | None:
        """One of a few words, or None."""
        value = self.text(key)
        if value is not None and value not in choices:
            self.fail(key, f"{key} must be one of {', '.join(choices)}", _nearest(value, choices))
        return value

    def _fail(self, path: Path_, message: str, hint: str) -> NoReturn:
        raise UsageError(f"{self._document.file}:{self._document.line(path)}: {message}", hint=hint)


def _nearest(value: str, choices: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(value.lower(), choices, n=1)
    return f"did you mean {near[0]}?" if near else ""
