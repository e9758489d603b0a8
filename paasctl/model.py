"""The nouns: what a push is about. Frozen, typed, and free of I/O.

They pass between the rooms: ``project`` makes an :class:`App`, ``dotenv`` an :class:`Env`, ``bundle`` a
:class:`Bundle`; ``desired`` puts them together; a target answers with :class:`Observed` and a :class:`Plan`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from paasctl.secret import Secret

if TYPE_CHECKING:
    from paasctl.manifest import Manifest

Interface = Literal["wsgi", "asgi"]
LogDestination = Literal["stdout", "stderr", "file", "keep"]


# ----------------------------------------------------------------------------------------------- the user's app


@dataclass(frozen=True, slots=True)
class Dependencies:
    """What the app needs installed.

    ``file`` is the file that decides (None: the app has none), ``requirements`` the same set as pip requirement
    lines, nested files resolved; ``added`` what paasctl adds (a server that is missing); ``local`` is true when a
    line points into the app's own folder, so that the set also depends on the code. ``constraints`` are lines for
    ``-c``: they bound versions and install nothing.
    """

    file: str | None
    requirements: str
    digest: str
    added: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    local: bool = False
    constraints: str = ""


@dataclass(frozen=True, slots=True)
class App:
    """The user's project, as its own files and ``paasctl.toml`` describe it.

    ``entry`` is ``module:attr``, ``module:factory()`` or ``module:factory('x')``. ``processes`` are the Procfile's
    lines without ``release``, or the generated ``web`` line. ``migrate`` is the command that the app's migrations want
    and that nothing runs, empty where none is missing. ``source`` is the folder that its modules are imported from
    besides its own (``src``), empty where there is none or the dependencies install what is in it. ``databases`` are
    the SQLite files that outlive a release. ``settings`` is the settings module that a Django app's server uses, where
    manage.py has to be told, and empty otherwise. ``origins`` says for each field where it came from (``"Procfile:1"``,
    ``"detected in wsgi.py"``); ``private`` are the env files of all targets, which never leave; ``notes`` and
    ``warnings`` are sentences for the plan.
    """

    name: str
    root: Path
    framework: str
    entry: str | None
    interface: Interface
    python: str
    dependencies: Dependencies
    processes: Mapping[str, str]
    release: str | None = None
    migrate: str = ""
    source: str = ""
    health: str | None = None
    test: str | None = None
    persist: tuple[str, ...] = ()
    databases: tuple[str, ...] = ()
    static: Mapping[str, str] = field(default_factory=dict)
    settings: str = ""
    exclude: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a release's code came from. Strings are empty outside git."""

    who: str
    commit: str = ""
    branch: str = ""
    dirty: bool = False
    unpushed: bool = False


@dataclass(frozen=True, slots=True)
class Env:
    """The names and values that the app should get, as the env files say.

    ``origins`` gives ``file:line`` per name. ``managed`` is false when none of the target's env files exists: then
    the user's env on the target is left alone. ``local_only`` are names in the files that are not sent.
    """

    values: Mapping[str, Secret] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    managed: bool = False
    local_only: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Derived:
    """A name that paasctl itself gives the app, with the reason that the plan shows. Never a secret."""

    name: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class BundleFile:
    """One entry of a bundle: a regular file, or a symbolic link when ``link`` is set.

    ``content`` is set for files that paasctl generates; otherwise ``source`` is read. ``mtime`` derives from the
    content, so that two different contents of one path never have the same time.
    """

    path: str
    digest: str
    size: int
    mode: int
    mtime: int
    source: Path | None = None
    content: bytes | None = field(default=None, repr=False)
    link: str | None = None


@dataclass(frozen=True, slots=True)
class Bundle:
    """The app's code: sorted entries and the digest (sha256, hex) of the whole, the same on every machine."""

    digest: str
    files: tuple[BundleFile, ...] = field(repr=False)
    size: int = 0


# ------------------------------------------------------------------------------------------------- the platform


@dataclass(frozen=True, slots=True)
class PlatformFacts:
    """What a platform needs of an app; data, stated by its adapter.

    ``reserved`` maps a name, or a prefix ending in ``*``, to the reason why ``.env`` may not set it. ``recycle`` maps
    a database's (kind, host) to the pool recycle in seconds and the reason, or None to leave the pool alone; both are
    ``""`` where the app puts its URL together itself.
    ``adds_time`` says that the platform writes the time in front of every line that an app prints.
    ``max_env_bytes`` bounds names and values together. ``local`` is true only for this very machine: local-only
    names are sent there, and dangerous development values are warnings.
    """

    log: LogDestination
    log_reason: str
    recycle: Callable[[str, str], tuple[int, str] | None] = field(default=lambda scheme, host: None)
    reserved: Mapping[str, str] = field(default_factory=dict)
    max_env_bytes: int | None = None
    ephemeral_disk: bool = False
    services_beside_app: bool = False
    local: bool = False
    proxy_hops: int = 0
    adds_time: bool = False


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of ``[targets.NAME]`` that an adapter understands: its Python type and a line for the docs.

    ``limits`` are the least and the largest of a whole number. ``check`` looks at a value of the right type and raises
    a ``UsageError`` that goes on after the key: ``must be a host's name``.
    """

    type: type
    help: str
    choices: tuple[str, ...] = ()
    limits: tuple[int, int] | None = None
    check: Callable[[Any], None] | None = None


# ------------------------------------------------------------------------------------- desired, observed, the plan


@dataclass(frozen=True, slots=True)
class Tuning:
    """How one process is run where the platform lets paasctl decide: ``[targets.NAME.processes.PROCESS]``.

    ``stop_wait`` is in seconds.
    """

    instances: int | None = None
    workers: int | None = None
    threads: int | None = None
    stop_wait: int | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Desired:
    """The state that the user wants on a target. ``bundle`` is None for an env-only sync.

    ``processes`` and ``release_command`` are the lines as they run on the target (through the runtime, unless
    ``runtime`` is false); ``handover`` says that the web process can take over a socket that somebody else holds.
    """

    target: str
    app: App
    env: Env
    derived: tuple[Derived, ...]
    bundle: Bundle | None
    provenance: Provenance
    force: bool = False
    create: bool = False
    processes: Mapping[str, str] = field(default_factory=dict)
    release_command: str | None = None
    handover: bool = False
    runtime: bool = True
    tuning: Mapping[str, Tuning] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def collected(self) -> list[str]:
        """The folders that Django's collectstatic fills: those that are served, and are neither pushed nor uploads."""
        pushed = [file.path for file in self.bundle.files] if self.bundle else []
        if self.app.framework != "django" or "manage.py" not in pushed:
            return []
        folders = {folder.rstrip("/") for url, folder in self.app.static.items() if not self._of_uploads(url, folder)}
        return sorted(f for f in folders if not any(path.startswith(f"{f}/") for path in pushed))

    def _of_uploads(self, url: str, folder: str) -> bool:
        """Whether the configuration names a folder that the app writes: it outlives releases."""
        in_code = self.app.origins.get(f"static:{url}", "").rpartition(":")[0].endswith(".py")
        return not in_code and folder.rstrip("/") in {path.rstrip("/") for path in self.app.persist}


