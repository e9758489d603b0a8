"""What Heroku's API answers when it refuses, as sentences for the user."""

from __future__ import annotations

import json
import re

import requests
from urllib3.exceptions import NewConnectionError

from paasctl.errors import PaasctlError

#: Enough of Heroku's own sentence to understand it; a whole page of HTML is not.
_LONGEST = 300


class ApiError(PaasctlError):
    """Heroku refused a request and did nothing.

    ``status`` is the HTTP status (0: there was no answer), ``id`` Heroku's short name for the error ("not_found"),
    ``said`` its sentence, ``wait`` the seconds after which it wants to be asked again.
    """

    def __init__(
        self, message: str, *, hint: str = "", status: int = 0, id: str = "", said: str = "", wait: float | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.status, self.id, self.said, self.wait = status, id, said, wait


#: What to do when Heroku itself, or the way there, does not work.
TRY_AGAIN = "check the network and https://status.heroku.com; the same command again continues"


class Uncertain(PaasctlError):
    """The connection broke before the answer: nobody here knows whether Heroku did it. The caller must look."""


class Unreachable(PaasctlError):
    """The request did not leave this machine."""


_SENTENCES = {
    401: ("Heroku does not accept the token from {place}", "run `heroku login`, or set a valid HEROKU_API_KEY"),
    402: ("Heroku refuses because the account owes money", "see https://dashboard.heroku.com/account/billing"),
    404: ("{what} was not found at Heroku", "check `app` in paasctl.toml and that this account may see it"),
    410: ("{what} is gone", "check `app` in paasctl.toml"),
    429: ("Heroku's limit of requests per hour is used up", "wait some minutes; it fills up by about 75 a minute"),
}
_BY_ID = {
    "two_factor": ("Heroku asks for a second factor", "make a token: `heroku authorizations:create`"),
    "suspended": ("the app or the account is suspended", "see https://dashboard.heroku.com"),
    "forbidden": ("the account may not do this with {what}", "ask the app's owner for access"),
    "verification_needed": ("Heroku wants the account verified first", "see https://heroku.com/verify"),
}


def refusal(response: requests.Response, what: str, place: str) -> ApiError:
    """The error for an answer that says no. Heroku's own sentence is added, its body never."""
    id, said = _body(response)
    sentence, hint = _BY_ID.get(id) or _SENTENCES.get(response.status_code) or ("Heroku refused: {what}", "")
    message = sentence.format(what=what, place=place)
    if said and response.status_code not in (401, 404, 429):
        message += f" ({said[:_LONGEST]})"
    number = response.headers.get("Request-Id", "")
    trace = f"Heroku's request id: {number}" if re.fullmatch(r"[\w,.-]{1,200}", number) else ""
    return ApiError(
        f"{message} [HTTP {response.status_code}]",
        hint="; ".join(part for part in (hint, trace) if part),
        status=response.status_code,
        id=id,
        said=said,
        wait=_seconds(response.headers.get("Retry-After", "")),
    )


def _body(response: requests.Response) -> tuple[str, str]:
    """Heroku's short name and sentence; both empty when the answer is not Heroku's JSON."""
    try:
        answer = json.loads(response.content)
        id, said = str(answer.get("id") or ""), str(answer.get("message") or "")
    except (ValueError, AttributeError):
        return "", ""
    return id, " ".join(said.split())


def _seconds(text: str) -> float | None:
    return float(text) if text.isdecimal() and len(text) < 4 else None


def broken(error: requests.RequestException, host: str) -> ApiError | Uncertain | Unreachable:
    """The error for a connection that failed. Its text names the host only: a URL may be signed."""
    hint = TRY_AGAIN
    if isinstance(error, requests.exceptions.SSLError):
        return ApiError(f"no secure connection to {host}: its certificate was not accepted", hint="check the proxy")
    if not_sent(error):
        return Unreachable(f"{host} could not be reached", hint=hint)
    if isinstance(error, requests.Timeout):
        return Uncertain(f"{host} did not answer in time", hint=hint)
    return Uncertain(f"{host} broke the connection", hint=hint)


def not_sent(error: requests.RequestException) -> bool:
    """True when it is certain that the other side has not received the request."""
    if isinstance(error, (requests.ConnectTimeout, requests.exceptions.ProxyError)):
        return True
    cause = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(cause, NewConnectionError)
