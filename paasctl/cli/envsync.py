"""``paasctl env sync`` and ``env diff``: the env files towards the target."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import click

from paasctl.cli import failures, looks, names, options, plans
from paasctl.cli.base import Command, Invocation
from paasctl.cli.pushing import Outcome, Run, Wishes, guarded, look, push_all
from paasctl.pipeline import Request


@click.command(cls=Command)
@options.some_targets
@options.all_targets
@click.option("--delete", is_flag=True, help="Accept the deletion of names that were taken out of the env files.")
@click.option("--prune", is_flag=True, help="Also delete names that paasctl never wrote, except the platform's own.")
@click.option("--force", is_flag=True, help="Take the files' values where somebody changed them on the target.")
@click.option("--check", is_flag=True, help="Change nothing; exit 3 when a sync would change something.")
@options.as_json
@options.changing
@click.pass_obj
def sync(
    invocation: Invocation,
    asked: Sequence[str],
    every: bool,
    delete: bool,
    prune: bool,
    force: bool,
    check: bool,
    as_json: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Bring the env of the targets to what the env files say; nothing is written before every conflict is answered."""
    request = Request("sync", code=False, delete=delete, prune=prune, force=force)
    return push_all(invocation, asked, every, request, Wishes(yes=yes, dry_run=dry_run, check=check), as_json)


@click.command(cls=Command)
@options.some_targets
@options.all_targets
@options.as_json
@click.pass_obj
def diff(invocation: Invocation, asked: Sequence[str], every: bool, as_json: bool) -> int:
    """Show what a sync would do, name by name; exits 0 also when there are differences."""
    console = invocation.console
    console.quiet_stdout = as_json
    session = options.start(invocation)
    chosen = options.choose_several(session, console, asked, every)
    with ExitStack() as stack:
        request = Request("sync", code=False, steps=False)
        run = Run(console, session, request, Wishes(), stack, outcomes=[Outcome(name) for name in chosen])
        for outcome in run.outcomes:
            guarded(run, outcome, look)
    if as_json:
        console.json({"targets": [_document(outcome) for outcome in run.outcomes]})
    else:
        _show(run)
    return failures.worst([outcome.code for outcome in run.outcomes])


def _differs(outcome: Outcome) -> bool:
    return outcome.prepared is None or looks.env_differs(outcome.prepared)


def _document(outcome: Outcome) -> dict[str, Any]:
    document: dict[str, Any] = {"target": outcome.target, "exit_code": outcome.code}
    if outcome.prepared is None:
        return document | {"error": outcome.error, "hint": outcome.hint}
    return document | {
        "in_sync": not _differs(outcome),
        "env": names.document(outcome.prepared.changes.names),
        "notes": list(outcome.prepared.notes),
        "warnings": list(outcome.prepared.warnings),
    }


def _show(run: Run) -> None:
    found = {outcome.target: outcome.prepared for outcome in run.outcomes if outcome.prepared is not None}
    for prepared in found.values():
        plans.remarks(run.console, prepared.notes, prepared.warnings)
    if len(run.outcomes) > 1:
        looks.table(run.console, found)
    else:
        for prepared in found.values():
            names.show(run.console, prepared.changes.names)
    for outcome in run.outcomes:
        if outcome.prepared is not None:
            run.console.out(f"{outcome.target} " + ("differs" if _differs(outcome) else "is in sync"))
