"""Restart, open, unlock and take down an app on one target."""

from __future__ import annotations

from collections.abc import Callable

import click

from paasctl.cli import options, plans, waiting
from paasctl.cli.base import Command, Invocation
from paasctl.console import working
from paasctl.errors import PaasctlError, UsageError
from paasctl.model import Observed, Plan
from paasctl.session import Connection, connect

Planner = Callable[[Connection, Observed], Plan]


def change(
    invocation: Invocation,
    target: str | None,
    make: Planner,
    question: str,
    *,
    yes: bool,
    dry_run: bool,
    beside: bool = False,
) -> Plan | None:
    """Plan one operation on one target, show it, ask, and run it.

    ``{app}`` and ``{target}`` in the question are filled in; ``beside``: also while somebody else's command is under
    way there. Answers with the plan that was run, or None.
    """
    console = invocation.console
    session = options.start(invocation)
    name = options.choose(session, console, target)
    with connect(session, name) as connection:
        with working(console, f"looking at {name}"):
            observed = connection.observe()
            if not (dry_run or beside):
                observed = waiting.idle(console, connection, observed)
            plan = make(connection, observed)
        if not plan:
            plans.remarks(console, plan.notes, plan.warnings)
            console.out("nothing to do")
            return None
        plans.show(console, plan)
        if dry_run:
            return None
        plans.ask(console, question.format(app=connection.app, target=name), yes=yes)
        plans.run(console, plan)
        plans.late_warnings(console, plan)
        return plan


@click.command(cls=Command)
@options.one_target
@options.changing
@click.pass_obj
def restart(invocation: Invocation, target: str | None, yes: bool, dry_run: bool) -> None:
    """Restart the app's processes, one after the other where the platform can."""

    def plan(connection: Connection, observed: Observed) -> Plan:
        return connection.operations("restart").restart(observed)

    if change(invocation, target, plan, "Restart {app} on {target}?", yes=yes, dry_run=dry_run):
        invocation.console.out("restarted")


@click.command(cls=Command)
@options.one_target
@options.changing
@click.pass_obj
def unlock(invocation: Invocation, target: str | None, yes: bool, dry_run: bool) -> None:
    """End the command that holds the lock of an app."""

    def plan(connection: Connection, observed: Observed) -> Plan:
        return connection.operations("unlock").unlock(observed)

    if change(invocation, target, plan, "Take the lock of {target} away?", yes=yes, dry_run=dry_run, beside=True):
        invocation.console.out("unlocked")


@click.command(cls=Command)
@options.one_target
@click.option("--purge", is_flag=True, help="Remove the app's data as well.")
@options.changing
@click.pass_obj
def down(invocation: Invocation, target: str | None, purge: bool, yes: bool, dry_run: bool) -> None:
    """Take the app off a target: processes stopped, files and site removed; its data is kept unless --purge."""

    def plan(connection: Connection, observed: Observed) -> Plan:
        return connection.operations("down").down(observed, purge)

    kept = "with all its data" if purge else "and keep its data"
    if change(invocation, target, plan, f"Take {{app}} off {{target}} {kept}?", yes=yes, dry_run=dry_run):
        invocation.console.out("down" if purge else "down; the data is kept")


@click.command("open", cls=Command)
@options.one_target
@click.pass_obj
def open_(invocation: Invocation, target: str | None) -> None:
    """Open the site in a browser, and print its URL."""
    console = invocation.console
    session = options.start(invocation)
    name = options.choose(session, console, target)
    with connect(session, name) as connection, working(console, f"looking at {name}"):
        observed = connection.observe()
    if not observed.exists or not observed.url:
        raise UsageError(f"there is no site on {name} yet", hint=f"`paasctl push {name}` makes one")
    console.out(observed.url)
    _browse(observed.url)


def _browse(url: str) -> None:
    import webbrowser

    if not url.startswith(("http://", "https://")):
        raise PaasctlError(f"{url} is not a web address", hint="open it by hand")
    try:
        opened = webbrowser.open(url)
    except webbrowser.Error:
        opened = False
    if not opened:
        click.echo("no browser could be started", err=True)
