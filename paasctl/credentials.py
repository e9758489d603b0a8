"""Which host a token may be sent to, and the places where a token is looked for."""

from __future__ import annotations

import ipaddress
import netrc
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, urlsplit

from paasctl.errors import UsageError
from paasctl.secret import Secret

#: What an HTTP header can carry as a token; anything else would end up in the HTTP library's error text.
_TOKEN = re.compile(r"[\x21-\x7e]+")

#: Variables that hold paasctl's own credentials.
_OURS = re.compile(r"PYTHONANYWHERE_API_TOKEN|HEROKU_API_KEY|PAASCTL_TOKEN_\w+")


@dataclass(frozen=True, slots=True)
class Origin:
    """The API that an adapter talks to. ``url`` has no slash at its end.

    ``kind``: the vendor's own host, a loopback address, or any ``other`` host, to which the usual credentials are
    never sent.
    """

    url: str
    host: str
    kind: Literal["vendor", "loopback", "other"]


@dataclass(frozen=True, slots=True)
class Place:
    """One place where a token may be: the name that an error gives it, and how to look.

    ``read`` answers None when nothing is there; a value that cannot be a token is refused by :func:`find`.
    """

    name: str
    read: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the name of the place where it was found."""

    secret: Secret
    place: str


def origin(api_url: str | None, default: str, vendor: Sequence[str]) -> Origin:
    """Check the address of an API.

    Args:
        api_url: what the configuration says, or None.
        default: the vendor's own address.
        vendor: the vendor's domains; a host in one of them is the vendor's.

    Raises:
        UsageError: it is no web address, carries a user, a query or a fragment, or is plain http to another machine.
    """
    url = (api_url or default).rstrip("/")
    parts = _split(url)
    host = (parts.hostname or "").lower().rstrip(".")
    if not host or parts.scheme not in ("http", "https"):
        raise UsageError("api_url is not an http or https address", hint=f"remove it, or write it like {default}")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError("api_url must not carry a user, a query or a fragment", hint=f"write it like {default}")
    loopback = is_loopback(host)
    if parts.scheme == "http" and not loopback:
        raise UsageError(
            f"api_url is plain http to {host}; a token would travel readable", hint="use https; http only for 127.0.0.1"
        )
    if loopback:
        return Origin(url, host, "loopback")
    ours = any(host == domain or host.endswith(f".{domain}") for domain in vendor)
    return Origin(url, host, "vendor" if ours else "other")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError("api_url is not a web address", hint="remove it, or correct it") from None
    return parts


def is_loopback(host: str) -> bool:
    """Is this host name this very machine? Names are not looked up; ``localhost.evil.example`` is not."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def variable(target: str) -> str:
    """The environment variable that holds a target's token for a host that is not the vendor's."""
    return "PAASCTL_TOKEN_" + re.sub(r"[^A-Z0-9]", "_", target.upper())


def held(environ: Mapping[str, str]) -> dict[str, str]:
    """Those of some variables that hold credentials of paasctl's; bare ``API_TOKEN`` does on PythonAnywhere alone."""
    bare = ("API_TOKEN",) if environ.get("PYTHONANYWHERE_SITE") else ()
    return {name: value for name, value in environ.items() if name in bare or _OURS.fullmatch(name)}


def in_environ(environ: Mapping[str, str], name: str) -> Place:
    """The environment variable ``name``; an empty one counts as unset."""
    return Place(name, lambda: environ.get(name) or None)


def in_netrc(environ: Mapping[str, str], home: Path, host: str) -> Place:
    """The password for ``host`` in the user's netrc file (``NETRC``, else ``~/.netrc`` or ``~/_netrc``)."""
    named = environ.get("NETRC")
    paths = [Path(named)] if named else [home / ".netrc", home / "_netrc"]

    def read() -> str | None:
        for path in paths:
            try:
                entry = netrc.netrc(str(path)).hosts.get(host)
            except (OSError, UnicodeDecodeError, netrc.NetrcParseError):  # its message may quote the password
                continue
            if entry and entry[2]:
                return entry[2]
        return None

    return Place(f"{named or '~/.netrc'} (machine {host})", read)


def find(target: str, where: Origin, environ: Mapping[str, str], places: Sequence[Place], vendor: str) -> Token:
    """The token for an API: from ``places`` for the vendor and loopback, else from the target's own variable alone.

    Args:
        target: the target's name in the configuration.
        where: the API as :func:`origin` judged it.
        environ: the variables of paasctl's process.
        places: where the usual credentials are looked for, in order.
        vendor: the platform's name, for the error.

    Raises:
        UsageError: there is none, or what is there cannot be a token. The message names every place looked at.
    """
    own = in_environ(environ, variable(target))
    if where.kind == "other":
        places = (own,)
    for place in places:
        value = (place.read() or "").strip()
        if not value:
            continue
        if not _TOKEN.fullmatch(value):
            raise UsageError(f"what {place.name} holds is not a token", hint="set it anew, one line without spaces")
        return Token(Secret(value), place.name)
    looked = ", ".join(place.name for place in places)
    if where.kind == "other":
        raise UsageError(
            f"no token for {where.host}; looked at {looked}",
            hint=f"api_url is not {vendor}'s host, so {vendor}'s usual credentials are not sent there; set {own.name}",
        )
    raise UsageError(f"no token for {vendor}; looked at {looked}", hint=f"set {places[0].name}")
