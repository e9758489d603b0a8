"""The apps that the stand-in hosts, and what Heroku does with them: releases, builds, config, dynos."""

from __future__ import annotations

import hashlib
import io
import itertools
import re
import tarfile
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

JsonObject = dict[str, Any]

_ids = itertools.count(1)
_EPOCH = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def new_id() -> str:
    """An id like Heroku's, the same in every run."""
    return str(uuid.UUID(int=next(_ids) + (1 << 124)))


def now() -> str:
    """A moment that goes on with every question, so that nothing happens twice at once."""
    return (_EPOCH + timedelta(seconds=next(_ids))).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Slug:
    """Built code."""

    id: str
    files: dict[str, bytes]
    version: str

    @property
    def processes(self) -> dict[str, str]:
        lines = self.files.get("Procfile", b"").decode().splitlines()
        return dict(re.split(r":\s*", line, maxsplit=1) for line in lines if ":" in line)


@dataclass
class Release:
    version: int
    description: str
    slug: Slug | None
    config: dict[str, str]
    status: str = "succeeded"
    eligible: bool = True
    output: list[str] = field(default_factory=list)
    id: str = field(default_factory=new_id)
    created: str = field(default_factory=now)
    polls: int = 0


@dataclass
class Build:
    blob: JsonObject
    files: dict[str, bytes]
    output: list[str]
    outcome: str
    status: str = "pending"
    slug: Slug | None = None
    release: Release | None = None
    id: str = field(default_factory=new_id)
    created: str = field(default_factory=now)
    polls: int = 0


