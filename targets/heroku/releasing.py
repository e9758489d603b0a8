"""Goes back to an earlier release: code, config and manifest return together."""

from __future__ import annotations

import re

from paasctl.model import Say
from paasctl.redact import Redactor

from .api import Api
from .failures import Uncertain
from .following import await_release
from .records import HerokuRelease


def can_return_to(release: HerokuRelease | None) -> bool:
    """Heroku rolls back to releases that have code and have neither failed nor expired."""
    return release is not None and release.status == "succeeded" and release.eligible and bool(release.artifact)


def roll_back(api: Api, to: HerokuRelease, redactor: Redactor, say: Say) -> HerokuRelease:
    """Make a new release that is the same as ``to``, and wait until it is live.

    Raises:
        PaasctlError: Heroku refused, or the release command of the old code failed.
    """
    return await_rollback(api, begin_rollback(api, to, say), to, redactor, say)


def await_rollback(api: Api, release: HerokuRelease, to: HerokuRelease, redactor: Redactor, say: Say) -> HerokuRelease:
    """Wait until the release of a rollback is live."""
    release = await_release(api, release, redactor, say)
    say(f"{release.name} is live: the code and config of {to.name}")
    return release


def begin_rollback(api: Api, to: HerokuRelease, say: Say) -> HerokuRelease:
    """One POST; when its answer is lost, look whether it was done before sending it again."""
    try:
        return api.roll_back(to.id)
    except Uncertain as error:
        say(f"{error.message}; looking whether the rollback was done")
        newest = next(iter(api.releases(1)), None)
        return newest if newest is not None and is_rollback(newest, to) else api.roll_back(to.id)


def is_rollback(release: HerokuRelease, to: HerokuRelease) -> bool:
    """Whether a release is a rollback to this one."""
    return re.fullmatch(rf"Rollback to v{to.version}", release.description.strip()) is not None
