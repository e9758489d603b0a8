"""The configuration: ``paasctl.toml``, or ``[tool.paasctl]`` in pyproject.toml, or none."""

from paasctl.config.loading import APP_KEYS, COMMON_KEYS, FILE, LOG_DESTINATIONS, PROCESS_KEYS, load
from paasctl.config.settings import AppSettings, Config, ProcessSettings, TargetSettings
from paasctl.config.targets import check_settings, target

__all__ = [
    "APP_KEYS",
    "COMMON_KEYS",
    "FILE",
    "LOG_DESTINATIONS",
    "PROCESS_KEYS",
    "AppSettings",
    "Config",
    "ProcessSettings",
    "TargetSettings",
    "check_settings",
    "load",
    "target",
]
