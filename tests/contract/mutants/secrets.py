"""Adapters that show a value."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from contract.memory import MemoryTarget
from contract.mutants.making import caught_by

from paasctl.errors import PaasctlError
from paasctl.model import Observed, Release, Say, Step
from paasctl.sync import EnvChanges


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
