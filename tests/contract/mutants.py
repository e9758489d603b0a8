"""Adapters with one fault each. The contract must find every one of them."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from contract.memory import Memory, MemoryTarget

from paasctl.errors import PaasctlError
from paasctl.model import Desired, Observed, Plan, Release, Say, Status, Step
from paasctl.secret import Secret
from paasctl.sync import EnvChanges

#: the name of each mutant -> the test of the contract that is meant to find it
CAUGHT_BY: dict[str, str] = {}
MUTANTS: dict[str, type[Memory]] = {}
_counter = itertools.count()


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


# ----------------------------------------------------------------------------------------------- looking and planning


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


# ------------------------------------------------------------------------------------------------------------- phases


@caught_by("test_what_commits_can_be_undone")
class UndoMissing(MemoryTarget):
    plan = each_plan(undo=lambda plan: None)


@caught_by("test_what_commits_can_be_undone")
class CommitsWithoutACommit(MemoryTarget):
    plan = each_plan(prepare=lambda plan: (*plan.prepare, *plan.commit), commit=lambda plan: ())


@caught_by("test_prepare_is_invisible")
class CommitsBeforePrepareIsDone(MemoryTarget):
    plan = each_plan(prepare=lambda plan: (*plan.prepare, *plan.commit))


@caught_by("test_a_failure_in_prepare_leaves_the_target_as_it_was")
class WritesTheEnvInPrepare(MemoryTarget):
    def _deploy(self, release: Release, changes: EnvChanges) -> Step:
        step = super()._deploy(release, changes)

        def deploy(say: Say) -> None:
            step.do(say)
            current = self.cloud.current
            if current:
                now = self.cloud.deployed[release.id]
                self.cloud.deployed[current] = replace(self.cloud.deployed[current], env=now.env)

        return replace(step, do=deploy)


@caught_by("test_a_failure_after_the_commit_began_brings_the_old_release_back")
class UndoDoesNothing(MemoryTarget):
    plan = each_plan(undo=lambda plan: Step("switch back", lambda say: None))


@caught_by("test_a_failure_after_the_commit_began_brings_the_old_release_back")
class UndoFails(MemoryTarget):
    def _back(self, old: str | None, new: str) -> Step:
        def back(say: Say) -> None:
            raise PaasctlError("it cannot be undone")

        return Step("switch back", back)


@caught_by("test_a_failure_after_the_commit_began_brings_the_old_release_back")
class UndoKeepsTheNewEnv(MemoryTarget):
    def _back(self, old: str | None, new: str) -> Step:
        def back(say: Say) -> None:
            MemoryTarget._back(self, old, new).do(say)
            if old:
                env = self.cloud.deployed[new].env
                self.cloud.deployed[old] = replace(self.cloud.deployed[old], env=env)

        return Step("switch back", back)


@caught_by("test_a_release_that_is_not_healthy_is_undone")
class NobodyAsksForTheHealth(MemoryTarget):
    plan = each_plan(verify=lambda plan: tuple(replace(step, do=lambda say: None) for step in plan.verify))


@caught_by("test_a_release_that_is_not_healthy_is_undone")
class BadHealthIsOnlySaid(MemoryTarget):
    def _check(self, release: str) -> Step:
        step = super()._check(release)

        def check(say: Say) -> None:
            try:
                step.do(say)
            except PaasctlError as error:
                say(error.message)

        return replace(step, do=check)


@caught_by("test_a_first_push_that_fails_leaves_nothing_or_says_what_is_left")
class TheFirstPushCannotBeUndone(MemoryTarget):
    def _back(self, old: str | None, new: str) -> Step:
        return super()._back(old or new, new)


@caught_by("test_a_failure_in_finish_leaves_the_new_release_live")
class FinishGoesBack(MemoryTarget):
    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        good = super().plan(desired, observed, changes)
        if not good or observed.live is None:
            return good
        old = observed.live.id
        return replace(good, finish=(Step("tidy up", lambda say: self.cloud.switch(old)),) * 2)


# ---------------------------------------------------------------------------------------------------------------- env


class EnvIsWrittenAs(MemoryTarget):
    """Writes the env of the next release in some wrong way."""

    def written(self, changes: EnvChanges) -> dict[str, Secret]:
        return dict(changes.result)

    def _deploy(self, release: Release, changes: EnvChanges) -> Step:
        return super()._deploy(release, replace(changes, result=self.written(changes)))


@caught_by("test_values_arrive_byte_for_byte")
class EnvAsLinesOfText(EnvIsWrittenAs):
    def written(self, changes: EnvChanges) -> dict[str, Secret]:
        text = "\n".join(f"{name}={value.reveal()}" for name, value in changes.result.items())
        pairs = (line.split("=", 1) for line in text.split("\n") if "=" in line)
        return {name: Secret(value.strip()) for name, value in pairs}


@caught_by("test_values_arrive_byte_for_byte")
class EnvThroughAscii(EnvIsWrittenAs):
    def written(self, changes: EnvChanges) -> dict[str, Secret]:
        return {n: Secret(v.reveal().encode("ascii", "replace").decode()) for n, v in changes.result.items()}


@caught_by("test_values_arrive_byte_for_byte")
class EmptyValuesAreLeftOut(EnvIsWrittenAs):
    def written(self, changes: EnvChanges) -> dict[str, Secret]:
        return {name: value for name, value in changes.result.items() if value.reveal()}


@caught_by("test_values_arrive_byte_for_byte")
class LongValuesAreCut(EnvIsWrittenAs):
    def written(self, changes: EnvChanges) -> dict[str, Secret]:
        return {name: Secret(value.reveal()[:16384]) for name, value in changes.result.items()}


@caught_by("test_names_of_others_are_left_alone")
class ForeignNamesAreDeleted(EnvIsWrittenAs):
    def written(self, changes: EnvChanges) -> dict[str, Secret]:
        return {name: value for name, value in changes.result.items() if name in changes.manifest.entries}


@caught_by("test_names_of_others_are_left_alone")
class ForeignNamesAreNotObserved(MemoryTarget):
    def observe(self) -> Observed:
        observed = super().observe()
        known = observed.manifest.entries if observed.manifest else {}
        return replace(observed, env={name: value for name, value in observed.env.items() if name in known})


@caught_by("test_a_name_set_by_hand_before_the_first_push_survives_it")
class TheFirstPushStartsFromNothing(EnvIsWrittenAs):
    def written(self, changes: EnvChanges) -> dict[str, Secret]:
        return dict(changes.result) if self.cloud.current else dict(changes.set)


@caught_by("test_a_name_is_deleted_only_when_that_was_decided")
class DeletesWhatTheEnvFileLacks(EnvIsWrittenAs):
    def written(self, changes: EnvChanges) -> dict[str, Secret]:
        return {name: value for name, value in changes.result.items() if name not in changes.held}


@caught_by("test_a_name_is_deleted_only_when_that_was_decided")
class NeverDeletes(EnvIsWrittenAs):
    def written(self, changes: EnvChanges) -> dict[str, Secret]:
        deployed, current = self.cloud.look()
        old = {name: Secret(value) for name, value in deployed[current].env.items()} if current else {}
        return {**old, **changes.result}


@caught_by("test_without_an_env_file_the_env_stays")
class NoEnvFileMeansNoEnv(MemoryTarget):
    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        if not desired.env.managed:
            changes = replace(changes, result={})
        return super().plan(desired, observed, changes)


@caught_by("test_the_manifest_is_written_with_the_values")
class TheManifestIsMadeAnew(MemoryTarget):
    def _deploy(self, release: Release, changes: EnvChanges) -> Step:
        return super()._deploy(release, replace(changes, manifest=replace(changes.manifest, generation=0)))


@caught_by("test_the_env_alone_can_be_synced")
class AnEnvSyncDropsTheCode(MemoryTarget):
    def _next(self, desired: Desired, observed: Observed, digest: str) -> Release:
        return super()._next(desired, observed, digest if desired.bundle else "")


# ------------------------------------------------------------------------------------------------------------ secrets


@caught_by("test_no_secret_is_shown")
class AStepShowsAValue(MemoryTarget):
    def _deploy(self, release: Release, changes: EnvChanges) -> Step:
        values = [f"{name}={value.reveal()}" for name, value in changes.set.items()]
        return replace(super()._deploy(release, changes), details=tuple(values))


@caught_by("test_no_secret_is_shown")
class AValueIsSaid(MemoryTarget):
    def _deploy(self, release: Release, changes: EnvChanges) -> Step:
        step = super()._deploy(release, changes)

        def deploy(say: Say) -> None:
            step.do(say)
            say(json.dumps({name: value.reveal() for name, value in changes.result.items()}))

        return replace(step, do=deploy)


@dataclass(frozen=True)
class Talkative(Observed):
    def __repr__(self) -> str:
        return f"Observed({ {name: value.reveal() for name, value in self.env.items()} })"


@caught_by("test_no_secret_is_shown")
class ObservedShowsValues(MemoryTarget):
    def observe(self) -> Observed:
        observed = super().observe()
        return Talkative(observed.exists, observed.env, observed.manifest, live=observed.live, url=observed.url)


@caught_by("test_no_secret_is_shown")
class TheAdaptersStateShowsValues(MemoryTarget):
    def observe(self) -> Observed:
        observed = super().observe()
        return replace(observed, extra={name: value.reveal() for name, value in observed.env.items()})


@caught_by("test_no_secret_is_shown")
class AnErrorShowsAValue(MemoryTarget):
    def _check(self, release: str) -> Step:
        step = super()._check(release)

        def check(say: Say) -> None:
            try:
                step.do(say)
            except PaasctlError as error:
                raise PaasctlError(error.message, output=str(dict(self.cloud.deployed[release].env))) from error

        return replace(step, do=check)


# --------------------------------------------------------------------------------------------------------- operations


@caught_by("test_nothing_is_printed")
class Prints(MemoryTarget):
    def observe(self) -> Observed:
        print("looking")
        return super().observe()


@caught_by("test_releases")
class ReleasesLeaveOutTheLiveOne(MemoryTarget):
    def releases(self) -> Sequence[Release]:
        return [release for release in super().releases() if release.state != "live"]


@caught_by("test_rollback")
class RollbackKeepsTheEnv(MemoryTarget):
    def rollback(self, observed: Observed, release: str | None) -> Plan:
        plan = super().rollback(observed, release)

        def keep(say: Say) -> None:
            current = self.cloud.current
            assert current
            env = {name: value.reveal() for name, value in observed.env.items()}
            self.cloud.deployed[current] = replace(self.cloud.deployed[current], env=env)

        return replace(plan, commit=(*plan.commit, Step("keep the env", keep)))


@caught_by("test_run")
class RunForgetsTheExitStatus(MemoryTarget):
    def run(self, command: Sequence[str]) -> int:
        super().run(command)
        return 0


@caught_by("test_restart")
class RestartGoesBack(MemoryTarget):
    def restart(self, observed: Observed) -> Plan:
        return self.rollback(observed, None)


@caught_by("test_status")
class StatusOfNothing(MemoryTarget):
    def status(self) -> Status:
        return replace(super().status(), exists=True)


@caught_by("test_down")
class DownLeavesItServing(MemoryTarget):
    def down(self, observed: Observed, purge: bool) -> Plan:
        return Plan(prepare=(Step("remove the app", lambda say: None),)) if observed.exists else Plan()


@caught_by("test_unlock")
class UnlockWithoutALock(MemoryTarget):
    def unlock(self, observed: Observed) -> Plan:
        return Plan(prepare=(Step("unlock", lambda say: None),))


MUTANTS["AnAbilityIsMissing"] = type("Silent", (Memory,), {"abilities": {"run": ""}})
MUTANTS["AnAbilityIsNoSentence"] = type("Curt", (Memory,), {"abilities": {**Memory.abilities, "run": "no"}})
MUTANTS["AnAbilityIsNotThere"] = type("Boaster", (Memory,), {"abilities": {**Memory.abilities, "setup": ""}})
CAUGHT_BY |= dict.fromkeys(
    ("AnAbilityIsMissing", "AnAbilityIsNoSentence", "AnAbilityIsNotThere"),
    "test_each_operation_works_or_says_what_to_do_instead",
)
MUTANTS["ASettingIsNotDocumented"] = type(
    "Terse", (Memory,), {"settings": {"cloud": replace(Memory.settings["cloud"], help="")}}
)
CAUGHT_BY["ASettingIsNotDocumented"] = "test_the_adapter_describes_itself"

__all__ = ["CAUGHT_BY", "MUTANTS"]
