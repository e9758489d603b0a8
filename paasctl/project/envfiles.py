"""The few env values that say something about the app itself: FLASK_APP and database URLs. Never shown.

This reader is lenient on purpose: the strict one, which decides what is sent, reports what is wrong in the files.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from paasctl.config import AppSettings, TargetSettings
from paasctl.secret import Secret


@dataclass(frozen=True, slots=True)
class EnvValue:
    """A value and the ``file:line`` it stands at."""

    value: Secret
    origin: str


def env_values(root: Path, app: AppSettings, target: TargetSettings | None) -> Mapping[str, EnvValue]:
    """The values of the app's env files, later files first; FLASK_APP also from .flaskenv when nothing else says it."""
    found: dict[str, EnvValue] = {}
    for file in _files(app, target):
        found.update(_read(root, file))
    if "FLASK_APP" not in found:
        flaskenv = _read(root, ".flaskenv")
        found.update({name: flaskenv[name] for name in ("FLASK_APP",) if name in flaskenv})
    return found


def _files(app: AppSettings, target: TargetSettings | None) -> tuple[str, ...]:
    said = (target.env if target else None) or app.env
    if said is not None:
        return said
    return (".env", f".env.{target.name}") if target else (".env",)


def _read(root: Path, file: str) -> dict[str, EnvValue]:
    from dotenv.parser import parse_stream

    try:
        text = (root / file).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return {}
    return {
        binding.key: EnvValue(Secret(binding.value), f"{file}:{binding.original.line}")
        for binding in parse_stream(io.StringIO(text))
        if binding.key and binding.value and "${" not in binding.value
    }
