"""Adapters that look and plan in a wrong way."""

from __future__ import annotations

import itertools
import os
from contextlib import suppress
from dataclasses import replace

from contract.memory import MemoryTarget
from contract.mutants.making import caught_by, each_plan

from paasctl.model import Desired, Observed, Plan, Step
from paasctl.sync import EnvChanges

_counter = itertools.count()


@caught_by("test_plan_does_no_io")
class PlanAsksThePlatform(MemoryTarget):
    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        self.cloud.look()
        return super().plan(desired, observed, changes)


@caught_by("test_plan_does_no_io")
class PlanReadsAFile(MemoryTarget):
    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        (desired.app.root / "Procfile").read_text()
        return super().plan(desired, observed, changes)


@caught_by("test_plan_does_no_io")
class PlanStartsAProcessAndHidesIt(MemoryTarget):
    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        with suppress(Exception):
            os.system("true")
        return super().plan(desired, observed, changes)


@caught_by("test_a_dry_run_changes_nothing_and_says_what_the_push_does")
class PlanUploads(MemoryTarget):
    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        if desired.bundle:
            self.cloud.code[desired.bundle.digest] = {}
        return super().plan(desired, observed, changes)


@caught_by("test_observe_changes_nothing")
class ObserveLeavesATrace(MemoryTarget):
    def observe(self) -> Observed:
        self.cloud.log.append("observed")
        return super().observe()


@caught_by("test_observe_changes_nothing")
class ObserveMakesTheApp(MemoryTarget):
    def observe(self) -> Observed:
        self.cloud.code.setdefault("", {})
        return super().observe()


@caught_by("test_a_dry_run_changes_nothing_and_says_what_the_push_does")
class DryRunShowsOtherSteps(MemoryTarget):
    plan = each_plan(prepare=lambda plan: (*plan.prepare, Step(f"step {next(_counter)}", lambda say: None)))


@caught_by("test_a_dry_run_changes_nothing_and_says_what_the_push_does")
class DryRunShowsOtherDetails(MemoryTarget):
    plan = each_plan(commit=lambda plan: tuple(replace(s, details=(str(next(_counter)),)) for s in plan.commit))


@caught_by("test_a_second_push_has_nothing_to_do")
class AlwaysHasSomethingToDo(MemoryTarget):
    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        return super().plan(desired, observed, replace(changes, bookkeeping=True))


@caught_by("test_a_change_of_the_code_goes_live")
class KeepsTheFirstCode(MemoryTarget):
    def _switch(self, release: str) -> Step:
        return super()._switch("r1")


@caught_by("test_what_is_live_is_observed")
class DoesNotKnowWhatIsLive(MemoryTarget):
    def observe(self) -> Observed:
        return replace(super().observe(), live=None)
