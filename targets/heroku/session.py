"""The one HTTP session to Heroku's API: bearer token, timeouts, no redirects, and repeats only where they are safe."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import requests
import requests.auth

from paasctl import __version__
from paasctl.credentials import Origin, Token

from . import waiting
from .failures import TRY_AGAIN, ApiError, Uncertain, Unreachable, broken, refusal

ACCEPT = "application/vnd.heroku+json; version=3"

#: Seconds to connect, and to wait for the next byte of an answer.
TIMEOUT = (5.0, 30.0)

#: Seconds before the second, third... attempt.
_BACK_OFF = (1.0, 2.0, 4.0, 8.0)
#: The same when Heroku's hourly limit is used up: it fills up slowly.
_RATE_BACK_OFF = (5.0, 10.0, 20.0, 40.0, 60.0)

#: Requests left in the hour below which we go slowly, and the seconds between two then (it fills up by 75 a minute).
_FEW, _SLOWLY = 20, 2.0

_SAFE = frozenset({"GET", "HEAD"})


class Bearer(requests.auth.AuthBase):
    """Puts the token into the header, and nowhere else."""

    def __init__(self, token: Token) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token.secret.reveal()}"
        return request


class Session(requests.Session):
    """What heroku3 and the rest of this adapter send their requests with.

    A request is sent again when it cannot have had an effect: it is safe by its method, the caller says that it may
    be repeated, Heroku answered 429, or it never left this machine. Otherwise a broken connection is
    :class:`Uncertain`, and the caller looks whether Heroku did it.
    """

    def __init__(self, origin: Origin, token: Token) -> None:
        super().__init__()
        self.auth = Bearer(token)
        self.headers["Accept"] = ACCEPT
        self.headers["User-Agent"] = f"paasctl/{__version__}"
        self.trust_env = origin.kind != "loopback"  # no proxy for this machine's own ports
        self.remaining: int | None = None
        self.warnings: list[str] = []
        self.notice: Callable[[str], None] = self.warnings.append  # until somebody listens
        self._told = False
        self._origin, self._place = origin, token.place

    def request(self, method: str, url: str, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send one request to the API and answer with a response that is complete and is JSON (or empty).

        Args:
            repeatable: (keyword) the request may be sent twice without harm, although it is not a GET.

        Raises:
            ApiError: Heroku refused.
            Uncertain: it may or may not have been done.
            Unreachable: Heroku could not be reached, even after some attempts.
        """
        if not url.startswith(self._origin.url + "/"):
            raise ValueError("this session's token is for the API alone")
        safe = method.upper() in _SAFE or options.pop("repeatable", False)
        options = {"timeout": TIMEOUT, "allow_redirects": False} | options
        attempt = 0
        while True:
            self._pace()
            answer = self._attempt(method, url, options)
            if isinstance(answer, requests.Response):
                return answer
            seconds = _back_off(answer, safe, attempt)
            if seconds is None:
                raise answer
            self.notice(f"{answer.message}; trying again in {seconds:.0f} s")
            waiting.pause(seconds)
            attempt += 1

    def _attempt(
        self, method: str, url: str, options: dict[str, Any]
    ) -> requests.Response | ApiError | Uncertain | Unreachable:
        """The answer, or the error for it: not raised here, so that the library's own, which may show a URL or a
        body, is nobody's context."""
        try:
            response = super().request(method, url, **options)
        except requests.RequestException as error:
            return broken(error, self._origin.host)
        self._take_headers(response)
        if response.status_code >= 500:
            return Uncertain(f"Heroku's API has a problem of its own [HTTP {response.status_code}]", hint=TRY_AGAIN)
        if response.status_code >= 300:
            return refusal(response, _what(url, self._origin.url), self._place)
        if not _is_json(response.content) and not (method == "DELETE" and not response.content):
            return Uncertain("Heroku's answer was cut short", hint=TRY_AGAIN)
        return response

    def _pace(self) -> None:
        """Near the end of the hourly limit, ask no faster than it fills up."""
        if self.remaining is not None and self.remaining < _FEW:
            if not self._told:
                self.notice(f"only {self.remaining} requests of Heroku's hourly limit are left; going slowly")
            self._told = True
            waiting.pause(_SLOWLY)

    def _take_headers(self, response: requests.Response) -> None:
        remaining = response.headers.get("RateLimit-Remaining", "")
        if remaining.isdecimal():
            self.remaining = int(remaining)
        for name in ("X-Heroku-Warning", "Warning-Message"):
            text = response.headers.get(name)
            if text and text not in self.warnings:
                self.warnings.append(text)


def _back_off(failure: ApiError | Uncertain | Unreachable, safe: bool, attempt: int) -> float | None:
    """Seconds until the next attempt, or None when there must be none."""
    steps: tuple[float, ...] = ()
    if isinstance(failure, ApiError):
        steps = _RATE_BACK_OFF if failure.status == 429 else ()
    elif safe or isinstance(failure, Unreachable):
        steps = _BACK_OFF
    if attempt >= len(steps):
        return None
    wanted = failure.wait if isinstance(failure, ApiError) else None
    return steps[attempt] if wanted is None else min(wanted, _RATE_BACK_OFF[-1])


def _is_json(content: bytes) -> bool:
    try:
        json.loads(content)
    except ValueError:
        return False
    return True


def _what(url: str, base: str) -> str:
    """What a request was about, for an error: ``app shop``, else the path."""
    parts = url.removeprefix(base).strip("/").split("/")
    if parts[0] == "apps" and len(parts) > 1:
        inside = f" ({'/'.join(parts[2:])})" if parts[2:] and parts[2] != "config-vars" else ""
        return f"the app {parts[1]}{inside}"
    return "/".join(parts)
