"""Find the settings of one target, and check what only its adapter understands."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import Any

from paasctl.config.loading import COMMON_KEYS
from paasctl.config.settings import Config, TargetSettings
from paasctl.config.table import is_a, suggestion, word
from paasctl.errors import UsageError
from paasctl.model import Setting


def target(config: Config, name: str) -> TargetSettings:
    """The settings of a target: the configured ones, or defaults where ``name`` is an installed adapter's.

    Raises:
        UsageError: the name is neither configured nor an adapter's, or a table seems to be meant for it.
    """
    from paasctl.target import installed

    if name in config.targets:
        return config.targets[name]
    adapters = installed()
    known = {*config.targets, *adapters}
    if name in known:
        _refuse_misspelt(config, name, adapters)
        return TargetSettings(name=name, adapter=name)
    raise UsageError(f"there is no target named {name!r}", hint=suggestion(name, known))


def _refuse_misspelt(config: Config, name: str, adapters: Collection[str]) -> None:
    """What a table says must not be passed over in silence because its own name has a letter wrong."""
    for table in config.targets.values():
        unknown = "adapter" not in table.lines and table.name not in adapters
        if unknown and difflib.get_close_matches(table.name.lower(), [name]):
            where = f"{config.file}:{table.lines.get('', 1)}"
            raise UsageError(
                f"{where}: [targets.{table.name}] does not say its adapter, and no adapter is named {table.name}",
                hint=f"did you mean [targets.{name}]?",
            )


def env_files(config: Config, target: TargetSettings) -> tuple[tuple[str, ...] | None, str]:
    """The env files that the configuration names for a target, None where it names none; and its ``file:line``."""
    said = target if target.env is not None else config.app
    return said.env, f"{config.file}:{said.lines.get('env', 1)}" if said.env is not None else ""


def require_adapter(config: Config, target: TargetSettings, names: Collection[str]) -> None:
    """Refuse a target whose adapter is not installed.

    Args:
        names: the adapters that are.

    Raises:
        UsageError: with ``file:line``, and the line to write where the table names no adapter.
    """
    if target.adapter in names:
        return
    known = ", ".join(sorted(names))
    if "adapter" in target.lines:
        where = f"{config.file}:{target.lines['adapter']}"
        raise UsageError(f"{where}: there is no adapter {target.adapter}", hint=suggestion(target.adapter, names))
    example = "linux" if "linux" in names else known.partition(",")[0]
    raise UsageError(
        f"{config.file}:{target.lines.get('', 1)}: [targets.{target.name}] does not say its adapter",
        hint=f'add a line to it: adapter = "{example}" (there are {known})',
    )


def check_settings(target: TargetSettings, known: Mapping[str, Setting], file: str | None) -> dict[str, Any]:
    """The adapter's own keys of a target, every one known to the adapter and of the right type.

    Args:
        target: the target as the configuration says it.
        known: what the adapter understands.
        file: the configuration file, for messages.

    Raises:
        UsageError: a key is unknown, or its value is not what the adapter understands (``file:line``).
    """
    for key, value in target.settings.items():
        where = f"{file}:{target.lines.get(key, 1)}: " if file else ""
        if key not in known:
            raise UsageError(
                f"{where}[targets.{target.name}] has no key {key}", hint=suggestion(key, {*known, *COMMON_KEYS})
            )
        try:
            _check(value, known[key])
        except UsageError as error:
            raise UsageError(f"{where}{key} {error.message}", hint=error.hint or known[key].help) from error
    return dict(target.settings)


def check_processes(target: TargetSettings, known: Collection[str], file: str | None) -> None:
    """Every ``[targets.NAME.processes.PROCESS]`` is about a process that the app has.

    Args:
        known: the app's processes; the release command is none.

    Raises:
        UsageError: one is not (``file:line``).
    """
    for name in target.processes:
        if name not in known:
            where = f"{file}:{target.lines.get(f'processes.{name}', 1)}: " if file else ""
            raise UsageError(
                f"{where}[targets.{target.name}.processes.{name}] is about a process that the app does not have",
                hint=suggestion(name, known),
            )


def _check(value: object, setting: Setting) -> None:
    if problem := _problem(value, setting):
        raise UsageError(problem)
    if setting.check:
        setting.check(value)


def _problem(value: object, setting: Setting) -> str:
    if not is_a(value, setting.type):
        return f"must be {word(setting.type)}, not {word(type(value))}"
    if isinstance(value, list) and not all(isinstance(item, str) and item.strip() for item in value):
        return "must be an array of strings"
    if isinstance(value, str) and not value.strip():
        return "must not be empty"
    if setting.choices:
        values = value if isinstance(value, list) else [value]
        if any(str(item) not in setting.choices for item in values):
            return f"must be one of {', '.join(setting.choices)}"
    if setting.limits and isinstance(value, int) and not setting.limits[0] <= value <= setting.limits[1]:
        return f"must be {setting.limits[0]} to {setting.limits[1]}"
    return ""
