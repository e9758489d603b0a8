"""Sync env and code: plan, confirm, apply, verify."""

from __future__ import annotations

from collections.abc import Sequence

import click

from paasctl.cli import options
from paasctl.cli.base import Command, Invocation
from paasctl.errors import UsageError


@click.command(cls=Command)
@options.some_targets
@options.all_targets
@click.option("--env-only", is_flag=True, help="Sync the env and leave the code as it is.")
@click.option("--code-only", is_flag=True, help="Push the code and leave the env as it is.")
@click.option("--check", is_flag=True, help="Change nothing; exit 3 when a push would change something.")
@click.option("--force", is_flag=True, help="Take the values of .env where somebody changed them on the target.")
@click.option("--delete", is_flag=True, help="Accept the deletion of names that were taken out of .env.")
@click.option("--create", is_flag=True, help="Make the remote app where there is none yet.")
@click.option("--wait", is_flag=True, help="Wait for another push that is under way instead of refusing.")
@options.as_json
@options.changing
@click.pass_obj
def push(
    invocation: Invocation,
    asked: Sequence[str],
    every: bool,
    env_only: bool,
    code_only: bool,
    check: bool,
    force: bool,
    delete: bool,
    create: bool,
    wait: bool,
    as_json: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Bring env and code to a target: show the plan, ask, carry it out, check the new release's health."""
    from paasctl.cli.pushing import Wishes, push_all
    from paasctl.pipeline import Request

    if env_only and code_only:
        raise UsageError("--env-only and --code-only leave nothing to push", hint="give one of the two, or neither")
    request = Request("push", not code_only, not env_only, force=force, delete=delete, create=create)
    wishes = Wishes(yes=yes, dry_run=dry_run, check=check, wait=wait)
    return push_all(invocation, asked, every, request, wishes, as_json)
