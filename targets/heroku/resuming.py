"""Takes up what an earlier command brought to Heroku and did not see healthy: the check, and the way back from it."""

from __future__ import annotations

import hashlib

from paasctl.errors import PaasctlError
from paasctl.model import Say
from paasctl.redact import Redactor
from paasctl.secret import Secret

from . import configuring, history, serving
from .api import Api
from .following import Failed, await_release
from .hints import Hints
from .intent import Intent
from .ledger import NAME
from .records import HerokuRelease
from .releasing import can_return_to, roll_back
from .state import State

#: What is said at Ctrl-C: a check that is taken up changes nothing.
KEEP = "nothing was changed; the same command looks again"


def unproven_code(state: State) -> bool:
    """Whether the code that is live is what this machine sent and has not seen healthy since."""
    return bool(state.digest) and state.unproven.partition(" ")[0] == state.digest


def code_start(state: State) -> HerokuRelease | None:
    """The release from which that push began; None where somebody else's release lies between it and the live one."""
    live = state.live
    id = state.unproven.partition(" ")[2]
    start = next((one for one in state.releases or () if one.id == id), None)
    if start is None or live is None:
        return None
    between = [one for one in state.releases or () if start.version < one.version < live.version]
    ours = not between or (len(between) == 1 and NAME in between[0].description and state.ledger.tree == state.digest)
    return start if ours else None


def start(intent: Intent) -> HerokuRelease | None:
    """Where a push goes back to: behind its own code too, where an earlier run brought that and did not prove it."""
    taken_up = intent.desired.bundle is not None and intent.bundle is None and unproven_code(intent.state)
    return (code_start(intent.state) if taken_up else None) or intent.state.start


def mark(manifest: Secret | None) -> str:
    """Identifies a manifest by its text."""
    return hashlib.sha256(manifest.reveal().encode()).hexdigest() if manifest is not None else ""


def unproven_env(state: State) -> bool:
    """Whether the env is what this machine wrote and has not seen healthy since."""
    return bool(state.written) and state.written == mark(state.values.get(NAME))


class WrittenEnv:
    """The look at an env that was written by a command that did not get to its end, and the way back from it."""

    def __init__(self, api: Api, url: str, health: str | None, redactor: Redactor, hints: Hints) -> None:
        self._api, self._url, self._health, self._redactor, self._hints = api, url, health, redactor, hints
        self._releases: tuple[HerokuRelease, ...] = ()

    def verify(self, say: Say) -> None:
        """Its release is live, and the app answers.

        Raises:
            PaasctlError: it is not.
        """
        self._releases = configuring.release_after(self._api, None)
        release = self._written or history.live(self._releases)
        if release is None or not release.artifact:
            say("the app has no code yet")
        else:
            release = await_release(self._api, release, self._redactor, say)
            serving.require_serving(self._api, release.version, self._url, self._health, say)
        self._hints.note("written", "")

    def undo(self, say: Say) -> None:
        if not self._releases:
            say("nothing was changed at Heroku")
            return
        before = next((one for one in self._releases[1:] if one.status == "succeeded"), None)
        go_back(self._api, self._written, before, self._redactor, say)
        self._hints.note("written", "")

    @property
    def _written(self) -> HerokuRelease | None:
        """Its release; None when others made releases since."""
        newest = self._releases[0]
        return newest if NAME in newest.description else None


def go_back(api: Api, live: HerokuRelease | None, start: HerokuRelease | None, redactor: Redactor, say: Say) -> None:
    """Return to ``start``, unless somebody else made a release since.

    Args:
        live: the release that was brought and is not healthy; it must be the newest.

    Raises:
        PaasctlError: nothing was taken back, or the release command of the old code failed.
    """
    newest = next(iter(api.releases(1)), None)
    if newest is None or live is None or newest.id != live.id:
        raise PaasctlError(
            "others made releases since that would go too, so nothing was taken back; `paasctl rollback` goes back"
        )
    if start is None:
        raise PaasctlError(
            f"no release before {live.name} is known that would undo nobody else's work; `paasctl rollback` takes any"
        )
    if not start.artifact:
        raise PaasctlError(f"there is no release with code before {live.name} to go back to; correct the app and push")
    if not can_return_to(start):
        raise PaasctlError(f"Heroku cannot go back to {start.name}; `paasctl rollback` goes back to another")
    try:
        roll_back(api, start, redactor, say)
    except Failed as failure:
        # also the old code's release command failed (its database is down): it is enough that nothing else is live
        still = history.live(api.releases(10))
        if still is None or still.id != start.id or api.config_vars() != api.release_config_vars(start.id):
            raise
        say(f"{failure.message}; {start.name} still serves, and the config vars are as they were")
