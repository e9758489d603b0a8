"""Show what was found and what would be done: the app, the env names, the steps, and remarks."""

from __future__ import annotations

from collections.abc import Mapping

from paasctl.cli import names, plans
from paasctl.console import Console
from paasctl.model import App
from paasctl.pipeline import Prepared


def show(console: Console, prepared: Prepared, *, env: bool = True) -> None:
    """Everything about one target, before anything is changed; ``env``: the names too."""
    changes = prepared.changes
    if prepared.plan and prepared.desired.bundle is not None:
        console.out(headline(prepared.desired.app))
    if console.verbosity:
        for what, where in prepared.desired.app.origins.items():
            console.out(f"  {what}: {where}", "dim")
    if env and (prepared.plan or changes.blocked or changes.held or console.verbosity):
        names.show(console, changes.names)
    if tested(prepared):
        console.out(f"  first, here: {prepared.desired.app.test}")
    if changes.take:
        console.out(f"  first, here: {', '.join(changes.take)} from the target into the env file")
    plans.show(console, prepared.plan)
    plans.remarks(console, prepared.notes, prepared.warnings)


def tested(prepared: Prepared) -> bool:
    """Whether the app's test command runs before the steps: code is pushed, and there is something to do."""
    return bool(prepared.plan and prepared.desired.app.test and prepared.desired.bundle is not None)


def env_differs(prepared: Prepared) -> bool:
    """Whether a value differs; names that are equal and not in the manifest yet are in sync for the user."""
    changes = prepared.changes
    return bool(changes.writes or changes.blocked or changes.held)


def headline(app: App) -> str:
    """One line: the app, and where what decides about it comes from."""
    entry = app.entry or "its web line"
    return f"{app.name}: {app.framework}, {entry}{_from(app, 'entry')}, Python {app.python}{_from(app, 'python')}"


def _from(app: App, what: str) -> str:
    return f" ({app.origins[what]})" if what in app.origins else ""


def table(console: Console, prepared: Mapping[str, Prepared]) -> None:
    """The env names of several targets beside each other."""
    names.table(console, {target: each.changes.names for target, each in prepared.items()})
