"""Options that several commands share, and the choice of the target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from paasctl import console as consoles
from paasctl import session as sessions
from paasctl.cli.base import Invocation
from paasctl.console import Console
from paasctl.errors import UsageError
from paasctl.session import Session

F = TypeVar("F", bound=Callable[..., Any])

yes = click.option("-y", "--yes", is_flag=True, help="Do not ask; accept the plan.")
dry_run = click.option("-n", "--dry-run", is_flag=True, help="Show the steps and change nothing.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document for programs.")
all_targets = click.option("--all", "every", is_flag=True, help="Take all configured targets.")
one_target = click.argument("target", required=False)
some_targets = click.argument("asked", metavar="[TARGET]...", nargs=-1)


def changing(function: F) -> F:
    """The options of every command that changes something."""
    return yes(dry_run(function))


def start(invocation: Invocation) -> Session:
    """Read the configuration of the app that the command line points at."""
    return sessions.start(invocation.root, invocation.console.redactor)


def choose(session: Session, console: Console, asked: str | None) -> str:
    """One target: the one that was asked for, the only one that is configured, or the answer to a question.

    Raises:
        UsageError: several are configured and nobody can be asked.
    """
    if asked is not None:
        return sessions.several(session, [asked])[0]
    names = session.names()
    if len(names) == 1:
        return names[0]
    if not consoles.is_interactive():
        raise UsageError("several targets are configured; say which one", hint=f"configured: {', '.join(names)}")
    return console.pick("target", names)


def choose_several(session: Session, console: Console, asked: Sequence[str], every: bool) -> tuple[str, ...]:
    """The targets that were asked for; ``--all`` takes every configured one, and nothing asks as :func:`choose`.

    Raises:
        UsageError: names and ``--all`` together; several are configured and nobody can be asked.
    """
    if asked and every:
        raise UsageError("--all takes every configured target; name none beside it", hint="leave out one of the two")
    if every:
        return session.names()
    if asked:
        return sessions.several(session, asked)
    try:
        return (choose(session, console, None),)
    except UsageError as error:
        raise UsageError(error.message, hint=f"{error.hint}; --all takes all of them") from None
