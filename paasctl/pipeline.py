"""The way of a push: read the app and its env, look at the target, decide, and plan. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from paasctl import config, desired, dotenv, git, rules, seen, sync
from paasctl.changes import EnvChanges
from paasctl.config import TargetSettings
from paasctl.model import App, Bundle, Dependencies, Desired, Env, Observed, Plan, PlatformFacts, Provenance
from paasctl.seen import Seen
from paasctl.session import Connection, Session, app_name, learn
from paasctl.sync import Answer, Mode

if TYPE_CHECKING:  # what reads the app is imported when it is read: `env diff` mostly does without
    from paasctl.overlay import Overlay
    from paasctl.project import Choose


@dataclass(frozen=True, slots=True)
class Request:
    """What the user asked for. ``mode`` decides about drift; ``answers`` are the user's choices by env name.

    Without ``steps`` only the env is compared: no plan is made.
    """

    mode: Mode = "push"
    env: bool = True
    code: bool = True
    force: bool = False
    prune: bool = False
    delete: bool = False
    create: bool = False
    steps: bool = True
    answers: dict[str, Answer] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Everything that is known before anything is changed."""

    request: Request
    desired: Desired
    observed: Observed
    seen: Seen | None
    changes: EnvChanges
    plan: Plan
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def prepare(session: Session, connection: Connection, request: Request, choose: Choose | None = None) -> Prepared:
    """Read both sides and plan.

    Args:
        choose: asks the user which of several entry points is meant.

    Raises:
        UsageError: the app, its env files or the configuration must be changed first.
        PaasctlError: the target cannot be reached.
    """
    from paasctl import bundle, contents

    connection.ahead()
    app, added = read_app(session, connection, choose)
    env = read_env(session, connection) if request.env else Env()
    code = bundle.build(app, added.files) if request.code else None
    known, damaged = seen.load(session.root, connection.name)
    observed = _owned(connection, request, env, connection.observe(code=request.code), known)
    wanted = desire(session, connection, request, app, added, env, code, observed)
    warnings = (
        *app.warnings,
        *(contents.warnings(code) if code else ()),
        *git.env_warnings(session.root, env.files),
        *added.unreached,
        *wanted.warnings,
        *observed.warnings,
        *_notices(damaged, observed),
    )
    notes = (*app.notes, *code_notes(session.provenance, app, request), *wanted.notes, *_unmanaged(request, env))
    empty = Prepared(request, wanted, observed, known, EnvChanges(), Plan(), notes, warnings)
    return mended(connection, decide(session, connection, empty, request))


def _notices(damaged: str, observed: Observed) -> list[str]:
    """What makes this view of the target less than sure."""
    busy = f"{observed.busy}; what is shown here may be different in a moment" if observed.busy else ""
    return [sentence for sentence in (damaged, busy) if sentence]


def mended(connection: Connection, prepared: Prepared) -> Prepared:
    """Where a push has nothing to do, a target that can is asked whether what is live there serves.

    Raises:
        PaasctlError: the target cannot be reached.
    """
    request, mend = prepared.request, getattr(connection.target, "mend", None)
    asked = request.steps and request.code and request.mode == "push"
    if mend is None or not asked or prepared.plan or prepared.changes.blocked:
        return prepared
    return replace(prepared, plan=mend(prepared.observed))


def compare(session: Session, connection: Connection, request: Request, choose: Choose | None = None) -> Prepared:
    """Read both sides of the env alone, without a plan. The app's files are read only where they can matter for it.

    Raises:
        UsageError, PaasctlError: as :func:`prepare`.
    """
    env = read_env(session, connection)
    known, damaged = seen.load(session.root, connection.name)
    observed = _owned(connection, request, env, connection.observe(code=False), known)
    if rules.depends_on_app(env, connection.target.facts) or _may_derive(session.root):
        app, _ = read_app(session, connection, choose)
    else:
        app = _unread(session, connection.app)
    wanted = _wanted(session, connection, request, app, Provenance(git.who()), env, None, observed)
    warnings = (*git.env_warnings(session.root, env.files), *wanted.warnings, *observed.warnings)
    empty = Prepared(
        request,
        wanted,
        observed,
        known,
        EnvChanges(),
        Plan(),
        notes=(*wanted.notes, *_unmanaged(request, env), *_missing(connection, observed)),
        warnings=(*warnings, *_notices(damaged, observed)),
    )
    return decide(session, connection, empty, request)


def _may_derive(root: Path) -> bool:
    """Whether names can be derived from what the app is: Django's settings, the import path of an app in ``src/``."""
    return (root / "manage.py").is_file() or (root / "src").is_dir()


def _unread(session: Session, name: str) -> App:
    """The app where nothing depends on what it is."""
    return App(name, session.root, "", None, "wsgi", "", Dependencies(None, "", ""), {})


def fit(session: Session, connection: Connection, env: Env, observed: Observed | None = None) -> tuple[str, ...]:
    """What a push would say of the values of an env, without a plan.

    Args:
        observed: None where the target is not asked; then no name is known to be owned by somebody else.

    Raises:
        UsageError: the push would be refused, or the app cannot be read where a value is judged by it.
    """
    if observed is not None:
        known, _ = seen.load(session.root, connection.name)
        observed = _owned(connection, Request(), env, observed, known)
    protected = observed.protected if observed else {}
    return judge(session, connection.settings, connection.target.facts, env, protected)


def judge(
    session: Session, settings: TargetSettings, facts: PlatformFacts, env: Env, protected: Collection[str] = ()
) -> tuple[str, ...]:
    """As :func:`fit`, of a target that nothing connects to.

    Args:
        protected: the names that somebody else owns there.

    Raises:
        UsageError: as :func:`fit`.
    """
    depends = rules.depends_on_app(env, facts)
    app = _read(session, settings, None) if depends else _unread(session, app_name(session))
    examples = dotenv.read_example(session.root) or {}
    return desired.fit(settings.name, app, env, facts, settings, protected, examples)


