"""Time, as the adapter sees it, and the pace at which it may ask the API."""

from __future__ import annotations

import time
from collections import deque
from typing import Protocol

from paasctl.model import Say

#: The vendor allows 40 requests a minute per endpoint; two are left to whoever else uses the token.
LIMIT = 38
SPAN = 60.0


class Clock(Protocol):
    """The time (seconds since 1970) and waiting; tests give one that does not wait."""

    def time(self) -> float: ...

    def sleep(self, seconds: float) -> None: ...


class SystemClock:
    """This machine's clock."""

    def time(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Pace:
    """At most ``limit`` requests to an endpoint in any ``span`` seconds."""

    def __init__(self, clock: Clock, limit: int = LIMIT, span: float = SPAN) -> None:
        self._clock, self._limit, self._span = clock, limit, span
        self._sent: dict[str, deque[float]] = {}

    def wait(self, endpoint: str, say: Say) -> None:
        """Wait until one more request to an endpoint is allowed, and count it."""
        sent = self._sent.setdefault(endpoint, deque())
        if len(sent) >= self._limit:
            pause = sent[0] + self._span - self._clock.time()
            if pause > 0:
                say(f"waiting {pause:.0f} s: PythonAnywhere allows 40 requests a minute to {endpoint}")
                self._clock.sleep(pause)
            sent.popleft()
        sent.append(self._clock.time())
