"""``deploy.json`` and ``active.json`` as data: what should be live, what is, and what each release is made of."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from paasctl.errors import PaasctlError
from paasctl.model import Release, ReleaseState

VERSION = 1
#: Good releases that are kept, the live one included.
KEPT = 5
FAILED_KEPT = 5


@dataclass(frozen=True, slots=True)
class Archive:
    """An uploaded archive: its name (of its content), unpacked size and file count, and its parts."""

    name: str
    bytes: int
    files: int
    parts: tuple[Mapping[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "bytes": self.bytes, "files": self.files, "parts": [dict(p) for p in self.parts]}

    @classmethod
    def from_json(cls, found: Any) -> Archive | None:
        if not isinstance(found, dict):
            return None
        return cls(str(found["name"]), int(found["bytes"]), int(found["files"]), tuple(found["parts"]))


@dataclass(frozen=True, slots=True)
class Record:
    """One release. ``code`` is None for one that failed and whose files are not kept. ``migrations`` is the digest of
    its migration files; ``strict`` is false where any answer below 500 counts as healthy; ``before`` is the release
    that was live when it was pushed."""

    id: str
    when: str
    who: str
    state: str = "good"
    digest: str = ""
    commit: str = ""
    dirty: bool = False
    unpushed: bool = False
    note: str = ""
    code: Archive | None = None
    layer: Archive | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    manifest: str = ""
    python: str = ""
    entry: str = ""
    command: str = ""
    migrations: str = ""
    persist: tuple[str, ...] = ()
    static: Mapping[str, str] = field(default_factory=dict)
    health: str = "/"
    strict: bool = False
    runtime: bool = True
    before: str = ""

    def to_json(self) -> dict[str, Any]:
        """As ``deploy.json`` holds it."""
        found = {name: getattr(self, name) for name in self.__dataclass_fields__}
        found["code"] = self.code.to_json() if self.code else None
        found["layer"] = self.layer.to_json() if self.layer else None
        found["persist"], found["static"], found["env"] = list(self.persist), dict(self.static), dict(self.env)
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Record:
        """Read what :meth:`to_json` wrote; unknown keys of a newer paasctl are dropped."""
        known = {name: found[name] for name in cls.__dataclass_fields__ if found.get(name) is not None}
        known["code"], known["layer"] = Archive.from_json(found.get("code")), Archive.from_json(found.get("layer"))
        known["persist"] = tuple(found.get("persist") or ())
        return cls(**known)

    def accepts(self, status: int) -> bool:
        """Is this answer of its health page a healthy one?"""
        return 0 < status < (400 if self.strict else 500)

    @property
    def essence(self) -> tuple[Any, ...]:
        """What makes two releases the same apart from their env."""
        names = tuple(archive.name if archive else "" for archive in (self.code, self.layer))
        settings = (self.python, self.entry, self.command, self.persist, self.health, self.strict, self.runtime)
        return (*names, *settings, tuple(sorted(self.static.items())))

    def release(self, live: str) -> Release:
        """As the core shows it."""
        state: ReleaseState = "live" if self.id == live else "failed" if self.state == "failed" else "good"
        return Release(
            self.id, moment(self.when), self.who, state, self.digest, self.commit, self.dirty, self.note, self.unpushed
        )


@dataclass(frozen=True, slots=True)
class Deploy:
    """What should be live: ``release`` (None: nothing), if one of ``parents`` is live when it is read there.

    ``site`` is what paasctl last set in the web app's settings, ``stub`` the digest of the stub that it uploaded.
    """

    id: str
    key: str = field(repr=False)
    who: str
    when: str
    release: str | None
    releases: tuple[Record, ...] = ()
    parents: tuple[str, ...] = ()
    site: Mapping[str, Any] = field(default_factory=dict)
    stub: str = ""

    @property
    def record(self) -> Record | None:
        """The record of the release that should be live."""
        return next((r for r in self.releases if r.id == self.release and r.code), None)

    def find(self, release: str) -> Record | None:
        """A release's record."""
        return next((r for r in self.releases if r.id == release), None)

    def archives(self, kind: str) -> dict[str, Archive]:
        """The code archives (or layers) of all releases, by name."""
        found = (getattr(record, kind) for record in self.releases)
        return {archive.name: archive for archive in found if archive}

    @property
    def last_number(self) -> int:
        """The highest release number that was ever given."""
        return max((number(record.id) for record in self.releases), default=0)

    def to_json(self) -> bytes:
        """The text of ``deploy.json``."""
        document = {name: getattr(self, name) for name in self.__dataclass_fields__}
        document.update(v=VERSION, parents=list(self.parents), site=dict(self.site))
        document["releases"] = [record.to_json() for record in self.releases]
        return json.dumps(document, sort_keys=True).encode()

    @classmethod
    def from_json(cls, found: Mapping[str, Any], path: str) -> Deploy:
        """Read what :meth:`to_json` wrote.

        Args:
            path: the file in the account that holds it.

        Raises:
            PaasctlError: it is damaged, or a newer paasctl wrote it.
        """
        if isinstance(found.get("v"), int) and found["v"] > VERSION:
            raise PaasctlError("a newer paasctl pushed to this site; nothing was written", hint="upgrade paasctl")
        try:
            known = {name: found[name] for name in cls.__dataclass_fields__ if name in found}
            known["releases"] = tuple(Record.from_json(record) for record in found["releases"])
            known["parents"] = tuple(found.get("parents") or ())
            return cls(**known)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(path) from error

    def after(self, who: str, when: str, record: Record | None, parents: tuple[str, ...]) -> Deploy:
        """The document that makes ``record`` (None: nothing) live after this one."""
        others = tuple(r for r in self.releases if record is None or r.id != record.id)
        releases = trimmed((record, *others) if record else others, record.id if record else "")
        live = record.id if record else None
        return replace(
            self, id=secrets.token_hex(12), who=who, when=when, release=live, releases=releases, parents=parents
        )


