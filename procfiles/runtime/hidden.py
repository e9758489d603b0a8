"""What no error mail may hold: values of the env, and a request's query string, cookies and authorization."""

from __future__ import annotations

import functools
import os
import re

from .request import SHORTEST, Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Optional

WORDS = (
    "true", "false", "none", "null", "debug", "info", "warning", "error", "production", "utf-8", "c.utf-8", "http",
    "https",
)  # fmt: skip
PATHS = ("HOME", "LD_LIBRARY_PATH", "OLDPWD", "PATH", "PWD", "PYTHONPATH", "SHELL", "TMPDIR", "VIRTUAL_ENV")
#: A URL's password up to its last @, as RFC 3986 has it, and up to its first, as SQLAlchemy does.
PASSWORDS = re.compile(r"://[^:/]*:(.+)@", re.DOTALL), re.compile(r"://[^:/]*:([^@]+)@")
PLAIN = re.compile(r"[A-Za-z0-9._~-]*")


def hidden(request: Optional[Request]) -> list[tuple[str, str]]:
    """Texts and what stands for them in a mail, the longest first: none is cut by the removal of a shorter one."""
    found = []
    for part in request.secrets() if request is not None else ():
        found += [(form, "[hidden]") for form in forms(part) if len(form) >= SHORTEST]
    for name, value in secrets_of(os.environ):
        found += [(form, "[%s]" % name) for form in kept_forms(value) if len(form) >= SHORTEST]
    return sorted(found, key=lambda pair: -len(pair[0]))


def without(text: str, found: list[tuple[str, str]]) -> str:
    for secret, mark in found:
        text = text.replace(secret, mark)
    return text


def secrets_of(env: Any) -> list[tuple[str, str]]:
    """Names and values that a traceback could show, and the passwords inside of URLs.

    Short values and switches are words of any text; paths are the machine's own, our settings no secrets.
    """
    found = []
    for name, value in env.items():
        if len(value) < SHORTEST or name.startswith("PAASCTL_") or value.lower() in WORDS or is_path(name, value):
            continue
        found.append((name, value))
        found += [(name, part) for pattern in PASSWORDS for part in pattern.findall(value)]
    return found


def is_path(name: str, value: str) -> bool:
    """Whether a value is a place on this machine; one key in 64 begins with a slash too."""
    return value.startswith("/") and (name in PATHS or os.path.exists(value))


def forms(value: str) -> frozenset[str]:
    """A value as it is, as Python and JSON write it, and with percent signs for characters and the other way round."""
    if PLAIN.fullmatch(value):
        return frozenset((value,))
    import json
    from urllib.parse import quote, quote_plus, unquote

    raw = value.encode("utf-8", "surrogateescape")  # quote() itself refuses what is not UTF-8
    written = [repr(value)[1:-1], repr('"' + value)[2:-1]]  # with and without a backslash at each apostrophe
    written += [json.dumps(value, ensure_ascii=each)[1:-1] for each in (True, False)]
    return frozenset((value, *written, unquote(value), quote(raw), quote(raw, safe=""), quote_plus(raw)))


#: of the env alone: what visitors send must not collect in here
kept_forms = functools.lru_cache(maxsize=None)(forms)
