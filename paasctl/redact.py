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

#: Names whose values are settings and no secrets in any app: file and module names, ports, places, levels.
PUBLIC = frozenset(
    {"FLASK_APP", "FLASK_ENV", "FLASK_DEBUG", "FLASK_RUN_HOST", "FLASK_RUN_PORT", "DJANGO_SETTINGS_MODULE", "DEBUG"}
    | {"PORT", "HOST", "TZ", "LANG", "LC_ALL", "LOG_LEVEL", "LOG_TO_STDOUT", "WEB_CONCURRENCY", "PYTHONUNBUFFERED"}
    | {"PYTHON_VERSION", "SQLALCHEMY_POOL_RECYCLE"}
)

#: What a sentence of our own may well say by itself: a word, words joined as file and host names are, a small number.
#: To blot it out there would not hide the value but tell it.
_WORDY = re.compile(r"(?:[a-z]+|[A-Z][a-z]*|[A-Z]+)(?:[._/-](?:[a-z]+|[A-Z][a-z]*|[A-Z]+))*|[0-9]{1,5}")
_WORDY_BELOW = 16

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
        self._forms: list[str] | None = None
        self._files: tuple[str, ...] = ()

    def watch(self, files: Iterable[str]) -> None:
        """Name env files that :meth:`learn_files` is to read besides those that are called ``.env``."""
        self._files = tuple(files)

    def learn_files(self, root: Path) -> None:
        """Add what could be a value in the env files of a folder; see :func:`values_in`."""
        self.learn(values_in(root, self._files))

    def learn(self, values: Iterable[Secret]) -> None:
        """Add values that must not be shown; call it as soon as they are read."""
        new = {value.reveal() for value in values} - self._values
        if new:
            self._values |= new
            self._forms = None

    def keep(self, words: Iterable[str]) -> None:
        """Name texts that are public (URLs, the app's name, hosts): a value that stands in one of them is no secret."""
        new = "".join(f"\n{word}\n" for word in words if f"\n{word}\n" not in self._public)
        if new:
            self._public += new
            self._forms = None

    def clean(self, text: str, *, ours: bool = False) -> str:
        """The text with every known value masked; overlapping values are masked as one.

        Args:
            ours: the text is a sentence of paasctl's own, which holds no value; what looks like one is masked there
                all the same, but for plain words, of which sentences are made.
        """
        if self._forms is None:
            spelled = {form for value in self._values for form in forms(value)}
            self._forms = [form for form in spelled if not self._shown(form)]
        known = (form for form in self._forms if form in text and not (ours and _wordy(form)))
        spans = sorted(span for form in known for span in _places(form, text, _only_alone(form)))
        parts: list[str] = []
        done = 0
        for start, end in _merged(spans):
            parts += (text[done:start], MASK)
            done = end
        return "".join((*parts, text[done:]))

    def _shown(self, form: str) -> bool:
        return form.lower() in _PLAIN_WORDS or any(_places(form, self._public, alone=True))


def values_in(root: Path, files: Iterable[str] = ()) -> list[Secret]:
    """What could be an env value in the env files of a folder (and ``files`` in it), read without any grammar.

    For the moment when the files could not be parsed, or were not read yet, and something went wrong: too much rather
    than too little.
    """
    found: set[str] = set()
    for path in (*root.glob(".env*"), *root.glob(".flaskenv"), *(root / file for file in files)):
        if path.name == ".env.example" or not path.is_file():
            continue
        with contextlib.suppress(OSError):
            found.update(_right_hand_sides(path.read_text("utf-8", "replace")))
    return [Secret(value) for value in found]


def _right_hand_sides(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.lstrip().startswith("#"):
            continue
        match = re.match(r"\s*(?:export\s+)?([A-Za-z_][\w.-]*)\s*[=:]\s*(.*)", line)
        if match and match[1] in PUBLIC:
            continue
        rest = (match[2] if match else line).strip()
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


def _wordy(form: str) -> bool:
    """Whether a form could be a part of any sentence."""
    return len(form) < _WORDY_BELOW and _WORDY.fullmatch(form) is not None


def _only_alone(form: str) -> bool:
    """Whether a form is so short and plain that it may well be a part of an ordinary word."""
    return len(form) < _ALONE_BELOW and form.replace("_", "a").isalnum()


def _places(form: str, text: str, alone: bool) -> Iterator[tuple[int, int]]:
    """Where a form stands in a text; ``alone``: only where no longer word goes on before or after it."""
    start = text.find(form)
    while start >= 0:
        end = start + len(form)
        if not alone or not (_in_word(text, start) or _in_word(text, end)):
            yield start, end
        start = text.find(form, start + 1)


def _in_word(text: str, place: int) -> bool:
    """Whether a word goes on over a place between two characters."""
    if not 0 < place < len(text):
        return False
    before, after = text[place - 1], text[place]
    return (before.isalnum() or before == "_") and (after.isalnum() or after == "_")


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
