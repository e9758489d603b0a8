"""Shows what a build or a release command prints at Heroku: line by line, masked, the last lines kept for an error."""

from __future__ import annotations

from collections import deque

from paasctl.model import Say
from paasctl.redact import Redactor
from paasctl.secret import Secret

from .stream import Lost, Stream

#: How many of the last lines an error shows.
TAIL = 60


class Output:
    """The output of one build or release command."""

    def __init__(self, url: Secret | None, redactor: Redactor, say: Say) -> None:
        self._stream = Stream(url) if url is not None else None
        self._clean, self._say = redactor.clean, say
        self._last: deque[str] = deque(maxlen=TAIL)

    def follow(self) -> None:
        """Show what comes until the stream ends. A lost stream is no failure: the caller asks for the outcome."""
        if self._stream is None:
            return
        try:
            for line in self._stream.lines():
                self._show(line)
        except Lost:
            self._say("Heroku's output cannot be read any further; waiting for the outcome")
            self._stream = None

    def tail(self) -> str:
        """The last lines, masked."""
        if self._stream is not None and (rest := self._stream.rest()):
            self._show(rest)
        return "\n".join(self._last)

    def _show(self, line: str) -> None:
        line = self._clean(line)
        self._last.append(line)
        self._say(line)
