"""Jobs: a command is uploaded as a file, and one signed request to the site runs it and brings its output."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from paasctl.errors import Conflict, PaasctlError
from paasctl.model import Say

from . import mending
from .account import Account
from .signed import NoAnswer
from .webapp import WebApp

#: Seconds before each look at whether a job whose answer was lost has ended; together a little over five minutes.
LOOKS = (1.0, 4.0, 10.0, *(20.0,) * 15)


@dataclass(frozen=True, slots=True)
class Job:
    """A command: one shell line for ``release``, words for ``run``. ``more`` is what else the site needs for it."""

    kind: str
    argv: tuple[str, ...]
    more: Mapping[str, Any] = field(default_factory=dict)


def run_job(
    account: Account, key: str, job: Job, say: Say, site: WebApp | None = None, *, start: bool = False
) -> Mapping[str, Any]:
    """Upload a job and have the site run it; answers with ``rc``, ``output`` and ``seconds``.

    Args:
        key: what the request is signed with.
        site: the web app's settings; one that does not answer as ours is set right with them.
        start: the site's process does not know the stub yet and must be reloaded first.

    Raises:
        Conflict: somebody else's push became live meanwhile.
        PaasctlError: another job runs, or the site cannot be asked.
    """
    id = secrets.token_hex(16)
    document = {"id": id, "kind": job.kind, "argv": list(job.argv), "key": key, **job.more}
    account.api.write(_path(account, id), json.dumps(document).encode())
    if start and site:
        mending.reload(account, site, say)
    try:
        result = account.site.job(key, id)
    except NoAnswer as error:
        result = _settle(account, key, id, error, say, site)
    return _judged(result)


def _judged(result: Mapping[str, Any]) -> Mapping[str, Any]:
    if "rc" in result:
        return result
    why = str(result.get("error", "no reason was given"))
    if result.get("refused") == "conflict":
        raise Conflict(f"nothing was run: {why}", hint="run the same command again to push on top of it")
    raise PaasctlError(f"the site did not run the command: {why}", hint="run the same command again in a minute")


def _settle(account: Account, key: str, id: str, error: NoAnswer, say: Say, site: WebApp | None) -> Mapping[str, Any]:
    """The answer is missing, whatever came in its place: the job's file says whether it ran. Only one that has not
    begun is asked for once more, and only then may the web app be reloaded."""
    if error.status == 401:
        raise error
    found = _outcome(account, id, say)
    if found is not None:
        return found
    if error.status:
        if site is None:
            raise error
        say(f"{error.message}; setting the web app right")
        mending.set_right(account, site, {}, say)
        mending.reload(account, site, say)
    return _once_more(account, key, id, say)


def _once_more(account: Account, key: str, id: str, say: Say) -> Mapping[str, Any]:
    """Ask again. The first request may have reached the site after all: then this one is told that there is no job."""
    lost: NoAnswer | None = None
    result: Mapping[str, Any] = {}
    try:
        result = account.site.job(key, id)
    except NoAnswer as error:
        lost = error
    if lost is None and result.get("refused") not in ("gone", "busy"):
        return result
    found = _outcome(account, id, say)
    if found is None and lost is not None:
        raise lost
    return found or result


def _outcome(account: Account, id: str, say: Say) -> Mapping[str, Any] | None:
    """The result of a job, waited for while it runs; None where it has not begun.

    Raises:
        PaasctlError: it did not end, or nobody knows how it ended.
    """
    for pause in LOOKS:
        say("the answer was lost; looking whether the command has ended")
        account.clock.sleep(pause)
        found = _file(account, id)
        if found is None:
            raise PaasctlError(
                "the command's answer was lost, and the site could not keep its result; nothing was switched",
                hint="see `paasctl logs`, and look at what the command did, before you run the same command again",
            )
        if "rc" in found:
            return found
        if not found.get("started"):
            return None
    raise PaasctlError(
        "the command began and gave no result within five minutes: the site's worker was ended meanwhile",
        hint="nothing was switched; see `paasctl logs`, and look at what the command left behind",
    )


def _file(account: Account, id: str) -> dict[str, Any] | None:
    """What a job's file says now; empty where it cannot be read, None where it is gone."""
    data = account.api.read(_path(account, id))
    if data is None:
        return None
    try:
        found = json.loads(data)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _path(account: Account, id: str) -> str:
    return account.path("jobs", f"{id}.json")
