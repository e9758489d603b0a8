"""Adapters that write another env than was decided."""

from __future__ import annotations

from dataclasses import replace

from contract.memory import MemoryTarget
from contract.mutants.making import caught_by

from paasctl.model import Desired, Observed, Plan, Release, Step
from paasctl.secret import Secret
from paasctl.sync import EnvChanges


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
