"""A closed loop of clients that notices every request that is lost, refused, failed, or answered by two releases."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from support.web import versions

#: seconds that a client waits between two requests, so that the app under test gets the machine
PAUSE = 0.04


@dataclass(frozen=True)
class Request:
    """What one client asks for, again and again."""

    method: str
    path: str
    keep_alive: bool = False
    body: bytes | None = None


@dataclass
class Report:
    """What the clients saw.

    ``served`` counts whole answers by release, ``asked`` by request; ``bad`` holds one line for each request that was
    not answered as it must be.
    """

    served: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    order: list[tuple[float, str]] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0

    @property
    def total(self) -> int:
        return sum(self.served.values()) + len(self.bad)

    def __str__(self) -> str:
        lines = "\n".join(self.bad[:20])
        return f"{self.total} requests, {len(self.bad)} bad, slowest {self.slowest:.2f} s, {dict(self.served)}\n{lines}"


class Clients:
    """Clients that ask until they are stopped, or until the bound of requests or seconds is reached.

    ``domain``: the name by which they ask, where it is not the URL's.
    """

    def __init__(
        self, url: str, requests: list[Request], *, most: int = 100_000, seconds: float = 600, domain: str = ""
    ) -> None:
        self.report = Report()
        #: whether all of them asked until they were stopped, and did not meet a bound before
        self.lasted = False
        self._headers = {"Host": domain} if domain else {}
        self._at, self._most, self._end = urlsplit(url), most, time.monotonic() + seconds
        self._stop, self._lock, self._began = threading.Event(), threading.Lock(), time.monotonic()
        self._threads = [threading.Thread(target=self._client, args=(one,), daemon=True) for one in requests]

    def __enter__(self) -> Clients:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.lasted = all(thread.is_alive() for thread in self._threads)
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def _client(self, request: Request) -> None:
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set() and time.monotonic() < self._end and self.report.total < self._most:
            connection = connection or http.client.HTTPConnection(str(self._at.hostname), self._at.port, timeout=30)
            connection = self._one(connection, request)
            time.sleep(PAUSE)
        if connection:
            connection.close()

    def _one(self, connection: http.client.HTTPConnection, request: Request) -> http.client.HTTPConnection | None:
        """Ask once; the connection when it can be used again."""
        began = time.monotonic()
        headers = {**self._headers, "Connection": "keep-alive" if request.keep_alive else "close"}
        if request.body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        try:
            connection.request(request.method, request.path, request.body, headers)
            response = connection.getresponse()
            body = response.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self._note(began, request, "", f"lost, {type(error).__name__}: {error}")
            return None
        self._judge(began, request, response, body)
        if request.keep_alive and not response.will_close:
            return connection
        connection.close()
        return None

    def _judge(self, began: float, request: Request, response: http.client.HTTPResponse, body: str) -> None:
        seen = versions(response.getheader("X-Version", ""), body)
        wrong = ""
        if response.status >= 400:
            wrong = f"{response.status} {body[:80]!r}"
        elif len(seen) != 1:
            wrong = f"from {sorted(seen)}"
        self._note(began, request, "/".join(sorted(seen)), wrong)

    def _note(self, began: float, request: Request, version: str, wrong: str) -> None:
        now, what = time.monotonic(), f"{request.method} {request.path}"
        with self._lock:
            self.report.slowest = max(self.report.slowest, now - began)
            if wrong:
                self.report.bad.append(f"{began - self._began:.2f} s: {what}: {wrong} (after {now - began:.2f} s)")
            else:
                self.report.served[version] += 1
                self.report.asked[what] += 1
                if not self.report.order or self.report.order[-1][1] != version:
                    self.report.order.append((now, version))
