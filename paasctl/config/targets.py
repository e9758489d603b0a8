"""Find the settings of one target, and check what only its adapter understands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paasctl.config.loading import COMMON_KEYS
from paasctl.config.settings import Config, TargetSettings
from paasctl.config.table import is_a, suggestion, word
from paasctl.errors import UsageError
from paasctl.model import Setting


def target(config: Config, name: str) -> TargetSettings:
    """The settings of a target: the configured ones, or defaults where ``name`` is an installed adapter's.

    Raises:
        UsageError: the name is neither configured nor an adapter's.
    """
    from paasctl.target import installed

    if name in config.targets:
        return config.targets[name]
    known = {*config.targets, *installed()}
    if name in known:
        return TargetSettings(name=name, adapter=name)
    raise UsageError(f"there is no target named {name!r}", hint=suggestion(name, known))


def check_settings(target: TargetSettings, known: Mapping[str, Setting], file: str | None) -> dict[str, Any]:
    """The adapter's own keys of a target, every one known to the adapter and of the right type.

    Args:
        target: the target as the configuration says it.
        known: what the adapter understands.
        file: the configuration file, for messages.

    Raises:
        UsageError: a key is unknown, or its value has the wrong type or is not one of the choices (``file:line``).
    """
    for key, value in target.settings.items():
        where = f"{file}:{target.lines.get(key, 1)}: " if file else ""
        if key not in known:
            raise UsageError(
                f"{where}[targets.{target.name}] has no key {key}", hint=suggestion(key, {*known, *COMMON_KEYS})
            )
        problem = _problem(value, known[key])
        if problem:
            raise UsageError(f"{where}{key} {problem}", hint=known[key].help)
    return dict(target.settings)


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
    return ""
