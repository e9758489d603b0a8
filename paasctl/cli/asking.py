"""The questions about an env: per name with a conflict, and about deletions, which need their own yes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from paasctl import console as consoles
from paasctl import pipeline, sync
from paasctl.changes import NameChange
from paasctl.cli import names
from paasctl.cli.failures import Declined
from paasctl.console import Console
from paasctl.errors import Conflict
from paasctl.pipeline import Prepared
from paasctl.session import Connection, Session
from paasctl.sync import Answer

if TYPE_CHECKING:
    from paasctl.project import Choose

CHOICES: tuple[Answer, ...] = ("ours", "theirs", "skip")


def chooser(console: Console) -> Choose | None:
    """Who is asked which entry point is meant; None where nobody can be."""
    return console.pick if consoles.is_interactive() else None


def settle(session: Session, connection: Connection, console: Console, prepared: Prepared) -> Prepared:
    """Answer every conflict (and, in a sync, drift): by the user at a terminal, else by stopping.

    Raises:
        Conflict: nobody can be asked, or this is a push.
    """
    blocked = prepared.changes.blocked
    if not blocked or prepared.request.mode != "sync" or not consoles.is_interactive():
        sync.require_settled(prepared.changes)
        return prepared
    console.err(f"{connection.name} and the env file differ; ours is the file's value, theirs the target's")
    answers = {change.name: ask(console, change) for change in blocked}
    return pipeline.decide(session, connection, prepared, replace(prepared.request, answers=answers))


def ask(console: Console, change: NameChange) -> Answer:
    """Ask what to do with one name."""
    console.err(f"! {names.words(change)}", "bold magenta")
    answer = console.pick(change.name, CHOICES)
    return next(choice for choice in CHOICES if choice == answer)


def deletions(session: Session, connection: Connection, console: Console, prepared: Prepared, yes: bool) -> Prepared:
    """Get the yes that deletions need for themselves; without it they are held back.

    Raises:
        UsageError: nobody can be asked, and ``--delete`` (``--force`` too, for many) was not given.
        Declined: the app's name was not typed, or the answer was no and there is nothing else to do.
    """
    request, changes = prepared.request, prepared.changes
    doomed = [change.name for change in changes.named("delete") if not change.value]
    if not doomed:
        return prepared
    if yes or not consoles.is_interactive():
        sync.guard(changes, delete=request.delete, force=request.force)
        return prepared
    if not request.delete:
        if not console.confirm(f"Delete {', '.join(doomed)} on {connection.name}?"):
            return _without(prepared)
        prepared = pipeline.decide(session, connection, prepared, replace(request, delete=True))
    if changes.mass_deletion and not request.force:
        _type_the_name(console, connection, len(doomed), changes.before)
    return prepared


def _without(prepared: Prepared) -> Prepared:
    """The names stay, and the rest goes on.

    Raises:
        Declined: there is no rest.
    """
    if not prepared.plan:
        raise Declined
    return prepared


def _type_the_name(console: Console, connection: Connection, count: int, of: int) -> None:
    console.warn(f"{count} of {of} names on {connection.name} would be deleted; is this the right .env?")
    if console.ask(f"type the app's name ({connection.app}) to go on").strip() != connection.app:
        raise Declined


def require_no_rest(prepared: Prepared) -> None:
    """After a sync that left names as they were at the user's wish.

    Raises:
        Conflict: names them; the rest is done.
    """
    left = [change.name for change in prepared.changes.unresolved]
    if left and prepared.request.mode == "sync":
        raise Conflict(
            f"{', '.join(left)} still differ, as you wished; everything else is in sync",
            hint="`paasctl env diff` shows them",
        )
