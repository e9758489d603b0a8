"""Run a plan: prepare, commit, verify, finish, and the undo of a release that is not healthy."""

from __future__ import annotations

from typing import Protocol

from paasctl.errors import HalfApplied, PaasctlError
from paasctl.model import Plan, Step


class Report(Protocol):
    """Who is told how a push is going; the console, or a test."""

    def started(self, step: Step, number: int, of: int) -> None: ...

    def say(self, line: str) -> None: ...

    def undoing(self, step: Step) -> None: ...

    def undid(self, step: Step) -> None:
        """The undo came to its end; without this it was cut short."""


def apply(plan: Plan, report: Report) -> None:
    """Run every step of a plan in order.

    A failure (or Ctrl-C) in ``prepare`` leaves the target as it was. One in ``commit`` or ``verify`` runs the plan's
    undo and is raised again; one in ``finish`` leaves the new release live.

    Raises:
        PaasctlError: a step failed and the target is as it was.
        HalfApplied: a step failed and could not be undone, or the clean-up after a good release failed.
        KeyboardInterrupt: interrupted; what had been committed is undone unless the plan keeps it.
    """
    run = _Run(plan, report)
    run.steps(plan.prepare)
    try:
        run.steps(plan.commit)
        run.steps(plan.verify)
    except KeyboardInterrupt:
        if not plan.keep_on_interrupt():
            run.undo("interrupted")
        raise
    except Exception as error:  # an adapter's bug must not leave a broken release live either
        run.undo(str(error), getattr(error, "output", ""))
        if isinstance(error, PaasctlError) and plan.undone:
            error.message += f"; {plan.undone}"
        raise
    try:
        run.steps(plan.finish)
    except PaasctlError as error:
        raise HalfApplied(
            f"the new release is live, but cleaning up after it failed: {error.message}",
            hint=error.hint or "run the same command again; it finishes the rest",
            output=error.output,
        ) from error


class _Run:
    """One walk through a plan's steps, counted over all phases."""

    def __init__(self, plan: Plan, report: Report) -> None:
        self._plan, self._report = plan, report
        self._number, self._of = 0, len(plan.steps)

    def steps(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            self._number += 1
            self._report.started(step, self._number, self._of)
            step.do(self._report.say)

    def undo(self, reason: str, output: str = "") -> None:
        undo = self._plan.undo
        if undo is None:
            raise HalfApplied(
                f"{reason}; this target cannot switch back by itself",
                hint="run the same command again; it continues where this one stopped",
                output=output,
            )
        self._report.undoing(undo)
        try:
            undo.do(self._report.say)
        except Exception as error:
            told = error.message if isinstance(error, PaasctlError) else type(error).__name__
            own = getattr(error, "hint", "")
            raise HalfApplied(
                f"{reason}; switching back failed too: {told}",
                hint=self._plan.again or own or "run the same command again; it finishes or undoes the rest",
                output=output or getattr(error, "output", ""),
            ) from error
        self._report.undid(undo)
