"""Desired, observed and remembered env states for tests of the sync, from plain dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paasctl.changes import EnvChanges
from paasctl.manifest import Entry, Manifest
from paasctl.model import App, Dependencies, Derived, Desired, Env, Observed, PlatformFacts, Provenance
from paasctl.secret import Secret
from paasctl.seen import Seen, remember, stamp
from paasctl.sync import decide

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SALT = "00" * 16
FACTS = PlatformFacts("stdout", "the platform collects stdout")
APP = App("shop", Path("/srv/shop"), "flask", "wsgi:app", "wsgi", "3.11", Dependencies(None, "", ""), {})


def secrets(values: Mapping[str, str]) -> dict[str, Secret]:
    return {name: Secret(value) for name, value in values.items()}


def plain(values: Mapping[str, Secret]) -> dict[str, str]:
    return {name: value.reveal() for name, value in values.items()}


def env(values: Mapping[str, str] | None, **fields: Any) -> Env:
    """An env as it was read; None: there is no env file."""
    origins = {name: f".env:{line}" for line, name in enumerate(values or {}, 1)}
    return Env(secrets(values or {}), origins, (".env",), managed=values is not None, **fields)


def desired(values: Mapping[str, str] | None, *derived: Derived, **fields: Any) -> Desired:
    return Desired("heroku", APP, env(values, **fields), derived, None, Provenance("ann"))


def manifest(values: Mapping[str, str], generation: int = 1, who: str = "bob") -> Manifest:
    """A base in which all names were written by one person in one generation."""
    empty = Manifest(SALT, generation)
    entries = {name: Entry(empty.digest(name, Secret(value)), generation, who, "2026-11-20T10:00:00+00:00")
               for name, value in values.items()}  # fmt: skip
    return Manifest(SALT, generation, entries)


def observed(values: Mapping[str, str], base: Manifest | None = None, **fields: Any) -> Observed:
    return Observed(True, secrets(values), base, **fields)


def seen(base: Manifest, *names: str) -> Seen:
    """The memory of a checkout whose env file once agreed with the base about these names (none: all of them)."""
    agreed = {name: stamp(entry) for name, entry in base.entries.items() if not names or name in names}
    return remember(None, base, agreed, frozenset())


def sync(want: Desired, have: Observed, memory: Seen | None = None, **options: Any) -> EnvChanges:
    return decide(want, have, memory, **({"who": "ann", "now": NOW, "mode": "sync"} | options))


def ops(changes: Any) -> dict[str, str]:
    return {change.name: change.op for change in changes.names}


def after(have: Observed, changes: EnvChanges) -> Observed:
    """The target once the changes are written."""
    written = changes.writes or changes.bookkeeping
    return observed(plain(changes.result), changes.manifest if written else have.manifest, protected=have.protected)