@dataclass(frozen=True, slots=True)
class Active:
    """What the site last made live (None: nothing yet), with the env that it got, and the releases that failed."""

    live: Deploy | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    intact: bool = True
    released: str = ""
    failures: tuple[Record, ...] = ()

    @classmethod
    def read(cls, data: bytes | None, path: str) -> Active:
        """From ``active.json``, which is at ``path``; None is a site that paasctl does not know.

        Raises:
            PaasctlError: it is damaged.
        """
        if data is None:
            return cls()
        try:
            found = json.loads(data.decode())
            live = Deploy.from_json(found["live"], path) if found.get("live") else None
            failures = tuple(failed(f) for f in found.get("failures") or () if f.get("id"))
            return cls(live, found.get("env") or {}, found.get("intact") is not False, found["released"], failures)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(path) from error


def damaged(path: str) -> PaasctlError:
    """The error for a state that cannot be read."""
    return PaasctlError(
        "what paasctl wrote on PythonAnywhere cannot be read; the site is as it was",
        hint=f"delete {path} on the Files page, press Reload on the Web page, and try again",
    )


def failed(found: Mapping[str, Any]) -> Record:
    """A release that the site could not start, as it remembers it."""
    first = str(found.get("error") or "").strip().splitlines()
    return Record(
        id=str(found["id"]),
        when=str(found.get("when") or now()),
        who=str(found.get("who") or ""),
        state="failed",
        digest=str(found.get("digest") or ""),
        commit=str(found.get("commit") or ""),
        dirty=bool(found.get("dirty")),
        unpushed=bool(found.get("unpushed")),
        note=first[-1][:200] if first else "",
    )


def trimmed(releases: tuple[Record, ...], live: str) -> tuple[Record, ...]:
    """The releases that are kept: the live one, those that led to it, the newest good ones, and the names of some that
    failed."""
    ordered = sorted(releases, key=lambda record: number(record.id), reverse=True)
    good = [record for record in ordered if record.state != "failed" and record.id != live]
    bad = [replace(r, code=None, layer=None, manifest="", env={}) for r in ordered if r.state == "failed"]
    here = [r for r in ordered if r.id == live]
    way = way_to(live, {r.id: r for r in (*here, *good)})[: KEPT - 1]
    kept = [*here, *(r for r in good if r in good[: KEPT - 1] or r.id in way), *bad[:FAILED_KEPT]]
    return tuple(sorted(kept, key=lambda record: number(record.id), reverse=True))


def way_to(release: str, records: Mapping[str, Record]) -> list[str]:
    """The releases that rollbacks from one go through, the next one first."""
    way: list[str] = []
    while release in records and records[release].before in records:
        release = records[release].before
        way.append(release)
    return way


def number(release: str) -> int:
    """The number in a release's id: 12 for ``r12``."""
    return int(release[1:]) if release[1:].isdigit() else 0


def moment(text: str) -> datetime:
    """A time as it was written; the epoch where it cannot be read."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def now() -> str:
    """The present time (UTC, whole seconds) as documents hold it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
