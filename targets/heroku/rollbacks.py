"""Plans to go back to an earlier release: which one, what of the config goes back with it, and what speaks against."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from paasctl.errors import Busy, UsageError
from paasctl.manifest import Manifest
from paasctl.model import Observed, Plan, Say
from paasctl.redact import Redactor
from paasctl.secret import Secret

from . import history, ledger, meanwhile, resuming, serving, undoing
from .api import Api
from .failures import ApiError
from .following import StillRunning
from .hints import Hints
from .ledger import NAME, Ledger
from .planning import step
from .records import HerokuRelease
from .releasing import await_rollback, begin_rollback, is_rollback
from .state import State
from .undoing import Done

#: How many steps back a state is looked for that is not of the same push; more than a push makes.
_TRIES = 6
#: How far back Heroku is asked when the newest releases do not reach the push before.
_MANY = 1000


@dataclass(frozen=True, slots=True)
class Goal:
    """A release to go back to, and the config vars that return with it."""

    release: HerokuRelease
    values: Mapping[str, Secret]


Learn = Callable[[Mapping[str, Secret]], None]


def plan(api: Api, observed: Observed, wanted: str | None, redactor: Redactor, tell: Learn, hints: Hints) -> Plan:
    """The steps back to ``wanted`` (``v12``), or to the end of the push before the last one.

    A rollback that broke off after Heroku had done it is not done once more, which would go back too far. ``tell``
    gets the config vars of that release before anything of them can come up.

    Raises:
        UsageError: there is no such release, or Heroku cannot go back to it.
        Busy: a build or a release is under way.
    """
    state = _require_quiet(observed, api.app)
    if (done := _done_before(state)) and (not wanted or wanted.removeprefix("v") == done):
        return _continued(api, observed, done, redactor, hints)
    goal = _named(api, state, wanted) if wanted else _previous(api, state)
    redactor.learn(goal.values.values())
    tell(goal.values)
    live, begun = state.live, _begun(state, goal)

    def compare(say: Say) -> None:
        meanwhile.require_unchanged(api, next(iter(state.releases or ()), None))

    def commit(say: Say) -> None:
        if live is not None:
            hints.note("rollback", f"{live.id} {goal.release.version}")
        made = begin_rollback(api, goal.release, say)
        begun.note(made, code=True)
        begun.live = await_rollback(api, made, goal.release, redactor, say)

    def verify(say: Say) -> None:
        serving.check_health(observed.url, None, say)
        hints.note("rollback", "")

    def undo(say: Say) -> None:
        _learn_outcome(api, begun, goal)
        undoing.undo(api, begun, "", frozenset(), redactor, say)
        hints.note("rollback", "")

    changes = _changes(observed, goal)
    title = f"go back to {goal.release.name}: {goal.release.description}"
    return Plan(
        prepare=(step(api, "check that nobody released anything meanwhile", compare),),
        commit=(step(api, title, commit, changes),),
        verify=(step(api, "check that the app is healthy", verify),) if observed.url else (),
        undo=step(api, f"return to {live.name}" if live else "leave it", undo),
        url=observed.url,
        notes=tuple(_notes(changes, goal)),
        warnings=_taken_back(observed, goal),
    )


def _begun(state: State, goal: Goal) -> Done:
    """What an undo of the rollback has to know. Heroku has the old config vars as soon as it has the rollback, even
    where its release command then fails."""
    names = state.values.keys() | goal.values.keys()
    newest = next(iter(state.releases or ()), None)
    return Done(
        start=state.live,
        before=state.values,
        wrote=True,
        written={name: goal.values.get(name) for name in names if goal.values.get(name) != state.values.get(name)},
        seen=newest.version if newest else None,
    )


def _learn_outcome(api: Api, done: Done, goal: Goal) -> None:
    """Ask what became of a rollback that was not followed to its end.

    Raises:
        StillRunning: its release command runs; nothing can be taken back under it.
    """
    if done.live is not None:
        return
    newer = [one for one in api.releases(5) if one.version > (done.seen or 0)]
    made = next((one for one in newer if one.id in done.ours or is_rollback(one, goal.release)), None)
    if made is None:
        return
    done.note(made, code=True)
    if made.status == "pending":
        raise StillRunning(f"the rollback {made.name} goes on at Heroku", hint="`paasctl releases` shows its end")
    done.live = made if made.status == "succeeded" else None


def _done_before(state: State) -> str:
    """The version that a rollback from here brought back without having seen its end; empty where there is none."""
    id, _, version = state.rollback.partition(" ")
    live = state.live
    if not version or live is None or live.description.strip() != f"Rollback to v{version}":
        return ""
    before = [one for one in state.releases or () if one.version < live.version and one.status == "succeeded"]
    return version if before and max(before, key=lambda one: one.version).id == id else ""


def _continued(api: Api, observed: Observed, version: str, redactor: Redactor, hints: Hints) -> Plan:
    state: State = observed.extra
    before = next(one for one in state.releases or () if one.id == state.rollback.partition(" ")[0])

    def verify(say: Say) -> None:
        if observed.url:
            serving.check_health(observed.url, None, say)
        hints.note("rollback", "")

    def undo(say: Say) -> None:
        hints.note("rollback", "")  # the next rollback goes further back, healthy or not
        resuming.go_back(api, state.live, before, redactor, say)

    return Plan(
        verify=(step(api, "check that the app is healthy", verify),),
        undo=step(api, f"return to {before.name}", undo),
        url=observed.url,
        notes=(f"the rollback to v{version} was done by a command that did not get to its end",),
        keep_on_interrupt=lambda: resuming.KEEP,
    )


def _require_quiet(observed: Observed, app: str) -> State:
    state = observed.extra
    if not observed.exists or not isinstance(state, State) or not state.releases:
        raise UsageError(f"the app {app} has no release to go back to", hint="push it first")
    pending = state.pending_build or state.pending_release
    if pending is not None:
        raise Busy(f"a push by {pending.who or 'somebody'} is under way ({pending.id})", hint="wait until it is over")
    return state


# ------------------------------------------------------------------------------------------------- which release


def _named(api: Api, state: State, wanted: str) -> Goal:
    match = re.fullmatch(r"v?(\d{1,9})", wanted.strip())
    if match is None:
        raise UsageError(f"{wanted!r} is not a release of Heroku's", hint="`paasctl releases` lists them: v12")
    version = int(match[1])
    release = next((one for one in state.releases or () if one.version == version), None) or _ask(api, version)
    if state.live is not None and release.id == state.live.id:
        raise UsageError(f"{release.name} is live already", hint="`paasctl releases` lists the others")
    _require_possible(release)
    return Goal(release, api.release_config_vars(release.id))


def _ask(api: Api, version: int) -> HerokuRelease:
    try:
        return api.release(str(version))
    except ApiError as error:
        if error.status != 404:
            raise
    raise UsageError(f"there is no release v{version}", hint="`paasctl releases` lists them")


def _require_possible(release: HerokuRelease) -> None:
    why = ""
    if release.status == "failed":
        why = "it failed, and never was live"
    elif not release.artifact:
        why = "it has no code"
    elif release.status == "expired" or not release.eligible:
        why = "it has expired: Heroku deletes the code of releases that are 30 days old and 20 releases back"
    if why:
        raise UsageError(f"Heroku cannot go back to {release.name}: {why}", hint="choose another: `paasctl releases`")


def _previous(api: Api, state: State) -> Goal:
    """The end of the push before. Where only descriptions tell which it is, its code or its manifest must differ."""
    releases: Sequence[HerokuRelease] = state.releases or ()
    found = history.previous(releases, state.ledger)
    if found is None:
        releases = api.releases(_MANY)
        found = history.previous(releases, state.ledger)
    if found is None:
        raise UsageError(
            "there is no earlier push to go back to", hint="`paasctl rollback TARGET ID` takes any release"
        )
    _require_possible(found)
    values = api.release_config_vars(found.id)
    if (whole := _before_half(state, releases, found, values)) is not None:
        found, values = whole, api.release_config_vars(whole.id)
    if state.ledger.before is None and state.manifest is not None:
        return _another_state(api, state, releases, Goal(found, values))
    return Goal(found, values)


def _before_half(
    state: State, releases: Sequence[HerokuRelease], found: HerokuRelease, values: Mapping[str, Secret]
) -> HerokuRelease | None:
    """The release before ``found`` where that is only the config of a push, whose code came right after it."""
    states = history.timeline(releases)
    at = states.index(found)
    tree = Ledger.of(ledger.read(values.get(NAME))[0]).tree
    after = states[at + 1] if at + 1 < len(states) else None
    if not at or after is None or after.artifact == found.artifact:
        return None
    if not tree or tree != history.digest_of(after, releases, state.builds):
        return None
    _require_possible(states[at - 1])
    return states[at - 1]


def _another_state(api: Api, state: State, releases: Sequence[HerokuRelease], goal: Goal) -> Goal:
    """``goal``, or the first state before it that differs from today's in what a push brings."""
    states = history.timeline(releases)
    for _ in range(_TRIES):
        if goal.release.artifact != states[-1].artifact or goal.values.get(NAME) != state.values.get(NAME):
            break
        if goal.release not in states[1:]:
            break
        earlier = states[states.index(goal.release) - 1]
        _require_possible(earlier)
        goal = Goal(earlier, api.release_config_vars(earlier.id))
    return goal


