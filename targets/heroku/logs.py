"""Heroku's logs: a session is asked for, and its stream read without a token."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import requests

from paasctl.errors import PaasctlError
from paasctl.model import LogLine
from paasctl.secret import Secret

from . import waiting
from .api import Api
from .stream import open_session

#: ``2026-11-22T18:00:00.000000+00:00 app[web.1]: text``
_LINE = re.compile(r"(?P<time>\S+) (?P<source>[\w-]+)\[(?P<dyno>[^\]]+)\]: ?(?P<text>.*)")

#: Heroku keeps as many.
MOST = 1500
#: Seconds to connect, and without a line before a followed stream is asked for anew.
_TIMEOUT = (5.0, 120.0)
_BREAKS = 8


def read(api: Api, process: str | None, lines: int, follow: bool) -> Iterator[LogLine]:
    """The last lines, and with ``follow`` those that come, until the caller stops.

    Raises:
        PaasctlError: Heroku refused, or the stream cannot be read to its end.
    """
    last, breaks = "", 0
    while True:
        body = _body(process, 100 if follow and last else min(lines, MOST), follow)
        before = last
        try:
            for time, line in _lines(api.log_stream(body)):
                if before and time and time <= before:
                    continue  # shown before the stream broke
                last = time or last
                yield line
            if not follow:
                return
        except _Broken:
            pass
        breaks = 0 if follow and last != before else breaks + 1
        if breaks > (_BREAKS if follow else 1):
            raise PaasctlError(
                "Heroku's log stream breaks again and again; lines may be missing", hint="try again in a minute"
            )
        waiting.pause(waiting.PAUSES[min(breaks, len(waiting.PAUSES) - 1)])


class _Broken(Exception):
    """A log stream did not come, or not to its end."""


def _body(process: str | None, lines: int, follow: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"lines": lines, "tail": follow}
    if process:
        body["dyno_name" if "." in process else "type"] = process
    return body


def _lines(url: Secret) -> Iterator[tuple[str, LogLine]]:
    """Time and line, as far as the stream comes.

    Raises:
        _Broken: that is not its end.
    """
    with open_session() as session:
        try:
            with session.get(
                url.reveal(), headers={"Accept": "text/plain"}, stream=True, timeout=_TIMEOUT, allow_redirects=False
            ) as response:
                if response.status_code != 200:
                    raise _Broken
                events = response.headers.get("Content-Type", "").startswith("text/event-stream")
                for raw in response.iter_lines(chunk_size=None):
                    text = raw.decode("utf-8", "replace").replace("\0", "")
                    text = _data(text) if events else text
                    if text:
                        yield _parsed(text)
        except requests.RequestException:
            raise _Broken from None  # its text holds the signed address


def _data(line: str) -> str:
    """The text in a line of an event stream; empty for its ids, comments and blank lines."""
    return line.removeprefix("data:").removeprefix(" ") if line.startswith("data:") else ""


def _parsed(text: str) -> tuple[str, LogLine]:
    match = _LINE.fullmatch(text)
    if match is None:
        return "", LogLine("", text)
    process = match["dyno"] if match["source"] == "app" else f"{match['source']}/{match['dyno']}"
    return match["time"], LogLine(process, match["text"])