@dataclass
class HerokuApp:
    """One app. The outcome fields say what becomes of the next builds and releases."""

    name: str
    region: str = "us"
    team: str | None = None
    id: str = field(default_factory=new_id)
    config: dict[str, str] = field(default_factory=dict)
    addons: dict[str, str] = field(default_factory=dict)  # config var -> the add-on that owns it
    releases: list[Release] = field(default_factory=list)
    builds: list[Build] = field(default_factory=list)
    formation: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, str] = field(default_factory=dict)  # of the processes whose dynos are not Basic
    log: list[str] = field(default_factory=list)
    build_outcome: str = "succeeded"
    build_output: list[str] = field(default_factory=lambda: ["-----> Python app detected", "-----> Launching..."])
    build_polls: int = 0  # how often a build is still pending when asked
    release_command: str = ""  # "": none; else the outcome of each run: succeeded or failed
    release_outcomes: list[str] = field(default_factory=list)  # of the next runs; then release_command's
    release_output: list[str] = field(default_factory=list)
    release_polls: int = 0
    crashes: str = ""  # a pattern of slugs' versions (or "config") that crash when they run
    crash_after: int | None = None  # releases after this version crash, unless they go back to one before
    crash_names: set[str] = field(default_factory=set)  # config vars without which the app crashes
    restarts: int = 0
    maintenance: bool = False
    commands: dict[str, tuple[int, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for description in ("Initial release", "Enable Logplex"):
            self.add_release(description, None, runs_command=False)

    # ---------------------------------------------------------------------------------------------- releases

    @property
    def current(self) -> Release:
        return next(one for one in reversed(self.releases) if one.status == "succeeded")

    def add_release(self, description: str, slug: Slug | None, *, runs_command: bool = True) -> Release:
        release = Release(len(self.releases) + 1, description, slug, dict(self.config))
        if runs_command and slug is not None and self.release_command:
            release.status = "pending"
            release.output = [f"running the release command of v{release.version}", *self.release_output]
        self.releases.append(release)
        if release.status == "succeeded":
            self._start(release)
        return release

    def settle_release(self, release: Release) -> None:
        """The release command is over."""
        if release.status == "pending":
            release.status = self.release_outcomes.pop(0) if self.release_outcomes else self.release_command
            if release.status == "succeeded":
                self._start(release)

    def _start(self, release: Release) -> None:
        self.restarts += 1
        if release.slug is not None and "web" in release.slug.processes and "web" not in self.formation:
            self.formation["web"] = 1

    def patch(self, changes: dict[str, str | None]) -> str:
        """Change config vars; answers with what Heroku says against it, or nothing."""
        owned = sorted(changes.keys() & self.addons.keys())
        if owned:
            return "Cannot overwrite attachment values " + ",\n".join(owned) + "."
        bad = [name for name in changes if not re.fullmatch(r"\w+", name) or name.startswith(("HEROKU_", "__"))]
        if bad:
            return f"Invalid config var names: {', '.join(bad)}"
        if sum(len(k) + len(v or "") for k, v in (self.config | changes).items()) > 32_768:
            return "Config vars are too large"
        before = dict(self.config)
        for name, value in changes.items():
            if value is None:
                self.config.pop(name, None)
            else:
                self.config[name] = value
        removed = [name for name in changes if name in before and name not in self.config]
        written = [name for name in changes if self.config.get(name) not in (None, before.get(name))]
        words = [f"Set {', '.join(written)}"] if written else []
        words += [f"{'remove' if written else 'Remove'} {', '.join(removed)}"] if removed else []
        if words:
            self.add_release(f"{' and '.join(words)} config vars", self.current.slug)
        return ""

    def roll_back(self, release: Release) -> Release | str:
        if release.slug is None:
            return f"Release v{release.version} had no slug associated with it."
        if not release.eligible or release.status in ("failed", "expired"):
            return f"Cannot roll back to v{release.version}."
        owned = {name: value for name, value in self.config.items() if name in self.addons}
        self.config = {k: v for k, v in release.config.items() if k not in self.addons} | owned
        return self.add_release(f"Rollback to v{release.version}", release.slug)

    # ------------------------------------------------------------------------------------------------ builds

    def start_build(self, blob: JsonObject, archive: bytes) -> Build:
        build = Build(blob, _unpack(archive), [*self.build_output], self.build_outcome)
        self.builds.append(build)
        return build

    def settle_build(self, build: Build) -> None:
        """The build is over: a slug and a release, or a failure."""
        if build.status != "pending":
            return
        build.status = build.outcome
        if build.outcome == "succeeded":
            build.slug = Slug(new_id(), build.files, str(build.blob.get("version") or ""))
            build.release = self.add_release(f"Deploy {build.slug.version[:8]}", build.slug)

    # ----------------------------------------------------------------------------------------------- serving

    @property
    def serves(self) -> bool:
        """Whether the app would answer: it has code, dynos, and nothing that makes it crash."""
        slug = self.current.slug
        if slug is None or not self.formation.get("web"):
            return False
        newer = self.crash_after is not None and self.current.version > self.crash_after
        if newer and not self.current.description.startswith("Rollback"):
            return False
        if self.crash_names - self.current.config.keys():
            return False
        return not (self.crashes and re.search(self.crashes, slug.version))

    def dynos(self) -> list[JsonObject]:
        slug = self.current.slug
        processes = slug.processes if slug else {}
        return [
            {
                "id": new_id(),
                "app": {"id": self.id, "name": self.name},
                "name": f"{process}.{number}",
                "type": process,
                "state": "up" if self.serves or process != "web" else "crashed",
                "command": processes[process],
                "size": "Basic",
                "release": {"id": self.current.id, "version": self.current.version},
                "attach_url": None,
                "created_at": self.current.created,
                "updated_at": self.current.created,
            }
            for process, count in sorted(self.formation.items())
            if process in processes
            for number in range(1, count + 1)
        ]


@dataclass
class World:
    """All apps, and the archives that were put for them."""

    apps: dict[str, HerokuApp] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)  # names of other people's apps
    archives: dict[str, bytes] = field(default_factory=dict)
    one_offs: dict[str, tuple[HerokuApp, str]] = field(default_factory=dict)  # commands by rendezvous secret
    log_sessions: dict[str, tuple[HerokuApp, JsonObject]] = field(default_factory=dict)

    def app(self, name: str, **fields: Any) -> HerokuApp:
        self.apps[name] = HerokuApp(name, **fields)
        return self.apps[name]


def checksum(archive: bytes) -> str:
    return f"SHA256:{hashlib.sha256(archive).hexdigest()}"


def _unpack(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        found = {}
        for member in tar:
            if member.isfile():
                stream = tar.extractfile(member)
                assert stream is not None
                found[member.name] = stream.read()
        return found
