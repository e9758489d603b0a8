"""What an app at Heroku is doing: its releases, and its status."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from paasctl import health
from paasctl.errors import UsageError
from paasctl.model import ProcessStatus, Release, Status

from .api import Api
from .failures import ApiError
from .records import Dyno
from .state import BUILDS, RELEASES, as_releases


def releases(api: Api) -> Sequence[Release]:
    """The newest releases, newest first.

    Raises:
        UsageError: there is no such app.
    """
    try:
        return as_releases(api.releases(RELEASES), api.builds(BUILDS))
    except ApiError as error:
        if error.status != 404:
            raise
    raise UsageError(f"there is no app {api.app} at Heroku that this account can see", hint="push --create makes it")


def status(api: Api) -> Status:
    """The app as it is now; its health is asked for once."""
    try:
        info = api.info()
    except ApiError as error:
        if error.status == 404:
            return Status(exists=False)
        raise
    found, dynos = releases(api), api.dynos()
    live = next((one for one in found if one.state == "live"), None)
    url = str(info.get("web_url") or "")
    asked = health.probe(url) if url and any(dyno.type == "web" for dyno in dynos) else None
    return Status(
        exists=True,
        url=url,
        live=live,
        healthy=asked.alive if asked is not None else None,
        health=asked.detail if asked is not None else "there are no web dynos",
        processes=tuple(_process(dyno) for dyno in sorted(dynos, key=lambda dyno: dyno.name)),
        facts=dict(_facts(info)),
        warnings=(*api.warnings, *_warnings(info, found)),
    )


def _process(dyno: Dyno) -> ProcessStatus:
    return ProcessStatus(dyno.name, dyno.state, dyno.since, f"v{dyno.version}" if dyno.version else "")


def _facts(info: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for word, key in (("region", "region"), ("stack", "build_stack"), ("team", "team")):
        known = info.get(key)
        if isinstance(known, Mapping) and known.get("name"):
            yield word, str(known["name"])


def _warnings(info: Mapping[str, Any], found: Sequence[Release]) -> Iterator[str]:
    if info.get("maintenance"):
        yield "maintenance mode is on: visitors see Heroku's maintenance page"
    if found and found[0].state in ("failed", "pending"):
        yield f"the newest release, {found[0].id} ({found[0].note}), is {found[0].state}"
