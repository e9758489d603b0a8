"""The mirror image of a sync: which of a target's values ``paasctl env pull`` puts into the env files. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from paasctl import rules, threeway
from paasctl.changes import NameChange
from paasctl.dotenv import FLASKENV, NAME
from paasctl.envfile import unwritable
from paasctl.errors import Conflict
from paasctl.manifest import DERIVED, Manifest
from paasctl.model import Env, Observed, PlatformFacts
from paasctl.secret import Secret
from paasctl.seen import Seen, by_hand, remember, stamp
from paasctl.sync import Answer


@dataclass(frozen=True, slots=True)
class PullChanges:
    """What a pull does to the env files. ``write`` holds new values, None for a name that is taken out.

    Ops read from the file's side: ``add``, ``update`` and ``delete`` change it, ``keep`` leaves what is local.
    ``seen`` is what the checkout remembers once the files are written; None: nothing.
    """

    names: tuple[NameChange, ...] = ()
    write: Mapping[str, Secret | None] = field(default_factory=dict)
    seen: Seen | None = None

    @property
    def blocked(self) -> tuple[NameChange, ...]:
        """Conflicts that nobody has answered yet."""
        return tuple(change for change in self.names if change.blocks)

    def unsure(self, observed: Observed, env: Env) -> list[str]:
        """The names whose value on the target matters here and is not one that paasctl wrote: somebody may own them,
        or no longer, where ``.env`` has another value than the owner that was noted earlier."""
        base = observed.manifest or Manifest.new()
        asked = {change.name for change in self.names if change.op in ("add", "update", "conflict")}
        both = observed.protected.keys() & env.values.keys()
        asked |= {name for name in both if env.values[name] != observed.env.get(name)}
        return [name for name, value in observed.env.items() if name in asked and not base.wrote(name, value)]

    @property
    def unresolved(self) -> tuple[NameChange, ...]:
        """Conflicts that stay as they are: unanswered, or answered with skip."""
        return tuple(change for change in self.names if change.op == "conflict")


def decide(
    env: Env,
    observed: Observed,
    seen: Seen | None,
    facts: PlatformFacts,
    *,
    send: Collection[str] = (),
    force: bool = False,
    platform: bool = False,
    answers: Mapping[str, Answer] | None = None,
) -> PullChanges:
    """Decide about every name.

    Args:
        env: as the files say, local-only names included.
        send: local-only names that the configuration sends, and that therefore come back.
        force: the target wins in conflicts. platform: also take names that somebody else owns on the target.
        answers: per name with a conflict: ``theirs`` takes the target's value, ``ours`` keeps the file's.
    """
    base = observed.manifest or Manifest.new()
    known = seen if seen is not None and seen.manifest == base.id else None
    pull = _Pull(env, observed, base, known, force, platform, answers or {})
    everywhere = {*env.values, *observed.env}
    stay = () if facts.local else rules.local_only(everywhere, send)
    for name in sorted({*everywhere, *base.entries}):
        if name in stay:
            pull.leave(name, "local", "local only")
        elif name not in env.values and rules.reserved_reason(name, facts):
            pull.leave(name, "protected", rules.reserved_reason(name, facts))
        else:
            pull.decide(name)
    return pull.outcome()


def require_settled(changes: PullChanges) -> None:
    """Stop when the files and the target were both changed.

    Raises:
        Conflict: names the names and why; nothing was written.
    """
    if changes.blocked:
        lines = "".join(f"\n  {change.name}: {change.reason}" for change in changes.blocked)
        raise Conflict(
            f"these names differ in the env files and on the target; nothing was written{lines}",
            hint="--force takes the target's values; `paasctl env sync --force` takes those of the files",
        )


class _Pull:
    """One walk over all names, gathering what is to be written."""

    def __init__(
        self,
        env: Env,
        observed: Observed,
        base: Manifest,
        seen: Seen | None,
        force: bool,
        platform: bool,
        answers: Mapping[str, Answer],
    ) -> None:
        self._env, self._observed, self._base, self._seen = env, observed, base, seen
        self._force, self._platform, self._answers = force, platform, answers
        self._names: list[NameChange] = []
        self._write: dict[str, Secret | None] = {}
        self._settled: dict[str, str] = {}

    def leave(self, name: str, op: str, reason: str) -> None:
        self._names.append(NameChange(name, op, reason))

    def decide(self, name: str) -> None:
        ours, theirs = self._env.values.get(name), self._observed.env.get(name)
        entry = self._base.entries.get(name)
        if ours is None and (name.startswith("PAASCTL_") or (entry is not None and entry.who == DERIVED)):
            self.leave(name, "keep", "paasctl sets it on the target")
            return
        state = threeway.state_of(name, ours, theirs, self._base, self._seen, self._observed.protected.get(name))
        op, reason = self._doable(name, *threeway.pull(state, force=self._force, platform=self._platform))
        answer = self._answers.get(name) if op == "conflict" else None
        if answer == "theirs":
            op, reason = self._doable(name, threeway.theirs(state), f"{reason} (theirs)")
        elif answer == "ours":
            op, reason = "keep", f"{reason} (ours)"
            self._settle(name)  # this checkout knows that write now, so that the next sync may replace it
        # with --force a conflict is what cannot be carried out, and all else can
        self._apply(name, op, reason, theirs, blocks=op == "conflict" and answer is None and not self._force)

    def _doable(self, name: str, op: threeway.Op, reason: str) -> threeway.Decision:
        """A pull writes env files alone: it cannot take FLASK_APP out of .flaskenv, so the next sync would send it."""
        if op == "delete" and self._env.origins.get(name, "").partition(":")[0] not in ("", *self._env.files):
            return "conflict", f"removed on the target: take {name} out of {FLASKENV}, which a pull does not change"
        return op, reason

    def _apply(self, name: str, op: str, reason: str, theirs: Secret | None, blocks: bool) -> None:
        if op == "none":
            return
        if op in ("add", "update") and theirs is not None:
            why = "it is not a name that an env file can hold" if not NAME.match(name) else unwritable(theirs)
            if why:
                self.leave(name, "protected", why)
                return
        if op in ("add", "update", "delete"):
            self._write[name] = theirs
        self._names.append(NameChange(name, op, reason, blocks=blocks))

    def outcome(self) -> PullChanges:
        return PullChanges(tuple(self._names), self._write, self._remembered())

    def _remembered(self) -> Seen | None:
        if self._observed.manifest is None:
            return None
        env = {name: value for name, value in {**self._env.values, **self._write}.items() if value is not None}
        for name, value in env.items():
            if self._observed.env.get(name) == value:
                self._settle(name)
        known = self._seen.remembered if self._seen else ()
        gone = frozenset(name for name in known if name not in env and name not in self._observed.env)
        return remember(self._seen, self._base, self._settled, gone)

    def _settle(self, name: str) -> None:
        """``.env`` was decided about in the knowledge of what the target has now."""
        entry, theirs = self._base.entries.get(name), self._observed.env.get(name)
        digest = None if theirs is None else self._base.digest(name, theirs)
        if entry is not None and entry.digest == digest:
            self._settled[name] = stamp(entry)
        elif digest is not None:
            self._settled[name] = by_hand(digest)
