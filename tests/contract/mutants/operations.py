"""Adapters that promise what they do not do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from contract.memory import Memory, MemoryTarget
from contract.mutants.making import CAUGHT_BY, MUTANTS, caught_by

from paasctl.model import Observed, Plan, Release, Say, Status, Step


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
