"""Adapters whose plans have something in the wrong phase, or cannot go back."""

from __future__ import annotations

from dataclasses import replace

from contract.memory import MemoryTarget
from contract.mutants.making import caught_by, each_plan

from paasctl.errors import PaasctlError
from paasctl.model import Desired, Observed, Plan, Release, Say, Step
from paasctl.sync import EnvChanges


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
