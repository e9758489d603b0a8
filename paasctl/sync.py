"""Three-way env sync: base (the manifest), ours (``.env``), theirs (the target). Pure: it decides, adapters write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from paasctl import threeway
from paasctl.changes import EnvChanges, NameChange, guard, require_settled, require_unchanged, verify
from paasctl.errors import UsageError
from paasctl.manifest import DERIVED, Entry, Manifest
from paasctl.model import Desired, Env, Observed
from paasctl.secret import Secret
from paasctl.seen import Seen, happened, remember, stamp
from paasctl.threeway import Op, State, state_of

__all__ = [
    "Answer",
    "EnvChanges",
    "Mode",
    "NameChange",
    "decide",
    "guard",
    "require_settled",
    "require_unchanged",
    "unsure",
    "verify",
]

Answer = Literal["ours", "theirs", "skip"]
Mode = Literal["push", "sync"]


def decide(
    desired: Desired,
    observed: Observed,
    seen: Seen | None,
    *,
    who: str,
    now: datetime,
    mode: Mode,
    force: bool = False,
    prune: bool = False,
    delete: bool = False,
    answers: Mapping[str, Answer] | None = None,
) -> EnvChanges:
    """Decide about every name. What must stop the user is in ``blocked``; see :func:`require_settled`.

    Args:
        who, now: recorded in the manifest for the names that are written.
        mode: ``sync`` stops on drift, ``push`` leaves drifted names as they are.
        force: ours wins in conflicts and drift. prune: names that are only on the target are deleted, except those
            that somebody owns. delete: deletions are confirmed; otherwise they are held back.
        answers: per name with a conflict or drift, what the user chose.

    Raises:
        UsageError: a sync without any env file.
    """
    if mode == "sync" and not desired.env.managed:
        raise UsageError(
            f"there is no env file for {desired.target}; nothing was changed",
            hint="write .env, or fetch it with `paasctl env pull`",
        )
    base = observed.manifest or Manifest.new()
    known = seen if seen is not None and seen.manifest == base.id else None
    sync = _Sync(desired, observed, base, known, _Options(mode, force, prune, delete, answers or {}), who, now)
    return sync.run()


def unsure(env: Env, observed: Observed, seen: Seen | None, *, prune: bool) -> list[str]:
    """The names on the target that this sync would touch or take over, and that may have become somebody else's: it
    would delete them, or the value there is not the one that paasctl wrote. An owner that was noted earlier is not
    believed where ``.env`` has another value."""
    base = observed.manifest or Manifest.new()
    known = seen if seen is not None and seen.manifest == base.id else None
    found = []
    for name, theirs in observed.env.items():
        ours, entry = env.values.get(name), base.entries.get(name)
        if ours is None and entry is not None and entry.who == DERIVED:
            continue
        if ours == theirs and name in observed.protected:
            continue  # whoever owns it, nothing would be sent
        state = threeway.state_of(name, ours, theirs, base, known, None)
        op, _ = threeway.push(state, prune=prune)
        if op == "delete" or (op != "keep" and state.theirs != state.base):
            found.append(name)
    return found


@dataclass(frozen=True, slots=True)
class _Options:
    mode: Mode
    force: bool
    prune: bool
    delete: bool
    answers: Mapping[str, Answer]


class _Sync:
    """One walk over all names, gathering what is to be written."""

    def __init__(
        self,
        desired: Desired,
        observed: Observed,
        base: Manifest,
        seen: Seen | None,
        options: _Options,
        who: str,
        now: datetime,
    ) -> None:
        self._desired, self._observed, self._base, self._seen = desired, observed, base, seen
        self._options, self._who, self._when = options, who, now.isoformat(timespec="seconds")
        self._ours = desired.env.values
        self._derived = {each.name: each for each in desired.derived if each.name not in self._ours}
        # above what this checkout has seen, so that after a rollback no generation is ever used twice by it
        self._generation = max(base.generation, seen.generation if seen else 0) + 1
        self._names: list[NameChange] = []
        self._set: dict[str, Secret] = {}
        self._delete: list[str] = []
        self._take: dict[str, Secret | None] = {}
        self._entries = dict(base.entries)

    def run(self) -> EnvChanges:
        for name in sorted({*self._ours, *self._observed.env, *self._base.entries, *self._derived}):
            if name in self._derived or (name not in self._ours and self._is_derived(name)):
                self._own(name)
            else:
                self._users(name)
        self._names += [NameChange(name, "local", "local only") for name in self._desired.env.local_only]
        return self._outcome()

    def _outcome(self) -> EnvChanges:
        gone = set(self._delete)
        result = {name: value for name, value in self._observed.env.items() if name not in gone} | self._set
        changed = self._entries != dict(self._base.entries)
        writes = bool(self._set or self._delete)
        manifest = self._base
        if changed or writes:
            manifest = replace(self._base, generation=self._generation, entries=self._entries)
        return EnvChanges(
            names=tuple(self._names),
            set=self._set,
            delete=tuple(self._delete),
            result=result,
            manifest=manifest,
            bookkeeping=changed and not writes,
            take=self._take,
            seen=self._remember(manifest, result),
            intent=self._intend(manifest),
            before=sum(
                name not in self._observed.protected and not self._is_derived(name) for name in self._observed.env
            ),
        )

    def _remember(self, manifest: Manifest, result: Mapping[str, Secret]) -> Seen | None:
        if not self._desired.env.managed or any(change.blocks for change in self._names):
            return self._seen
        env = {name: value for name, value in {**self._ours, **self._take}.items() if value is not None}
        if manifest is self._base and self._observed.manifest is None:
            return None  # there is no manifest yet, and none is written
        agreed = {
            name: stamp(entry)
            for name, entry in manifest.entries.items()
            if name in env and entry.digest == manifest.digest(name, env[name])
        }
        known = self._seen.remembered if self._seen else ()
        gone = frozenset(name for name in known if name not in env and name not in result)
        return remember(self._seen, manifest, agreed, gone)

    def _intend(self, manifest: Manifest) -> Seen | None:
        if not self._set:
            return None
        known = self._seen or Seen(manifest.id, self._base.generation)
        ours = {name: stamp(manifest.entries[name]) for name in self._set}
        return replace(known, intents=happened(known, self._base) | ours)

    # ------------------------------------------------------------------------------------------- the user's names

    def _users(self, name: str) -> None:
        ours, theirs = self._ours.get(name), self._observed.env.get(name)
        state = state_of(name, ours, theirs, self._base, self._seen, self._observed.protected.get(name))
        op, reason = threeway.push(state, force=self._options.force, prune=self._options.prune)
        reason = reason.replace(".env", self._file(name))
        if ours is None and not self._desired.env.managed and op not in ("none", "keep", "forget"):
            op, reason = "keep", "there is no env file here"
        blocks = op == "conflict" or (op == "drift" and self._options.mode == "sync")
        answer = self._options.answers.get(name) if op in ("conflict", "drift") else None
        if answer == "theirs":
            self._take_theirs(name, theirs, reason)
            return
        if answer == "ours":
            op, reason = threeway.ours(state), f"{reason} (ours)"
        if answer is not None:
            blocks = False
        self._apply(name, op, reason, state, blocks)

    def _file(self, name: str) -> str:
        """The env file that says a name, as people call it."""
        return self._desired.env.origins.get(name, "").rpartition(":")[0] or ".env"

    def _take_theirs(self, name: str, theirs: Secret | None, reason: str) -> None:
        self._take[name] = theirs
        if theirs is None:
            self._entries.pop(name, None)
        elif (digest := self._base.digest(name, theirs)) != self._digest(name):
            self._entries[name] = self._entry(digest, self._who)
        self._names.append(NameChange(name, "adopt", f"{reason} (theirs, put into .env)"))

    def _apply(self, name: str, op: Op, reason: str, state: State, blocks: bool) -> None:
        held = op == "delete" and not self._options.delete
        if op == "none":
            return
        if op in ("add", "update"):
            self._write(name, self._ours[name], self._who)
        elif op == "adopt" and state.theirs is not None:
            self._entries[name] = self._entry(state.theirs, self._who)
        elif op == "forget" or state.owner is not None:
            self._entries.pop(name, None)
        elif op == "delete" and not held:
            self._remove(name)
        self._names.append(NameChange(name, op, reason, held=held, blocks=blocks))

    # ---------------------------------------------------------------------------------- paasctl's own derived names

    def _is_derived(self, name: str) -> bool:
        entry = self._base.entries.get(name)
        return entry is not None and entry.who == DERIVED

    def _own(self, name: str) -> None:
        """A name that paasctl derives, or once derived: ours, unless a user's decision stands in the way."""
        wanted, theirs = self._derived.get(name), self._observed.env.get(name)
        owner = self._observed.protected.get(name)
        if owner is not None:
            self._entries.pop(name, None)
            self._names.append(NameChange(name, "keep", f"owned by {owner}"))
        elif wanted is None:
            self._no_longer_derived(name, theirs)
        elif (why := self._users_decision(name, theirs)) and theirs != Secret(wanted.value):
            self._names.append(NameChange(name, "keep", why))
        else:
            self._derive(name, Secret(wanted.value), theirs, wanted.reason)

    def _users_decision(self, name: str, theirs: Secret | None) -> str:
        """Why a value on the target is kept although paasctl would derive another; empty: nothing is in the way."""
        if theirs is None or self._is_derived(name):
            return ""
        entry = self._base.entries.get(name)
        if entry is None:  # nobody else has business with names that begin with ours
            return "" if name.startswith("PAASCTL_") else threeway.FOREIGN
        untouched = entry.digest == self._base.digest(name, theirs)
        if untouched and self._seen is not None and self._seen.knows(name, entry):
            return ""  # it was in this checkout's .env, and was taken out
        return "not in this checkout's .env"

    def _derive(self, name: str, value: Secret, theirs: Secret | None, reason: str) -> None:
        digest = self._base.digest(name, value)
        op: Op = "add" if theirs is None else "update"
        if theirs == value:
            op = "same" if self._digest(name) == digest and self._is_derived(name) else "adopt"
        elif theirs is not None and self._is_derived(name) and self._digest(name) != self._base.digest(name, theirs):
            reason = f"{reason}; changed on the target by hand, and set again: put it into .env to keep another value"
        if op in ("add", "update"):
            self._write(name, value, DERIVED)
        elif op == "adopt":
            self._entries[name] = self._entry(digest, DERIVED)
        self._names.append(NameChange(name, op, reason, value=value.reveal()))

    def _no_longer_derived(self, name: str, theirs: Secret | None) -> None:
        if theirs is not None and self._base.digest(name, theirs) == self._digest(name):
            self._remove(name)
            self._names.append(NameChange(name, "delete", "paasctl set it; no longer needed", value=theirs.reveal()))
        else:
            self._entries.pop(name)
            self._names.append(NameChange(name, "forget", "paasctl set it once"))

    # ---------------------------------------------------------------------------------------------------- writing

    def _digest(self, name: str) -> str | None:
        entry = self._base.entries.get(name)
        return entry.digest if entry else None

    def _entry(self, digest: str, who: str) -> Entry:
        return Entry(digest, self._generation, who, self._when)

    def _write(self, name: str, value: Secret, who: str) -> None:
        self._set[name] = value
        self._entries[name] = self._entry(self._base.digest(name, value), who)

    def _remove(self, name: str) -> None:
        self._delete.append(name)
        self._entries.pop(name, None)
