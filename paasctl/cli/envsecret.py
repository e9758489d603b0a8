"""``paasctl env secret``: a random key, put into ``.env`` and never printed."""

from __future__ import annotations

import click

from paasctl import dotenv, envfile
from paasctl.cli import options, plans
from paasctl.cli.base import Command, Invocation
from paasctl.cli.envwrite import write_back
from paasctl.errors import UsageError
from paasctl.session import Session

FILE = ".env"


@click.command(cls=Command)
@click.argument("name", default="SECRET_KEY")
@options.changing
@click.pass_obj
def secret(invocation: Invocation, name: str, yes: bool, dry_run: bool) -> None:
    """Put a fresh random value for NAME (SECRET_KEY) into .env; it is never printed."""
    console = invocation.console
    if not dotenv.NAME.match(name):
        raise UsageError(f"{name!r} is not a name", hint="letters, digits and _, not beginning with a digit")
    session = options.start(invocation)
    fresh = not _has_value(session, name)
    console.out(f"  {'+' if fresh else '~'} {name} in {FILE}")
    if dry_run:
        return
    if not fresh:
        console.warn(f"{name} has a value; what was signed with it (sessions, tokens) becomes invalid")
        plans.ask(console, f"Replace {name} in {FILE}?", yes=yes)
    value = envfile.random_secret()
    console.redactor.learn([value])
    write_back(session, console, (FILE,), {name: value})


def _has_value(session: Session, name: str) -> bool:
    path = session.root / FILE
    if not path.exists():
        return False
    values = dotenv.parse(path.read_bytes(), FILE).values
    session.redactor.learn(values.values())
    return name in values and bool(values[name].reveal())
