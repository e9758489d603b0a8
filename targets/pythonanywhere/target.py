"""One app on PythonAnywhere, connected."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from paasctl.errors import PaasctlError
from paasctl.model import Desired, LogLine, Observed, Plan, PlatformFacts, Release, Say, Status, Step
from paasctl.secret import Secret
from paasctl.sync import EnvChanges

from . import mending, operations
from .account import Account
from .documents import Record
from .observing import all_releases, env_of, observe
from .plans import Planner
from .push import Seen


class PythonAnywhereTarget:
    """The target: what it reads, plans and does."""

    def __init__(self, facts: PlatformFacts, account: Account, learn: Callable[[Mapping[str, Secret]], None]) -> None:
        self.facts = facts
        self._account, self._learn = account, learn

    def observe(self) -> Observed:
        return observe(self._account)

    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        return Planner(self._account).push(desired, observed, changes)

    def mend(self, observed: Observed) -> Plan:
        """Called where a push has nothing to do: asks the site whether it serves, and plans what helps."""
        seen: Seen = observed.extra
        return mending.mend(self._account, seen.live) if seen.live else Plan(url=self._account.url)

    def releases(self) -> Sequence[Release]:
        return all_releases(self._account.active())

    def rollback(self, observed: Observed, release: str | None) -> Plan:
        planner = Planner(self._account)
        record = planner.chosen(observed, release)
        plan = planner.rollback(observed, record)
        return replace(plan, verify=tuple(self._masking(step, record) for step in plan.verify))

    def _masking(self, step: Step, record: Record) -> Step:
        """The step, after whose failure the values of that release's env are known: its traceback may hold them."""

        def do(say: Say) -> None:
            try:
                step.do(say)
            except PaasctlError as error:
                try:
                    self._learn(env_of(self._account, record))
                except PaasctlError:
                    error.output = ""
                raise error from None

        return replace(step, do=do)

    def logs(self, process: str | None, lines: int, follow: bool) -> Iterator[LogLine]:
        return operations.logs(self._account, process, lines, follow)

    def run(self, command: Sequence[str]) -> int:
        return operations.run(self._account, command)

    def restart(self, observed: Observed) -> Plan:
        return operations.restart(self._account, observed)

    def status(self) -> Status:
        return operations.status(self._account, self._learn)

    def down(self, observed: Observed, purge: bool) -> Plan:
        return operations.down(self._account, observed, purge)

    def unlock(self, observed: Observed) -> Plan:
        return Plan(url=self._account.url)

    def close(self) -> None:
        self._account.api.close()
        self._account.site.close()
