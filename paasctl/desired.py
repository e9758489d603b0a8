"""Put the app, its env, the bundle and the platform's facts together to what a target should be."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from paasctl import recycle, rules
from paasctl.errors import UsageError
from paasctl.model import App, Bundle, Derived, Desired, Env, LogDestination, PlatformFacts, Provenance
from paasctl.secret import Secret

#: Derived names that only the runtime reads.
RUNTIME_NAMES = ("PAASCTL_LOG", "PAASCTL_LOG_FORMAT", "PAASCTL_POOL_RECYCLE", "PAASCTL_PROXY_HOPS")

#: What Flask-SQLAlchemy gives to its engines; with ``__key`` behind it, one key beside those of the app's own code.
FLASK_OPTIONS = "FLASK_SQLALCHEMY_ENGINE_OPTIONS"

#: A distribution that is SQLAlchemy or brings it, in requirement lines; by its name, or in the URL of its source.
_SQLALCHEMY = re.compile(r"^(-e )?\S*(sqlalchemy|sqlmodel|alembic|flask[-_.]migrate)", re.IGNORECASE | re.MULTILINE)
_SENTRY = re.compile(r"^(-e )?\S*sentry[-_.]sdk", re.IGNORECASE | re.MULTILINE)
#: SQLAlchemy held below 1.4, which takes postgres:// as it is.
_OLD_SQLALCHEMY = re.compile(
    r"^sqlalchemy(?![\w.-])[^#;\n]*?(===?\s*(0|1\.[0-3])\b|~=\s*1\.[0-3]\.|<=?\s*(0|1\.[0-3])\b|<\s*1\.4(\.0)?(?![.\w]))",
    re.IGNORECASE | re.MULTILINE,
)


class Settings(Protocol):
    """What of ``[targets.NAME]`` concerns the env; see :class:`paasctl.config.TargetSettings`."""

    @property
    def log(self) -> LogDestination | None: ...
    @property
    def pool_recycle(self) -> int | None: ...
    @property
    def runtime(self) -> bool: ...
    @property
    def send(self) -> Collection[str]: ...
    @property
    def allow(self) -> Collection[str]: ...


def build(
    name: str,
    app: App,
    env: Env,
    bundle: Bundle | None,
    provenance: Provenance,
    facts: PlatformFacts,
    settings: Settings,
    *,
    theirs: Mapping[str, Secret] | None = None,
    protected: Collection[str] = (),
    examples: Mapping[str, Secret] | None = None,
    force: bool = False,
    create: bool = False,
) -> Desired:
    """What ``name`` should be: the env that is sent, and the names that paasctl derives for the app.

    Args:
        name: the target's name.
        env: as the files say; local-only names are taken out of it here.
        theirs: the env that is on the target now; its database decides where ``env`` names none.
        protected: names that somebody else owns on the target. examples: the values of ``.env.example``.

    Raises:
        UsageError: lists all names that the platform reserves, or all values that fit the laptop only.
    """
    warnings = (*env.warnings, *fit(name, app, env, facts, settings, protected, examples or {}))
    sent = _sent(env, facts, settings)
    own = _without(sent, protected)
    real = {**(theirs or {}), **own.values}
    of_app = (*_import_path(app), *_settings_names(app), *_pool_names(app, facts, settings, real))
    derived, notes = _derive(name, own, facts, settings, of_app)
    notes = (*notes, *_modern_urls(app, settings, real), *_no_sentry(app, settings, real))
    return Desired(
        target=name,
        app=app,
        env=sent,
        derived=derived,
        bundle=bundle,
        provenance=provenance,
        force=force,
        create=create,
        runtime=settings.runtime,
        notes=notes,
        warnings=warnings,
    )


def fit(
    name: str,
    app: App,
    env: Env,
    facts: PlatformFacts,
    settings: Settings,
    protected: Collection[str],
    examples: Mapping[str, Secret],
) -> tuple[str, ...]:
    """Warnings about the values that would be sent to ``name``; arguments as for :func:`build`.

    Raises:
        UsageError: as :func:`build`.
    """
    sent = _sent(env, facts, settings)
    rules.reserved(sent, facts)
    own = _without(sent, protected)
    warnings = (*_unfit(name, own, app, facts, settings, examples), *_unknown_allow(settings))
    _fits(name, own, facts)
    return warnings


def _without(env: Env, names: Collection[str]) -> Env:
    return replace(env, values={name: value for name, value in env.values.items() if name not in names})


def _sent(env: Env, facts: PlatformFacts, settings: Settings) -> Env:
    if facts.local:
        return env
    stay = rules.local_only(env.values, settings.send)
    values = {name: value for name, value in env.values.items() if name not in stay}
    return replace(env, values=values, local_only=(*env.local_only, *stay))


def _unfit(
    name: str, env: Env, app: App, facts: PlatformFacts, settings: Settings, examples: Mapping[str, Secret]
) -> tuple[str, ...]:
    found = [str(finding) for finding in rules.dangerous(env, app, facts, settings.allow, examples)]
    if facts.local or not found:
        return tuple(found)
    count = "1 value is" if len(found) == 1 else f"{len(found)} values are"
    raise UsageError(
        "\n".join((f"{count} not fit for {name}; nothing was sent", *(f"  {line}" for line in found))),
        hint=f"correct the env file, or write {env.files[0] if env.files else '.env'}.{name} with what differs there",
    )


def _unknown_allow(settings: Settings) -> Iterator[str]:
    for key in settings.allow:
        if key not in rules.ALLOW:
            yield f"allow = [{key!r}] allows nothing; known are {', '.join(rules.ALLOW)}"


def _fits(name: str, env: Env, facts: PlatformFacts) -> None:
    size = sum(len(key) + len(value.reveal().encode()) for key, value in env.values.items())
    if facts.max_env_bytes is not None and size > facts.max_env_bytes:
        raise UsageError(
            f"the env is {size} bytes long, {name} takes at most {facts.max_env_bytes}; nothing was sent",
            hint="keep large values in files, or with the service that needs them",
        )


# -------------------------------------------------------------------------------------------------- derived names


@dataclass(frozen=True, slots=True)
class _Log:
    destination: LogDestination
    reason: str


def _derive(
    name: str, env: Env, facts: PlatformFacts, settings: Settings, of_app: Iterable[Derived]
) -> tuple[tuple[Derived, ...], tuple[str, ...]]:
    """The derived names that nothing else decides, and sentences about those that ``.env`` sets itself."""
    derived, notes = [], []
    for each in _wanted(name, facts, settings, of_app):
        if each.name in env.values:
            origin = env.origins.get(each.name, "the env file")
            notes.append(f"{each.name} is taken from {origin}; without it, it would be {each.value}: {each.reason}")
        elif not rules.reserved_reason(each.name, facts) and (settings.runtime or each.name not in RUNTIME_NAMES):
            derived.append(each)
    return tuple(derived), tuple(notes)


def _wanted(name: str, facts: PlatformFacts, settings: Settings, of_app: Iterable[Derived]) -> Iterator[Derived]:
    log = _Log(settings.log, "`log` in the configuration") if settings.log else _Log(facts.log, facts.log_reason)
    yield Derived("PAASCTL_TARGET", name, "the target's name")
    yield Derived("PAASCTL_LOG", log.destination, log.reason)
    if log.destination in ("stdout", "stderr"):
        yield Derived("LOG_TO_STDOUT", "1", f"{log.reason}; for apps that read it by convention")
        yield from _log_format(log.destination, facts)
    yield from of_app
    if facts.proxy_hops:
        yield Derived("PAASCTL_PROXY_HOPS", str(facts.proxy_hops), "proxies in front of the app whose headers are true")
    yield Derived("PYTHONUNBUFFERED", "1", "what the app prints is in the log at once")


def _import_path(app: App) -> Iterator[Derived]:
    """For an app in ``src/``: relative to the folder that every process starts in, which is another in each release."""
    if app.source:
        yield Derived("PYTHONPATH", app.source, f"the app is in {app.source}/, and the dependencies do not install it")


def _log_format(destination: LogDestination, facts: PlatformFacts) -> Iterator[Derived]:
    """The form of the runtime's own log lines, where its default (the time on stderr, none on stdout) is not right."""
    if destination == "stdout" and not facts.adds_time:
        yield Derived("PAASCTL_LOG_FORMAT", "time", "the platform does not add the time to what is printed")
    elif destination == "stderr" and facts.adds_time:
        yield Derived("PAASCTL_LOG_FORMAT", "text", "the platform adds the time to what is printed")


