"""Heroku's output streams: signed addresses that are read without a token, and read on where the connection broke."""

from __future__ import annotations

import codecs
from collections.abc import Iterator

import requests

from paasctl.secret import Secret

from . import waiting

#: Seconds to connect, and without any output; a build may be silent while it compiles.
_TIMEOUT = (5.0, 90.0)
#: How often in a row a stream may break, or not have begun, without a new byte in between.
_BREAKS = 8


class Lost(Exception):
    """The stream could not be read to its end. What it was about goes on at Heroku."""


def open_session() -> requests.Session:
    """A session for signed addresses: no token, and nothing from ``~/.netrc``."""
    session = requests.Session()
    session.auth = _unsigned
    return session


def _unsigned(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


class Stream:
    """One output stream and how far it was read. It can be read again where it ended too early."""

    def __init__(self, url: Secret) -> None:
        self._url = url
        self._received = 0
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def lines(self) -> Iterator[str]:
        """The lines from here to where the stream ends, as they come; a line without its end is kept back.

        Raises:
            Lost: it broke too often, or cannot be read any more.
        """
        for data in self._bytes():
            *whole, self._rest = (self._rest + self._decoder.decode(data)).split("\n")
            yield from (line.rstrip("\r") for line in whole)

    def rest(self) -> str:
        """What came after the last end of line."""
        rest, self._rest = self._rest + self._decoder.decode(b"", final=True), ""
        return rest.rstrip("\r")

    def _bytes(self) -> Iterator[bytes]:
        breaks = 0
        with open_session() as session:
            while breaks <= _BREAKS:
                before = self._received
                try:
                    with _open(session, self._url, before) as response:
                        if _is_over(response):
                            return
                        if response.status_code in (200, 206):
                            yield from self._take(response, skip=before if response.status_code == 200 else 0)
                            return
                except requests.RequestException:
                    pass  # its text holds the signed address; that it broke is all that matters
                breaks = 0 if self._received > before else breaks + 1
                waiting.pause(waiting.PAUSES[min(breaks, len(waiting.PAUSES) - 1)])
        raise Lost

    def _take(self, response: requests.Response, skip: int) -> Iterator[bytes]:
        """The content behind the first ``skip`` bytes, without the NULs that only keep a connection open."""
        for data in response.iter_content(chunk_size=None):
            plain = data.replace(b"\0", b"")
            new = plain[skip:]
            skip = max(0, skip - len(plain))
            self._received += len(new)
            yield new


def _open(session: requests.Session, url: Secret, received: int) -> requests.Response:
    headers = {"Accept": "text/plain", "Accept-Encoding": "identity"}
    if received:
        headers["Range"] = f"bytes={received}-"
    return session.get(url.reveal(), headers=headers, stream=True, timeout=_TIMEOUT, allow_redirects=False)


def _is_over(response: requests.Response) -> bool:
    """True when there is nothing after what was read. 404 (not begun yet) and 5xx are worth another attempt.

    Raises:
        Lost: the address is not valid any more.
    """
    status = response.status_code
    if status not in (200, 206, 404, 416, 429) and status < 500:
        raise Lost
    return status == 416