def _owned(connection: Connection, request: Request, env: Env, observed: Observed, known: Seen | None) -> Observed:
    unsure = sync.unsure(env, observed, known, prune=request.prune) if request.env and env.managed else []
    return with_owners(connection, observed, unsure)


def with_owners(connection: Connection, observed: Observed, names: Iterable[str]) -> Observed:
    """Ask the target, where it can tell, who owns these names; an owner that was noted earlier may have left."""
    ask = getattr(connection.target, "owners", None)
    unsure = frozenset(names)
    if ask is None or not unsure:
        return observed
    owners: dict[str, str] = dict(ask(sorted(unsure)))
    connection.redactor.keep(owners.values())
    sure = {name: owner for name, owner in observed.protected.items() if name not in unsure}
    return replace(observed, protected=sure | owners)


def read_app(session: Session, connection: Connection, choose: Choose | None) -> tuple[App, Overlay]:
    """The app as its files describe it for this target, and what paasctl adds to its code.

    Raises:
        UsageError: there is no app, more than one, or a file of it cannot be understood.
    """
    from paasctl import overlay

    app = _read(session, connection.settings, choose)
    added = overlay.generate(app, runtime=connection.settings.runtime)
    own = getattr(connection.target, "extra_files", None)
    return app, replace(added, files={**added.files, **own(app)}) if own else added


def _read(session: Session, settings: TargetSettings, choose: Choose | None) -> App:
    from paasctl import project

    app = project.read(session.root, session.config, settings, choose=choose)
    session.redactor.keep(_public(app))
    config.check_processes(settings, app.processes, session.config.file)
    return app


def read_env(session: Session, connection: Connection) -> Env:
    """What the target's env files say; their values are masked from here on.

    Raises:
        UsageError: a file is missing or says something that is not plain.
    """
    files, origin = config.env_files(session.config, connection.settings)
    env = dotenv.read(session.root, files, connection.name, origin)
    learn(session.redactor, env.values)
    session.redactor.keep(env.values)
    return env


def decide(session: Session, connection: Connection, prepared: Prepared, request: Request) -> Prepared:
    """Decide about every env name and plan anew, after the user has been asked something."""
    wanted, observed = prepared.desired, prepared.observed
    changes = _untouched(observed) if not request.env and observed.manifest is not None else None
    if changes is None:
        changes = sync.decide(
            wanted,
            observed,
            prepared.seen,
            who=wanted.provenance.who,
            now=datetime.now(UTC),
            mode=request.mode,
            force=request.force,
            prune=request.prune,
            delete=request.delete,
            answers=request.answers,
        )
    session.redactor.keep(change.value for change in changes.names if change.value)
    plan = Plan(url=observed.url)
    if request.steps and not changes.blocked:
        plan = connection.target.plan(wanted, observed, changes)
    session.redactor.keep([plan.url])
    return replace(prepared, request=request, changes=changes, plan=plan)


def _untouched(observed: Observed) -> EnvChanges:
    """The env as it is on the target (``--code-only``)."""
    assert observed.manifest is not None
    return EnvChanges(result=observed.env, manifest=observed.manifest)


def desire(
    session: Session,
    connection: Connection,
    request: Request,
    app: App,
    added: Overlay,
    env: Env,
    code: Bundle | None,
    observed: Observed,
) -> Desired:
    """What the target should be, with how each process runs there.

    Raises:
        UsageError: a value of the env fits the laptop only, or the platform reserves its name.
    """
    wanted = _wanted(session, connection, request, app, session.provenance, env, code, observed)
    return replace(
        wanted,
        processes=added.processes,
        release_command=added.release,
        handover=added.handover,
        tuning=connection.settings.processes,
    )


def _wanted(
    session: Session,
    connection: Connection,
    request: Request,
    app: App,
    provenance: Provenance,
    env: Env,
    code: Bundle | None,
    observed: Observed,
) -> Desired:
    return desired.build(
        connection.name,
        app,
        env,
        code,
        provenance,
        connection.target.facts,
        connection.settings,
        theirs=observed.env,
        protected=observed.protected,
        examples=dotenv.read_example(session.root),
        force=request.force,
        create=request.create,
    )


def _public(app: App) -> list[str]:
    """Texts of the app that the plan shows and that stand in the repository anyway."""
    parts = (app.name, app.framework, app.entry, app.python, app.release, app.test, app.dependencies.file, app.settings)
    shown = (*app.processes, *app.processes.values(), *app.persist, *app.origins.values(), *app.static.values())
    return [part for part in (*parts, *shown) if part]


def code_notes(provenance: Provenance, app: App, request: Request) -> list[str]:
    """What is said of the code that would be pushed, when it is not what the repository has for a colleague."""
    if not request.code or not provenance.commit:
        return []
    notes = [*git.persist_notes(app.root, app.persist)]
    if provenance.dirty:
        notes.append(f"uncommitted changes are pushed too, on top of {provenance.commit[:10]}")
    if provenance.unpushed:
        notes.append(f"the commit {provenance.commit[:10]} is in no remote repository yet")
    return notes


def _missing(connection: Connection, observed: Observed) -> list[str]:
    return [] if observed.exists else [f"there is no app on {connection.name} yet; `paasctl push {connection.name}`"]


def _unmanaged(request: Request, env: Env) -> list[str]:
    if request.env and not env.managed:
        return ["there is no .env here, so the env on the target stays as it is"]
    return []
