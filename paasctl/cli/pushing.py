"""Pushes and syncs of one or several targets: look at all of them, then act on one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import click

from paasctl import pipeline, seen, sync
from paasctl.cli import asking, failures, looks, names, options, plans, testrun, waiting
from paasctl.cli.base import Invocation
from paasctl.cli.envwrite import write_back
from paasctl.console import Console, working
from paasctl.errors import Busy, Conflict, Difference, PaasctlError
from paasctl.pipeline import Prepared, Request
from paasctl.seen import Seen
from paasctl.session import Connection, Session, connect

NOTHING = "nothing to do"
WAIT_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the user wants it done."""

    yes: bool = False
    dry_run: bool = False
    check: bool = False
    wait: bool = False


@dataclass(slots=True)
class Outcome:
    """What became of one target, for ``--json`` and the exit code."""

    target: str
    result: str = "failed"
    code: int = 0
    connection: Connection | None = None
    prepared: Prepared | None = None
    error: str = ""
    hint: str = ""

    def document(self) -> dict[str, Any]:
        """As JSON; see docs/commands.md."""
        found: dict[str, Any] = {"target": self.target, "result": self.result, "exit_code": self.code}
        if self.prepared is not None:
            found["env"] = names.document(self.prepared.changes.names)
            found |= plans.document(self.prepared.plan)
            if looks.tested(self.prepared):
                found["test"] = self.prepared.desired.app.test
            found["notes"] = [*self.prepared.notes, *found["notes"]]
            found["warnings"] = [*self.prepared.warnings, *found["warnings"]]
        if self.error:
            found |= {"error": self.error, "hint": self.hint}
        return found


@dataclass(slots=True)
class Run:
    """One command over all its targets."""

    console: Console
    session: Session
    request: Request
    wishes: Wishes
    stack: ExitStack
    tested: bool = False
    outcomes: list[Outcome] = field(default_factory=list)


def push_all(
    invocation: Invocation, asked: Sequence[str], every: bool, request: Request, wishes: Wishes, as_json: bool
) -> int:
    """Push or sync every target that was asked for; the exit code is the worst of them."""
    console = invocation.console
    console.quiet_stdout = as_json
    session = options.start(invocation)
    chosen = options.choose_several(session, console, asked, every)
    with ExitStack() as stack:
        run = Run(console, session, request, wishes, stack, outcomes=[Outcome(name) for name in chosen])
        for outcome in run.outcomes:
            guarded(run, outcome, look)
        if len(chosen) > 1 and request.mode == "sync":
            looks.table(console, {o.target: o.prepared for o in run.outcomes if o.prepared})
        for outcome in run.outcomes:
            if outcome.prepared is not None:
                guarded(run, outcome, _act)
    if as_json:
        console.json({"targets": [outcome.document() for outcome in run.outcomes]})
    return failures.worst([outcome.code for outcome in run.outcomes])


def guarded(run: Run, outcome: Outcome, work: Callable[[Run, Outcome], None]) -> None:
    """Do something for one target; its failure does not keep the next one from its turn."""
    run.console.changed = False
    try:
        work(run, outcome)
    except (failures.Interrupted, click.Abort, BrokenPipeError):
        raise
    except Exception as error:
        if outcome.prepared is None and len(run.outcomes) > 1:  # its own heading comes only once it was looked at
            run.console.err(f"== {outcome.target}", "bold")
        outcome.code = failures.tell(run.console, run.session.root, error)
        if isinstance(error, Difference):
            outcome.result = "different"
        elif isinstance(error, failures.Declined):
            outcome.result = "declined"
        elif isinstance(error, PaasctlError):
            outcome.error, outcome.hint = error.message, error.hint
        else:
            outcome.error = f"{type(error).__name__} at {failures.place(error)}"


def look(run: Run, outcome: Outcome) -> None:
    """Connect and plan. The connection stays open until every target had its turn."""
    _patiently(run, lambda: _look_once(run, outcome))


def _look_once(run: Run, outcome: Outcome) -> None:
    connection = run.stack.enter_context(connect(run.session, outcome.target))
    with working(run.console, f"looking at {outcome.target}"):
        outcome.prepared = _prepare(run, connection)
    outcome.connection = connection


def _prepare(run: Run, connection: Connection) -> Prepared:
    wishes, request = run.wishes, run.request
    if not request.steps:
        return pipeline.compare(run.session, connection, request, asking.chooser(run.console))
    prepared = pipeline.prepare(run.session, connection, request, asking.chooser(run.console))
    while prepared.observed.busy and not (wishes.dry_run or wishes.check):
        # a plan of what another push has half done would be wrong when that one has ended
        waiting.idle(run.console, connection, prepared.observed, wait=wishes.wait)
        prepared = pipeline.prepare(run.session, connection, request, asking.chooser(run.console))
    return prepared