def _modern_urls(app: App, settings: Settings, real: Mapping[str, Secret]) -> Iterator[str]:
    """What the runtime does to URLs that SQLAlchemy 1.4 and later no longer understands."""
    needs = app.dependencies.requirements
    if settings.runtime and _SQLALCHEMY.search(needs) and not _OLD_SQLALCHEMY.search(needs):
        for name in sorted(key for key, value in real.items() if value.reveal().startswith("postgres://")):
            yield f"{name}: the app gets postgres:// as postgresql://, on which SQLAlchemy 1.4 and later insist"


def _no_sentry(app: App, settings: Settings, real: Mapping[str, Secret]) -> Iterator[str]:
    """A DSN whose errors go nowhere."""
    if settings.runtime and "SENTRY_DSN" in real and not _SENTRY.search(app.dependencies.requirements):
        yield "SENTRY_DSN: no error goes to Sentry, for sentry-sdk is not among the dependencies"


def _settings_names(app: App) -> Iterator[Derived]:
    """The settings that the server uses, for all that runs in a release; else migrations go to manage.py's database."""
    if app.settings:
        yield Derived("DJANGO_SETTINGS_MODULE", app.settings, app.origins["settings"])


def _pool_names(app: App, facts: PlatformFacts, settings: Settings, real: Mapping[str, Secret]) -> Iterator[Derived]:
    """The recycle time for the runtime and for apps that read it themselves.

    Where Flask's own variable is set by anybody, it says all: our two would change what is in it.
    """
    pool = _pool(app, facts, settings, real)
    if pool is None:
        return
    seconds, reason = pool
    yield Derived("PAASCTL_POOL_RECYCLE", str(seconds), reason)
    yield Derived("SQLALCHEMY_POOL_RECYCLE", str(seconds), f"{reason}; for apps that read it by convention")
    if app.framework == "flask" and not settings.runtime and FLASK_OPTIONS not in real:
        opted = "for an app that calls app.config.from_prefixed_env()"
        yield Derived(f"{FLASK_OPTIONS}__pool_recycle", str(seconds), f"{reason}; {opted}")
        yield Derived(f"{FLASK_OPTIONS}__pool_pre_ping", "true", f"a connection is tried before use; {opted}")


def _pool(app: App, facts: PlatformFacts, settings: Settings, real: Mapping[str, Secret]) -> tuple[int, str] | None:
    """The recycle time for the databases that the app really sees; the strictest, when there are several.

    An app with a driver and an env without any database's URL puts it together itself: asked as ``("", "")``.
    """
    if settings.pool_recycle is not None:
        return settings.pool_recycle, "`pool_recycle` in the configuration"
    found = list(recycle.databases(real).values())
    if not found and recycle.has_driver(app.dependencies.requirements):
        found = [("", "")]
    return recycle.strictest(facts.recycle(kind, host) for kind, host in found)
