"""Ask a public URL whether the app behind it is alive: no credentials, no redirects, bounded retries."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from paasctl import __version__
from paasctl.credentials import is_loopback
from paasctl.model import Say

if TYPE_CHECKING:
    import requests

#: Seconds to connect, and to wait for the first byte: an app that boots may hold a request for a while.
TIMEOUT = (5.0, 35.0)

#: Seconds between two attempts; the last one is repeated until the attempts are used up.
PAUSES = (1, 1, 2, 3, 5)
ATTEMPTS = 12


@dataclass(frozen=True, slots=True)
class Health:
    """The answer of one probe: alive or not, the HTTP status (None: no answer), and a phrase that says it."""

    alive: bool
    status: int | None
    detail: str

    def __bool__(self) -> bool:
        return self.alive


def probe(url: str, path: str | None = None, timeout: tuple[float, float] = TIMEOUT) -> Health:
    """Ask once.

    Args:
        url: the site's address.
        path: the app's ``health`` setting: with it an answer below 400 is alive, without it "/" and below 500.
        timeout: seconds to connect and to wait for the answer.
    """
    import requests

    address = url.rstrip("/") + "/" + (path or "/").lstrip("/")
    with requests.Session() as session:
        session.trust_env = not is_loopback(urlsplit(url).hostname or "")  # a proxy cannot reach this machine's ports
        session.auth = _no_credentials  # otherwise requests looks into ~/.netrc
        session.headers["User-Agent"] = f"paasctl/{__version__}"
        try:
            with session.get(address, timeout=timeout, allow_redirects=False, stream=True) as response:
                status = response.status_code
        except requests.Timeout:
            return Health(False, None, f"no answer within {timeout[1]:.0f} s")
        except requests.RequestException as error:
            return Health(False, None, f"no answer ({type(error).__name__})")
    return Health(status < (400 if path else 500), status, f"HTTP {status}")


def wait(
    url: str,
    path: str | None = None,
    *,
    say: Say = lambda line: None,
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] = time.sleep,
) -> Health:
    """Ask until the app is alive or the attempts are used up; answers with the last probe."""
    for attempt in range(attempts):
        if attempt:
            sleep(PAUSES[min(attempt, len(PAUSES)) - 1])
        health = probe(url, path)
        if health or attempt == attempts - 1:
            return health
        say(f"not alive yet: {health.detail}")
    raise ValueError("attempts must be at least 1")


def _no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
