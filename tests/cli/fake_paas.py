"""A platform in memory, installed through an entry point of its own: what the commands are tested against."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from paasctl.errors import PaasctlError
from paasctl.manifest import Manifest
from paasctl.model import (
    Desired,
    LogLine,
    Observed,
    Plan,
    PlatformFacts,
    ProcessStatus,
    Release,
    Setting,
    Status,
    Step,
)
from paasctl.secret import Secret
from paasctl.target import OPERATIONS, Context

MOMENT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@dataclass
class Site:
    """One app on the platform. ``fails`` maps a step's first word, or a call, to the error that it raises."""

    env: dict[str, str] = field(default_factory=dict)
    manifest: str = ""
    releases: list[Release] = field(default_factory=list)
    protected: dict[str, str] = field(default_factory=dict)
    fails: dict[str, BaseException] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    log: list[str] = field(default_factory=lambda: ["hello", "world"])
    lock: str = ""
    older: dict[str, str] = field(default_factory=dict)
    ends_following: bool = False
    health: str = "HTTP 200"
    healthy: bool = True
    keep_on_interrupt: str = ""
    late: list[str] = field(default_factory=list)
    kept: str = ""
    leaves: str = ""
    facts: PlatformFacts = field(
        default_factory=lambda: PlatformFacts(
            log="stdout", log_reason="the platform collects it", reserved={"PORT": "the platform sets it"}
        )
    )

    @property
    def live(self) -> Release | None:
        return next((release for release in self.releases if release.state == "live"), None)


class World(dict[str, Site]):
    """The sites by target; one is made when it is asked for."""

    contexts: ClassVar[list[Context]] = []

    def __missing__(self, name: str) -> Site:
        self[name] = Site()
        return self[name]


WORLD = World()


