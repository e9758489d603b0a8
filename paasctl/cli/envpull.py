"""``paasctl env pull``: the target's env into the env files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import click

from paasctl import console as consoles
from paasctl import pipeline, seen
from paasctl import pull as pulls
from paasctl.cli import asking, failures, names, options, plans
from paasctl.cli.base import Command, Invocation
from paasctl.cli.envwrite import write_back
from paasctl.console import Console, working
from paasctl.errors import Conflict, Difference, PaasctlError, UsageError
from paasctl.model import Env, Observed
from paasctl.pull import PullChanges
from paasctl.seen import Seen
from paasctl.session import Connection, Session, connect
from paasctl.sync import Answer

#: What a pull leaves as it is goes without saying.
_HIDDEN = ("keep", "local")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the user wants it done."""

    force: bool
    platform: bool
    check: bool
    dry_run: bool
    yes: bool


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of one pull."""

    connection: Connection
    env: Env
    observed: Observed
    seen: Seen | None

    def with_owners(self, wishes: Wishes) -> Sides:
        """Ask the target who owns the names that it has from somebody else."""
        unsure = self.decide(wishes).unsure(self.observed, self.env)
        return replace(self, observed=pipeline.with_owners(self.connection, self.observed, unsure))

    def decide(self, wishes: Wishes, answers: Mapping[str, Answer] | None = None) -> PullChanges:
        """What happens to each name."""
        return pulls.decide(
            self.env,
            self.observed,
            self.seen,
            self.connection.target.facts,
            send=self.connection.settings.send,
            force=wishes.force,
            platform=wishes.platform,
            answers=answers,
        )


@click.command(cls=Command)
@options.some_targets
@options.all_targets
@click.option("--force", is_flag=True, help="Take the target's values where both sides were changed.")
@click.option("--platform", is_flag=True, help="Also take names that somebody else owns on the target (add-ons).")
@click.option("--check", is_flag=True, help="Change nothing; exit 3 when a pull would change something.")
@options.as_json
@options.changing
@click.pass_obj
def pull(
    invocation: Invocation,
    asked: Sequence[str],
    every: bool,
    force: bool,
    platform: bool,
    check: bool,
    as_json: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    """Bring the env files to what the targets say; comments, order and quoting of the files stay."""
    console = invocation.console
    console.quiet_stdout = as_json
    session = options.start(invocation)
    wishes = Wishes(force, platform, check, dry_run, yes)
    codes, documents = [], []
    for name in options.choose_several(session, console, asked, every):
        document: dict[str, Any] = {"target": name, "result": "failed", "exit_code": 0}
        try:
            _one(session, console, name, wishes, document)
        except (PaasctlError, failures.Declined) as error:
            document["exit_code"] = failures.tell(console, session.root, error)
            if isinstance(error, PaasctlError):
                document |= {"error": error.message, "hint": error.hint}
        codes.append(document["exit_code"])
        documents.append(document)
    if as_json:
        console.json({"targets": documents})
    return failures.worst(codes)


def _one(session: Session, console: Console, name: str, wishes: Wishes, document: dict[str, Any]) -> None:
    with connect(session, name) as connection, working(console, f"looking at {name}"):
        env = pipeline.read_env(session, connection)
        observed = connection.observe(code=False)
        if not observed.exists:
            raise UsageError(f"there is no app on {name} to pull from", hint=f"`paasctl push {name}` makes one")
        known, damaged = seen.load(session.root, name)
        # without an env file nobody took anything out of it: the file is lost, or this is a new clone
        sides = Sides(connection, env, observed, known if env.managed else None).with_owners(wishes)
        changes = sides.decide(wishes)
    names.show(console, changes.names, hidden=_HIDDEN)
    plans.remarks(console, (), (damaged,) if damaged else ())
    document["env"] = names.document(changes.names)
    if wishes.check or wishes.dry_run:
        pulls.require_settled(changes)
        document["result"] = _only_look(console, name, changes, wishes.check)
        return
    changes = _settle(console, sides, wishes, changes)
    document["env"] = names.document(changes.names)
    document["result"] = _carry_out(session, console, sides, changes, wishes)
    left = [change.name for change in changes.unresolved]
    if left:
        raise Conflict(f"{', '.join(left)} still differ", hint="`paasctl env diff` shows them")


def _only_look(console: Console, name: str, changes: PullChanges, check: bool) -> str:
    if not changes.write:
        console.out("nothing to do")
        return "nothing to do"
    if check:
        raise Difference(f"the env files differ from {name}", hint="the same command without --check carries it out")
    return "planned"


def _settle(console: Console, sides: Sides, wishes: Wishes, changes: PullChanges) -> PullChanges:
    if not changes.blocked or not consoles.is_interactive():
        pulls.require_settled(changes)
        return changes
    console.err("ours is the env file's value, theirs the target's")
    answered = sides.decide(wishes, {change.name: asking.ask(console, change) for change in changes.blocked})
    names.show(console, answered.names, hidden=_HIDDEN)
    return answered


def _carry_out(session: Session, console: Console, sides: Sides, changes: PullChanges, wishes: Wishes) -> str:
    if changes.write:
        files = sides.env.files or (".env",)
        plans.ask(console, f"Write {len(changes.write)} names into {files[-1]}?", yes=wishes.yes)
        write_back(session, console, sides.env.files, changes.write)
    if changes.seen is not None and changes.seen != sides.seen:
        problem = seen.save(session.root, sides.connection.name, changes.seen)
        if problem:
            console.warn(problem)
    if not changes.write:
        console.out("nothing to do")
        return "nothing to do"
    return "done"
