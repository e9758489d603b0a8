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

#: Seconds between two looks at whether a job whose answer was lost has ended; together a little over five minutes.
LOOKS = (5.0, 10.0, *(20.0,) * 15)


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
    path = account.path("jobs", f"{id}.json")
    document = {"id": id, "kind": job.kind, "argv": list(job.argv), "key": key, **job.more}
    account.api.write(path, json.dumps(document).encode())
    if start and site:
        mending.reload(account, site, say)
    try:
        result = account.site.job(key, id)
    except NoAnswer as error:
        result = _settle(account, key, id, path, error, say, site)
    return _judged(result)


def _judged(result: Mapping[str, Any]) -> Mapping[str, Any]:
    if "rc" in result:
        return result
    why = str(result.get("error", "no reason was given"))
    if result.get("refused") == "conflict":
        raise Conflict(f"nothing was run: {why}", hint="run the same command again to push on top of it")
    raise PaasctlError(f"the site did not run the command: {why}", hint="run the same command again in a minute")


def _settle(
    account: Account, key: str, id: str, path: str, error: NoAnswer, say: Say, site: WebApp | None
) -> Mapping[str, Any]:
    """The answer is missing: the job's file says whether it ran. One that has not begun is asked for once more."""
    if error.status:
        if site is None or error.status == 401:
            raise error
        say(f"{error.message}; setting the web app right")
        mending.set_right(account, site, {}, say)
        mending.reload(account, site, say)
        return account.site.job(key, id)
    for pause in LOOKS:
        say("the answer was lost; looking whether the command has ended")
        account.clock.sleep(pause)
        found = json.loads(account.api.read(path) or b"{}")
        if "rc" in found:
            return dict(found)
        if not found.get("started"):
            return account.site.job(key, id)
    raise PaasctlError(
        "the command did not end within five minutes; the site's worker has been stopped by PythonAnywhere",
        hint="nothing was switched; see `paasctl logs`, and look at what the command left behind",
    )
