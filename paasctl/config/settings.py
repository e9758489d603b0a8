"""What the configuration says: frozen data, ``None`` where nothing is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from paasctl.model import LogDestination, Tuning


@dataclass(frozen=True, slots=True)
class AppSettings:
    """The ``[app]`` table. ``lines`` gives the line of each key in the file, for messages."""

    name: str | None = None
    entry: str | None = None
    python: str | None = None
    dependencies: str | None = None
    health: str | None = None
    release: str | None = None
    test: str | None = None
    env: tuple[str, ...] | None = None
    persist: tuple[str, ...] | None = None
    exclude: tuple[str, ...] | None = None
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """One ``[targets.NAME]`` table.

    ``settings`` holds the keys that only the adapter understands, not yet checked (see ``check_settings``);
    ``pool_recycle`` is in seconds; ``lines`` gives the line of each key (``"processes.web.workers"``), and of the
    table itself under ``""``.
    """

    name: str
    adapter: str
    env: tuple[str, ...] | None = None
    persist: tuple[str, ...] | None = None
    health: str | None = None
    log: LogDestination | None = None
    pool_recycle: int | None = None
    runtime: bool = True
    send: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()
    static: Mapping[str, str] = field(default_factory=dict)
    processes: Mapping[str, Tuning] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration. ``file`` is ``paasctl.toml``, ``pyproject.toml`` or None when there is none."""

    file: str | None = None
    app: AppSettings = field(default_factory=AppSettings)
    targets: Mapping[str, TargetSettings] = field(default_factory=dict)

    @property
    def env_files(self) -> tuple[str, ...]:
        """The env files that are named anywhere: of the app and of every target."""
        said = (self.app.env, *(target.env for target in self.targets.values()))
        return tuple(dict.fromkeys(file for files in said for file in files or ()))
