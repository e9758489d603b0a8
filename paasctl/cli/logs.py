"""Show an app's logs."""

from __future__ import annotations

import click

from paasctl.cli import options
from paasctl.cli.base import Command, Invocation
from paasctl.cli.failures import INTERRUPTED
from paasctl.errors import UsageError
from paasctl.session import Connection, connect


@click.command(cls=Command)
@options.one_target
@click.option("-f", "--follow", is_flag=True, help="Keep showing new lines until Ctrl-C.")
@click.option("-n", "--lines", type=click.IntRange(min=0), default=100, metavar="N", help="Start N lines back (100).")
@click.option("--process", metavar="NAME", help="Only this process of the Procfile, for example web.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document per line.")
@click.pass_obj
def logs(
    invocation: Invocation, target: str | None, follow: bool, lines: int, process: str | None, as_json: bool
) -> int:
    """Show the last lines of an app's logs; values of .env and of the live env in them are masked."""
    try:
        _show(invocation, target, follow, lines, process, as_json)
    except KeyboardInterrupt:
        if not follow:
            raise
        return INTERRUPTED  # the way out of -f: nothing to say
    return 0


def _show(
    invocation: Invocation, target: str | None, follow: bool, lines: int, process: str | None, as_json: bool
) -> None:
    console = invocation.console
    session = options.start(invocation)
    console.redactor.learn_files(session.root)
    name = options.choose(session, console, target)
    with connect(session, name) as connection:
        operations = connection.operations("logs")
        connection.observe(code=False)  # .env may be absent, or newer than what is live
        number = 0
        for number, line in enumerate(operations.logs(process, lines, follow), start=1):  # noqa: B007
            if as_json:
                console.json_line({"process": line.process, "text": line.text})
            else:
                console.raw(f"{line.process} | {line.text}" if line.process else line.text)
        if process and not number:
            _require_process(connection, process)


def _require_process(connection: Connection, process: str) -> None:
    """Where a process has no lines, and the target tells which it has, say that it is not one of them.

    Raises:
        UsageError: names the processes.
    """
    if connection.adapter.abilities.get("status", "no"):
        return
    names = [each.name for each in connection.operations("status").status().processes]
    kinds = list(dict.fromkeys(name.partition(".")[0] for name in names))
    if kinds and process not in (*names, *kinds):
        raise UsageError(f"there is no process {process!r}", hint=f"its processes: {', '.join(kinds)}")
