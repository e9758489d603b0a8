"""How a mutant of the reference adapter is made and noted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from contract.memory import Memory, MemoryTarget

from paasctl.model import Desired, Observed, Plan
from paasctl.sync import EnvChanges

#: the name of each mutant -> the test of the contract that is meant to find it
CAUGHT_BY: dict[str, str] = {}
MUTANTS: dict[str, type[Memory]] = {}


def caught_by(test: str) -> Any:
    """Make an adapter of a target with a fault, and note which test must find it."""

    def note(target: type[MemoryTarget]) -> type[MemoryTarget]:
        MUTANTS[target.__name__] = type(f"{target.__name__}Adapter", (Memory,), {"target": target})
        CAUGHT_BY[target.__name__] = test
        return target

    return note


def each_plan(**changes: Any) -> Any:
    """A ``plan`` that makes other plans out of good ones; ``changes`` maps a field to a function of the plan."""

    def plan(self: MemoryTarget, desired: Desired, observed: Observed, changed: EnvChanges) -> Plan:
        good = MemoryTarget.plan(self, desired, observed, changed)
        return replace(good, **{name: change(good) for name, change in changes.items()}) if good else good

    return plan
