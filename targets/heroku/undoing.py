"""The way back of a push that failed: to the release from which it began, or nothing where nothing was changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from paasctl.errors import PaasctlError
from paasctl.model import Say
from paasctl.redact import Redactor
from paasctl.secret import Secret

from . import configuring, history, meanwhile
from .api import Api
from .configuring import Changes
from .following import Failed, StillRunning, await_release
from .ledger import NAME
from .meanwhile import Others
from .records import HerokuBuild, HerokuRelease
from .releasing import can_return_to, roll_back


@dataclass(slots=True)
class Done:
    """What a push has done so far. It changes while the push runs.

    ``start`` is the release to go back to and ``before`` the config vars then; ``half`` means that the target was
    already half changed by an earlier push when this one began. ``sent`` means that a build was (or may have been)
    started, ``over`` that its outcome is known; ``live`` is the new release once it serves. ``scaled`` holds the
    formation that was changed.

    ``seen`` is the version of the newest release when the push began (None: the push made the app), ``latest`` that of
    the last one that it made itself; ``ours`` are their ids, and ``coded`` says that one of them has other code.
    """

    start: HerokuRelease | None = None
    before: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    half: bool = False
    wrote: bool = False
    written: Changes = field(default_factory=dict, repr=False)
    sent: bool = False
    build: HerokuBuild | None = None
    over: bool = False
    live: HerokuRelease | None = None
    scaled: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    seen: int | None = None
    latest: int | None = None
    ours: set[str] = field(default_factory=set)
    coded: bool = False

    def note(self, release: HerokuRelease, *, code: bool = False) -> None:
        """The push made this release."""
        self.ours.add(release.id)
        self.latest, self.coded = release.version, self.coded or code


def undo(api: Api, done: Done, tree: str, known: frozenset[str], redactor: Redactor, say: Say) -> None:
    """Bring the target back to where the push began.

    Args:
        tree: the digest of the bundle that was pushed.
        known: the ids of the builds that were there before.

    Raises:
        PaasctlError: it cannot be brought back; says why.
    """
    if done.sent and not done.over:
        _learn_outcome(api, done, tree, known)
    changed = done.live is not None or done.half or (done.wrote and _config_differs(api, done))
    others = _others(api, done) if changed else Others()
    if done.scaled:
        api.scale(done.scaled)
    if not changed:
        say("nothing was changed at Heroku")
        return
    if others and not (done.coded or done.half):
        _restore_config(api, done, say)  # no rollback: it would take back what is theirs
    elif done.start is not None and can_return_to(done.start):
        _go_back(api, done, done.start, redactor, say)
        _give_back(api, others, say)
    elif done.live is None and done.written:
        _restore_config(api, done, say)
    else:
        newest = done.live.name if done.live else "the present one"
        raise PaasctlError(
            f"there is no release with code before {newest} to go back to",
            hint="correct the app and push again; the new release stays until then",
        )


def _others(api: Api, done: Done) -> Others:
    """What others did since the push began, as far as it need not be lost.

    Raises:
        PaasctlError: it would be lost if anything were taken back now; says what it is.
    """
    if done.seen is None:
        return Others()
    others = meanwhile.since(api, done.seen, done.ours, done.before, done.written)
    if NAME in others.env or (others.code and (done.coded or done.half)):
        raise PaasctlError(
            f"it would take back what somebody else changed since: {others}; nothing was taken back, and "
            "`paasctl releases` and `paasctl env diff` show what is there"
        )
    return others


def _give_back(api: Api, others: Others, say: Say) -> None:
    """Set the config vars that somebody else changed as they were before our rollback took them along.

    Raises:
        PaasctlError: that failed; names them.
    """
    if not others.env:
        return
    try:
        _write_sparing(api, others.env, say)
    except PaasctlError as error:
        raise PaasctlError(
            f"the release before is live, but somebody else's change of {others} was lost: {error.message}"
        ) from error
    say(f"somebody else's change of {others} was kept")


def _go_back(api: Api, done: Done, start: HerokuRelease, redactor: Redactor, say: Say) -> None:
    """Roll back. Where the release command fails for the old code too (its database is down), nothing of this push was
    ever live, and Heroku goes on with the dynos of ``start``: it is enough that the config vars are back.

    Raises:
        PaasctlError: the target is not as it was.
    """
    try:
        roll_back(api, start, redactor, say)
    except Failed as failure:
        if history.live(api.releases(10)) != start or _config_differs(api, done):
            raise
        say(f"{failure.message}; {start.name} still serves, and the config vars are as they were")


def _learn_outcome(api: Api, done: Done, tree: str, known: frozenset[str]) -> None:
    """Ask what became of a build that was not followed to its end.

    Raises:
        StillRunning: it goes on; undoing the config under it would make things worse.
    """
    build = done.build
    build = (
        api.build(build.id) if build else next((b for b in api.builds(5) if b.tree == tree and b.id not in known), None)
    )
    if build is None or build.status == "failed":
        return
    release = api.release(build.release) if build.release else None
    if build.status == "pending" or release is None or release.status == "pending":
        raise StillRunning(
            f"the build {build.id} goes on at Heroku", hint="run the same command again; it follows that build"
        )
    done.note(release, code=True)
    done.live = release if release.status == "succeeded" else None


def _config_differs(api: Api, done: Done) -> bool:
    now = api.config_vars()
    return any(now.get(name) != done.before.get(name) for name in done.written)


def _restore_config(api: Api, done: Done, say: Say) -> None:
    """Set back the config vars one by one, in one write: where Heroku has no release with code to roll back to, or a
    rollback would take more along. What somebody else has written over ours stays."""
    now = api.config_vars()
    mine = [name for name, value in done.written.items() if now.get(name) == value]
    if mine:
        _write_sparing(api, {name: done.before.get(name) for name in mine}, say)
    say("the config vars are as they were")


def _write_sparing(api: Api, changes: Changes, say: Say) -> None:
    """One write; where it turns out to hold an add-on's names, once more without them."""
    try:
        configuring.write(api, changes, say)
    except configuring.Owned as owned:
        say(f"! {', '.join(sorted(owned.names))}: an add-on's, left alone")
        configuring.write(api, {name: value for name, value in changes.items() if name not in owned.names}, say)


def bring_back(api: Api, before: Changes, done: Done, failure: PaasctlError, redactor: Redactor, say: Say) -> NoReturn:
    """Write what the last write removed once more, with the manifest of before. It is no rollback: that would take
    along what others changed since.

    Args:
        failure: why the app does not bear the removal.

    Raises:
        PaasctlError: always; the failure, and whether the names are back.
    """
    names, hint = ", ".join(name for name in before if name != NAME), failure.hint
    try:
        now = api.config_vars()
        if any(now.get(name) != done.written.get(name) for name in before):
            raise PaasctlError("somebody changed the config meanwhile")
        _write_sparing(api, before, say)
        told = f"brought back: {names}"
        await_release(api, configuring.release_after(api, done.latest)[0], redactor, say)
    except Failed as error:
        told += f", but {error.message}"
    except PaasctlError as error:
        told, hint = f"{names} could not be brought back: {error.message}", "`paasctl env diff` shows what is there"
    raise PaasctlError(f"{failure.message}; {told}", hint=hint, output=failure.output) from None
