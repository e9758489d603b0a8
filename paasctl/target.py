"""The interface between the core and a platform, and the one door through which adapters come in."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

from paasctl.errors import PaasctlError, UsageError
from paasctl.model import Desired, LogLine, Observed, Plan, PlatformFacts, Release, Setting, Status
from paasctl.secret import Secret
from paasctl.sync import EnvChanges

GROUP = "paasctl.targets"

#: Operations beyond push. An adapter maps each one that it cannot do to a sentence that says what to do instead.
OPERATIONS = ("releases", "rollback", "logs", "run", "restart", "status", "down", "unlock", "setup")


@dataclass(frozen=True, slots=True)
class Context:
    """What an adapter is handed, so that it reads neither the configuration nor the process environment.

    ``environ`` are the variables of paasctl's own process (for credentials); ``data`` is a private folder for what
    lives on this machine (an app of the local target), ``cache`` one for hints that may be lost. ``learn`` is told
    every env that is read besides the one in :class:`Observed` (that of an earlier release, whose log lines and
    tracebacks may come up): from then on its values are masked.
    """

    app: str
    root: Path
    environ: Mapping[str, str]
    home: Path
    data: Path
    cache: Path
    who: str
    learn: Callable[[Mapping[str, Secret]], None] = lambda env: None


class Target(Protocol):
    """A platform, connected. It reads, and it plans; the core runs the plan. It never prints and never exits.

    It is a context manager: ``close`` ends connections and gives back what it holds.
    """

    @property
    def facts(self) -> PlatformFacts: ...

    def observe(self) -> Observed:
        """Read the present state. Changes nothing.

        Raises:
            PaasctlError: the target cannot be reached, or refused the credentials.
        """

    # A target may also have these methods; each is called only where it exists:
    # ``extra_files(app: App) -> Mapping[str, bytes]``: files, by path, that the bundle needs on this platform alone;
    #   they are laid over the app's own.
    # ``observe_env() -> Observed``: like ``observe``, for an env sync: whatever costs a request of its own and is not
    #   the env (releases, builds) may be left out.
    # ``ahead() -> None``: begin to read the present state and return at once; the app is read meanwhile, then comes
    #   ``observe``, which says what went wrong.
    # ``mend(observed: Observed) -> Plan``: called where a push has nothing to do; asks whether what is live serves, and
    #   plans what helps where it does not. A plan without steps may warn.
    # ``owners(names: Iterable[str]) -> Mapping[str, str]``: who else owns these env names on the target (an add-on);
    #   asked only about names that are there, and that a sync or a pull would touch or take over although their value
    #   is not one that paasctl wrote, or would delete.

    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        """Say which steps lead from observed to desired. Does no I/O.

        Raises:
            UsageError: what is desired is impossible on this platform.
        """

    def close(self) -> None: ...


class Operations(Protocol):
    """What a target may do beyond a push; an adapter that cannot do one says so in ``abilities``.

    Those that change something answer with a :class:`Plan`, so that ``--dry-run`` is the same for all.
    """

    def releases(self) -> Sequence[Release]: ...

    def rollback(self, observed: Observed, release: str | None) -> Plan: ...

    def logs(self, process: str | None, lines: int, follow: bool) -> Iterator[LogLine]: ...

    def run(self, command: Sequence[str]) -> int: ...

    def restart(self, observed: Observed) -> Plan: ...

    def status(self) -> Status: ...

    def down(self, observed: Observed, purge: bool) -> Plan: ...

    def unlock(self, observed: Observed) -> Plan: ...

    def setup(self, desired: Desired, remove: bool) -> Plan:
        """Prepare a bare host for the app, or take away what an earlier setup put there."""


@runtime_checkable
class Adapter(Protocol):
    """What an entry point in ``paasctl.targets`` names: a class (or an object) with these attributes."""

    summary: ClassVar[str]
    settings: ClassVar[Mapping[str, Setting]]
    #: operation -> "" when it can, else a sentence that says what to do instead
    abilities: ClassVar[Mapping[str, str]]

    # An adapter may also have ``facts: PlatformFacts``, those of its targets: ``env check`` judges values by them, and
    # connects to nothing.

    @staticmethod
    def connect(name: str, settings: Mapping[str, Any], context: Context) -> Target: ...


def installed() -> dict[str, EntryPoint]:
    """The adapters that are installed, by name; none of them is imported."""
    return {point.name: point for point in entry_points(group=GROUP)}


def load(name: str) -> Adapter:
    """Import one adapter.

    Raises:
        UsageError: there is no such adapter, or it does not have an adapter's attributes.
        PaasctlError: it is installed and broken.
    """
    points = installed()
    if name not in points:
        near = difflib.get_close_matches(name, points, n=1)
        hint = f"did you mean {near[0]}?" if near else f"installed: {', '.join(sorted(points))}"
        raise UsageError(f"there is no adapter named {name!r}", hint=hint)
    point = points[name]
    try:
        adapter = point.load()
    except Exception as error:  # a plug-in may fail in any way while it is imported
        where = point.dist.name if point.dist else point.value
        raise PaasctlError(
            f"the adapter {name} (from {where}) could not be loaded: {type(error).__name__}",
            hint=f"reinstall or remove {where}; the other targets are not affected",
        ) from error
    if not isinstance(adapter, Adapter):
        raise UsageError(f"the entry point {point.value} is not an adapter", hint="see docs/adapters.md")
    return adapter
