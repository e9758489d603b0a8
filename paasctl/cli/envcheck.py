"""``paasctl env check``: the env files against ``.env.example``, without any network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from paasctl import config as configuration
from paasctl import dotenv, git, pipeline, rules
from paasctl.cli import failures, options
from paasctl.cli.base import Command, Invocation
from paasctl.console import Console
from paasctl.errors import Difference, PaasctlError, UsageError
from paasctl.model import Env
from paasctl.rules import Comparison
from paasctl.secret import Secret
from paasctl.session import Session, adapter_of, several


@click.command(cls=Command)
@options.some_targets
@options.all_targets
@options.as_json
@click.pass_obj
def check(invocation: Invocation, asked: Sequence[str], every: bool, as_json: bool) -> int:
    """Read the env files of the targets (of all, when none is named), and compare them with .env.example.

    For a target that is named, the values are judged as a push does it. Exits 3 when a name of the example is missing
    or has no value; a name beyond the example is only mentioned.
    """
    console = invocation.console
    console.quiet_stdout = as_json
    session = options.start(invocation)
    examples = dotenv.read_example(session.root)
    codes, documents = [], []
    chosen = session.names() if every or not asked else several(session, asked)
    for name in chosen:
        try:
            env = _read(session, name)
            compared = rules.compare(env, examples) if examples is not None else Comparison((), (), ())
            warnings = _fit(session, name, env) if name in asked else ()
        except UsageError as error:
            codes.append(failures.tell(console, session.root, error))
            documents.append({"target": name, "error": error.message, "hint": error.hint})
            continue
        for warning in warnings:
            console.warn(warning)
        documents.append(_document(name, env, compared))
        codes.append(_show(console, session, name, env, compared, examples))
    if as_json:
        console.json({"targets": documents})
    return failures.worst(codes)


def _read(session: Session, name: str) -> Env:
    settings = configuration.target(session.config, name)
    files, origin = configuration.env_files(session.config, settings)
    env = dotenv.read(session.root, files, name, origin)
    session.redactor.learn(env.values.values())
    return env


def _fit(session: Session, name: str, env: Env) -> tuple[str, ...]:
    """Warnings about the values, for this target; what it owns itself is not known without asking it.

    Raises:
        UsageError: a push would be refused.
    """
    settings = configuration.target(session.config, name)
    try:
        facts = getattr(adapter_of(session, settings), "facts", None)
    except PaasctlError as error:
        return (f"whether the values are fit for {name} is not known: {error.message}",)
    if facts is None:
        return (f"whether the values are fit for {name} only `paasctl doctor {name}` knows, which connects to it",)
    try:
        return pipeline.judge(session, settings, facts, env)
    except UsageError as error:
        known = f"`paasctl doctor {name}` leaves out the names that somebody else owns there"
        raise UsageError(error.message, hint=f"{error.hint}; {known}" if error.hint else known) from error


def _document(name: str, env: Env, compared: Comparison) -> dict[str, Any]:
    return {
        "target": name,
        "files": list(env.files),
        "missing": list(compared.missing),
        "empty": list(compared.empty),
        "unknown": list(compared.unknown),
    }


def _show(
    console: Console,
    session: Session,
    name: str,
    env: Env,
    compared: Comparison,
    examples: dict[str, Secret] | None,
) -> int:
    for warning in (*env.warnings, *git.env_warnings(session.root, env.files)):
        console.warn(warning)
    files = ", ".join(env.files) or "no env file"
    for mark, text, found in (
        ("-", "in .env.example, not here", compared.missing),
        ("~", "has no value", compared.empty),
        ("+", "not in .env.example", compared.unknown),
    ):
        for each in found:
            console.out(f"  {mark} {each} ({text})")
    if compared.missing or compared.empty:
        wanting = ", ".join((*compared.missing, *compared.empty))
        error = Difference(f"{name}: {files} and .env.example differ", hint=f"give a value in .env to {wanting}")
        return failures.tell(console, session.root, error)
    beside = "well-formed; there is no .env.example to compare it with" if examples is None else "complete"
    console.out(f"{name}: {files} is {beside}" if env.files else f"{name}: {files}")
    return 0
