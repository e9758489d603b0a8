"""The group ``paasctl env``."""

from __future__ import annotations

import click

from paasctl.cli.base import LazyGroup

COMMANDS = {
    "sync": ("paasctl.cli.envsync:sync", "Bring the target's env to what the env files say."),
    "diff": ("paasctl.cli.envsync:diff", "Show what a sync would do."),
    "pull": ("paasctl.cli.envpull:pull", "Bring the env files to what the target says."),
    "check": ("paasctl.cli.envcheck:check", "Compare the env files with .env.example."),
    "secret": ("paasctl.cli.envsecret:secret", "Put a fresh random SECRET_KEY into .env."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def env() -> None:
    """Compare and sync the environment variables; values are never shown."""
