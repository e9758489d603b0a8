"""Replace every known env value, in the forms that it takes in texts of other programs, by the mask."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import re
import shlex
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote, urlsplit

from paasctl.secret import MASK, Secret

#: Shorter values ("1", "on") would blot out ordinary text; they are never printed in the first place.
SHORTEST = 4

#: Below this length a value of letters and digits is replaced only where it stands alone, not inside a longer word.
_ALONE_BELOW = 8

#: Settings that are no secret in any app and that our own sentences are made of.
_PLAIN_WORDS = frozenset(
    {"true", "false", "none", "null", "auto", "debug", "info", "warning", "error", "critical", "development"}
    | {"production", "staging", "testing", "stdout", "stderr", "file", "keep", "python", "localhost", "127.0.0.1"}
)


class Redactor:
    """Knows the env values that were read, and cleans every text before it is printed."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._public = ""
        self._pattern: re.Pattern[str] | None = None

    def learn(self, values: Iterable[Secret]) -> None:
        """Add values that must not be shown; call it as soon as they are read."""
        new = {value.reveal() for value in values} - self._values
        if new:
            self._values |= new
            self._pattern = None

    def keep(self, words: Iterable[str]) -> None:
        """Name texts that are public (URLs, the app's name, hosts): a value that stands in one of them is no secret."""
        self._public += "".join(f"\n{word}\n" for word in words)
        self._pattern = None

    def clean(self, text: str) -> str:
        """The text with every known value masked; overlapping values are masked as one."""
        if not self._values:
            return text
        if self._pattern is None:
            self._pattern = _compile(form for value in self._values for form in forms(value) if not self._shown(form))
        parts: list[str] = []
        done = 0
        for start, end in _merged(match.span(1) for match in self._pattern.finditer(text)):
            parts += (text[done:start], MASK)
            done = end
        return "".join((*parts, text[done:]))

    def _shown(self, form: str) -> bool:
        if form.lower() in _PLAIN_WORDS:
            return True
        return re.search(rf"(?<!\w){re.escape(form)}(?!\w)", self._public) is not None


def values_in(root: Path) -> list[Secret]:
    """What could be an env value in the env files of a folder, read without any grammar.

    For the moment when the files could not be parsed, or were not read yet, and something went wrong: too much rather
    than too little.
    """
    found: set[str] = set()
    for path in (*root.glob(".env*"), *root.glob(".flaskenv")):
        if path.name == ".env.example" or not path.is_file():
            continue
        with contextlib.suppress(OSError):
            found.update(_right_hand_sides(path.read_text("utf-8", "replace")))
    return [Secret(value) for value in found]


def _right_hand_sides(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        match = re.match(r"\s*(?:export\s+)?[A-Za-z_][\w.-]*\s*[=:]\s*(.*)", line)
        rest = (match[1] if match else line).strip()
        yield from (rest, rest.strip("'\"`"), re.split(r"\s#", rest)[0].strip().strip("'\"`"))


def forms(value: str) -> Iterator[str]:
    """The value and its spellings: each line, a URL's password, and all of these quoted, escaped and encoded."""
    for part in dict.fromkeys((value, value.strip(), *value.splitlines(), *_password(value))):
        if len(part) >= SHORTEST:
            yield from dict.fromkeys(form for form in _spellings(part) if len(form) >= SHORTEST)


def _password(value: str) -> Iterator[str]:
    """The password in a connection URL: drivers quote it alone in their errors."""
    if "://" not in value:
        return
    try:
        password = urlsplit(value).password
    except ValueError:
        return
    if password:
        yield password
        yield unquote(password)


def _spellings(text: str) -> Iterator[str]:
    raw = text.encode("utf-8", "surrogatepass")
    yield text
    yield quote(raw)
    yield quote(raw, safe="")
    yield quote_plus(raw)
    yield base64.b64encode(raw).decode().rstrip("=")
    yield base64.urlsafe_b64encode(raw).decode().rstrip("=")
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield repr(raw)[2:-1]
    yield html.escape(text)
    yield html.escape(text, quote=False)
    yield shlex.quote(text).strip("'")


def _compile(all_forms: Iterable[str]) -> re.Pattern[str]:
    """A pattern that finds, at every position, the longest form that begins there (group 1, in a lookahead)."""
    words = sorted(set(all_forms), key=lambda form: (-len(form), form))
    if not words:
        return re.compile(r"(?!)()")
    return re.compile("(?=(" + "|".join(_branch(word) for word in words) + "))")


def _branch(form: str) -> str:
    escaped = re.escape(form)
    alone = len(form) < _ALONE_BELOW and re.fullmatch(r"\w+", form)
    return rf"(?<!\w){escaped}(?!\w)" if alone else escaped


def _merged(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Join spans that overlap or touch, so that no tail of a second value stays visible."""
    start = end = -1
    for begin, stop in spans:
        if begin <= end:
            end = max(end, stop)
            continue
        if end > start:
            yield start, end
        start, end = begin, stop
    if end > start:
        yield start, end
