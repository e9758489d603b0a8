"""Show a plan, ask about it, and run it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from paasctl import console as consoles
from paasctl import push
from paasctl.cli.failures import NOTHING_CHANGED, Declined, Interrupted
from paasctl.console import Console, Progress
from paasctl.errors import PaasctlError, UsageError
from paasctl.model import Plan


def show(console: Console, plan: Plan) -> None:
    """The steps in the order in which they run, then what is worth knowing about them."""
    for number, step in enumerate(plan.steps, start=1):
        console.out(f"  {number}. {step.title}")
        for detail in step.details:
            console.out(f"       {detail}", "dim")
    remarks(console, plan.notes, plan.warnings)


def remarks(console: Console, notes: tuple[str, ...], warnings: tuple[str, ...]) -> None:
    """Sentences beside a plan; they are talk, so they go to stderr."""
    for note in dict.fromkeys(notes):
        console.note(note)
    for warning in dict.fromkeys(warnings):
        console.warn(warning)


def document(plan: Plan) -> dict[str, Any]:
    """A plan as JSON: its steps with their phases, notes, warnings and URL."""
    phases = {"prepare": plan.prepare, "commit": plan.commit, "verify": plan.verify, "finish": plan.finish}
    return {
        "steps": [
            {"phase": phase, "title": step.title, "details": list(step.details)}
            for phase, steps in phases.items()
            for step in steps
        ],
        "notes": list(plan.notes),
        "warnings": list(plan.warnings),
        "url": plan.url,
    }


def ask(
    console: Console, question: str, *, yes: bool, accept: str = "--yes accepts it, --dry-run only shows it"
) -> None:
    """Go on only with a yes.

    Raises:
        UsageError: nobody can be asked, and ``--yes`` was not given.
        Declined: the answer was no.
    """
    if yes:
        return
    if not consoles.is_interactive():
        raise UsageError(f"this plan needs a yes, and nobody can be asked here; {NOTHING_CHANGED}", hint=accept)
    if not console.confirm(question):
        raise Declined


def run(console: Console, plan: Plan) -> None:
    """Run a plan's steps.

    Raises:
        PaasctlError: as :func:`paasctl.push.apply`.
        Interrupted: Ctrl-C, with the state that it left behind.
    """
    progress = Progress(console)
    try:
        push.apply(plan, progress)
        console.changed = True
    except KeyboardInterrupt:
        raise Interrupted(_state(plan, progress)) from None
    finally:
        console.idle()


def late_warnings(console: Console, plan: Plan) -> None:
    """What is worth a warning once a plan has run. That the target cannot be asked any more does not undo it."""
    with suppress(PaasctlError):
        for warning in plan.late_warnings():
            console.warn(warning)


def _state(plan: Plan, progress: Progress) -> str:
    if progress.number <= len(plan.prepare):
        left = [step.leaves for step in plan.prepare[: progress.number] if step.leaves]
        return f"interrupted; {left[-1]}" if left else f"interrupted; {NOTHING_CHANGED} that a visitor would see"
    if progress.undone:
        return "; ".join(("interrupted", "what had begun was undone", *([plan.undone] if plan.undone else [])))
    again = plan.again or "run the same command again, it finishes or undoes the rest"
    if progress.is_undoing:
        return f"interrupted while it was switching back; {again}"
    if progress.number > len(plan.steps) - len(plan.finish):
        return "interrupted; the change is live, and the same command cleans up the rest"
    return plan.keep_on_interrupt() or f"interrupted; {again}"
