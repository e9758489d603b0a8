"""The command line: words in, exit code out."""

from __future__ import annotations

import gc
import signal
import sys
from pathlib import Path
from typing import NoReturn

import click

from paasctl import __version__
from paasctl.cli.base import Invocation, Program, verbose

COMMANDS = {
    "init": ("paasctl.cli.init:init", "Detect the app and write paasctl.toml; asks before it writes."),
    "push": ("paasctl.cli.push:push", "Sync env and code: plan, confirm, apply, verify."),
    "env": ("paasctl.cli.env:env", "Compare and sync the environment variables."),
    "releases": ("paasctl.cli.releases:releases", "List what was made live on a target."),
    "rollback": ("paasctl.cli.releases:rollback", "Bring back the previous good release: code and env."),
    "logs": ("paasctl.cli.logs:logs", "Show an app's logs."),
    "run": ("paasctl.cli.run:run", "Run a one-off command in the release's env."),
    "status": ("paasctl.cli.status:status", "Show release, health, drift and processes."),
    "restart": ("paasctl.cli.operate:restart", "Restart the app's processes."),
    "open": ("paasctl.cli.operate:open_", "Open the site in a browser."),
    "unlock": ("paasctl.cli.operate:unlock", "End the command that holds the lock of an app."),
    "down": ("paasctl.cli.operate:down", "Take the app off a target; its data is kept."),
    "targets": ("paasctl.cli.targets:targets", "List installed adapters and configured targets."),
    "doctor": ("paasctl.cli.doctor:doctor", "Check config, credentials, reachability and versions."),
    "setup": ("paasctl.cli.setup:setup", "Prepare a bare Linux host."),
}


@click.group(cls=Program, lazy=COMMANDS, no_args_is_help=False, invoke_without_command=True)
@click.version_option(__version__, prog_name="paasctl", message="%(prog)s %(version)s")
@click.option(
    "-C",
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Work on the app in DIR instead of the current folder.",
)
@click.pass_context
def cli(context: click.Context, directory: Path) -> None:
    """Push a Python web app and its environment to Heroku, PythonAnywhere or a Linux host with one command."""
    context.ensure_object(Invocation).root = directory.resolve()
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


cli.params.append(verbose())

#: New objects before garbage is looked for: what was imported is none, and looking takes a third of a short command.
_NEW_OBJECTS = 50_000


def main() -> NoReturn:
    """Run the program and exit. A signal that asks to stop is treated like Ctrl-C, so that an undo still runs."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _interrupt)
    gc.set_threshold(_NEW_OBJECTS)
    try:
        sys.exit(cli.main(standalone_mode=False))
    finally:
        gc.freeze()  # nor at the exit


def _interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


__all__ = ["cli", "main"]