ReleaseState = Literal["live", "good", "failed", "pending", "unfinished"]


@dataclass(frozen=True, slots=True)
class Release:
    """One bundle and env that was (or should have been) made live on a target. ``dirty``: with changes that were not
    committed; ``unpushed``: its commit was in no remote repository."""

    id: str
    when: datetime
    who: str
    state: ReleaseState
    digest: str = ""
    commit: str = ""
    dirty: bool = False
    note: str = ""
    unpushed: bool = False


@dataclass(frozen=True, slots=True)
class Observed:
    """The state found on a target. ``protected`` names env that somebody else owns, by owner; ``extra`` is the
    adapter's own and opaque to the core. ``busy`` says whose command is under way on the target, in a sentence; a plan
    that is made now would be out of date when it is carried out."""

    exists: bool
    env: Mapping[str, Secret] = field(default_factory=dict)
    manifest: Manifest | None = None
    protected: Mapping[str, str] = field(default_factory=dict)
    live: Release | None = None
    releases: tuple[Release, ...] = ()
    url: str = ""
    busy: str = ""
    warnings: tuple[str, ...] = ()
    extra: Any = field(default=None, repr=False)


Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Step:
    """One change. ``do`` is the only way it happens; it may say progress lines and is never called by a dry run.

    ``leaves`` is said when somebody interrupts ``prepare`` in this step or later: what stays of it all the same.
    """

    title: str
    do: Callable[[Say], None] = field(repr=False, compare=False)
    details: tuple[str, ...] = ()
    leaves: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps from observed to desired, in the phases that the core runs in this order for every platform.

    prepare: invisible to visitors; a failure here leaves the target as it was.
    commit:  from the first of these steps on, the target changes; ends with the new release live.
    verify:  health of the NEW release. A failure in commit or verify runs ``undo``.
    finish:  deletions and pruning; a failure here leaves the new release live.

    ``keep_on_interrupt`` is asked at Ctrl-C after the commit began: a sentence where the work goes on at the platform
    by then instead of being undone, else empty. ``undone`` says what serves after an undo (``v2 serves again``).
    ``again`` says what to do after a commit whose end nobody knows, where that is not the same command.
    ``url`` is where the app answers afterwards; ``late_url`` is asked for it once the plan has run, where the platform
    gives a new app its address only then; ``late_warnings`` then says what a visitor of the new release meets.
    """

    prepare: tuple[Step, ...] = ()
    commit: tuple[Step, ...] = ()
    verify: tuple[Step, ...] = ()
    finish: tuple[Step, ...] = ()
    undo: Step | None = None
    url: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    keep_on_interrupt: Callable[[], str] = field(default=lambda: "", repr=False, compare=False)
    undone: str = ""
    again: str = ""
    late_warnings: Callable[[], Sequence[str]] = field(default=lambda: (), repr=False, compare=False)
    late_url: Callable[[], str] | None = field(default=None, repr=False, compare=False)

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps in the order in which they run."""
        return (*self.prepare, *self.commit, *self.verify, *self.finish)

    def __bool__(self) -> bool:
        return bool(self.steps)


# ------------------------------------------------------------------------------------------------- operations


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One running (or not running) process: ``web.1``, its state in a word, since when."""

    name: str
    state: str
    since: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What ``paasctl status`` shows. ``healthy`` is None where the platform cannot tell; ``kept`` is where data of an
    app that was taken down still is."""

    exists: bool
    url: str = ""
    live: Release | None = None
    healthy: bool | None = None
    health: str = ""
    processes: tuple[ProcessStatus, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    kept: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of an app's log and the process that wrote it."""

    process: str
    text: str


__all__ = [
    "App",
    "Bundle",
    "BundleFile",
    "Dependencies",
    "Derived",
    "Desired",
    "Env",
    "Interface",
    "LogDestination",
    "LogLine",
    "Observed",
    "Plan",
    "PlatformFacts",
    "ProcessStatus",
    "Provenance",
    "Release",
    "ReleaseState",
    "Say",
    "Setting",
    "Status",
    "Step",
    "Tuning",
]
