"""The request that is being answered: its id, and what an error mail may say about it."""

from __future__ import annotations

import contextvars
import os
import re

from .base import number, setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional, Tuple

    Facts = Tuple[str, str, str, str, str, str, str]

SHORTEST = 4  # of the texts that no mail may hold: what is shorter may be a part of any word
ESCAPED = re.compile(r"\\([0-3][0-7]{2}|.)", re.DOTALL)
GOOD_ID = re.compile(r"[A-Za-z0-9._-]{8,200}")


class Request:
    """A request as log lines and error mails name it.

    All but the id is read only when an error is mailed: ``read(source)`` gives method, the URL's scheme and host, its
    path, client address, and the texts that no mail may hold (query, cookies, authorization).
    """

    __slots__ = ("id", "read", "source")

    def __init__(self, id: str, read: Callable[[Any], Facts], source: Any) -> None:
        self.id, self.read, self.source = id, read, source

    def facts(self) -> tuple[str, str, str, str]:
        """Method, scheme and host, path, client address."""
        return self.read(self.source)[:4]

    def secrets(self) -> list[str]:
        """The texts that no mail may hold, whole and in their parts, the longest first."""
        from urllib.parse import parse_qsl

        query, cookies, authorization = self.read(self.source)[4:]
        parts = [query, *cookie_parts(cookies), authorization, *authorization.split(), *login(authorization)]
        parts += [value for pair in parse_qsl(query) for value in pair]
        found = {reading.strip() for part in parts for reading in readings(part)}
        return sorted((part for part in found if len(part) >= SHORTEST), key=len, reverse=True)


def cookie_parts(cookies: str) -> list[str]:
    """A cookie header, its names and values, and the values that it has in quotes as an app reads them."""
    parts = [cookies, *re.split("[;=] ?", cookies)]
    for value in (pair.partition("=")[2].strip() for pair in cookies.split(";")):
        parts.append(value)
        if value[:1] == value[-1:] == '"':
            parts.append(ESCAPED.sub(unescaped, value[1:-1]))
    return parts


def unescaped(found: re.Match[str]) -> str:
    """What a backslash in a cookie stands for: three digits are a character's number."""
    return found[1] if len(found[1]) == 1 else chr(int(found[1], 8))


def login(authorization: str) -> list[str]:
    """The name and the password of basic authentication, together and each alone; nothing where it is none."""
    import base64

    scheme, _, encoded = authorization.strip().partition(" ")
    if scheme.lower() != "basic":
        return []
    try:
        text = base64.b64decode(encoded + "==").decode("latin-1")
    except ValueError:
        return []
    name, _, password = text.partition(":")
    return [text, name, password]


def readings(text: str) -> list[str]:
    """A header's text, whose bytes servers read as Latin-1, and the same as UTF-8 where it is that."""
    try:
        return [text, text.encode("latin-1").decode("utf-8")]
    except UnicodeError:
        return [text]


current: contextvars.ContextVar[Optional[Request]] = contextvars.ContextVar("paasctl_request", default=None)


def request_id() -> str:
    """The id of the request that this thread or task is answering, or "" outside of one."""
    request = current.get()
    return request.id if request else ""


def kept_or_new(sent: str) -> str:
    """The client's (or proxy's) request id when it is harmless, else a new one."""
    return sent if sent and GOOD_ID.fullmatch(sent) else os.urandom(16).hex()


class Proxies:
    """How far forwarded headers may be believed: ``hops`` proxies, each of which appends to them.

    The entry that our outermost trusted proxy wrote is the ``hops``-th from the right; everything left of it came
    from the client and may be forged. ``header`` names one that the platform itself overwrites (X-Real-IP).
    """

    def __init__(self) -> None:
        self.hops = number("PROXY_HOPS")
        self.header = setting("CLIENT_HEADER")

    def __bool__(self) -> bool:
        return self.hops > 0 or bool(self.header)

    def pick(self, value: str) -> str:
        """The entry of a comma-separated header that a trusted proxy wrote, or ""."""
        hops = max(self.hops, 1)
        if hops == 1:
            return value.rpartition(",")[2].strip()
        entries = value.split(",")
        return entries[-hops].strip() if len(entries) >= hops else ""
