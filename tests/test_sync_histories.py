"""Random histories of two laptops, a hand on the platform, rollbacks and crashes: nobody's work is undone unseen."""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from support.envs import FACTS, NOW, desired, env, observed, ops, plain, sync

from paasctl import pull
from paasctl.changes import EnvChanges
from paasctl.manifest import Manifest
from paasctl.model import Derived, Observed
from paasctl.secret import Secret
from paasctl.seen import Seen

NAMES = ["A", "B", "C"]
VALUES = ["1", "2", "3"]
FOREIGN = ["FOREIGN", "A"]
DERIVED = Derived("PAASCTL_TARGET", "heroku", "the target's name")

Write = tuple[str, object]


@dataclass
class Laptop:
    """A checkout.

    ``known`` are the writes per name that its ``.env`` agreed with, which it may undo; ``buried`` those of names that
    were then removed in agreement with it, which a rollback may bring back; ``accepted`` are removals by others that
    its user saw and overruled.
    """

    env: dict[str, str] = field(default_factory=dict)
    seen: Seen | None = None
    known: dict[str, set[Write]] = field(default_factory=lambda: defaultdict(set))
    buried: dict[str, set[Write]] = field(default_factory=lambda: defaultdict(set))
    accepted: set[Write] = field(default_factory=set)


@dataclass(frozen=True)
class Target:
    """What the platform holds.

    ``writes`` says which write each value is from, ``base`` from which one the manifest's entry is, ``removed`` who
    took a name away, ``undone`` which names a rollback took away: one that a hand sets and deletes after that leaves no
    trace, and is as the rollback left it.
    """

    env: dict[str, str] = field(default_factory=dict)
    manifest: Manifest | None = None
    writes: dict[str, Write] = field(default_factory=dict)
    base: dict[str, Write] = field(default_factory=dict)
    removed: dict[str, Write] = field(default_factory=dict)
    undone: frozenset[str] = frozenset()

    def observed(self) -> Observed:
        return observed(self.env, self.manifest)


