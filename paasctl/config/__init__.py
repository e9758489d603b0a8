"""The configuration: ``paasctl.toml``, or ``[tool.paasctl]`` in pyproject.toml, or none."""

from paasctl.config.loading import APP_KEYS, COMMON_KEYS, FILE, LOG_DESTINATIONS, PROCESS_KEYS, load
from paasctl.config.settings import AppSettings, Config, TargetSettings
from paasctl.config.targets import check_processes, check_settings, env_files, require_adapter, target

__all__ = [
    "APP_KEYS",
    "COMMON_KEYS",
    "FILE",
    "LOG_DESTINATIONS",
    "PROCESS_KEYS",
    "AppSettings",
    "Config",
    "TargetSettings",
    "check_processes",
    "check_settings",
    "env_files",
    "load",
    "require_adapter",
    "target",
]
