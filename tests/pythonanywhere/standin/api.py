"""The HTTP API of the stand-in: strict where the real one is, and odd where it is odd."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from .account import Account, Full

TEMPLATE = b"# This file contains the WSGI configuration required to serve up your\n# web application\n"
Answer = tuple[int, Any]

ROUTES: list[tuple[str, str, str]] = [
    (r"files/path(/.*)", "files", "files"),
    (r"webapps/", "webapps", "webapps"),
    (r"webapps/([^/]+)/", "webapp", "webapps"),
    (r"webapps/([^/]+)/reload/", "reload", "reload"),
    (r"webapps/([^/]+)/static_files/", "static", "static_files"),
    (r"webapps/([^/]+)/static_files/(\d+)/", "mapping", "static_files"),
    (r"cpu/", "cpu", "cpu"),
    (r"default_python3_version/", "python", "python"),
]


class Api:
    """Answers requests under ``/api/v0/user/NAME/``. ``reload`` restarts the site and says how that went."""

    def __init__(self, account: Account, reload: Callable[[str], Answer], now: Callable[[], float]) -> None:
        self.account, self._restart, self._now = account, reload, now
        self.limit: int | None = None
        self.retry_after = False
        self.cut: dict[str, int] = {}
        self._sent: dict[str, list[float]] = {}

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """The status and the body (bytes, or what becomes JSON) for one request."""
        if headers.get("authorization") != f"Token {self.account.token}":
            return 401, {"detail": "Invalid token."}
        found = re.fullmatch(r"/api/v0/user/([^/]+)/(.*)", path)
        if not found:
            return 404, b"<h1>Page not found</h1>"
        if found[1] != self.account.username:
            return 403, {"detail": "You do not have permission to perform this action."}
        for pattern, name, endpoint in ROUTES:
            match = re.fullmatch(pattern, found[2])
            if match:
                slow = self._throttle(endpoint)
                if slow is not None:
                    return slow
                answer: Answer = getattr(self, "_" + name)(method, headers, body, *map(unquote, match.groups()))
                return answer
        return 404, b"<h1>Page not found</h1>"

    def _throttle(self, endpoint: str) -> Answer | None:
        """40 requests a minute to each endpoint, whatever the method."""
        if self.limit is None:
            return None
        now = self._now()
        sent = self._sent[endpoint] = [t for t in self._sent.get(endpoint, []) if now - t < 60]
        if len(sent) < self.limit:
            sent.append(now)
            return None
        seconds = int(sent[0] + 60 - now) + 1
        return 429, {"detail": f"Request was throttled. Expected available in {seconds} seconds."}

    def _files(self, method: str, headers: dict[str, str], body: bytes, path: str) -> Answer:
        if not self.account.own(path):
            return 403, {"message": "You do not have permission", "code": "forbidden"}
        real = self.account.real(path)
        if method == "GET":
            if real.is_dir():
                return 200, {e.name: {"type": "directory" if e.is_dir() else "file", "url": ""} for e in real.iterdir()}
            if not real.is_file():
                return 404, {"detail": f"No such file or directory: {path}"}
            return 200, real.read_bytes()
        if method == "POST":
            return self._upload(headers, body, path)
        if method == "DELETE":
            done = self.account.remove(path)
            return (204, b"") if done else (404, {"message": "File does not exist", "code": "not_found"})
        return 405, {"detail": "Method not allowed."}

    def _upload(self, headers: dict[str, str], body: bytes, path: str) -> Answer:
        content = multipart(headers.get("content-type", ""), body)
        if content is None:
            return 400, {"detail": "You must provide a file with the name 'content'."}
        cut = next((n for part, n in self.cut.items() if part in path), None)
        try:
            return (201 if self.account.write(path, content, cut) else 200), b""
        except Full:
            return 500, b"<h1>Disk quota exceeded</h1>"

    def _webapps(self, method: str, headers: dict[str, str], body: bytes) -> Answer:
        if method == "GET":
            return 200, list(self.account.webapps.values())
        if method != "POST":
            return 405, {"detail": "Method not allowed."}
        form = fields(headers, body)
        domain, python = form.get("domain_name", ""), form.get("python_version", "")
        if python not in ["python" + p.replace(".", "") for p in self.account.pythons]:
            return 400, {"python_version": [f'"{python}" is not a valid choice.']}
        if domain in self.account.webapps:
            return 200, {"status": "ERROR", "error_type": "bad_request", "error_message": "Domain already in use"}
        if self.account.free and self.account.webapps:
            text = "You have reached your maximum number of web apps"
            return 200, {"status": "ERROR", "error_type": "limit", "error_message": text}
        self._create(domain, python)
        return 200, {"status": "OK"}

    def _create(self, domain: str, python: str) -> None:
        self.account.last_id += 1
        self.account.webapps[domain] = {
            "id": self.account.last_id,
            "user": self.account.username,
            "domain_name": domain,
            "python_version": f"3.{python[7:]}",
            "source_directory": "",
            "working_directory": f"/home/{self.account.username}/",
            "virtualenv_path": "",
            "expiry": "2099-10-16" if self.account.free else None,
            "force_https": False,
            "password_protection_enabled": False,
        }
        name = domain.replace(".", "_").lower()
        self.account.write(f"/var/www/{name}_wsgi.py", TEMPLATE)

    def _webapp(self, method: str, headers: dict[str, str], body: bytes, domain: str) -> Answer:
        found = self.account.webapps.get(domain)
        if found is None:
            return 403, {"detail": "You do not have permission to perform this action."}
        if method == "GET":
            return 200, found
        if method == "DELETE":
            del self.account.webapps[domain]
            self.account.static.pop(domain, None)
            return 204, b""
        if method != "PATCH":
            return 405, {"detail": "Method not allowed."}
        form = fields(headers, body)
        if form.get("python_version", found["python_version"]) not in self.account.pythons:
            return 400, {"python_version": [f'"{form["python_version"]}" is not a valid choice.']}
        venv = form.get("virtualenv_path")
        if venv and not self.account.real(venv).is_dir():
            return 400, {"virtualenv_path": ["No virtualenv detected at this path"]}
        for key in ("python_version", "source_directory", "working_directory", "virtualenv_path"):
            found[key] = form.get(key, found[key])
        if "force_https" in form:
            found["force_https"] = form["force_https"] == "true"
        return 200, found

    def _reload(self, method: str, headers: dict[str, str], body: bytes, domain: str) -> Answer:
        if domain not in self.account.webapps:
            return 403, {"detail": "You do not have permission to perform this action."}
        return self._restart(domain) if method == "POST" else (405, {"detail": "Method not allowed."})

    def _static(self, method: str, headers: dict[str, str], body: bytes, domain: str) -> Answer:
        if domain not in self.account.webapps:
            return 403, {"detail": "You do not have permission to perform this action."}
        mappings = self.account.static.setdefault(domain, [])
        if method == "GET":
            return 200, mappings
        form = fields(headers, body)
        self.account.last_id += 1
        mappings.append({"id": self.account.last_id, "url": form["url"], "path": form["path"]})
        return 201, mappings[-1]

    def _mapping(self, method: str, headers: dict[str, str], body: bytes, domain: str, id: str) -> Answer:
        mappings = self.account.static.get(domain, [])
        found = next((m for m in mappings if m["id"] == int(id)), None)
        if found is None:
            return 404, {"detail": "Not found."}
        if method == "DELETE":
            mappings.remove(found)
            return 204, b""
        found.update(fields(headers, body))
        return 200, found

    def _python(self, method: str, headers: dict[str, str], body: bytes) -> Answer:
        offered = list(self.account.pythons)
        return 200, {"default_python3_version": offered[0], "available_python3_versions": offered}

    def _cpu(self, method: str, headers: dict[str, str], body: bytes) -> Answer:
        limit = 100 if self.account.free else 100_000
        return 200, {"daily_cpu_limit_seconds": limit, "daily_cpu_total_usage_seconds": 0.0, "next_reset_time": ""}


def fields(headers: dict[str, str], body: bytes) -> dict[str, str]:
    """A form-encoded or JSON body."""
    from urllib.parse import parse_qsl

    if headers.get("content-type", "").startswith("application/json"):
        found: dict[str, str] = json.loads(body)
        return found
    return dict(parse_qsl(body.decode(), keep_blank_values=True))


def multipart(content_type: str, body: bytes) -> bytes | None:
    """The content of the one field that is named ``content``."""
    found = re.search(r"boundary=([^;]+)", content_type)
    if not content_type.startswith("multipart/form-data") or not found:
        return None
    mark = b"--" + found[1].encode()
    head, _, rest = body.partition(b"\r\n\r\n")
    if not head.startswith(mark) or b'name="content"' not in head:
        return None
    content, end, _ = rest.rpartition(b"\r\n" + mark + b"--")
    return content if end else None
