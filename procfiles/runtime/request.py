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
        parts = [query, cookies, authorization, *authorization.split(), *re.split("[;=] ?", cookies)]
        parts += [value for pair in parse_qsl(query) for value in pair]
        return sorted({part.strip() for part in parts if len(part.strip()) >= 4}, key=len, reverse=True)


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