# ------------------------------------------------------------------------------------------------ what is shown


def _changes(observed: Observed, goal: Goal) -> list[str]:
    """The config vars that go back, by name."""
    found = []
    for name in sorted((observed.env.keys() | goal.values.keys()) - {NAME} - observed.protected.keys()):
        now, then = observed.env.get(name), goal.values.get(name)
        if now != then:
            found.append(f"{'+' if now is None else '-' if then is None else '~'} {name}")
    return found


def _taken_back(observed: Observed, goal: Goal) -> tuple[str, ...]:
    """Config vars that somebody changed by hand since paasctl last wrote, and that the rollback undoes."""
    hand = [
        name
        for name in (change[2:] for change in _changes(observed, goal))
        if not _as_written(observed.manifest, name, observed.env.get(name))
    ]
    return (f"changed by hand at Heroku, and taken back too: {', '.join(hand)}",) if hand else ()


def _as_written(manifest: Manifest | None, name: str, value: Secret | None) -> bool:
    entry = manifest.entries.get(name) if manifest else None
    if entry is None or manifest is None:
        return value is None
    return value is not None and manifest.digest(name, value) == entry.digest


def _notes(changes: Sequence[str], goal: Goal) -> list[str]:
    notes = ["code and config go back together; add-ons and the database stay as they are, migrations included"]
    if changes and ledger.read(goal.values.get(NAME))[0] is None:
        notes.append("that release is from before paasctl's manifest: its config vars will count as foreign")
    return notes
