"""Prepare a bare host for an app, or take away what was put there."""

from __future__ import annotations

from typing import Any, cast

import click

from paasctl import pipeline
from paasctl.cli import asking, options, plans
from paasctl.cli.base import Command, Invocation
from paasctl.model import Env, Observed, Plan
from paasctl.session import Connection, Session, connect


@click.command(cls=Command)
@options.one_target
@click.option("--remove", is_flag=True, help="Take away exactly what setup put there.")
@options.changing
@click.pass_obj
def setup(invocation: Invocation, target: str | None, remove: bool, yes: bool, dry_run: bool) -> None:
    """Prepare a bare Linux host: web server, process control, users, the few rights that a push needs; idempotent."""
    console = invocation.console
    session = options.start(invocation)
    name = options.choose(session, console, target)
    with connect(session, name) as connection:
        plan = _plan(invocation, session, connection, remove)
        plans.show(console, plan)
        if not plan:
            console.out("nothing to do")
        if not plan or dry_run:
            return
        verb = "Remove what paasctl set up on" if remove else "Prepare"
        plans.ask(console, f"{verb} {name}?", yes=yes)
        plans.run(console, plan)
    console.out(f"{name} is as it was before setup" if remove else f"{name} is ready; `paasctl push {name}` is next")


def _plan(invocation: Invocation, session: Session, connection: Connection, remove: bool) -> Plan:
    """The adapter's plan for this app: its processes, domain and static folders decide what a host needs."""
    operations = cast(Any, connection.operations("setup"))
    app, added = pipeline.read_app(session, connection, asking.chooser(invocation.console))
    request = pipeline.Request(env=False)
    nowhere = Observed(exists=False)  # a bare host cannot be observed yet
    wanted = pipeline.desire(session, connection, request, app, added, Env(), None, nowhere)
    plan: Plan = operations.setup(wanted, remove)
    return plan
