"""List the adapters that are installed and the targets that are configured."""

from __future__ import annotations

from typing import Any

import click

from paasctl import target as adapters
from paasctl.cli import options
from paasctl.cli.base import Command, Invocation
from paasctl.console import Console
from paasctl.errors import PaasctlError
from paasctl.session import Session


@click.command(cls=Command)
@options.as_json
@click.pass_obj
def targets(invocation: Invocation, as_json: bool) -> None:
    """List installed adapters with what each can do, and configured targets."""
    console = invocation.console
    session = options.start(invocation)
    found = [_adapter(name) for name in sorted(adapters.installed())]
    configured = [{"name": name, "adapter": each.adapter} for name, each in session.config.targets.items()]
    if as_json:
        console.json({"adapters": found, "targets": configured})
        return
    _show_adapters(console, found)
    _show_targets(console, session)


def _adapter(name: str) -> dict[str, Any]:
    """One adapter; a broken plug-in is reported and the others are listed all the same."""
    try:
        adapter = adapters.load(name)
        abilities = {operation: adapter.abilities.get(operation, "not offered") for operation in adapters.OPERATIONS}
        return {"name": name, "summary": adapter.summary, "abilities": abilities}
    except PaasctlError as error:
        return {"name": name, "error": error.message, "hint": error.hint}


def _show_adapters(console: Console, found: list[dict[str, Any]]) -> None:
    rows = []
    for adapter in found:
        if "error" in adapter:
            console.warn(f"{adapter['error']}; {adapter['hint']}")
            continue
        able = [operation for operation, instead in adapter["abilities"].items() if not instead]
        rows.append((adapter["name"], adapter["summary"], " ".join(["push", "env", *able])))
    console.table(("ADAPTER", "WHAT IT IS", "ABILITIES"), rows)
    if console.verbosity:
        for adapter in found:
            for operation, instead in adapter.get("abilities", {}).items():
                if instead:
                    console.out(f"{adapter['name']} {operation}: {instead}", "dim")


def _show_targets(console: Console, session: Session) -> None:
    console.out()
    if session.config.targets:
        console.table(("TARGET", "ADAPTER"), [(name, each.adapter) for name, each in session.config.targets.items()])
    else:
        console.out(
            "no target is configured; `paasctl push` takes local, and `paasctl init TARGET` writes paasctl.toml"
        )
