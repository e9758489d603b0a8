"""An app on a host with a shell: the target that ``local`` and ``linux`` share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from paasctl.errors import UsageError
from paasctl.model import Desired, LogLine, Observed, Plan, PlatformFacts, ProcessStatus, Release, Status
from paasctl.secret import Secret
from paasctl.sync import EnvChanges

from .channel import Channel
from .plans import Planner
from .remarks import refused
from .state import UP, HostState, observed
from .upload import Base, size

Learn = Callable[[Mapping[str, Secret]], None]


class HostTarget:
    """One app on one host, through the agent that runs there for the time of the command.

    Args:
        channel: the agent.
        url: the site's address, with a place for the port.
        port: the port that the configuration names, if any.
        cache: where this machine remembers what it believes to be on the host.
        learn: told the envs of earlier releases, whose values may stand in logs and tracebacks.
    """

    def __init__(
        self,
        facts: PlatformFacts,
        channel: Channel,
        planner: Planner,
        url: str,
        port: int | None,
        cache: Path,
        learn: Learn,
    ) -> None:
        self.facts, self._learn = facts, learn
        self._channel, self._planner = channel, replace(planner, url=url)
        self._url, self._port, self._cache = url, port, cache

    def ahead(self) -> None:
        """Have the agent look while the app is being read; :meth:`observe` then has its report at once."""
        self._channel.ahead("observe", port=self._port)

    def observe(self) -> Observed:
        """What the agent reports of the app."""
        return observed(self._report("observe"), self._url, Base.load(self._cache))

    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        """The steps of a push; see :meth:`Planner.push`."""
        return self._planner.push(desired, observed, changes)

    def in_fleet(self, numbers: int, first: bool, differ: bool) -> None:
        """Plan as one host of several: releases have one number everywhere, the release command runs once.

        Args:
            differ: not every host has the same release, so that all are given a new one.
        """
        self._planner = replace(self._planner, numbers=numbers, first=first, anew=differ)

    def releases(self) -> Sequence[Release]:
        """Every release that is still on the host, oldest first."""
        return self.observe().releases

    def rollback(self, observed: Observed, release: str | None) -> Plan:
        """The steps back to an earlier good release; see :meth:`Planner.rollback`."""
        return self._planner.rollback(observed, release)

    def restart(self, observed: Observed) -> Plan:
        """The steps of a restart, one process after the other."""
        return self._planner.restart(observed)

    def down(self, observed: Observed, purge: bool) -> Plan:
        """The steps that take the app off; its data goes only with ``purge``."""
        return self._planner.down(observed, purge)

    def unlock(self, observed: Observed) -> Plan:
        """The step that ends whichever command holds the lock; none where nobody does."""
        return self._planner.unlock(self._report("observe")["locked"])

    def logs(self, process: str | None, lines: int, follow: bool) -> Iterator[LogLine]:
        """The last ``lines`` lines of the processes' logs, then, with ``follow``, each new one."""
        if process is not None:
            self.require_process(process)
        for name, text in self._channel.items("logs", process=process, lines=lines, follow=follow):
            yield LogLine(name, text)

    def status(self) -> Status:
        """How the live release is doing; it is asked for its health once."""
        report = self._report("status")
        seen = observed(report, self._url, Base())
        down = not_up(seen.extra)
        return Status(
            exists=seen.exists,
            url=seen.url if seen.exists else "",
            live=seen.live,
            healthy=report["healthy"] and not down,
            health="; ".join(word for word in (report["problem"] or refused(report), *down) if word),
            processes=tuple(process_status(process) for process in report["processes"]),
            facts={"disk free": size(report["disk_free"])},
            kept=" and ".join(report["kept"]),
        )

    def command(self, words: Sequence[str]) -> list[str]:
        """The words that run a command in the live release's code, environment and env, on the host."""
        runtime = self.observe().extra.live
        through = ["python", "-m", "_paasctl_runtime"] if runtime and runtime["runtime"] else []
        return [*self._channel.call("command"), *through, *words]

    def close(self) -> None:
        self._channel.close()

    def require_process(self, name: str) -> None:
        """Refuse a process that the live release does not have.

        Raises:
            UsageError: names those that it has.
        """
        live = self.observe().extra.live
        known = sorted(live["settings"]) if live else []
        process, _, instance = name.partition(".")
        if name not in known and not (process in known and instance.isdigit()):
            hint = f"its processes: {', '.join(known)}" if known else "nothing is live here yet"
            raise UsageError(f"there is no process {name!r}", hint=hint)

    def _report(self, call: str) -> Any:
        report = self._channel.call(call, port=self._port)
        for env in (report["env"], *report["other_envs"]):
            self._learn({name: Secret(value) for name, value in env.items()})
        return report


def exit_status(code: int) -> int:
    """The exit status that a shell gives for a child's return code: 128 + n for one that a signal n has ended."""
    return code if code >= 0 else 128 - code


def process_status(process: Any) -> ProcessStatus:
    name, state = f"{process['name']}.{process['instance']}", process["state"].lower()
    if process["release"] is None:
        # it notes its release as soon as it runs
        return ProcessStatus(name, "starting" if state == "running" else state)
    return ProcessStatus(name, state, detail=f"runs {process['release']}")


def not_up(state: HostState) -> list[str]:
    """What should run and does not, in a phrase each."""
    if state.live is None:
        return []
    if not state.supervised:
        return ["Supervisor does not run"]
    settings, found = state.live["settings"], {}
    for process in state.processes:
        if process["name"] in settings:  # setup may have prepared the host for a process of the next release
            found[process["name"], str(process["instance"])] = process["state"]
    optional = [name for name, each in settings.items() if each.get("optional")]
    words = [f"{n}.{i} is {s.lower()}" for (n, i), s in found.items() if n not in optional and s not in UP]
    missing = [n for n in settings if n not in optional and not any(name == n for name, _ in found)]
    return sorted(words) + [f"{name} does not run" for name in missing]
