"""Requests to PythonAnywhere: paced, repeated where that is safe, its many kinds of errors made sentences."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from paasctl import __version__
from paasctl.credentials import Origin, is_loopback
from paasctl.errors import PaasctlError, UsageError
from paasctl.model import Say
from paasctl.secret import Secret

from .clock import Clock, Pace
from .errors import ApiError, DiskFull, Unanswered, detail, out_of_disk, throttled_for
from .settings import EU, US

if TYPE_CHECKING:
    import requests

TIMEOUT = (10.0, 60.0)
TRIES = 5
PAUSES = (1.0, 3.0, 6.0, 10.0)
GATEWAY = (502, 503, 504)


class Transport:
    """The way to one account's API. ``progress`` is told why a request waits."""

    def __init__(self, where: Origin, username: str, token: Secret, clock: Clock) -> None:
        import requests

        self._where, self._username, self._clock = where, username, clock
        self._pace = Pace(clock)
        self.progress: Say = lambda line: None
        #: Seconds that the server's clock is ahead of ours, as its last answer said.
        self.ahead = 0.0
        self._session = requests.Session()
        self._session.trust_env = not is_loopback(where.host)
        self._session.auth = _authorize(token)  # not a header: then requests would look into ~/.netrc
        self._session.headers["User-Agent"] = f"paasctl/{__version__}"

    def close(self) -> None:
        """End the connections."""
        self._session.close()

    def send(
        self,
        method: str,
        path: str,
        endpoint: str,
        *,
        repeat: bool = True,
        patient: bool = True,
        quiet: tuple[int, ...] = (),
        tries: int = TRIES,
        timeout: tuple[float, float] = TIMEOUT,
        upload: str = "",
        **body: Any,
    ) -> requests.Response:
        """One request, and again what may be repeated: throttled always, unanswered only when ``repeat``.

        Args:
            path: below the user's part of the API.
            endpoint: what is paced together.
            patient: whether a request that was taken and not answered in time is sent again.
            quiet: error statuses that the caller understands.
            upload: the path of the file that is sent, if one is.
            body: what requests takes (``data``, ``files``).

        Raises:
            Unanswered: no answer came.
            ApiError: the API refused.
            UsageError: the token is not accepted.
        """
        for number in range(1, tries + 1):
            last = number == tries
            self._pace.wait(endpoint, self.progress)
            answer = self._once(method, path, timeout, body, give_up=last or not repeat, patient=patient)
            if answer is None:
                self._pause(number)
            elif answer.status_code == 429 and not last:
                self._throttled(answer)
            elif answer.status_code in GATEWAY and repeat and not last:
                self._pause(number)
            else:
                self._check(answer, quiet, upload)
                return answer
        raise AssertionError("the last try returns or raises")

    def _once(
        self,
        method: str,
        path: str,
        timeout: tuple[float, float],
        body: Mapping[str, Any],
        *,
        give_up: bool,
        patient: bool,
    ) -> requests.Response | None:
        import requests

        url = f"{self._where.url}/api/v0/user/{self._username}/{path}"
        try:
            answer = self._session.request(method, url, timeout=timeout, allow_redirects=False, **body)
        except requests.RequestException as error:
            if not give_up and (patient or not isinstance(error, requests.ReadTimeout)):
                return None
            raise Unanswered(
                f"{self._where.host} did not answer ({type(error).__name__})",
                hint="check the network, and run the same command again",
            ) from None
        self._note_time(answer)
        return answer

    def _note_time(self, answer: requests.Response) -> None:
        with contextlib.suppress(TypeError, ValueError):
            self.ahead = parsedate_to_datetime(answer.headers.get("Date", "")).timestamp() - self._clock.time()

    def _pause(self, number: int) -> None:
        seconds = PAUSES[min(number, len(PAUSES)) - 1]
        self.progress(f"PythonAnywhere did not answer; trying again in {seconds:.0f} s")
        self._clock.sleep(seconds)

    def _throttled(self, answer: requests.Response) -> None:
        seconds = throttled_for(answer.headers.get("Retry-After"), answer.text) + 1
        self.progress(f"waiting {seconds:.0f} s: PythonAnywhere allows no more requests now")
        self._clock.sleep(seconds)

    def _check(self, answer: requests.Response, quiet: tuple[int, ...], path: str) -> None:
        status = answer.status_code
        document = self.parsed(answer)
        failed = isinstance(document, dict) and str(document.get("status", "")).upper() == "ERROR"
        if status in quiet or (200 <= status < 300 and not failed):
            return
        text = detail(document, answer.text)
        if status == 401:
            raise UsageError(f"PythonAnywhere does not accept the token{_said(text)}", hint=self._token_hint())
        name = path.rpartition("/")[2]
        if path and status == 413:
            raise ApiError(
                f"PythonAnywhere's API takes no file as large as {name}; nothing was switched",
                status=status,
                detail=text,
                hint="set upload_limit under the target to fewer MiB (default: 90): larger archives are split",
            )
        if path and out_of_disk(status, text or answer.text):
            raise DiskFull(
                f"the account's disk is full: {name} could not be uploaded, and nothing was switched",
                status=status,
                detail=text,
                hint="delete files on the Files page, or set disk under the target to the account's real size",
            )
        raise ApiError(self._sentence(status, text), status=status, detail=text, hint=self._hint(status))

    def _sentence(self, status: int, text: str) -> str:
        if status in (403, 404):
            return f"PythonAnywhere says that user {self._username} may not do this, or does not exist{_said(text)}"
        if status == 429:
            return "PythonAnywhere allows no more requests now"
        return f"PythonAnywhere answered {status}{_said(text)}"

    def _token_hint(self) -> str:
        hint = "make a new one on the Account page, API token tab, and set PYTHONANYWHERE_API_TOKEN"
        if self._where.host != US:
            return hint
        return f'{hint}; for an account on {EU} write domain = "{self._username.lower()}.{EU}" under the target'

    def _hint(self, status: int) -> str:
        if status in (403, 404):
            return "check username and domain, whether the token is of this user, and what the account's plan includes"
        return "run the same command again" if status == 429 or status >= 500 else ""

    def parsed(self, answer: requests.Response) -> Any:
        """The JSON of an answer, or None where it is something else."""
        if answer.headers.get("Content-Type", "").partition(";")[0].strip() == "application/octet-stream":
            return None  # a file of the user's, whatever it holds
        try:
            return answer.json()
        except ValueError:
            return None

    def json(self, answer: requests.Response) -> Any:
        """The JSON of an answer that must be JSON."""
        found = self.parsed(answer)
        if found is None:
            raise PaasctlError("PythonAnywhere's answer could not be read: it is not JSON", hint="try again later")
        return found


def _said(text: str) -> str:
    return f": {text}" if text else ""


def _authorize(token: Secret) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    def add(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Token {token.reveal()}"
        return request

    return add
