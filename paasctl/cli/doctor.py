"""``paasctl doctor``: look at everything that a push needs; every finding says what to do."""

from __future__ import annotations

from collections.abc import Sequence

import click

from paasctl.cli import failures, options
from paasctl.cli.base import Command, Invocation
from paasctl.cli.checkup import Checkup, Finding
from paasctl.console import Console

WORDS = {"ok": "green", "warning": "yellow", "error": "bold red"}


@click.command(cls=Command)
@options.some_targets
@options.as_json
@click.pass_obj
def doctor(invocation: Invocation, asked: Sequence[str], as_json: bool) -> int:
    """Check config, app, env files, credentials, reachability, Python versions and disk; changes nothing.

    Looks at all configured targets when none is named. Exits 0 when no finding is an error.
    """
    console = invocation.console
    console.quiet_stdout = as_json
    checkup = Checkup(invocation.root, console.redactor)
    findings: list[Finding] = []
    for finding in checkup.run(asked):
        findings.append(finding)
        _show(console, finding)
    if as_json:
        console.json({"findings": [finding.document() for finding in findings]})
    return failures.worst([finding.code for finding in findings])


def _show(console: Console, finding: Finding) -> None:
    console.out(f"{finding.state:<8} {finding.check}: {finding.message}", WORDS[finding.state])
    if finding.hint:
        console.out(f"         {finding.hint}", "cyan")
