"""One app, its configuration, and the targets that a command talks to."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, cast

from paasctl import config as configuration
from paasctl import credentials, git, naming
from paasctl.config import Config, TargetSettings
from paasctl.config.document import read as read_toml
from paasctl.errors import UsageError
from paasctl.model import Observed, Provenance
from paasctl.redact import PUBLIC, Redactor
from paasctl.secret import Secret
from paasctl.target import Adapter, Context, Operations, Target, installed, load

#: The target of an app without any configuration.
DEFAULT_TARGET = "local"


@dataclass(frozen=True)
class Session:
    """The app in ``root``. What it reads of env values goes to the redactor before anything else sees it."""

    root: Path
    config: Config
    redactor: Redactor
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @cached_property
    def provenance(self) -> Provenance:
        """What git says of the code. It looks at every file, so ask when the connections are under way."""
        return git.provenance(self.root)

    def names(self) -> tuple[str, ...]:
        """The configured targets, in the file's order; the default target where none is configured."""
        return tuple(self.config.targets) or (DEFAULT_TARGET,)


@dataclass(frozen=True, slots=True)
class Connection:
    """A target that a command talks to, with what the configuration says of it."""

    name: str
    settings: TargetSettings
    adapter: Adapter
    target: Target
    app: str
    redactor: Redactor

    def ahead(self) -> None:
        """Let a target that can begin to look while something else is done; :meth:`observe` comes next."""
        begin = getattr(self.target, "ahead", None)
        if begin is not None:
            begin()

    def observe(self, *, code: bool = True) -> Observed:
        """The target's present state; its env values are masked from here on.

        Args:
            code: without it only the env matters, for which some platforms need be asked less.
        """
        read = self.target.observe if code else getattr(self.target, "observe_env", self.target.observe)
        observed: Observed = read()
        learn(self.redactor, observed.env)
        self.redactor.keep(word for word in (observed.url, *observed.protected.values()) if word)
        return observed

    def operations(self, operation: str) -> Operations:
        """The target, when it can do one more thing than a push.

        Raises:
            UsageError: it cannot; the sentence says what to do instead.
        """
        instead = self.adapter.abilities.get(operation, f"the adapter {self.settings.adapter} does not offer it")
        if instead:
            raise UsageError(f"`paasctl {operation}` does not work on {self.name}", hint=instead)
        return cast(Operations, self.target)


def learn(redactor: Redactor, env: Mapping[str, Secret]) -> None:
    """Mask the values of an env from here on."""
    redactor.learn(value for name, value in env.items() if name not in PUBLIC)


def start(root: Path, redactor: Redactor) -> Session:
    """Read the configuration of the app in ``root``.

    Raises:
        UsageError: the configuration is wrong.
    """
    loaded = configuration.load(root)
    redactor.watch(loaded.env_files)
    names = installed()
    redactor.keep([*loaded.targets, *names, root.name, *(words(loaded))])
    session = Session(root, loaded, redactor)
    redactor.learn(Secret(value) for value in credentials.held(session.environ).values() if value)
    return session


def words(config: Config) -> Iterator[str]:
    """The texts of the configuration; none of them is a secret, since credentials are refused in it."""
    for value in (config.app.name, config.app.entry, config.app.python, config.app.test, config.app.release):
        if value:
            yield value
    for target in config.targets.values():
        yield from (str(item) for value in target.settings.values() for item in _flat(value))


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _flat(item)
    else:
        yield value


@contextmanager
def connect(session: Session, name: str) -> Iterator[Connection]:
    """Load a target's adapter, check its settings and connect; closes the connection at the end.

    Raises:
        UsageError: there is no such target or adapter, or a setting is wrong.
        PaasctlError: the adapter is broken, or the target cannot be reached.
    """
    settings = configuration.target(session.config, name)
    adapter = adapter_of(session, settings)
    own = configuration.check_settings(settings, adapter.settings, session.config.file)
    app = app_name(session)
    target = adapter.connect(name, own, _context(session, app))
    try:
        yield Connection(name, settings, adapter, target, app, session.redactor)
    finally:
        target.close()


def adapter_of(session: Session, settings: TargetSettings) -> Adapter:
    """The adapter of a target.

    Raises:
        UsageError: it is not installed, or the target's table does not name it.
        PaasctlError: it is broken.
    """
    configuration.require_adapter(session.config, settings, installed())
    return load(settings.adapter)


def app_name(session: Session) -> str:
    """The app's name, before the rest of it is read."""
    configured = session.config.app.name
    said = (configured, str(session.config.file)) if configured else None
    pyproject = session.root / "pyproject.toml"
    data = read_toml(pyproject, pyproject.name).data if pyproject.is_file() else {}
    return naming.app_name(session.root, said, data)[0]


def _context(session: Session, app: str) -> Context:
    import platformdirs

    return Context(
        app=app,
        root=session.root,
        environ=session.environ,
        home=Path.home(),
        data=platformdirs.user_data_path("paasctl"),
        cache=platformdirs.user_cache_path("paasctl"),
        who=git.who(),
        learn=partial(learn, session.redactor),
    )


def several(session: Session, asked: Sequence[str]) -> tuple[str, ...]:
    """The targets that the user named, each once.

    Raises:
        UsageError: one is neither configured nor an installed adapter.
    """
    names = tuple(dict.fromkeys(asked))
    for name in names:
        configuration.target(session.config, name)
    return names
