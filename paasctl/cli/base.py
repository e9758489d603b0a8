"""Commands that are imported when they are used, and the one place where a failure becomes words and an exit code."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from paasctl.cli import failures
from paasctl.console import Console


@dataclass
class Invocation:
    """One run of the program: where it looks, and to whom it talks."""

    console: Console = field(default_factory=Console)
    root: Path = field(default_factory=Path)


class Command(click.Command):
    """A command that takes ``-v`` behind its name too, and whose exit code is what its function returns."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.params.append(verbose())

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--json" in args and any(parameter.name == "as_json" for parameter in self.params):
            ctx.ensure_object(Invocation).console.wants_json = True  # also when the rest of the words is wrong
        return super().parse_args(ctx, args)


def verbose() -> click.Option:
    """The ``-v`` option; ``-vv`` shows tracebacks."""
    return click.Option(
        ["-v", "--verbose"],
        count=True,
        expose_value=False,
        callback=_louder,
        help="Say where things come from; -vv shows tracebacks.",
    )


def _louder(context: click.Context, _parameter: click.Parameter, count: int) -> None:
    context.ensure_object(Invocation).console.verbosity += count


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used, and not for the list of commands.

    ``lazy`` maps a command's name to ``(module:attribute, its line in the list of commands)``.
    """

    command_class = Command

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.lazy = dict(lazy or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, line) for name, (_, line) in self.lazy.items()]
        rows += [(name, command.get_short_help_str(80)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self.list_commands(ctx) and not name.startswith("-"):
            near = difflib.get_close_matches(name, self.list_commands(ctx), n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Commands: {', '.join(self.list_commands(ctx))}."
            raise click.UsageError(f"There is no command {name!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)


class Program(LazyGroup):
    """The top of the command line. Its :meth:`main` never shows a traceback unless asked for with ``-vv``."""

    def main(  # type: ignore[override]  # click's overloads say whether it returns
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> int:
        """Run and exit; with ``standalone_mode=False`` return the exit code instead."""
        invocation = Invocation()
        extra |= {"obj": invocation, "complete_var": complete_var, "standalone_mode": False}
        run = super().main
        code = _guarded(invocation, lambda: run(args, prog_name or "paasctl", **extra))
        if standalone_mode:
            sys.exit(code)
        return code

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # before click, which would make exit 1 of it
            return failures.tell(ctx.ensure_object(Invocation).console, Path(), error)


def _guarded(invocation: Invocation, run: Callable[[], Any]) -> int:
    try:
        code = run()
    except (KeyboardInterrupt, Exception) as error:
        return failures.report(invocation.console, invocation.root, error)
    return code if isinstance(code, int) else 0
