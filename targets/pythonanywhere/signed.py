"""Signed requests to the site itself: its status, and its jobs. Nobody else gets an answer from it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from paasctl import __version__
from paasctl.credentials import is_loopback
from paasctl.errors import PaasctlError

PREFIX = "/__paasctl__/"
HEADER, PROOF = "X-Paasctl", "X-Paasctl-Answer"
#: The first request after a reload may import the app, and waits while another one is served.
STATUS_TIMEOUT = (10.0, 90.0)
#: The platform ends a request after 300 seconds.
JOB_TIMEOUT = (10.0, 310.0)


class NoAnswer(PaasctlError):
    """The site gave no signed answer: it is down, or what answers there is not our stub with this key.

    ``status`` is the HTTP status of what did answer, 0 where nothing did; ``late`` says that it took the request and
    did not answer it in time.
    """

    def __init__(self, message: str, *, hint: str = "", status: int = 0, late: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.status, self.late = status, late


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """What the site says of itself. ``deploy`` is the id of the live document, ``failure`` the last one that failed,
    ``unread`` why the present ``deploy.json`` is refused.

    ``since`` is when its process was loaded (seconds since 1970), ``front`` how the request came in.
    """

    deploy: str = ""
    release: str = ""
    who: str = ""
    serves: bool = False
    error: str = ""
    failure: Mapping[str, Any] = field(default_factory=dict)
    refused: Mapping[str, Any] = field(default_factory=dict)
    unread: str = ""
    intact: bool = True
    python: str = ""
    stub: str = ""
    health: Mapping[str, Any] | None = None
    since: float = 0.0
    front: Mapping[str, str] = field(default_factory=dict)

    @property
    def answered(self) -> int:
        """The HTTP status of the app's health page; 0 where it gave none."""
        return int((self.health or {}).get("status", 0))

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> SiteStatus:
        """From the site's JSON; what is missing or null is empty."""
        known = {name: document[name] for name in cls.__dataclass_fields__ if document.get(name) is not None}
        return cls(**known)


def sign(key: str, *parts: str) -> str:
    """HMAC-SHA256 of some texts in hex; the same as on the site."""
    message = "\n".join(("paasctl-1", *parts)).encode("utf-8", "surrogateescape")
    return hmac.new(bytes.fromhex(key), message, hashlib.sha256).hexdigest()


class SignedSite:
    """The site of one domain.

    Args:
        url: where it answers.
        domain: its name, which is part of what is signed.
        now: the server's time in seconds; the laptop's clock may be wrong.
    """

    def __init__(self, url: str, domain: str, now: Callable[[], float]) -> None:
        import requests

        self._url, self._domain, self._now = url, domain, now
        self._session = requests.Session()
        self._session.auth = lambda request: request  # otherwise requests looks into ~/.netrc
        self._session.headers["User-Agent"] = f"paasctl/{__version__}"
        if is_loopback(url.partition("://")[2].partition(":")[0]):
            self._session.trust_env = False
            self._session.headers["Host"] = domain

    def close(self) -> None:
        """End the connections."""
        self._session.close()

    def status(self, key: str) -> SiteStatus:
        """Ask what the site serves.

        Raises:
            NoAnswer: no answer came, or not a signed one.
        """
        document = self._send("GET", "status", key, secrets.token_hex(16), STATUS_TIMEOUT)
        return SiteStatus.read(document)

    def job(self, key: str, id: str) -> Mapping[str, Any]:
        """Run the uploaded job ``id``: ``rc``, ``output``, ``seconds``; or ``error`` when it was refused.

        Raises:
            NoAnswer: no answer came, or not a signed one; whether the job ran is not known.
        """
        return self._send("POST", "job", key, id, JOB_TIMEOUT)

    def _send(self, method: str, action: str, key: str, nonce: str, timeout: tuple[float, float]) -> Mapping[str, Any]:
        import requests

        moment, path = str(int(self._now())), PREFIX + action
        proof = sign(key, method, path, self._domain, moment, nonce)
        headers = {HEADER: f"1 {moment} {nonce} {proof}"}
        try:
            answer = self._session.request(
                method, self._url + path, headers=headers, timeout=timeout, allow_redirects=False
            )
        except requests.RequestException as error:
            late = isinstance(error, requests.ReadTimeout)
            said = f"within {timeout[1]:.0f} s" if late else f"({type(error).__name__})"
            raise NoAnswer(f"{self._domain} did not answer {said}", late=late) from None
        expected = sign(key, "answer", nonce, str(answer.status_code), hashlib.sha256(answer.content).hexdigest())
        if not hmac.compare_digest(expected.encode(), answer.headers.get(PROOF, "").encode()):
            raise NoAnswer(
                f"{self._domain} answered {answer.status_code}, unsigned",
                hint=_why(answer.status_code),
                status=answer.status_code,
            )
        document = answer.json()
        return document if isinstance(document, dict) else {}


def _why(status: int) -> str:
    if status == 401:
        return "the site asks visitors for a password; switch that off on the Web page, or paasctl cannot ask it"
    return "see `paasctl logs` and the site's error log"
