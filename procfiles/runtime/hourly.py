"""How many error mails may still be sent this hour: one count for all processes of an app."""

from __future__ import annotations

import fcntl
import os
import time

from .base import guard, setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HOUR = 3600


class Hourly:
    """At most ``limit`` mails in any hour, and a count of those held back.

    The count is a file of this user's: ``HELD TIME TIME...`` by the monotonic clock, which all processes of a machine
    share. Without it, each process counts for itself.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.fd = -1
        self.own = ""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self.fd = os.open(count_file(), flags, 0o600)
            if os.fstat(self.fd).st_uid != os.getuid():
                self.alone()
        except OSError:
            pass

    def alone(self) -> None:
        """Count for this process only from now on."""
        os.close(self.fd)
        self.fd = -1

    def __enter__(self) -> Hourly:
        if self.fd >= 0:
            try:
                fcntl.flock(self.fd, fcntl.LOCK_EX)
            except OSError:
                self.alone()
        return self

    def __exit__(self, *exception: Any) -> None:
        if self.fd >= 0:
            fcntl.flock(self.fd, fcntl.LOCK_UN)

    def hand_in(self, held: int) -> None:
        """Add what a process that ends has held back."""
        with self:
            before, sent = self.read()
            self.write(before + held, sent)

    def ask(self, held: int, mail: bool = True) -> tuple[bool, int, float]:
        """Hand in how many this process has held back, and ask to send a mail.

        Args:
            mail: whether there is something to send; otherwise one is only due when any were held back.

        Returns:
            Whether to send it; how many were held back until now, by all; where the hour is used up, when it is not.
        """
        with self:
            now = time.monotonic()
            before, sent = self.read()
            sent = [when for when in sent if now - HOUR < when <= now]  # the clock begins anew when the machine does
            held += before
            if len(sent) >= self.limit:
                self.write(held + mail, sent)
                return False, held, (sent[0] if sent else now) + HOUR
            due = mail or held > 0
            self.write(0, [*sent, now] if due else sent)
            return due, held, 0.0

    def read(self) -> tuple[int, list[float]]:
        words: list[str] = []
        with guard("the count of error mails"):
            words = (os.pread(self.fd, 1 << 20, 0).decode("ascii", "replace") if self.fd >= 0 else self.own).split()
        try:
            return int(words[0]), sorted(map(float, words[1:]))
        except (IndexError, ValueError):
            return 0, []

    def write(self, held: int, sent: list[float]) -> None:
        text = " ".join(["%d" % held, *map(repr, sent)])
        self.own = text
        if self.fd >= 0:
            try:
                os.pwrite(self.fd, text.encode(), 0)
                os.ftruncate(self.fd, len(text))
            except OSError:  # the disk is full
                self.alone()


def count_file() -> str:
    """In the app's own run folder, which goes with the app; elsewhere in the temporary one, named after the release."""
    if setting("RUN_FOLDER"):
        return os.path.join(setting("RUN_FOLDER"), "mails")
    import tempfile
    import zlib

    folder = os.path.dirname(os.path.abspath(__file__))
    return os.path.join(tempfile.gettempdir(), "paasctl-mails-%d-%08x" % (os.getuid(), zlib.crc32(os.fsencode(folder))))
