"""Write ``.env`` text: a value that python-dotenv reads back as it was, in a file that otherwise stays as it is."""

from __future__ import annotations

import io
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from dotenv.parser import Binding, parse_stream

from paasctl.dotenv import NAME, Contents, evaluate, refuse
from paasctl.errors import PaasctlError, UsageError
from paasctl.secret import Secret

#: Means the same to every reader of env files when it stands without quotes.
BARE = re.compile(r"[A-Za-z0-9_./:@%+,=-]+\Z")
BOM = "\ufeff"

_HEAD = re.compile(r"(?P<lead>\s*)(?P<head>(?:export[^\S\r\n]+)?(?:'[^']+'|[^=\#\s]+)[^\S\r\n]*=[^\S\r\n]*)")
_QUOTED = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_COMMENT = re.compile(r"\s+#")
_ENDS = re.compile(r"[^\r\n]*")


def random_secret() -> Secret:
    """A fresh value for SECRET_KEY: 48 random bytes as 64 characters that need no quotes anywhere."""
    return Secret(secrets.token_urlsafe(48))


def assignment(name: str, value: Secret, style: str = "") -> str:
    """``NAME=value`` as every python-dotenv from 0.21 on reads it, with interpolation on.

    Args:
        style: the quote that the value had before (``'``, ``"`` or none); kept where the new value allows it.

    Raises:
        UsageError: an env file cannot hold this name or value; says why.
    """
    if not NAME.match(name):
        raise UsageError("an env file cannot hold this name", hint="letters, digits and _, not beginning with a digit")
    reason = unwritable(value)
    text = "" if reason else f"{name}={quoted(value, style)}"
    if not reason and evaluate(text + "\n").values.get(name) != value:
        reason = "python-dotenv would read it back as something else"
    if reason:
        raise UsageError(f"the value of {name} cannot be written into an env file: {reason}")
    return text


def unwritable(value: Secret) -> str:
    """Why no env file can hold a value; empty when one can."""
    text = value.reveal()
    if "\0" in text:
        return "it holds a NUL character"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "it is not valid Unicode"
    return ""


def quoted(value: Secret, style: str = "") -> str:
    """A value as it stands right of the ``=``; see :func:`assignment`."""
    text = value.reveal()
    if style == "" and BARE.match(text):
        return text
    tail = ""
    if text.endswith("\\"):  # before the closing quote, python-dotenv < 1.2.3 takes it for an escape of the quote
        text, tail = text[:-1], "${:-\\}"
    quote = "'" if style != '"' and not any(each in text for each in "'\\\r\n") else '"'
    if quote == '"':
        for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("\n", "\\n"), ("\r", "\\r")):
            text = text.replace(plain, escaped)
    # `${` always begins an interpolation, in quotes too; the default of the empty name, which nobody can set, is a `$`
    return quote + text.replace("${", "${:-$}{") + tail + quote


def rewrite(text: str, changes: Mapping[str, Secret | None], name: str = ".env") -> str:
    """The text of an env file with some values changed, names appended, or (None) taken out.

    All else stays: comments, order, blank lines, quotes, ``export``, line ends, byte order mark. Where another value
    was made of a changed one by ``${X}``, it is written out, since it is to stay what it is.

    Raises:
        UsageError: the text itself has problems (with ``file:line``), or a value cannot be written.
    """
    mark, body = (BOM, text[1:]) if text.startswith(BOM) else ("", text)
    before = evaluate(body)
    refuse({name: before})
    wanted = {key: value for key, value in {**before.values, **changes}.items() if value is not None}
    edits = {key: value for key, value in changes.items() if before.values.get(key) != value}
    while True:
        result = _edited(body, edits)
        got = evaluate(result).values
        drawn = next((key for key in wanted if got.get(key) != wanted[key] and key not in edits), None)
        if drawn is None:
            break
        edits[drawn] = wanted[drawn]  # the first one only: those after it may be made of it
    if dict(got) != wanted:
        raise PaasctlError(f"{name} could not be rewritten without changing other values; it is as it was")
    return mark + result


def distribute(
    contents: Mapping[str, Contents], changes: Mapping[str, Secret | None]
) -> dict[str, dict[str, Secret | None]]:
    """Which file gets which change: a value goes to the last file, which wins and which other targets do not read.

    A name that is taken out is taken out of every file, or an earlier file's value would come to light.
    """
    files = list(contents)
    result: dict[str, dict[str, Secret | None]] = {}
    for name, value in changes.items():
        setting = [file for file in files if name in contents[file].values]
        for file in setting if value is None else files[-1:]:
            result.setdefault(file, {})[name] = value
    return result


# -------------------------------------------------------------------------------------------- one statement's text


@dataclass(frozen=True, slots=True)
class _Parts:
    """One statement: blank lines and indentation, all up to the value, the quote, and what follows the value."""

    lead: str
    head: str
    style: str
    tail: str


def _edited(text: str, edits: Mapping[str, Secret | None]) -> str:
    out, left = [], dict(edits)
    for binding in parse_stream(io.StringIO(text, newline="")):
        if binding.key is not None and binding.key in left:
            out.append(_replaced(binding, left.pop(binding.key)))
        else:
            out.append(binding.original.string)
    return "".join((*out, *_appended(text, left)))


def _replaced(binding: Binding, value: Secret | None) -> str:
    parts = _split(binding)
    if value is None:
        blank = re.match(r"(?:.*[\r\n])?", parts.lead, re.DOTALL)
        return blank.group() if blank else ""
    assert binding.key is not None
    right = assignment(binding.key, value, parts.style).partition("=")[2]
    glue = " " if parts.tail.startswith("#") else ""
    return parts.lead + parts.head + right + glue + parts.tail


def _split(binding: Binding) -> _Parts:
    string = binding.original.string
    found = _HEAD.match(string)
    assert found is not None  # it was parsed as an assignment
    rest = string[found.end() :]
    quote = _QUOTED.match(rest)
    if quote:
        return _Parts(found["lead"], found["head"], rest[0], rest[quote.end() :])
    if binding.value == "":
        return _Parts(found["lead"], found["head"], "", rest)
    line = _ENDS.match(rest)
    part = line.group() if line else ""
    comment = _COMMENT.search(part)
    end = comment.start() if comment else len(part.rstrip())
    return _Parts(found["lead"], found["head"], "", rest[end:])


def _appended(text: str, new: Mapping[str, Secret | None]) -> Iterator[str]:
    end = line_end(text)
    lines = [assignment(name, value) + end for name, value in new.items() if value is not None]
    if lines and text and not text.endswith(("\n", "\r")):
        yield end
    yield from lines


def line_end(text: str) -> str:
    """How the lines of a text end: as most of them do, else with a newline."""
    counts = {"\r\n": text.count("\r\n")}
    counts["\n"] = text.count("\n") - counts["\r\n"]
    counts["\r"] = text.count("\r") - counts["\r\n"]
    return max(("\n", "\r\n", "\r"), key=lambda end: counts[end])
