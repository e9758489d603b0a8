"""What a push is to change at Heroku, worked out from what is desired and what is there; no requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from paasctl.errors import Busy, UsageError
from paasctl.manifest import Entry, Manifest
from paasctl.model import Bundle, Desired, Observed
from paasctl.secret import Secret
from paasctl.sync import EnvChanges

from . import meanwhile
from .facts import ENV_LIMIT
from .ledger import NAME, Ledger
from .records import HerokuBuild
from .state import State

Formation = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Intent:
    """The changes of one push.

    ``bundle`` is the code to bring, None when the live release has it. ``joined`` is a build of this very code that
    is under way already. ``late`` are the names that are removed once the new release is healthy; without new code
    everything goes into the first write. ``addons`` are the env names that are known to be an add-on's, by owner.
    """

    desired: Desired
    changes: EnvChanges
    state: State
    exists: bool
    bundle: Bundle | None
    joined: HerokuBuild | None
    late: tuple[str, ...]
    scaling: Mapping[str, tuple[int, str]]
    addons: Mapping[str, str]

    @classmethod
    def of(cls, desired: Desired, observed: Observed, changes: EnvChanges, formation: Formation | None) -> Intent:
        state: State = observed.extra
        bundle = desired.bundle
        if bundle is not None and bundle.digest == state.digest:
            bundle = None
        return cls(
            desired=desired,
            changes=changes,
            state=state,
            exists=observed.exists,
            bundle=bundle,
            joined=_under_way(bundle, state),
            late=changes.delete if bundle is not None else (),
            scaling=_scaling(formation or {}, state.formation or {}) if desired.bundle is not None else {},
            addons=observed.protected,
        )

    @property
    def early(self) -> tuple[str, ...]:
        """Names that the first write removes."""
        return () if self.late else self.changes.delete

    @property
    def writes(self) -> bool:
        """Whether config vars are written before the code."""
        return bool(self.changes.set or self.early or self.changes.bookkeeping)

    @property
    def tree(self) -> str:
        return self.bundle.digest if self.bundle else ""

    def first_write(self, notes: Ledger, without: frozenset[str]) -> dict[str, Secret | None]:
        """What goes into the first request, the manifest before all else. Names in ``without`` are left out: they
        turned out to be an add-on's."""
        manifest = _without(_with_late(self), without)
        written: dict[str, Secret | None] = {NAME: notes.written_with(manifest)}
        written |= {name: value for name, value in self.changes.set.items() if name not in without}
        return written | {name: None for name in self.early if name not in without}

    def late_write(self, notes: Ledger, without: frozenset[str]) -> dict[str, Secret | None]:
        """What goes into the second request: the removals, and the manifest without them."""
        manifest = _without(self.changes.manifest, without)
        return {NAME: notes.written_with(manifest)} | {name: None for name in self.late if name not in without}

    @property
    def busy(self) -> str:
        """What somebody else has under way at Heroku; empty when a push would cross nothing."""
        build, release = self.state.pending_build, self.state.pending_release
        if self.joined is not None and not self.writes:
            return ""  # this very push, interrupted
        return meanwhile.under_way(build, release)

    def require_quiet(self) -> None:
        """Refuse to cross somebody else's push.

        Raises:
            Busy: says whose.
        """
        if self.busy:
            raise Busy(f"{self.busy}; nothing was changed", hint="--wait waits for it; `heroku builds:cancel` stops it")

    def require_room(self) -> None:
        """Refuse more config vars than Heroku takes.

        Raises:
            UsageError: they would be too large, with the manifest.
        """
        notes = Ledger(0, self.tree, "a" * 30, "https://" + "a" * 60, self.addons)
        manifest = notes.written_with(_with_late(self)).reveal() if self.writes or self.late else ""
        size = sum(len(name.encode()) + len(value.reveal().encode()) for name, value in self.changes.result.items())
        size += len(NAME) + len(manifest)
        if size > ENV_LIMIT:
            raise UsageError(
                f"the config vars would be {size} bytes long with paasctl's manifest; Heroku takes {ENV_LIMIT}",
                hint="keep large values in files, or with the service that needs them",
            )


def _under_way(bundle: Bundle | None, state: State) -> HerokuBuild | None:
    """A build of this code that is not over: still building, or its release still in its release command."""
    newest = state.builds[0] if bundle is not None and state.builds else None
    if newest is None or bundle is None or newest.tree != bundle.digest:
        return None
    pending = state.pending_release
    if newest.status == "pending" or (pending is not None and newest.release == pending.id):
        return newest
    return None


def _scaling(wanted: Formation, present: Mapping[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
    """The processes whose quantity (or dyno size, where one is given) differs. A value is ``2`` or ``"2:basic"``."""
    found = {}
    for process, value in wanted.items():
        quantity, size = read_formation(process, value)
        has = present.get(process, (0, ""))
        if quantity != has[0] or (size and size.lower() != has[1].lower()):
            found[process] = (quantity, size)
    return found


def read_formation(process: str, value: object) -> tuple[int, str]:
    """A value of ``[targets.NAME.formation]``: quantity and dyno size ("" leaves the size as it is).

    Raises:
        UsageError: it is neither a number nor ``"NUMBER:SIZE"``.
    """
    quantity, _, size = str(value).partition(":")
    if isinstance(value, bool) or not quantity.isdecimal():
        raise UsageError(
            f"formation: {process} is not a number of dynos", hint=f'write {process} = 1, or {process} = "1:basic"'
        )
    return int(quantity), size


def _with_late(intent: Intent) -> Manifest:
    """The manifest as long as the late names are still there: their entries stay until they are removed."""
    manifest = intent.changes.manifest
    if not intent.late:
        return manifest
    old = intent.state.manifest.entries if intent.state.manifest else {}
    kept = {name: old.get(name) or _entry(manifest, name, intent) for name in intent.late}
    return replace(manifest, entries={**manifest.entries, **kept})


def _entry(manifest: Manifest, name: str, intent: Intent) -> Entry:
    """An entry for a foreign name that is to be removed: the removal is then ours to finish after an interruption."""
    value = intent.state.values.get(name, Secret(""))
    return Entry(manifest.digest(name, value), manifest.generation, intent.desired.provenance.who, "")


def _without(manifest: Manifest, names: frozenset[str]) -> Manifest:
    return replace(manifest, entries={name: entry for name, entry in manifest.entries.items() if name not in names})
