"""List releases, and go back to one."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import click

from paasctl.cli import options
from paasctl.cli.base import Command, Invocation
from paasctl.cli.operate import change
from paasctl.console import working
from paasctl.errors import UsageError
from paasctl.model import Observed, Plan, Release
from paasctl.session import Connection, Session, connect


def when(moment: datetime) -> str:
    """A moment as people read it: local time, to the minute."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M")


def document(release: Release | None) -> dict[str, Any] | None:
    """A release as JSON."""
    if release is None:
        return None
    return {
        "id": release.id,
        "when": release.when.isoformat(),
        "who": release.who,
        "state": release.state,
        "commit": release.commit,
        "dirty": release.dirty,
        "unpushed": release.unpushed,
        "digest": release.digest,
        "note": release.note,
    }


def commit(release: Release) -> str:
    """The short commit, with a + where uncommitted changes were pushed too."""
    return release.commit[:10] + ("+" if release.dirty else "")


def _age(release: Release) -> tuple[datetime, int]:
    """Sorts releases; within a second (the clock of some platforms) by the number in their ids."""
    number = re.search(r"\d+\Z", release.id)
    return release.when, int(number[0]) if number else 0


@click.command(cls=Command)
@options.one_target
@options.as_json
@click.pass_obj
def releases(invocation: Invocation, target: str | None, as_json: bool) -> None:
    """List what was made live on a target, the newest first: id, when, who, commit, digest, state."""
    console = invocation.console
    session = options.start(invocation)
    name = options.choose(session, console, target)
    with connect(session, name) as connection, working(console, f"looking at {name}"):
        found = sorted(connection.operations("releases").releases(), key=_age, reverse=True)
    if as_json:
        console.json({"target": name, "releases": [document(release) for release in found]})
    elif not found:
        console.out(f"nothing was pushed to {name} yet")
    else:
        rows = [(r.id, when(r.when), r.who, commit(r), r.digest[:10], r.state, r.note) for r in found]
        console.table(("ID", "WHEN", "WHO", "COMMIT", "DIGEST", "STATE", "NOTE"), rows)


def _is_release(session: Session, word: str) -> bool:
    """Whether a word in the target's place is a release's id: a letter and a number, and no target."""
    return re.fullmatch(r"[a-z]\d+", word) is not None and word not in session.names()


@click.command(cls=Command)
@options.one_target
@click.argument("release", metavar="[ID]", required=False)
@options.changing
@click.pass_obj
def rollback(invocation: Invocation, target: str | None, release: str | None, yes: bool, dry_run: bool) -> None:
    """Bring back the previous good release, or the one with that ID: code and env together."""
    session = options.start(invocation)
    if target is not None and release is None and _is_release(session, target):
        words = " ".join(("paasctl rollback", session.names()[0], target))
        raise UsageError(f"{target} is a release, and the target comes before it", hint=f"`{words}`")

    def plan(connection: Connection, observed: Observed) -> Plan:
        return connection.operations("rollback").rollback(observed, release)

    done = change(invocation, target, plan, "Roll {app} on {target} back?", yes=yes, dry_run=dry_run)
    if done is not None:
        invocation.console.note("the env went back too, so .env may be newer; `paasctl env diff` shows the difference")
        invocation.console.out(f"rolled back: {done.url}" if done.url else "rolled back")
