"""What an agent reported of an app, in the core's words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from paasctl.manifest import Manifest
from paasctl.model import Observed, Release
from paasctl.secret import Secret

from .upload import Base

Document = Mapping[str, Any]
#: what Supervisor calls a process that runs, or is about to
UP = ("RUNNING", "STARTING")


@dataclass(frozen=True, slots=True)
class HostState:
    """The adapter's own part of an observation.

    ``documents`` are the releases as the host knows them, by id; ``begun`` says that something of the app is there, if
    only of a first push that failed; ``half_set_up`` that the host's first setup did not come to its end; ``whole``
    that the live code looks as it was pushed; ``remade`` that it was made anew and processes may still run what was
    there before; ``lost`` says what is wrong with the live env, "" when nothing is;
    ``busy`` that somebody's command is under way there.
    """

    last: int = 0
    port: int = 0
    supervised: bool = False
    processes: tuple[Mapping[str, Any], ...] = ()
    venvs: tuple[str, ...] = ()
    released: Mapping[str, Any] = field(default_factory=dict)
    unfinished: Mapping[str, Any] | None = None
    documents: Mapping[str, Document] = field(default_factory=dict)
    live: Document | None = None
    good: tuple[str, ...] = ()
    setup: Mapping[str, Any] | None = None
    begun: bool = False
    half_set_up: bool = False
    whole: bool = True
    remade: bool = False
    lost: str = ""
    busy: bool = False
    base: Base = field(default_factory=Base)

    @property
    def settled(self) -> bool:
        """Whether every process runs the live release, and that release was found healthy."""
        live = self.live
        if live is None or not self.supervised or self.unfinished or self.remade or live["id"] not in self.good:
            return False
        optional = {name for name, settings in live["settings"].items() if settings.get("optional")}
        wanted = sum(settings["instances"] for name, settings in live["settings"].items() if name not in optional)
        running = [p for p in self.processes if p["state"] in UP and p["release"] == live["id"]]
        return bool(len([p for p in running if p["name"] not in optional]) == wanted)

    @property
    def half_back(self) -> bool:
        """Whether a rollback was cut short after it made its release live."""
        unfinished, live = self.unfinished or {}, self.live["id"] if self.live else None
        return bool(unfinished.get("back")) and unfinished["to"] == live != unfinished["from"]

    @property
    def goal(self) -> str | None:
        """Where a rollback without an ID goes: on with one that was cut short, or to the good release before."""
        live = self.live["id"] if self.live else None
        return live if self.half_back else self.good_before(live)

    def good_before(self, release: str | None) -> str | None:
        """The good release that was live when another was pushed: not one that was pushed in between and rolled away
        from. Without a release, the newest good one."""
        if release is None:
            return self.good[-1] if self.good else None
        while release and release in self.documents:
            before: str | None = self.documents[release].get("before")
            if before in self.good:
                return before
            release = before
        return None


def observed(report: Mapping[str, Any], url: str, base: Base) -> Observed:
    """The core's view of an agent's report; ``url`` has a place for the port: that of the release that runs."""
    documents = {document["id"]: document for document in report["releases"]}
    live = next((d for d in documents.values() if d["state"] == "live"), None)
    state = HostState(
        last=report["last"],
        port=report["port"],
        supervised=report["supervised"],
        processes=tuple(report["processes"]),
        venvs=tuple(report["venvs"]),
        released=report["released"] or {},
        unfinished=report["unfinished"],
        documents=documents,
        live=live,
        good=tuple(d["id"] for d in documents.values() if d["good"]),
        base=base,
        setup=report["setup"],
        begun=report["begun"],
        half_set_up=report["half_set_up"],
        whole=report["whole"],
        remade=report["remade"],
        lost=report["lost"],
        busy=report["locked"] is not None,
    )
    warnings = [report["lost"]] if report["lost"] else []
    manifest, damaged = Manifest.read(report["manifest"]) if report["manifest"] else (None, "")
    return Observed(
        exists=report["exists"],
        env={name: Secret(value) for name, value in report["env"].items()},
        manifest=manifest,
        warnings=tuple(warnings + ([damaged] if damaged else [])),
        live=release(live) if live else None,
        releases=tuple(release(document) for document in documents.values()),
        url=url.format(port=live["port"] if live else report["port"]),
        busy=busy(report["locked"]),
        extra=state,
    )


def busy(owner: Mapping[str, Any] | None) -> str:
    """Who holds the lock, as a sentence; empty when nobody does."""
    if owner is None:
        return ""
    what, since = owner.get("what", "this app"), owner.get("since", "just now")
    return f"{owner.get('who', 'somebody')} is busy with {what} (since {since})"


def release(document: Document) -> Release:
    """A release in the core's words."""
    return Release(
        id=document["id"],
        when=datetime.fromtimestamp(document["created"], UTC),
        who=document["who"],
        state=document["state"],
        digest=document["digest"],
        commit=document["commit"],
        dirty=document["dirty"],
        note=document["note"],
        unpushed=document.get("unpushed", False),
    )