def _act(run: Run, outcome: Outcome) -> None:
    # whoever was waited for has changed the target, so that it must be looked at again
    _patiently(run, lambda: _act_once(run, outcome), lambda: _look_once(run, outcome))


def _patiently(run: Run, work: Callable[[], None], before_next: Callable[[], None] = lambda: None) -> None:
    """Do it, with ``--wait`` as often as it takes until nobody else's command is under way."""
    waited = False
    while True:
        try:
            if waited:
                before_next()
            work()
            return
        except Busy as error:
            if not run.wishes.wait:
                raise
            run.console.note(f"{error.message}; waiting")
            time.sleep(WAIT_SECONDS)
            waited = True


def _act_once(run: Run, outcome: Outcome) -> None:
    connection, prepared, console = outcome.connection, outcome.prepared, run.console
    assert connection is not None and prepared is not None
    many = len(run.outcomes) > 1
    if many:
        console.out(f"== {outcome.target}", "bold")
    looks.show(console, prepared, env=not (many and run.request.mode == "sync"))
    if run.wishes.check or run.wishes.dry_run:
        outcome.result = _only_look(console, outcome.target, prepared, run.wishes.check)
        return
    prepared = asking.settle(run.session, connection, console, prepared)
    prepared = asking.deletions(run.session, connection, console, prepared, run.wishes.yes)
    if prepared is not outcome.prepared:  # the answers made another plan of it
        looks.show(console, prepared)
    outcome.prepared = prepared
    outcome.result = _carry_out(run, connection, prepared)
    asking.require_no_rest(prepared)


def _only_look(console: Console, target: str, prepared: Prepared, check: bool) -> str:
    sync.require_settled(prepared.changes)
    if not prepared.plan and not prepared.changes.held:
        _nothing(console, prepared)
        return NOTHING
    if check and prepared.request.mode == "sync" and not looks.env_differs(prepared):
        console.note("the values are in sync; a sync would only note on the target that paasctl knows them")
        return NOTHING
    if check:
        raise Difference(f"{target} differs from this checkout", hint="the same command without --check carries it out")
    return "planned"


def _nothing(console: Console, prepared: Prepared) -> None:
    """The words of a push that has nothing to do; its last line ends with the URL, too."""
    console.out(NOTHING)
    if prepared.plan.url and prepared.observed.exists:
        console.out(prepared.plan.url)


def _carry_out(run: Run, connection: Connection, prepared: Prepared) -> str:
    """Ask, test, write and verify; then remember what this checkout has seen."""
    console, session, changes, plan = run.console, run.session, prepared.changes, prepared.plan
    if plan:
        plans.ask(console, f"{_verb(prepared)} {connection.name}?", yes=run.wishes.yes)
        _test(run, prepared)
    write_back(session, console, prepared.desired.env.files, changes.take)
    if plan:
        # a crash between the write and the memory of it must not make a colleague's later deletion come back
        _remember(run, connection, changes.intent, prepared.seen)
        try:
            plans.run(console, plan)
        except (Busy, Conflict):  # nothing was written, so nothing is intended any more
            _remember(run, connection, prepared.seen, changes.intent)
            raise
        except PaasctlError as error:
            error.hint = failures.with_migration(error, prepared.desired.app.migrate)
            error.hint = failures.with_module(error.hint, error.output, prepared.desired.app)
            raise
    _remember(run, connection, changes.seen, prepared.seen)
    if not plan:
        _nothing(console, prepared)
        return NOTHING
    where = f"{connection.app} on {connection.name}"
    said = f"{where} is live" if prepared.desired.bundle is not None else _synced(where, changes.held)
    url = plan.url or (plan.late_url() if plan.late_url else "")
    plans.late_warnings(console, plan)
    console.out(f"{said}: {url}" if url else said)
    return "done"


def _synced(where: str, held: Sequence[str]) -> str:
    if held:
        return f"the env of {where} is written; {', '.join(held)} stayed, as you wished"
    return f"the env of {where} is in sync"


def _verb(prepared: Prepared) -> str:
    name = prepared.desired.app.name
    return f"Push {name} to" if prepared.desired.bundle is not None else f"Sync the env of {name} to"


def _test(run: Run, prepared: Prepared) -> None:
    app = prepared.desired.app
    if app.test and looks.tested(prepared) and not run.tested:
        testrun.run(run.console, app.test, app.root)
        run.tested = True


def _remember(run: Run, connection: Connection, what: Seen | None, before: Seen | None) -> None:
    if what is not None and what != before:
        problem = seen.save(run.session.root, connection.name, what)
        if problem:
            run.console.warn(problem)
