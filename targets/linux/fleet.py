"""Several hosts as one target: prepared side by side, the first one healthy before the others switch."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from paasctl.errors import HalfApplied, PaasctlError, UsageError
from paasctl.model import Desired, LogLine, Observed, Plan, PlatformFacts, Release, Say, Status, Step
from paasctl.sync import EnvChanges

from .host import HostTarget

Result = TypeVar("Result")


class Fleet:
    """The hosts of one target, by the name that the user gave each. The first is the one that others follow."""

    def __init__(self, targets: Mapping[str, Any]) -> None:
        self._targets: dict[str, HostTarget] = dict(targets)
        self._first = next(iter(self._targets))

    @property
    def facts(self) -> PlatformFacts:
        return self._targets[self._first].facts

    def ahead(self) -> None:
        """Have every host's agent look while the app is being read."""
        for target in self._targets.values():
            target.ahead()

    def observe(self) -> Observed:
        """What the first host has; the others' observations are the adapter's own part."""
        each = self._each(lambda target: target.observe())
        numbers = max(observed.extra.last for observed in each.values())
        differ = len(set(alive(each).values())) > 1
        for name, target in self._targets.items():
            target.in_fleet(numbers, name == self._first, differ)
        busy = next((f"{name}: {found.busy}" for name, found in each.items() if found.busy), "")
        return replace(each[self._first], busy=busy, extra=each)

    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        """Each host's steps of a push, joined by :func:`merge`.

        Raises:
            UsageError: the env alone is to be pushed to hosts whose code differs.
        """
        live = alive(observed.extra)
        if desired.bundle is None and len(set(live.values())) > 1:
            message = f"the env alone does not bring the hosts together ({spelled(live)}); nothing was changed"
            raise UsageError(message, hint="push the code too")
        plans = {n: t.plan(desired, observed.extra[n], changes) for n, t in self._targets.items()}
        return merge(plans, live)

    def rollback(self, observed: Observed, release: str | None) -> Plan:
        """Each host's steps back to the same release; the first host says which is the previous one.

        A host that came there before, in a rollback that was cut short, keeps none of the others.
        """
        chosen = release or observed.extra[self._first].extra.goal
        live = alive(observed.extra)
        there = [n for n, release in live.items() if release == chosen and not observed.extra[n].extra.half_back]
        plans = {}
        for name, target in self._targets.items():
            if name in there and len(there) < len(live):
                continue
            try:
                plans[name] = target.rollback(observed.extra[name], chosen)
            except UsageError as error:
                raise UsageError(f"{name}: {error.message}; nothing was changed", hint=error.hint) from error
        return merge(plans, live)

    def restart(self, observed: Observed) -> Plan:
        """The hosts' restarts, one host after the other."""
        return in_turn({n: t.restart(observed.extra[n]) for n, t in self._targets.items()})

    def down(self, observed: Observed, purge: bool) -> Plan:
        """Take the app off one host after the other."""
        return in_turn({n: t.down(observed.extra[n], purge) for n, t in self._targets.items()})

    def unlock(self, observed: Observed) -> Plan:
        """End whichever commands hold the hosts' locks."""
        return in_turn({n: t.unlock(observed.extra[n]) for n, t in self._targets.items()})

    def setup(self, desired: Desired, remove: bool) -> Plan:
        targets: dict[str, Any] = dict(self._targets)
        return in_turn({name: target.setup(desired, remove) for name, target in targets.items()})

    def releases(self) -> Sequence[Release]:
        """The first host's releases; all have the same."""
        return self._targets[self._first].releases()

    def run(self, command: Sequence[str]) -> int:
        """Run a command on the first host."""
        first: Any = self._targets[self._first]
        return int(first.run(command))

    def logs(self, process: str | None, lines: int, follow: bool) -> Iterator[LogLine]:
        """The lines of all hosts as they come, each with its host before the process."""
        if process is not None:
            self._targets[self._first].require_process(process)
        lines_of_all: queue.Queue[LogLine | None] = queue.Queue()

        def read(name: str, target: HostTarget) -> None:
            try:
                for line in target.logs(process, lines, follow):
                    lines_of_all.put(LogLine(f"{name} {line.process}", line.text))
            except PaasctlError as error:
                lines_of_all.put(LogLine(name, f"(no more lines: {error.message})"))
            finally:
                lines_of_all.put(None)

        for name, target in self._targets.items():
            threading.Thread(target=read, args=(name, target), daemon=True).start()
        ended = 0
        while ended < len(self._targets):
            line = lines_of_all.get()
            if line is None:
                ended += 1
            else:
                yield line

    def status(self) -> Status:
        """The first host's release; the processes, health and disks of all."""
        each = self._each(lambda target: target.status())
        first = each[self._first]
        sick = [f"{name}: {status.health}" for name, status in each.items() if status.exists and not status.healthy]
        live = {name: status.live.id if status.live else "nothing" for name, status in each.items()}
        differ = len(set(live.values())) > 1
        return replace(
            first,
            healthy=not sick if first.healthy is not None else None,
            health="; ".join(sick),
            processes=tuple(replace(p, name=f"{n} {p.name}") for n, s in each.items() for p in s.processes),
            facts={f"{n}: {key}": value for n, s in each.items() for key, value in s.facts.items()},
            warnings=(f"the hosts differ ({spelled(live)}); push again",) if differ else (),
        )

    def close(self) -> None:
        for target in self._targets.values():
            target.close()

    def _each(self, act: Callable[[HostTarget], Result]) -> dict[str, Result]:
        return at_once({name: lambda target=target: act(target) for name, target in self._targets.items()})  # type: ignore[misc]


def alive(each: Mapping[str, Observed]) -> dict[str, str]:
    """The release that is live on each host."""
    return {name: observed.live.id if observed.live else "nothing" for name, observed in each.items()}


