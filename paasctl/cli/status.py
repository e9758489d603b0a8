"""Say how an app is doing on its targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from paasctl.cli import failures, options
from paasctl.cli.base import Command, Invocation
from paasctl.cli.releases import commit, document, when
from paasctl.console import Console, working
from paasctl.errors import PaasctlError
from paasctl.model import Observed, Status
from paasctl.session import Session, connect


@click.command(cls=Command)
@options.some_targets
@options.all_targets
@options.as_json
@click.pass_obj
def status(invocation: Invocation, asked: Sequence[str], every: bool, as_json: bool) -> int:
    """Show release, health, drift and processes."""
    console = invocation.console
    session = options.start(invocation)
    codes, documents = [], []
    for name in options.choose_several(session, console, asked, every):
        try:
            found, drift = _read(session, console, name)
        except PaasctlError as error:
            codes.append(failures.tell(console, session.root, error))
            documents.append({"target": name, "error": error.message, "hint": error.hint})
            continue
        documents.append(_document(name, found, drift))
        if not as_json:
            _show(console, name, found, drift)
    if as_json:
        console.json({"targets": documents})
    return failures.worst(codes)


def _read(session: Session, console: Console, name: str) -> tuple[Status, tuple[str, ...]]:
    with connect(session, name) as connection, working(console, f"looking at {name}"):
        operations = connection.operations("status")
        observed = connection.observe()  # first: what the processes say may hold values of the live env
        return operations.status(), drifted(observed)


def drifted(observed: Observed) -> tuple[str, ...]:
    """The names that paasctl wrote and somebody else has changed or removed since."""
    manifest = observed.manifest
    if manifest is None:
        return ()
    return tuple(
        name
        for name, entry in sorted(manifest.entries.items())
        if name not in observed.env or manifest.digest(name, observed.env[name]) != entry.digest
    )


def _document(name: str, found: Status, drift: tuple[str, ...]) -> dict[str, Any]:
    return {
        "target": name,
        "exists": found.exists,
        "url": found.url,
        "healthy": found.healthy,
        "health": found.health,
        "release": document(found.live),
        "drift": list(drift),
        "processes": [
            {
                "name": process.name,
                "state": process.state,
                "since": process.since.isoformat() if process.since else None,
                "detail": process.detail,
            }
            for process in found.processes
        ],
        "facts": dict(found.facts),
        "warnings": list(found.warnings),
        "kept": found.kept,
    }


def _show(console: Console, name: str, found: Status, drift: tuple[str, ...]) -> None:
    console.out(name, "bold")
    if not found.exists:
        kept = f"nothing is live; data of an earlier push is in {found.kept} (`paasctl down {name} --purge` removes it)"
        console.out("  " + (kept if found.kept else f"nothing was pushed yet; `paasctl push {name}` does it"))
        return
    for word, text in _lines(found, drift):
        console.out(f"  {word:<9} {text}")
    for process in found.processes:
        since = f"since {when(process.since)}" if process.since else ""
        words = ", ".join(word for word in (process.state, since, process.detail) if word)
        console.out(f"  {process.name:<9} {words}")
    for warning in found.warnings:
        console.warn(warning)


def _lines(found: Status, drift: tuple[str, ...]) -> list[tuple[str, str]]:
    lines = []
    if found.live is not None:
        live = found.live
        code = f", commit {commit(live)}" if live.commit else ""
        lines.append(("release", f"{live.id} by {live.who}, {when(live.when)}{code}"))
    health = {True: "healthy", False: "NOT healthy", None: "unknown"}[found.healthy]
    lines.append(("health", f"{health} ({found.health})" if found.health else health))
    if drift:
        lines.append(("drift", f"{', '.join(drift)} changed on the target; `paasctl env diff` shows more"))
    lines += found.facts.items()
    if found.url:
        lines.append(("url", found.url))
    return lines
