"""docs/commands.md names every command, option and exit code; the short texts agree with the commands' own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from paasctl.cli import cli
from paasctl.cli.base import LazyGroup

DOCS = (Path(__file__).parents[2] / "docs" / "commands.md").read_text("utf-8")


def commands(group: click.Group, path: str = "paasctl") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")


ALL = dict(commands(cli))


def section(path: str) -> str:
    """The part of the page below a command's heading, up to the next heading of any level."""
    match = re.search(rf"^##+ {re.escape(path)}(?: [^\n]*)?\n(.*?)(?=^##|\Z)", DOCS, re.MULTILINE | re.DOTALL)
    assert match, f"there is no section for {path}"
    return match[1]


@pytest.mark.parametrize("path", ALL)
def test_every_option_stands_in_its_commands_section(path: str) -> None:
    text = section(path)
    for parameter in ALL[path].params:
        if isinstance(parameter, click.Option) and parameter.name != "verbose":
            for option in (*parameter.opts, *parameter.secondary_opts):
                assert re.search(rf"(?<![\w-]){re.escape(option)}(?![\w-])", text), f"{option} of {path}"


def test_the_options_of_the_program_are_there() -> None:
    for parameter in cli.params:
        for option in parameter.opts:
            assert f"`{option}" in DOCS, option


def test_there_is_no_section_for_a_command_that_is_gone() -> None:
    headings = re.findall(r"^##+ (paasctl(?: [a-z]+)*)", DOCS, re.MULTILINE)
    assert sorted(headings) == sorted(ALL)


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 5, 130])
def test_every_exit_code_is_there(code: int) -> None:
    assert re.search(rf"^\| {code} \|", DOCS, re.MULTILINE)


@pytest.mark.parametrize("path", ALL)
def test_every_command_explains_itself(path: str) -> None:
    command = ALL[path]
    assert command.help
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, f"{parameter.name} of {path}"


def test_the_lists_of_commands_are_whole() -> None:
    for group in [cli, *(command for command in ALL.values() if isinstance(command, LazyGroup))]:
        shown = group.get_help(click.Context(group))
        for name, (_, line) in group.lazy.items():
            assert name in shown and line.split()[0] in shown
