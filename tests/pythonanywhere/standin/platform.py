"""The whole stand-in: API, front and web app of one account, with a note of every request and a way to do harm."""

from __future__ import annotations

import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from . import web
from .account import Account
from .api import Answer, Api
from .clock import FakeClock
from .process import WebProcess

Response = tuple[int, list[tuple[str, str]], bytes]
#: Sees each request before it is carried out; what it answers is sent in its place, "drop" drops the connection,
#: "drop after" carries it out first, and so does "504 after", which a front says that has waited long enough.
Fault = Callable[[str, str], Answer | str | None]

TOO_LATE: Response = 504, [("Content-Type", "text/html")], b"<h1>504 Gateway Time-out</h1>"

#: Seconds that a reload waits for the site's own answer.
PING = 20.0


class Platform:
    """One account, whose web apps run.

    ``api_requests`` and ``site_requests`` hold ``METHOD path`` of each request since ``forget``; ``faults`` may do
    harm to them.
    """

    def __init__(self, account: Account, clock: FakeClock | None = None, runs: bool = True) -> None:
        self.account, self.clock = account, clock or FakeClock()
        self.api = Api(account, self._reload, self.clock.time)
        self.api_requests: list[str] = []
        self.site_requests: list[str] = []
        self.faults: Fault = lambda method, path: None
        self.processes: dict[str, WebProcess] = {}
        self.hosts = self.before = ""
        self.cname_error = False
        #: Seconds that the front waits for the site.
        self.patience = 310.0
        self.trace: Path | None = None
        self._runs, self._served = runs, {}  # type: bool, dict[str, dict[str, str]]
        self._one = threading.Lock()
        #: Held while a test prepares; no request is seen meanwhile.
        self.still = threading.Lock()
        self._busy, self._ended = 0, threading.Condition()
        self._api, self._front = web.serve(self._answer), web.serve(self._visit)

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self._api.server_port}"

    @property
    def site_url(self) -> str:
        return f"http://127.0.0.1:{self._front.server_port}"

    def idle(self) -> None:
        """Wait until every request that came in has been carried out, also those whose sender is gone."""
        with self._ended:
            assert self._ended.wait_for(lambda: not self._busy, timeout=120)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self.still, self._ended:
            self._busy += 1
        try:
            yield
        finally:
            with self._ended:
                self._busy -= 1
                self._ended.notify_all()

    def forget(self) -> None:
        """Begin to count anew."""
        self.api_requests.clear()
        self.site_requests.clear()

    def counts(self) -> tuple[int, int]:
        """API requests, and signed requests to the site."""
        return len(self.api_requests), sum("/__paasctl__/" in line for line in self.site_requests)

    def close(self) -> None:
        for domain in list(self.processes):
            self.end(domain)
        web.stop(self._api)
        web.stop(self._front)

    def _answer(self, request: BaseHTTPRequestHandler, body: bytes) -> Response | None:
        with self._counted():
            return self._carried_out(request, body)

    def _carried_out(self, request: BaseHTTPRequestHandler, body: bytes) -> Response | None:
        method, path = request.command, request.path
        self.api_requests.append(f"{method} {path}")
        fault = self.faults(method, path)
        if fault == "drop":
            return None
        if isinstance(fault, tuple):
            headers, content = web.encoded(fault[1])
            return fault[0], headers, content
        headers_in = {name.lower(): value for name, value in request.headers.items()}
        with self._one:
            status, answer = self.api.answer(method, path, headers_in, body)
            for gone in self.processes.keys() - self.account.webapps.keys():
                self.end(gone)
        if fault == "drop after":
            return None
        if fault == "504 after":
            return TOO_LATE
        headers, content = web.encoded(answer)
        return status, headers, content

    def _reload(self, domain: str) -> Answer:
        """Restart, then ask the site once, as the platform does."""
        found = self.account.webapps[domain]
        self._served[domain] = {m["url"]: m["path"] for m in self.account.static.get(domain, [])}
        if self._runs:
            process = self.processes.get(domain)
            if process and process.python != found["python_version"]:
                self.end(domain)
                process = None
            if process:
                process.reload()
            else:
                cwd = found["working_directory"] or f"/home/{self.account.username}"
                self.processes[domain] = WebProcess(self.account, domain, found["python_version"], cwd, self)
            self._pass(domain, "GET", "/", [("Host", domain)], b"", PING)
        return (409, {"status": "error", "error": "cname_error"}) if self.cname_error else (200, {"status": "OK"})

    def end(self, domain: str) -> None:
        """End a web app's process."""
        self.processes.pop(domain).stop()

    def _visit(self, request: BaseHTTPRequestHandler, body: bytes) -> Response | None:
        with self._counted():
            return self._visited(request, body)

    def _visited(self, request: BaseHTTPRequestHandler, body: bytes) -> Response | None:
        method, path = request.command, request.path
        self.site_requests.append(f"{method} {path}")
        fault = self.faults(method, path)
        if fault == "drop":
            return None
        if isinstance(fault, tuple):
            headers, content = web.encoded(fault[1])
            return fault[0], headers, content
        domain = (request.headers.get("Host") or "").partition(":")[0]
        if domain.startswith("127.") and self.account.webapps:
            domain = next(iter(self.account.webapps))
        if domain not in self.account.webapps or domain not in self.processes:
            return 404, [("Content-Type", "text/html")], b"<h1>Coming Soon!</h1>"
        if method in ("GET", "HEAD"):
            found = self._static(domain, path.partition("?")[0])
            if found is not None:
                return found
        given = [(n, v) for n, v in request.headers.items() if n.lower() not in ("host", "x-real-ip", "connection")]
        came = [v for n, v in given if n.lower() == "x-forwarded-for"]
        kept = [(n, v) for n, v in given if n.lower() not in ("x-forwarded-for", "x-forwarded-proto")]
        client = request.client_address[0]
        kept += [("Host", domain), ("X-Real-IP", client), ("X-Forwarded-For", ", ".join([*came, client]))]
        answer = self._pass(domain, method, path, [*kept, ("X-Forwarded-Proto", "https")], body, self.patience)
        if fault == "504 after":
            return TOO_LATE
        return None if fault == "drop after" else answer

    def _pass(
        self, domain: str, method: str, path: str, headers: list[tuple[str, str]], body: bytes, timeout: float
    ) -> Response:
        try:
            return web.forward(self.processes[domain].socket, method, path, headers, body, timeout)
        except OSError:
            return 502, [("Content-Type", "text/html")], b"<h1>502 Bad Gateway</h1>"

    def _static(self, domain: str, path: str) -> Response | None:
        """A file of a static mapping, read as another user would: through open folders only."""
        for url, folder in self._served.get(domain, {}).items():
            if path.startswith(url) and ".." not in path:
                real = self._opened(folder + "/" + path[len(url) :])
                if real is None:
                    return 404, [("Content-Type", "text/html")], b"<h1>404</h1>"
                return 200, [("Content-Type", "application/octet-stream")], real.read_bytes()
        return None

    def _opened(self, path: str) -> Path | None:
        current = self.account.root
        for part in path.strip("/").split("/"):
            current = current / part
            if current.is_symlink():
                target = str(current.readlink())
                assert not target.startswith("/"), "a link that leaves the account's names cannot be followed here"
                current = current.parent / target
            if not current.exists():
                return None
            mode = current.stat().st_mode
            if not mode & (stat.S_IXOTH if current.is_dir() else stat.S_IROTH):
                return None
        return current if current.is_file() else None


def everything(platform: Platform) -> dict[str, Any]:
    """The account's web apps and mappings, for comparisons."""
    return {"webapps": platform.account.webapps, "static": platform.account.static}
