"""The decision for one env name between base (the manifest), ours (``.env``) and theirs (the target). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from paasctl.manifest import DERIVED, Manifest
from paasctl.secret import Secret
from paasctl.seen import Seen

Op = Literal[
    "none",  # on neither side
    "same",
    "adopt",  # equal on both sides, new to the manifest
    "forget",  # gone on both sides, still in the manifest
    "add",
    "update",
    "delete",
    "keep",  # only on the target, left alone
    "protected",  # somebody else owns it on the target; what .env says is not sent
    "drift",
    "conflict",
    "local",  # for the laptop only, never sent
]
Decision = tuple[Op, str]

FOREIGN = "foreign, left alone"


@dataclass(frozen=True, slots=True)
class State:
    """One name: digests of its values (None: absent), and what this checkout knows of the base.

    ``known``: ``.env`` once had the base's value, as of that very write. ``met``: ``.env`` once had the target's value,
    which somebody set by hand. ``newer``: the base is from a generation
    after the last one that this checkout saw. ``ever``: ``.env`` and the target agreed once; ``lost``: they did, and
    since then somebody took the name out of the manifest. ``unchanged``: ``.env`` still says what it said when they
    last agreed. ``dropped``: the base is a write that was removed in agreement with ``.env``, and that a rollback
    brought back. ``last_write``: "WHO on DATE". ``owner``: who else owns the name on the target.
    """

    base: str | None
    ours: str | None
    theirs: str | None
    known: bool = False
    met: bool = False
    newer: bool = False
    ever: bool = False
    lost: bool = False
    unchanged: bool = False
    dropped: bool = False
    last_write: str = ""
    owner: str | None = None

    @property
    def changed_by(self) -> str:
        return f"changed by {self.last_write}" if self.last_write else "changed by somebody else"


def state_of(
    name: str, ours: Secret | None, theirs: Secret | None, base: Manifest, seen: Seen | None, owner: str | None
) -> State:
    """What is known of one name; ``seen`` must be about ``base``."""
    entry = base.entries.get(name)
    derived = entry is not None and entry.who == DERIVED  # taking over a name of paasctl's own undoes nobody's work
    ever = seen is not None and name in seen.names
    written = entry.digest if entry else None
    digest = None if ours is None else base.digest(name, ours)
    there = None if theirs is None else base.digest(name, theirs)
    return State(
        base=written,
        ours=digest,
        theirs=there,
        met=seen is not None and there is not None and there != written and seen.met(name, there),
        known=derived or (seen is not None and entry is not None and seen.knows(name, entry)),
        newer=seen is not None and entry is not None and entry.generation > seen.generation,
        ever=ever,
        lost=entry is None and seen is not None and seen.had(name, base.generation),
        unchanged=seen is not None and digest is not None and seen.last(name) == digest,
        dropped=seen is not None and entry is not None and seen.dropped(name, entry),
        last_write=f"{entry.who} on {entry.when[:10]}" if entry else "",
        owner=owner,
    )


def push(state: State, *, force: bool = False, prune: bool = False) -> Decision:
    """What a sync towards the target does with a name. ``force`` takes ours, ``prune`` deletes what ``.env`` lacks."""
    if state.owner is not None:
        return _protected(state)
    op, reason = _push(state)
    if prune and op == "keep":
        return "delete", "not in .env (--prune)"
    if force and op in ("conflict", "drift"):
        return ours(state), f"{reason} (--force)"
    return op, reason


def ours(state: State) -> Op:
    """The operation that makes the target say what ``.env`` says."""
    if state.ours is None:
        return "delete"
    return "add" if state.theirs is None else "update"


def _protected(state: State) -> Decision:
    if state.ours is None or state.ours == state.theirs:
        return "keep", f"owned by {state.owner}"
    return "protected", f"owned by {state.owner}; the value in .env is not sent"


def _push(state: State) -> Decision:
    if state.ours == state.theirs:
        return _equal(state)
    if state.base is None:
        return _never_written(state)
    if state.ours is None:
        return _missing_here(state)
    if state.theirs is None:
        if state.ours == state.base:
            return "conflict", "removed on the target, unchanged in .env"
        return "conflict", "removed on the target, changed in .env"
    if state.met:
        return "update", "changed in .env"
    if state.ours == state.base:
        return "drift", "changed on the target by hand, unchanged in .env"
    if state.theirs != state.base:
        return "conflict", "changed on the target by hand, and in .env"
    return ("update", "changed in .env") if state.known else ("conflict", state.changed_by)


def _equal(state: State) -> Decision:
    if state.ours is None:
        return ("forget", "gone on both sides") if state.base is not None else ("none", "")
    return ("same", "") if state.ours == state.base else ("adopt", "equal already")


def _never_written(state: State) -> Decision:
    if state.ours is None:
        return "keep", FOREIGN
    if state.theirs is not None:
        other = "set on the target by somebody else to another value"
        return ("update", "changed in .env") if state.met else ("conflict", other)
    if state.lost:
        return "conflict", "removed from the target by somebody else since this checkout last synced"
    return "add", "new in .env"


def _missing_here(state: State) -> Decision:
    """In the manifest and on the target, not in ``.env``."""
    if state.met:
        return "delete", "removed from .env"
    if state.known:
        if state.theirs == state.base:
            return "delete", "removed from .env"
        return "conflict", "removed from .env, changed on the target by hand"
    if state.newer:
        return "conflict", state.changed_by
    return "keep", "not in this checkout's .env"


def pull(state: State, *, force: bool = False, platform: bool = False) -> Decision:
    """What a pull does with a name of ``.env``: the mirror image.

    ``add`` and ``update`` take the target's value, ``delete`` takes the name out of ``.env``; ``keep`` leaves what
    is local. ``platform`` also takes what somebody else owns on the target.
    """
    if state.owner is not None:
        return (theirs(state), f"owned by {state.owner}") if platform else ("protected", f"owned by {state.owner}")
    op, reason = _pull(state)
    if force and op == "conflict":
        return theirs(state), f"{reason} (--force)"
    return op, reason


def theirs(state: State) -> Op:
    """The operation that makes ``.env`` say what the target says."""
    if state.ours == state.theirs:
        return "same" if state.ours is not None else "none"
    if state.theirs is None:
        return "delete"
    return "add" if state.ours is None else "update"


def _pull(state: State) -> Decision:
    if state.ours == state.theirs:
        return ("none", "") if state.ours is None else ("same", "")
    if state.ours is None:
        return _pull_missing(state)
    if state.unchanged or (state.ours == state.base and not state.met):
        return theirs(state), _why_theirs(state)
    if state.base is None and state.theirs is None:
        if state.lost:
            return "conflict", "changed in .env, removed from the target by somebody else"
        return "keep", "new in .env"
    if state.met or (state.theirs is not None and state.theirs == state.base and state.known):
        return "keep", "changed in .env"
    return "conflict", "changed in .env and on the target" if state.theirs else "changed in .env, removed on the target"


def _pull_missing(state: State) -> Decision:
    if state.met:
        return "keep", "removed from .env"
    if state.base is not None and state.known and not state.dropped:
        if state.theirs == state.base:
            return "keep", "removed from .env; the next sync deletes it on the target"
        return "conflict", "removed from .env, changed on the target by hand"
    if state.base is not None and state.ever:
        return "conflict", f"removed from .env, {state.changed_by}"
    return "add", _why_theirs(state)


def _why_theirs(state: State) -> str:
    if state.theirs is None:
        return "removed on the target"
    if state.base is None:
        return "set on the target"
    return state.changed_by if state.theirs == state.base else "changed on the target by hand"