class Histories(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.laptops = [Laptop(), Laptop()]
        self.target = Target()
        self.releases: list[Target] = []
        self.counter = itertools.count(1)
        self.ever: dict[str, set[str]] = defaultdict(set)  # values that the target had at some time

    @initialize(shared=st.booleans())
    def start(self, shared: bool) -> None:
        """Half of the histories begin where a team works already."""
        if shared:
            self.laptops[0].env.update(A="1", B="1")
            self.send(0, "push", False, "")
            self.fetch(1, False)

    # ---------------------------------------------------------------------------------------------- what people do

    @rule(who=st.integers(0, 1), name=st.sampled_from(NAMES), value=st.sampled_from(VALUES))
    def edit(self, who: int, name: str, value: str) -> None:
        self.laptops[who].env[name] = value

    @rule(who=st.integers(0, 1), name=st.sampled_from(NAMES))
    def take_out(self, who: int, name: str) -> None:
        self.laptops[who].env.pop(name, None)

    @rule(name=st.sampled_from(FOREIGN), value=st.sampled_from(VALUES))
    def set_by_hand(self, name: str, value: str) -> None:
        if self.target.env.get(name) != value:
            # who puts back what paasctl wrote undoes nothing; a hand's value is known by what it is
            write = self._base_write(name, value) or ("hand", value)
            self._change(name, value, write)

    @rule(name=st.sampled_from([*FOREIGN, "B"]))
    def delete_by_hand(self, name: str) -> None:
        if name in self.target.env:
            self._change(name, None, ("hand", None))

    @precondition(lambda self: len(self.releases) > 1)
    @rule(data=st.data())
    def roll_back(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from(self.releases[:-1]))
        undone = (self.target.env.keys() | self.target.undone) - old.env.keys()
        self.target = replace(old, removed={}, undone=frozenset(undone))  # no deletion: .env is simply newer

    @rule(who=st.integers(0, 1), copied=st.booleans())
    def clone_anew(self, who: int, copied: bool) -> None:
        self.laptops[who] = Laptop(dict(self.laptops[1 - who].env) if copied else {})

    @rule(who=st.integers(0, 1))
    def lose_the_memory(self, who: int) -> None:
        self.laptops[who] = Laptop(self.laptops[who].env)

    @rule(
        who=st.integers(0, 1),
        mode=st.sampled_from(["push", "sync"]),
        force=st.sampled_from([False, False, False, True]),
        crash=st.sampled_from(["", "", "before the write", "before it is remembered"]),
    )
    def send(self, who: int, mode: str, force: bool, crash: str) -> None:
        laptop = self.laptops[who]
        now = NOW + timedelta(seconds=next(self.counter))  # no two commands of one laptop are of the same second
        want, options = desired(laptop.env, DERIVED), {"who": str(who), "mode": mode, "delete": True, "now": now}
        changes = sync(want, self.target.observed(), laptop.seen, force=force, **options)
        if changes.blocked:
            assert not force
            return
        self._check(who, changes)
        self._accept(laptop, changes)
        laptop.seen = changes.intent or laptop.seen
        if crash == "before the write":
            return
        self._write(who, changes)
        if not crash and changes.seen is not None:
            laptop.seen = changes.seen
            self._learn(laptop)
        again = sync(want, self.target.observed(), laptop.seen, **options)
        assert not again.writes and not again.bookkeeping, (ops(changes), ops(again))
        assert not again.blocked, (ops(changes), ops(again))

    @rule(who=st.integers(0, 1), force=st.sampled_from([False, False, True]))
    def fetch(self, who: int, force: bool) -> None:
        laptop = self.laptops[who]
        have = self.target.observed()
        changes = pull.decide(env(laptop.env), have, laptop.seen, FACTS, force=force)
        if changes.blocked:
            assert not force
            return
        for name, value in changes.write.items():
            lost = laptop.env.get(name)
            assert lost is None or lost in self.ever[name] or self._forced(changes, name), (name, ops(changes))
            laptop.env.pop(name, None)
            if value is not None:
                laptop.env[name] = value.reveal()
        if changes.seen is not None:
            laptop.seen = changes.seen
            self._learn(laptop)
        again = pull.decide(env(laptop.env), have, laptop.seen, FACTS)
        assert not again.write and not again.blocked, (ops(changes), ops(again))
        if changes.seen is not None:  # without a manifest there is nothing to remember, and the first sync may ask
            after = sync(desired(laptop.env, DERIVED), have, laptop.seen, who=str(who))
            assert not after.blocked, f"a pull leaves a conflict: {ops(changes)} {ops(after)}"

    # ------------------------------------------------------------------------------------------------ what must hold

    def _check(self, who: int, changes: EnvChanges) -> None:
        laptop, entries = self.laptops[who], self.target.manifest.entries if self.target.manifest else {}
        for name in {*changes.set, *changes.delete} - {DERIVED.name}:
            if self._forced(changes, name):
                continue
            if name in self.target.env:
                write = self.target.writes[name]
                assert write in laptop.known[name] | laptop.buried[name], f"{name} is undone unseen"
            else:
                gone = self.target.removed.get(name, (str(who), 0))
                fine = gone[0] == str(who) or gone in laptop.accepted or laptop.seen is None
                assert fine or not laptop.known[name], f"{name} comes back unseen"
        for name in self.target.env:
            if name not in entries and name not in laptop.env:
                assert name not in changes.set and name not in changes.delete, f"{name} is foreign"
        if changes.writes and self.target.manifest:
            assert changes.manifest.generation > self.target.manifest.generation

    def _accept(self, laptop: Laptop, changes: EnvChanges) -> None:
        """What is forced was shown, even when the write then does not happen."""
        for name in {*changes.set, *changes.delete}:
            if self._forced(changes, name) and name in self.target.env:
                laptop.known[name].add(self.target.writes[name])
            elif self._forced(changes, name) and name in self.target.removed:
                laptop.accepted.add(self.target.removed[name])

    @staticmethod
    def _forced(changes: EnvChanges | pull.PullChanges, name: str) -> bool:
        return any(change.name == name and "--force" in change.reason for change in changes.names)

    # --------------------------------------------------------------------------------------------------- bookkeeping

    def _base_write(self, name: str, value: str) -> Write | None:
        manifest = self.target.manifest
        entry = manifest.entries.get(name) if manifest else None
        same = manifest and entry and entry.digest == manifest.digest(name, Secret(value))
        return self.target.base[name] if same else None

    def _change(self, name: str, value: str | None, write: Write) -> None:
        have = self.target
        values = {key: old for key, old in have.env.items() if key != name}
        removed = dict(have.removed)
        if value is None:
            if name not in have.undone:
                removed[name] = ("hand", next(self.counter))
        else:
            values[name] = value
            removed.pop(name, None)
            self.ever[name].add(value)
        self.target = replace(have, env=values, writes={**have.writes, name: write}, removed=removed)

    def _write(self, who: int, changes: EnvChanges) -> None:
        if not changes.writes and not changes.bookkeeping:
            return
        have, laptop = self.target, self.laptops[who]
        writes, base, removed = dict(have.writes), dict(have.base), dict(have.removed)
        for change in changes.names:
            if change.op in ("add", "update", "adopt"):
                writes[change.name] = base[change.name] = ("sync", next(self.counter))
                laptop.known[change.name].add(writes[change.name])
                removed.pop(change.name, None)
            elif change.op in ("delete", "forget"):
                gone = (str(who), next(self.counter))
                removed[change.name] = removed.get(change.name, gone) if change.op == "forget" else gone
        values = plain(changes.result)
        for name, value in values.items():
            self.ever[name].add(value)
        self.target = Target(values, changes.manifest, writes, base, removed, have.undone - values.keys())
        self.releases.append(self.target)

    def _learn(self, laptop: Laptop) -> None:
        for name, value in laptop.env.items():
            if self.target.env.get(name) == value:
                laptop.known[name].add(self.target.writes[name])
        for name in list(laptop.known):
            if name not in laptop.env and name not in self.target.env:
                laptop.buried[name] |= laptop.known.pop(name)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=150, stateful_step_count=30, deadline=None)
