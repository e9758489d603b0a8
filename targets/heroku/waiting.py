"""How long to wait between two looks at something that Heroku is still doing, and when to give up."""

from __future__ import annotations

import time
from collections.abc import Iterator

#: Seconds between two looks; the last one is repeated.
PAUSES = (1.0, 1.0, 2.0, 3.0, 5.0)


def pause(seconds: float) -> None:
    """Sleep; the only place where this adapter does."""
    time.sleep(seconds)


def looks(limit: float) -> Iterator[int]:
    """Count the looks at something, at once and then after each pause, for ``limit`` seconds of pauses."""
    waited, number = 0.0, 0
    while True:
        yield number
        seconds = PAUSES[min(number, len(PAUSES) - 1)]
        if waited + seconds > limit:
            return
        pause(seconds)
        waited, number = waited + seconds, number + 1
