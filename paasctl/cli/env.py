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


@click.group(cls=LazyGroup, lazy=COMMANDS, no_args_is_help=False, invoke_without_command=True)
@click.pass_context
def env(context: click.Context) -> None:
    """Compare and sync the environment variables; values are never shown."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
