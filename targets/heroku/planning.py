"""The plan of a push as the user sees it: titles, names, notes; the same steps are carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from paasctl.errors import UsageError
from paasctl.model import Plan, Say, Step
from paasctl.redact import Redactor

from . import resuming
from .api import Api
from .checks import check
from .creating import check_name
from .hints import Hints
from .intent import Intent
from .pushing import Place, Push
from .releasing import can_return_to

_HEALTHY = "check that the app is healthy"
_KEEP = "what was begun at Heroku goes on there; the same command joins it"


def step(api: Api, title: str, do: Callable[[Say], None], details: Iterable[str] = ()) -> Step:
    """A step that also says when a request has to wait."""

    def run(say: Say) -> None:
        api.tell(say)
        do(say)

    return Step(title, run, tuple(details))


def plan(api: Api, intent: Intent, place: Place, url: str, redactor: Redactor, hints: Hints) -> Plan:
    """The steps from what is at Heroku to what is desired; none when there is nothing to do.

    Raises:
        UsageError: the app does not exist, the build would fail, or Heroku would refuse.
    """
    _require_app(api, intent)
    notes, warnings = check(intent.desired) if intent.bundle else ((), ())
    push = Push(api, intent, place, url, redactor, hints)
    prepare, commit = _prepare(api, intent, push), _commit(api, intent, push)
    finish = _finish(api, intent, push)
    if not (commit or finish):
        return _look_again(api, intent, push, url, redactor, hints)
    intent.require_room()
    return Plan(
        prepare=prepare,
        commit=commit,
        verify=(step(api, _HEALTHY, push.verify),) if _serves(intent) else (),
        finish=finish,
        undo=step(api, _undo_title(intent), push.undo),
        url=url,
        notes=(*notes, *_notes(intent)),
        warnings=(*warnings, *_busy(intent)),
        keep_on_interrupt=lambda: _KEEP if push.goes_on else "",
        late_url=None if url else lambda: push.url,
    )


def _look_again(api: Api, intent: Intent, push: Push, url: str, redactor: Redactor, hints: Hints) -> Plan:
    """Nothing is to be written. An earlier push of this code that did not see it healthy is not over, though."""
    state = intent.state
    if intent.desired.bundle is None or not resuming.unproven_code(state):
        return _look_at_env(api, intent, url, redactor, hints)
    return Plan(
        verify=(step(api, _HEALTHY, push.verify_live),),
        undo=step(api, "go back to the release before: its code, config and manifest", push.undo_live),
        url=url,
        notes=("an earlier push brought this code and did not see it healthy",),
        warnings=_busy(intent),
        keep_on_interrupt=lambda: resuming.KEEP,
    )


def _look_at_env(api: Api, intent: Intent, url: str, redactor: Redactor, hints: Hints) -> Plan:
    """The same for an env that an earlier command wrote."""
    if not resuming.unproven_env(intent.state):
        return Plan(url=url, warnings=_busy(intent))
    written = resuming.WrittenEnv(api, url, intent.desired.app.health, redactor, hints)
    return Plan(
        verify=(step(api, "check that the release is live and healthy", written.verify),),
        undo=step(api, "go back to the release before: its config and manifest", written.undo),
        url=url,
        notes=("an earlier command wrote this env and did not see it healthy",),
        warnings=_busy(intent),
        keep_on_interrupt=lambda: resuming.KEEP,
    )


def _require_app(api: Api, intent: Intent) -> None:
    if intent.exists:
        return
    check_name(api.app)
    if not intent.desired.create:
        raise UsageError(
            f"there is no app {api.app} at Heroku that this account can see",
            hint=f"check `app` in paasctl.toml; `paasctl push {intent.desired.target} --create` makes it",
        )


def _prepare(api: Api, intent: Intent, push: Push) -> tuple[Step, ...]:
    steps = []
    if intent.busy:
        steps.append(step(api, "make sure that nothing else is under way", lambda say: intent.require_quiet()))
    if not intent.exists:
        steps.append(step(api, f"make the app {api.app}", push.create))
    if intent.bundle and not intent.joined:
        steps.append(step(api, f"upload {_count(len(intent.bundle.files), 'file')}", push.upload))
    if intent.exists and (intent.writes or (intent.bundle and not intent.joined)):
        what = "changed the config" if intent.writes else "released anything"
        steps.append(step(api, f"check that nobody {what} meanwhile", push.compare))
    return tuple(steps)


def _commit(api: Api, intent: Intent, push: Push) -> tuple[Step, ...]:
    steps = []
    if intent.writes:
        title = _write_title(len(intent.changes.set), len(intent.early))
        steps.append(step(api, f"{title}: one release", push.configure))
    if intent.joined:
        steps.append(step(api, f"follow the build {intent.joined.id} of this code, which is under way", push.build))
    elif intent.bundle:
        steps.append(step(api, f"build and release {intent.bundle.digest[:8]}", push.build))
    if intent.scaling:
        text = ", ".join(f"{name} = {count} {size}".rstrip() for name, (count, size) in intent.scaling.items())
        steps.append(step(api, f"scale {text}", push.scale))
    return tuple(steps)


def _write_title(written: int, removed: int) -> str:
    if written and removed:
        return f"write {written} and remove {_count(removed, 'config var')}"
    if written:
        return f"write {_count(written, 'config var')}"
    return f"remove {_count(removed, 'config var')}" if removed else "note equal config vars in paasctl's manifest"


def _finish(api: Api, intent: Intent, push: Push) -> tuple[Step, ...]:
    if not intent.late:
        return ()
    return (step(api, f"remove {_count(len(intent.late), 'config var')}: one more release", push.remove),)


def _serves(intent: Intent) -> bool:
    """Whether there will be an app that can be asked for its health."""
    state = intent.state
    return bool(intent.bundle) or (
        intent.exists and (state.releases is None or bool(state.live and state.live.artifact))
    )


def _undo_title(intent: Intent) -> str:
    start = intent.state.start
    if start is not None and can_return_to(start):
        return "go back to the release before: its code, config and manifest"
    return "set the config vars back to what they were"


def _notes(intent: Intent) -> Iterable[str]:
    state = intent.state
    running = bool(state.live and state.live.artifact)
    if intent.writes and (running or state.releases is None):
        yield "Heroku makes a release of a config change and restarts the dynos"
    if (start := resuming.start(intent)) != state.start and start is not None:
        yield f"an earlier push brought this code and did not see it healthy; if it is not, {start.name} comes back"
    elif state.start is not None and state.live is not None and state.start != state.live:
        yield f"an earlier push did not get beyond its config; if this one fails, {state.start.name} comes back"


def _busy(intent: Intent) -> tuple[str, ...]:
    return (intent.busy,) if intent.busy else ()


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
