"""Run a one-off command in the env of the release that is live."""

from __future__ import annotations

from typing import Any

import click

from paasctl.cli import options
from paasctl.cli.base import Command, Invocation
from paasctl.errors import UsageError
from paasctl.session import connect
from paasctl.words import counted

MARK = "--"
#: the exit status for a program that is not there
NOT_FOUND = 127


class RunCommand(Command):
    """Everything after ``--`` (without one: after the target) is the command, options included."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if MARK in args:
            place = args.index(MARK)
            args, command = args[:place], args[place + 1 :]
        else:
            place = next((i + 1 for i, word in enumerate(args) if not word.startswith("-")), len(args))
            args, command = args[:place], args[place:]
        ctx.meta[__name__] = tuple(command)
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "-- COMMAND..."]


@click.command(cls=RunCommand)
@options.one_target
@click.option("-n", "--dry-run", is_flag=True, help="Show what would be run, and where.")
@click.option("-y", "--yes", is_flag=True, help="Accepted for scripts; run never asks.")
@click.pass_context
def run(context: click.Context, target: str | None, dry_run: bool, yes: bool) -> Any:
    """Run a one-off command in the release's env; its exit status is ours."""
    invocation = context.ensure_object(Invocation)
    command: tuple[str, ...] = context.meta[__name__]
    if not command:
        raise UsageError("there is no command to run", hint="paasctl run TARGET -- COMMAND, for example -- flask shell")
    session = options.start(invocation)
    name = options.choose(session, invocation.console, target)
    with connect(session, name) as connection:
        operations = connection.operations("run")
        if dry_run:
            invocation.console.out(f"would run on {name}: {command[0]} with {counted(len(command) - 1, 'argument')}")
            return 0
        status = operations.run(command)
    if status == NOT_FOUND and len(command) == 1 and len(command[0].split()) > 1:
        hint = f"a single word is the name of a program; for a line of shell: paasctl run {name} -- sh -c '...'"
        invocation.console.err(f"hint: {hint}", "cyan")
    return status