def spelled(live: Mapping[str, str]) -> str:
    return ", ".join(f"{release} on {name}" for name, release in live.items())


def at_once(acts: Mapping[str, Callable[[], Result]]) -> dict[str, Result]:
    """Do something on every host at the same time.

    Raises:
        PaasctlError: it failed on a host; which ones is in the message. All have ended by then.
    """
    results, errors = outcomes(acts)
    for error in errors.values():
        message = "; ".join(f"{name}: {each.message}" for name, each in errors.items())
        raise type(error)(message, hint=error.hint, output=error.output) from error
    return results


def outcomes(acts: Mapping[str, Callable[[], Result]]) -> tuple[dict[str, Result], dict[str, PaasctlError]]:
    """Do something on every host at the same time: the results, and the errors of those where it failed."""
    with ThreadPoolExecutor(max(1, len(acts))) as pool:
        futures = {name: pool.submit(act) for name, act in acts.items()}
    results, errors = {}, {}
    for name, future in futures.items():
        try:
            results[name] = future.result()
        except PaasctlError as error:
            errors[name] = error
    return results, errors


def merge(plans: Mapping[str, Plan], live: Mapping[str, str]) -> Plan:
    """One plan of several hosts': all prepared at once, then the first made live, then the others at once.

    Args:
        live: what is live on each host before: where that differs, a failure leaves it so, and says it.
    """
    plans = {name: plan for name, plan in plans.items() if plan}
    if not plans:
        return Plan()
    names = list(plans)
    first, others = names[0], names[1:]
    # the last step of each tries the release out, which needs what the first host's release command did
    prepare = [together({n: p.prepare if n == first else p.prepare[:-1] for n, p in plans.items()})]
    if others:
        prepare.append(together({n: plans[n].prepare[-1:] for n in others}))
    rest = [together({n: (*plans[n].commit, *plans[n].verify) for n in others})] if others else []
    commit = [on(first, step) for step in plans[first].commit]
    verify = [*(on(first, step) for step in plans[first].verify), *rest]
    return Plan(
        prepare=tuple(half(step, live) for step in prepare),
        commit=tuple(half(step, live) for step in commit),
        verify=tuple(half(step, live) for step in verify),
        finish=(together({n: p.finish for n, p in plans.items()}),),
        undo=undo(plans),
        url=plans[first].url,
        undone=plans[first].undone,
        again=plans[first].again,
        late_warnings=plans[first].late_warnings,
        notes=tuple(dict.fromkeys(note for p in plans.values() for note in p.notes)),
        warnings=tuple(dict.fromkeys(warning for p in plans.values() for warning in p.warnings)),
    )


def in_turn(plans: Mapping[str, Plan]) -> Plan:
    """One plan of several hosts', one host after the other."""
    return Plan(
        prepare=tuple(on(name, step) for name, plan in plans.items() for step in plan.prepare),
        commit=tuple(on(name, step) for name, plan in plans.items() for step in plan.commit),
        undo=undo(plans),
        undone=next((plan.undone for plan in plans.values() if plan.undone), ""),
        finish=tuple(on(name, step) for name, plan in plans.items() for step in plan.finish),
        notes=tuple(dict.fromkeys(note for plan in plans.values() for note in plan.notes)),
        warnings=tuple(dict.fromkeys(warning for plan in plans.values() for warning in plan.warnings)),
        url=next((plan.url for plan in plans.values() if plan.url), ""),
    )


def undo(plans: Mapping[str, Plan]) -> Step | None:
    """The undo of all hosts at once, tried on each; when it fails, what is known of each host is in the message."""
    steps = {name: plan.undo for name, plan in plans.items() if plan.undo}
    if not steps:
        return None

    def do(say: Say) -> None:
        _, errors = outcomes({name: lambda name=name: lane(name, [steps[name]], say) for name in steps})  # type: ignore[misc]
        told = {name: f"not known ({errors[name].message})" if name in errors else plans[name].undone for name in steps}
        for error in errors.values():
            message = "; ".join(f"{name}: {words}" for name, words in told.items())
            raise PaasctlError(message, output=error.output) from error

    return replace(together({name: [step] for name, step in steps.items()}), do=do)


def half(step: Step, live: Mapping[str, str]) -> Step:
    """A step whose failure is half a push (exit 5) when the hosts differ, which they did before it too."""
    if len(set(live.values())) < 2:
        return step

    def do(say: Say) -> None:
        try:
            step.do(say)
        except PaasctlError as error:
            if type(error) is not PaasctlError:  # another kind has a meaning of its own
                raise
            hint = "mend that, then run the same command again: it brings the hosts together"
            message = f"{error.message}; the hosts still differ ({spelled(live)})"
            raise HalfApplied(message, hint=error.hint or hint, output=error.output) from error

    return replace(step, do=do)


def on(name: str, step: Step) -> Step:
    """A step that says on which host it happens."""
    return replace(step, title=f"{name}: {step.title}")


def together(lanes: Mapping[str, Sequence[Step]]) -> Step:
    """One step that runs each host's steps in order and the hosts at the same time."""

    def do(say: Say) -> None:
        at_once({name: lambda name=name: lane(name, lanes[name], say) for name in lanes})  # type: ignore[misc]

    details = tuple(f"{name}: {step.title}" for name, steps in lanes.items() for step in steps)
    left = [step.leaves for steps in lanes.values() for step in steps if step.leaves]
    return Step(f"at once on {', '.join(lanes)}", do, details, leaves=left[-1] if left else "")


def lane(name: str, steps: Sequence[Step], say: Say) -> None:
    for step in steps:
        say(f"{name}: {step.title}")
        step.do(lambda line: say(f"{name}: {line}"))