class FakeTarget:
    def __init__(self, name: str, settings: Mapping[str, Any], context: Context) -> None:
        self.name, self.site, self.settings, self.learn = name, WORLD[name], settings, context.learn
        self.url = f"https://{name}.example.com/"

    @property
    def facts(self) -> PlatformFacts:
        return self.site.facts

    def _meet(self, call: str) -> None:
        if call in self.site.fails:
            raise self.site.fails[call]

    def observe(self) -> Observed:
        self._meet("observe")
        site = self.site
        return Observed(
            exists=bool(site.releases),
            env={name: Secret(value) for name, value in site.env.items()},
            manifest=Manifest.from_json(site.manifest) if site.manifest else None,
            protected=site.protected,
            live=site.live,
            releases=tuple(site.releases),
            url=self.url,
            busy=f"{site.lock} is busy with a push (since 12:00)" if site.lock else "",
            extra=site,
        )

    def plan(self, desired: Desired, observed: Observed, changes: Any) -> Plan:
        self._meet("plan")
        digest = desired.bundle.digest if desired.bundle else (observed.live.digest if observed.live else "")
        left = self.site.leaves
        same = observed.live is not None and observed.live.digest == digest
        if same and not changes.writes and not changes.bookkeeping:
            return Plan(url=self.url)

        def write(say: Any) -> None:
            say("writing")
            self.site.env = {name: value.reveal() for name, value in changes.result.items()}
            self.site.manifest = changes.manifest.to_json()

        def switch(say: Any) -> None:
            who = desired.provenance
            self._release(digest, who.who, who.commit, who.dirty)

        return Plan(
            prepare=(replace(self._step("upload the code", lambda say: None, f"digest {digest[:8]}"), leaves=left),),
            commit=(self._step("write the env", write), self._step("switch to the new release", switch)),
            verify=(self._step("check its health", lambda say: None),),
            finish=(self._step("tidy up", lambda say: None),),
            undo=self._step("back to the old release", lambda say: None),
            url=self.url,
            notes=("a note of the platform",),
            warnings=("a warning of the platform",),
            keep_on_interrupt=lambda: self.site.keep_on_interrupt,
            undone="r1 serves again",
            late_warnings=lambda: self._meet("late") or self.site.late,
        )

    def _step(self, title: str, do: Any, *details: str) -> Step:
        def run(say: Any) -> None:
            self._meet(title.split()[0])
            do(say)
            self.site.done.append(title)

        return Step(title, run, details)

    def _release(self, digest: str, who: str, commit: str = "", dirty: bool = False) -> None:
        old = [Release(r.id, r.when, r.who, "good", r.digest, r.commit) for r in self.site.releases]
        new = Release(f"r{len(old) + 1}", MOMENT, who, "live", digest, commit, dirty)
        self.site.releases = [new, *old]

    def releases(self) -> Sequence[Release]:
        return self.site.releases

    def rollback(self, observed: Observed, release: str | None) -> Plan:
        chosen = release or "the one before"
        self.learn({name: Secret(value) for name, value in self.site.older.items()})
        return Plan(
            commit=(self._step(f"go back to {chosen}", lambda say: None),), undo=self._step("x", print), url=self.url
        )

    def logs(self, process: str | None, lines: int, follow: bool) -> Iterator[LogLine]:
        self._meet("logs")
        for text in self.site.log[-lines:]:
            yield LogLine(process or "web", text)
        while follow and not self.site.ends_following:
            time.sleep(0.05)

    def run(self, command: Sequence[str]) -> int:
        self.site.done.append(f"run {list(command)}")
        return {"seven": 7, "gone": 127, "echo $X | cat": 127}.get(command[0], 0)

    def restart(self, observed: Observed) -> Plan:
        return Plan(commit=(self._step("restart web", lambda say: None),), undo=self._step("x", print))

    def status(self) -> Status:
        self._meet("status")
        web = ProcessStatus("web.1", "running", MOMENT, "pid 7")
        return Status(
            exists=bool(self.site.releases),
            url=self.url,
            live=self.site.live,
            healthy=self.site.healthy,
            health=self.site.health,
            processes=(web,),
            facts={"disk free": "7 GB"},
            warnings=("it expires soon",),
            kept=self.site.kept,
        )

    def down(self, observed: Observed, purge: bool) -> Plan:
        if not observed.exists:
            return Plan()
        return Plan(commit=(self._step("remove " + ("all" if purge else "code"), lambda say: None),), undo=None)

    def unlock(self, observed: Observed) -> Plan:
        if not self.site.lock:
            return Plan()
        return Plan(commit=(self._step(f"end the push of {self.site.lock}", lambda say: None),), undo=None)

    def setup(self, desired: Desired, remove: bool) -> Plan:
        verb = "remove" if remove else "install"
        return Plan(commit=(self._step(f"{verb} nginx", lambda say: None),), undo=None)

    def close(self) -> None:
        self.site.done.append("close")


class Fake:
    summary: ClassVar[str] = "a platform in memory"
    facts: ClassVar[PlatformFacts | None] = Site().facts
    settings: ClassVar[Mapping[str, Setting]] = {"region": Setting(str, "where it runs")}
    abilities: ClassVar[Mapping[str, str]] = dict.fromkeys(OPERATIONS, "")

    @staticmethod
    def connect(name: str, settings: Mapping[str, Any], context: Context) -> FakeTarget:
        WORLD.contexts.append(context)
        return FakeTarget(name, settings, context)


class Clumsy(Fake):
    """Can do nothing but push."""

    abilities: ClassVar[Mapping[str, str]] = dict.fromkeys(OPERATIONS, "use the vendor's dashboard instead")


class Buggy(Fake):
    """Raises what no adapter should."""

    @staticmethod
    def connect(name: str, settings: Mapping[str, Any], context: Context) -> FakeTarget:
        raise KeyError("the token is s3cret-token-in-env")


__all__ = ["WORLD", "Buggy", "Clumsy", "Fake", "PaasctlError"]
