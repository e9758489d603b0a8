"""A platform in memory and its adapter, which keeps the whole contract: the reference, and what the mutants mutate."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from paasctl.bundle import read_content
from paasctl.errors import PaasctlError, UsageError
from paasctl.manifest import Manifest
from paasctl.model import (
    Desired,
    LogLine,
    Observed,
    Plan,
    PlatformFacts,
    ProcessStatus,
    Release,
    Say,
    Setting,
    Status,
    Step,
)
from paasctl.secret import Secret
from paasctl.sync import EnvChanges
from paasctl.target import OPERATIONS, Context
from paasctl.testing import Live

FACTS = PlatformFacts(log="stdout", log_reason="the platform keeps what is printed")
URL = "https://shop.example.com/"


@dataclass(frozen=True)
class Deployed:
    """A release as the platform keeps it: code, env and manifest together."""

    release: Release
    env: Mapping[str, str] = field(repr=False)
    manifest: str = ""


@dataclass
class Cloud:
    """The platform. Its methods are its API, and each of them counts as a call."""

    code: dict[str, dict[str, bytes]] = field(default_factory=dict)
    deployed: dict[str, Deployed] = field(default_factory=dict)
    current: str | None = None
    by_hand: dict[str, str] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    healthy: bool = True
    calls: int = 0

    def look(self) -> tuple[dict[str, Deployed], str | None]:
        self.calls += 1
        return dict(self.deployed), self.current

    def upload(self, digest: str, files: dict[str, bytes]) -> None:
        self.calls += 1
        self.code[digest] = files

    def deploy(self, deployed: Deployed) -> None:
        self.calls += 1
        self.deployed[deployed.release.id] = deployed

    def switch(self, release: str | None) -> None:
        """The one act that makes a release live."""
        self.calls += 1
        self.current = release
        self.log.append(f"serving {release}")

    def status(self) -> int:
        self.calls += 1
        return 200 if self.healthy else 500

    def delete(self, release: str) -> None:
        self.calls += 1
        del self.deployed[release]


class MemoryTarget:
    """One app on the platform."""

    facts = FACTS

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud

    # ------------------------------------------------------------------------------------------------------ a push

    def observe(self) -> Observed:
        deployed, current = self.cloud.look()
        env = deployed[current].env if current else self.cloud.by_hand
        releases = [replace(each.release, state=self._state(each, current)) for each in deployed.values()]
        return Observed(
            exists=bool(deployed),
            env={name: Secret(value) for name, value in env.items()},
            manifest=Manifest.from_json(deployed[current].manifest) if current else None,
            live=next((release for release in releases if release.state == "live"), None),
            releases=tuple(releases),
            url=URL,
        )

    def _state(self, deployed: Deployed, current: str | None) -> Any:
        return "live" if deployed.release.id == current else deployed.release.state

    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        digest = desired.bundle.digest if desired.bundle else observed.live.digest if observed.live else ""
        if not digest:
            raise UsageError("there is no release yet whose env could change", hint="push the code too")
        same = observed.live is not None and observed.live.digest == digest
        if same and not changes.writes and not changes.bookkeeping:
            return Plan(url=URL)
        release = self._next(desired, observed, digest)
        old = observed.live.id if observed.live else None
        return Plan(
            prepare=(*self._upload(desired, same), self._deploy(release, changes)),
            commit=(self._switch(release.id),),
            verify=(self._check(release.id),),
            finish=self._prune(observed, keep=(release.id, old)),
            undo=self._back(old, release.id),
            url=URL,
        )

    def _next(self, desired: Desired, observed: Observed, digest: str) -> Release:
        number = 1 + max((int(release.id[1:]) for release in observed.releases), default=0)
        made_by = desired.provenance
        return Release(f"r{number}", datetime.now(UTC), made_by.who, "pending", digest, made_by.commit)

    def _upload(self, desired: Desired, same: bool) -> tuple[Step, ...]:
        bundle = desired.bundle
        if bundle is None or same:
            return ()

        def upload(say: Say) -> None:
            files = {file.path: b"".join(read_content(file)) for file in bundle.files if file.link is None}
            self.cloud.upload(bundle.digest, files)
            say(f"{len(files)} files uploaded")

        return (Step(f"upload {bundle.digest[:8]}", upload),)

    def _deploy(self, release: Release, changes: EnvChanges) -> Step:
        def deploy(say: Say) -> None:
            env = {name: value.reveal() for name, value in changes.result.items()}
            self.cloud.deploy(Deployed(release, env, changes.manifest.to_json()))

        names = (*(f"+ {name}" for name in changes.set), *(f"- {name}" for name in changes.delete))
        return Step(f"write {release.id} and its env", deploy, names)

    def _switch(self, release: str) -> Step:
        return Step(f"make {release} current", lambda say: self.cloud.switch(release))

    def _check(self, release: str) -> Step:
        def check(say: Say) -> None:
            status = self.cloud.status()
            if status >= 500:
                raise PaasctlError(f"{release} answers {status}", hint="see `paasctl logs`")
            self._mark(release, "good")

        return Step(f"check the health of {release}", check)

    def _mark(self, release: str, state: Any) -> None:
        deployed = self.cloud.deployed[release]
        self.cloud.deploy(replace(deployed, release=replace(deployed.release, state=state)))

    def _back(self, old: str | None, new: str) -> Step:
        def back(say: Say) -> None:
            self.cloud.switch(old)
            self._mark(new, "failed")

        return Step(f"switch back to {old}" if old else "stop serving", back)

    def _prune(self, observed: Observed, keep: Sequence[str | None]) -> tuple[Step, ...]:
        old = [release.id for release in observed.releases if release.id not in keep][:-3]
        return tuple(Step(f"delete {each}", lambda say, each=each: self.cloud.delete(each)) for each in old)

    # -------------------------------------------------------------------------------------------------- operations

    def releases(self) -> Sequence[Release]:
        return self.observe().releases

    def rollback(self, observed: Observed, release: str | None) -> Plan:
        good = [each.id for each in observed.releases if each.state == "good"]
        if not good or (release or good[-1]) not in good:
            raise UsageError(f"there is no good release {release or 'before this one'}", hint="see `paasctl releases`")
        chosen = release or good[-1]
        old = observed.live.id if observed.live else None
        return Plan(
            commit=(self._switch(chosen),), verify=(self._check(chosen),), undo=self._back(old, chosen), url=URL
        )

    def logs(self, process: str | None, lines: int, follow: bool) -> Iterator[LogLine]:
        return (LogLine("web", text) for text in self.cloud.log[-lines:])

    def run(self, command: Sequence[str]) -> int:
        deployed, current = self.cloud.look()
        env = deployed[current].env if current else {}
        return subprocess.run(list(command), env={"PATH": os.defpath, **env}, check=False).returncode

    def restart(self, observed: Observed) -> Plan:
        if observed.live is None:
            raise UsageError("nothing is live here yet", hint="push first")
        return Plan(prepare=(self._switch(observed.live.id),), url=URL)

    def status(self) -> Status:
        observed = self.observe()
        web = ProcessStatus("web.1", "running" if observed.live else "stopped")
        return Status(observed.exists, URL, observed.live, self.cloud.status() < 500, processes=(web,))

    def down(self, observed: Observed, purge: bool) -> Plan:
        if not observed.exists:
            return Plan()

        def remove(say: Say) -> None:
            self.cloud.switch(None)
            for release in observed.releases:
                self.cloud.delete(release.id)

        return Plan(prepare=(Step("remove the app", remove),))

    def unlock(self, observed: Observed) -> Plan:
        return Plan()

    def close(self) -> None:
        pass


class Memory:
    """The adapter. A real one is named by an entry point; tests hand it over."""

    summary: ClassVar[str] = "a platform in memory, for tests"
    settings: ClassVar[Mapping[str, Setting]] = {"cloud": Setting(object, "the platform itself")}
    abilities: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(OPERATIONS, ""),
        "setup": "this platform needs no preparation: push",
    }
    target: ClassVar[Callable[[Cloud], MemoryTarget]] = MemoryTarget

    @classmethod
    def connect(cls, name: str, settings: Mapping[str, Any], context: Context) -> MemoryTarget:
        return cls.target(settings["cloud"])


class MemoryWorld:
    """The platform seen from outside."""

    def __init__(self, adapter: type[Memory] = Memory) -> None:
        self.adapter, self.cloud = adapter, Cloud()

    def connect(self) -> MemoryTarget:
        here = Path()
        return self.adapter.connect("test", {"cloud": self.cloud}, Context("shop", here, {}, here, here, here, "ada"))

    def snapshot(self) -> object:
        return repr(replace(self.cloud, calls=0)), {key: dict(each.env) for key, each in self.cloud.deployed.items()}

    def calls(self) -> int:
        return self.cloud.calls

    def live(self) -> Live:
        if self.cloud.current is None:
            return Live()
        deployed = self.cloud.deployed[self.cloud.current]
        return Live(deployed.release.digest, dict(deployed.env))

    def set_by_hand(self, name: str, value: str) -> None:
        if self.cloud.current is None:
            self.cloud.by_hand[name] = value
            return
        deployed = self.cloud.deployed[self.cloud.current]
        self.cloud.deployed[self.cloud.current] = replace(deployed, env={**deployed.env, name: value})

    def break_health(self, root: Path) -> None:
        self.cloud.healthy = False
