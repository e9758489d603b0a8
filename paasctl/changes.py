"""The outcome of an env sync as data, and the checks that stand before and after its one write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from paasctl.errors import Conflict, PaasctlError, UsageError
from paasctl.manifest import Manifest
from paasctl.secret import Secret
from paasctl.seen import Seen

if TYPE_CHECKING:
    from paasctl.model import Observed

_PULL = "`paasctl env pull` takes theirs, --force takes ours"


@dataclass(frozen=True, slots=True)
class NameChange:
    """What happens to one name and why: ``add``, ``update``, ``delete``, ``adopt``, ``conflict``, ``drift``, ...

    ``op`` is one of :data:`paasctl.threeway.Op`. ``value`` is shown, and set only for paasctl's own derived names.
    ``held``: a deletion that waits for its own yes. ``blocks``: nothing may be written before it is answered.
    """

    name: str
    op: str
    reason: str = ""
    value: str = ""
    held: bool = False
    blocks: bool = False


@dataclass(frozen=True, slots=True)
class EnvChanges:
    """The outcome for all names. An adapter applies it in ONE write.

    ``set`` and ``delete`` are what changes; ``result`` is the whole env of the target afterwards (paasctl's own
    derived names included, the manifest not); ``manifest`` is the base to store in the same write.
    ``writes`` is true when values change, ``bookkeeping`` when only the manifest does.
    ``take`` is what the answer "theirs" puts into ``.env`` (None: takes out of it), before the target is written.
    ``seen`` is what the checkout remembers once this is done, ``intent`` what it remembers before the write, so that
    a crash in between leaves it knowing its own work; None: nothing. ``before`` counts the user's names that the
    target had.
    """

    names: tuple[NameChange, ...] = ()
    set: Mapping[str, Secret] = field(default_factory=dict)
    delete: tuple[str, ...] = ()
    result: Mapping[str, Secret] = field(default_factory=dict)
    manifest: Manifest = field(default_factory=Manifest.new)
    bookkeeping: bool = False
    take: Mapping[str, Secret | None] = field(default_factory=dict)
    seen: Seen | None = None
    intent: Seen | None = None
    before: int = 0

    @property
    def writes(self) -> bool:
        return bool(self.set or self.delete)

    @property
    def blocked(self) -> tuple[NameChange, ...]:
        """Conflicts, and for a sync also drift, that nobody has answered yet."""
        return tuple(change for change in self.names if change.blocks)

    @property
    def unresolved(self) -> tuple[NameChange, ...]:
        """Conflicts and drift that stay as they are: unanswered, answered with skip, or left alone by a push."""
        return self.named("conflict", "drift")

    @property
    def held(self) -> tuple[str, ...]:
        """Names whose deletion waits for its own yes."""
        return tuple(change.name for change in self.names if change.held)

    @property
    def mass_deletion(self) -> bool:
        """More than a third of the target's names, and at least three, are to be deleted."""
        count = sum(change.op == "delete" and not change.value for change in self.names)
        return count >= 3 and 3 * count > self.before

    def named(self, *ops: str) -> tuple[NameChange, ...]:
        """The changes with one of these ops."""
        return tuple(change for change in self.names if change.op in ops)


def require_settled(changes: EnvChanges) -> None:
    """Stop when somebody else changed what this sync would overwrite or leave behind.

    Raises:
        Conflict: names the names, by whom and when.
    """
    blocked = changes.blocked
    if not blocked:
        return
    lines = "".join(f"\n  {change.name}: {change.reason}" for change in blocked)
    count = "1 name differs" if len(blocked) == 1 else f"{len(blocked)} names differ"
    raise Conflict(f"{count} on the target in a way that needs a decision; nothing was written{lines}", hint=_PULL)


def guard(changes: EnvChanges, *, delete: bool, force: bool) -> None:
    """Stop deletions that nobody can be asked about (no terminal).

    Raises:
        UsageError: deletions without ``--delete``, or of more than a third of the names without ``--force`` too.
    """
    names = [change.name for change in changes.named("delete") if not change.value]
    if names and not delete:
        raise UsageError(
            f"{', '.join(names)} would be deleted on the target; nothing was written",
            hint="say --delete if that is meant",
        )
    if changes.mass_deletion and not force:
        raise UsageError(
            f"{len(names)} of {changes.before} names would be deleted on the target; nothing was written",
            hint="is this the right .env? If so: --delete --force",
        )


def require_unchanged(planned: Observed, now: Observed) -> None:
    """Compare what the plan was made from with what is there just before the write.

    Raises:
        Conflict: somebody changed the target's env meanwhile.
    """
    names = {*planned.env, *now.env}
    moved = sorted(name for name in names if planned.env.get(name) != now.env.get(name))
    if not moved and planned.manifest == now.manifest:
        return
    what = ", ".join(moved) or "the manifest"
    raise Conflict(
        f"the target's env was changed while the plan was being made ({what}); nothing was written",
        hint="run the same command again",
    )


def verify(changes: EnvChanges, after: Mapping[str, Secret]) -> None:
    """Compare what was written with what is read back.

    Raises:
        PaasctlError: names what the platform stored differently.
    """
    wrong = {name for name, value in changes.set.items() if after.get(name) != value}
    wrong |= {name for name in changes.delete if name in after}
    if wrong:
        raise PaasctlError(
            f"the target did not keep what was written: {', '.join(sorted(wrong))}",
            hint="`paasctl env diff` shows what is there now",
        )
