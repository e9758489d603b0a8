"""Switching everything on, once per process."""

from __future__ import annotations

from .base import in_force
from .env import load_env


def install() -> None:
    """Install the hooks. A second call in the same process changes nothing."""
    if "installed" in in_force:
        return
    in_force["installed"] = "yes"


def prepare(path: str | None = None) -> None:
    """Load the env of the release, then install: what a process does before anything of the app is imported."""
    if "installed" in in_force:
        return
    load_env(path)
    install()
