"""What paasctl asks this site: a signed status, and a signed job. Everybody else gets a 404."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import sys
import time
from typing import Any, Callable, Dict, Iterable, List, Optional

from .document import SHA256, Document, read_deploy, record_of
from .jobs import Refused, job_file, run_job
from .places import Invalid, Places, names_in, read_json, remove, say
from .site import Site, trace

PREFIX = "/__paasctl__/"
HEADER = "HTTP_X_PAASCTL"
#: Seconds that a signed request may be old, or ahead.
WINDOW = 300
#: How the request came in, as far as the platform's front says it.
FRONT = ("REMOTE_ADDR", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "wsgi.url_scheme")
REFUSED = "a request to paasctl's address was refused"
SIGNED = re.compile(r"1 ([0-9]{9,11}) ([0-9a-f]{16,64}) ([0-9a-f]{64})")


def sign(key: str, *parts: str) -> str:
    """HMAC-SHA256 of some texts, none of which may hold a line break, in hex."""
    message = "\n".join(("paasctl-1", *parts)).encode("utf-8", "surrogateescape")
    return hmac.new(bytes.fromhex(key), message, hashlib.sha256).hexdigest()


class Endpoint:
    """Answers under ``/__paasctl__/``."""

    def __init__(self, places: Places, site: Site, domain: str, stub: str) -> None:
        self._places, self._site, self._domain, self._stub = places, site, domain, stub

    def __call__(self, environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            answer = self._answer(environ)
        except Exception as error:  # never the app's visitors' trouble, and nothing for a stranger to learn
            say("a request to paasctl's address failed (%s)" % type(error).__name__)
            answer = None
        if answer is None:
            start_response("404 Not Found", [("Content-Type", "text/plain"), ("Content-Length", "10")])
            return [b"Not Found\n"]
        status, body, proof = answer
        start_response(
            status,
            [
                ("Content-Type", "application/json"),
                ("Content-Length", str(len(body))),
                ("Cache-Control", "no-store"),
                ("X-Paasctl-Answer", proof),
            ],
        )
        return [body]

    def _answer(self, environ: Dict[str, Any]) -> "Optional[tuple[str, bytes, str]]":
        method, path = str(environ.get("REQUEST_METHOD", "")), str(environ.get("PATH_INFO", ""))
        action = {("GET", PREFIX + "status"): self._status, ("POST", PREFIX + "job"): self._job}.get((method, path))
        signed = SIGNED.fullmatch(str(environ.get(HEADER, "")))
        if action is None or signed is None or abs(time.time() - int(signed[1])) > WINDOW:
            say(REFUSED)
            return None
        moment, nonce, proof = signed.groups()
        key = self._key(nonce, proof, (method, path, self._domain, moment, nonce))
        if key is None or not self._first_time(moment, nonce, harmless=method == "GET"):
            say(REFUSED)
            return None
        status, document = action(nonce, environ)
        body = json.dumps(document).encode()
        return status, body, sign(key, "answer", nonce, status[:3], hashlib.sha256(body).hexdigest())

    def _key(self, nonce: str, proof: str, parts: "tuple[str, ...]") -> Optional[str]:
        """The key that signed a request: that of what is live or is to become so; before there is any, the job's."""
        keys = [str(document.get("key")) for document in self._documents(nonce)]
        for key in keys:
            if SHA256.fullmatch(key) and hmac.compare_digest(sign(key, *parts), proof):
                return key
        return None

    def _documents(self, nonce: str) -> List[Document]:
        found: List[Document] = []
        for path in (self._places.active, self._places.deploy):
            try:
                document = read_json(path) or {}
            except Invalid:
                continue
            document = document.get("live") if path == self._places.active else document  # type: ignore[assignment]
            if isinstance(document, dict) and document:
                found.append(document)
        if not found:
            try:
                job = job_file(self._places, nonce)
            except Invalid:
                job = None
            if job is not None:
                found.append(job)
        return found

    def _first_time(self, moment: str, nonce: str, harmless: bool) -> bool:
        """Note that a signature was used. A file each, so that all workers know, also after a restart.

        On a full disk no note can be made; what only reads is answered all the same.
        """
        path = self._places.path("nonces", "%s-%s" % (moment, nonce))
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            self._forget(self._places.path("nonces"))
        except FileExistsError:
            return False
        except OSError:
            return harmless
        return True

    def _forget(self, folder: str) -> None:
        """Remove the notes of requests that are too old to be accepted again."""
        for name in names_in(folder):
            moment = name.partition("-")[0]
            if moment.isdigit() and int(moment) < time.time() - 2 * WINDOW:
                remove(os.path.join(folder, name))

    def _job(self, nonce: str, environ: Dict[str, Any]) -> "tuple[str, Dict[str, Any]]":
        try:
            return "200 OK", run_job(self._places, nonce)
        except Refused as error:
            return "409 Conflict", {"error": str(error), "refused": error.kind}

    def _status(self, nonce: str, environ: Dict[str, Any]) -> "tuple[str, Dict[str, Any]]":
        site = self._site
        if site.app is None and not site.spoiled:
            site.load()
        live = site.live or {}
        answer: Dict[str, Any] = {
            "deploy": live.get("id"),
            "release": live.get("release"),
            "who": live.get("who"),
            "serves": site.app is not None,
            "error": site.error,
            "failure": site.failure,
            "refused": site.refused,
            "unread": unread(self._places),
            "intact": site.intact,
            "python": "%d.%d.%d" % sys.version_info[:3],
            "stub": self._stub,
            "since": site.since,
            "front": {name: str(environ.get(name, "")) for name in FRONT},
        }
        if site.app is not None and site.live is not None:
            answer["health"] = ask(site.app, health_path(site.live), self._domain, self._places)
        return "200 OK", answer


def unread(places: Places) -> str:
    """Why ``deploy.json``, as it lies there now, is refused; "" where it is not."""
    try:
        read_deploy(places.deploy)
    except Invalid as error:
        return str(error)
    return ""


def health_path(document: Document) -> str:
    """The path that says whether the live release is well."""
    return str(record_of(document).get("health") or "/")


def ask(app: Callable[..., Iterable[bytes]], path: str, domain: str, places: Places) -> Dict[str, Any]:
    """One request to the app from inside: its status, or what it raised. Nothing of its answer's body."""
    import io

    path, _, query = path.partition("?")
    environ: Dict[str, Any] = {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "SERVER_NAME": domain,
        "SERVER_PORT": "443",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": domain,
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_USER_AGENT": "paasctl",
        "HTTP_X_FORWARDED_PROTO": "https",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "https",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    seen: List[str] = []

    def start(status: str, headers: Any, exc_info: Any = None) -> Callable[[bytes], None]:
        seen[:] = [status]
        return lambda data: None

    try:
        body = app(environ, start)
        try:
            next(iter(body), b"")
        finally:
            getattr(body, "close", lambda: None)()
        return {"status": int(seen[0].split()[0]), "error": ""}
    except Exception as error:
        return {"status": 500, "error": trace(error, places)[-8000:]}
