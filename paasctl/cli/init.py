"""``paasctl init``: write down what is detected; nothing that exists is overwritten."""

from __future__ import annotations

import click

from paasctl import config as configuration
from paasctl import project
from paasctl.cli import asking, options, plans
from paasctl.cli.base import Command, Invocation
from paasctl.cli.initfiles import steps, table_to_add
from paasctl.model import App, Plan
from paasctl.session import DEFAULT_TARGET, Session, adapter_of
from paasctl.target import Adapter


@click.command(cls=Command)
@options.one_target
@options.changing
@click.pass_obj
def init(invocation: Invocation, target: str | None, yes: bool, dry_run: bool) -> None:
    """Detect the app and write paasctl.toml, a Procfile, .gitignore lines and a SECRET_KEY, each where it is missing.

    TARGET is the adapter that paasctl.toml gets a table for (local).
    """
    console = invocation.console
    session = options.start(invocation)
    name = target or DEFAULT_TARGET
    settings = configuration.target(session.config, name)
    adapter = adapter_of(session, settings)
    app = project.read(session.root, session.config, settings, choose=asking.chooser(console))
    plan = _plan(session, app, name, settings.adapter, adapter)
    console.out(f"{app.name}: {app.framework}, {app.entry or 'started by the Procfile'}, Python {app.python}")
    plans.show(console, plan)
    if not plan:
        console.out("nothing to do")
    if not plan or dry_run:
        return
    plans.ask(console, "Write this?", yes=yes)
    plans.run(console, plan)
    first = [] if adapter.abilities.get("setup", "no") else [f"fill in [targets.{name}]", f"`paasctl setup {name}`"]
    console.out(f"next: {', then '.join([*first, f'`paasctl push {name}`'])}")


def _plan(session: Session, app: App, name: str, kind: str, adapter: Adapter) -> Plan:
    """The files to write. Each is whole when it is written, so that there is nothing to undo."""
    notes = list(app.notes)
    there = session.config.file if not table_to_add(session, name, adapter) else None
    if there and name not in session.config.targets:
        keys = f" (its keys: {', '.join(adapter.settings)})" if adapter.settings else ""
        notes.append(f"{there} stays as it is; for the target {name}, add a table [targets.{name}]{keys}")
    elif there:
        notes.append(f"{there} is there and stays as it is")
    found = steps(session, app, name, kind, adapter)
    return Plan(prepare=tuple(found), notes=tuple(notes), warnings=app.warnings)
