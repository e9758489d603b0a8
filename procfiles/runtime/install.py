"""Switching everything on, once per process."""

from __future__ import annotations

from .base import guard, in_force, quiet
from .databases import install_databases
from .env import load_env, modern_urls
from .logs import install_logs
from .mail import install_mail
from .spawned import install_spawns

INSTALLS = {
    "logs": install_logs,
    "databases": install_databases,
    "error mails": install_mail,
    "database URLs": modern_urls,
    "spawned processes": install_spawns,
}


def install() -> None:
    """Install the hooks. A second call in the same process changes nothing."""
    if "installed" in in_force:
        return
    in_force["installed"] = "yes"
    for part, switch_on in INSTALLS.items():
        with guard(part):
            switch_on()


def prepare(path: str | None = None) -> None:
    """Load the env of the release, then install: what a process does before anything of the app is imported."""
    if "installed" in in_force:
        return
    load_env(path)
    install()


def install_spawned() -> None:
    """Install in a process that multiprocessing started: it has its parent's env, and the parent has said the rest."""
    quiet.append(True)
    try:
        install()
    finally:
        quiet.clear()
