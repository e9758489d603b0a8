"""Env values that quoting, escaping, interpolation and encodings like to break, and an app that shows what it got."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from paasctl import envfile
from paasctl.secret import Secret

CORPUS = Path(__file__).resolve().parent.parent / "data" / "dotenv-corpus.jsonl"
PREFIX = "VAL_"
LONG = 30_000

PIECES = (
    *("'", '"', "\\", "\\n", "\\'", '\\"', "`", " ", " #", "#", ";"),
    *("\t", "\n", "\r", "\r\n", "\x85", "\u2028", "\x01"),
    *("$", "${", "}", "${X}", "$(id)", "%", "%%", "%(here)s", "=", "&", "|", ">", "~"),
    *("é", "漢", "😀", "\ufeff", "\x7f"),
    *("a", "Z", "0", "word", "export ", "{}", "[x]", "!", "*", "?"),
)

#: A web app of the standard library that answers with its own environment, in hex.
APP = '''"""Shows the bytes of the environment that it runs in."""

import json
import os

SEEN = {name.decode(): value.hex() for name, value in os.environb.items() if name.startswith(b"VAL_")}


def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(SEEN).encode()]


app = application
'''


@cache
def awkward() -> Mapping[str, str]:
    """Names and values: every piece alone, 60 random mixtures of them (the same in every run), and what the corpus of
    tricky ``.env`` files holds."""
    chance = random.Random(5)
    mixed = ["".join(chance.choices(PIECES, k=chance.randint(1, 12))) for _ in range(60)]
    documents = [json.loads(line) for line in CORPUS.read_text("utf-8").splitlines()]
    corpus = [value for document in documents for value in document.get("values", {}).values() if value is not None]
    values = dict.fromkeys(("", *PIECES, *mixed, *corpus))
    return {f"{PREFIX}{number}": value for number, value in enumerate(values)}


def long() -> dict[str, str]:
    """One value of 30 kB with everything in it."""
    return {f"{PREFIX}LONG": ("".join(PIECES) * LONG).encode()[:LONG].decode("utf-8", "ignore")}


def env_text(values: Mapping[str, str]) -> str:
    """A ``.env`` with these values, in our own spelling."""
    return "".join(f"{envfile.assignment(name, Secret(value))}\n" for name, value in values.items())


def write(root: Path, values: Mapping[str, str], **more: str) -> None:
    """Put the app and its ``.env`` into a checkout that has a ``wsgi.py``."""
    (root / "wsgi.py").write_text(APP)
    path = root / ".env"
    path.write_bytes(b"")
    path.chmod(0o600)
    path.write_bytes(env_text({**values, **more}).encode())


def wrong(values: Mapping[str, str], seen: Mapping[str, str]) -> list[str]:
    """The values that the app does not have byte for byte; ``seen`` is in hex."""
    return [value for name, value in values.items() if seen.get(name) != value.encode().hex()]
