"""A clock that tests turn: waiting costs nothing, and every wait is noted."""

import time


class FakeClock:
    """Starts at the real time, so that signatures are in date."""

    def __init__(self) -> None:
        self.offset = 0.0
        self.slept: list[float] = []

    def time(self) -> float:
        return time.time() + self.offset

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.offset += seconds


class QuickClock(FakeClock):
    """For a site that really runs: short waits are real (a reload takes its time), and time does not jump."""

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        time.sleep(min(seconds, 1.0))
