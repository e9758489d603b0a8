"""One request to a pushed app, and what its answer says about the release it came from."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

STAMP = re.compile(r"\b(?:first|template|last) (v\d\d\d)\b")


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of a response."""

    status: int
    headers: dict[str, str]
    body: str

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def versions(self) -> set[str]:
        """Every release that left its mark on the response; exactly one when the response is whole."""
        return versions(self.headers.get("x-version", ""), self.body)


def versions(header: str, body: str) -> set[str]:
    """The releases named by the X-Version header and the marks in the body."""
    return {header, *STAMP.findall(body)} - {""}


def fetch(url: str, data: bytes | None = None, headers: dict[str, str] | None = None, timeout: float = 15) -> Answer:
    """GET, or POST when there is data; an HTTP error is an answer, not an exception."""
    request = urllib.request.Request(url, data=data, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=timeout) as response:
            return Answer(response.status, _lower(response.headers), response.read().decode())
    except urllib.error.HTTPError as error:
        return Answer(error.code, _lower(error.headers), error.read().decode(errors="replace"))


def _lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def upload(url: str, name: str, content: bytes) -> Answer:
    """POST one file as a browser's form does."""
    edge = "----paasctl-test"
    head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
    data = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
    return fetch(url, data, {"Content-Type": f"multipart/form-data; boundary={edge}"})


def eventually(url: str, wanted: Any, seconds: float = 10) -> Answer:
    """Ask until ``wanted(answer)`` is true, or time is up; the last answer. For what a worker does in its own time."""
    end = time.monotonic() + seconds
    while True:
        try:
            answer = fetch(url)
            if wanted(answer) or time.monotonic() > end:
                return answer
        except OSError:  # whoever answers there is not up yet
            if time.monotonic() > end:
                raise
        time.sleep(0.2)
