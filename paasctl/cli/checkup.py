"""The checks of ``paasctl doctor``, each a finding with what to do about it."""

from __future__ import annotations

import platform
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from paasctl import config as configuration
from paasctl import git, pipeline, project
from paasctl import session as sessions
from paasctl import target as adapters
from paasctl.cli import failures
from paasctl.errors import PaasctlError
from paasctl.model import App, Env, Observed
from paasctl.redact import Redactor
from paasctl.session import Connection, Session
from paasctl.words import counted

LOW_DISK = 1_000_000_000
BEARABLE = "a push works all the same; mend it where it matters to you"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. ``code`` is the exit code that it asks for."""

    check: str
    state: Literal["ok", "warning", "error"]
    message: str
    hint: str = ""
    code: int = 0

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {key: value for key, value in asdict(self).items() if key != "code"}


def failed(check: str, error: Exception) -> Finding:
    """The finding of a check that did not pass."""
    if isinstance(error, PaasctlError):
        return Finding(check, "error", error.message, error.hint or "mend that", error.exit_code)
    message = f"{type(error).__name__} at {failures.place(error)}"
    return Finding(check, "error", message, "this is a bug, in paasctl or in the adapter; report it", 1)


class Checkup:
    """One round over the checkout and its targets. A check that fails does not keep the others from their turn."""

    def __init__(self, root: Path, redactor: Redactor) -> None:
        self._root, self._redactor = root, redactor

    def run(self, asked: Sequence[str]) -> Iterator[Finding]:
        """All findings, as they come; targets that are not named are all that are configured."""
        yield Finding("paasctl", "ok", f"runs on Python {platform.python_version()}")
        yield from self._tools()
        yield from self._adapters()
        try:
            session = sessions.start(self._root, self._redactor)
            names = sessions.several(session, asked) or session.names()
        except Exception as error:
            yield failed("config", error)
            return
        yield Finding("config", "ok", f"{session.config.file or 'no file; everything is detected'}")
        for name in names:
            yield from self._target(session, name)

    def _tools(self) -> Iterator[Finding]:
        if shutil.which("git") is None:
            hint = "install git, or list what is not to be pushed in .paasctlignore"
            yield Finding("git", "warning", "is not installed: commits are not recorded with releases", hint)
        free = shutil.disk_usage(self._root).free
        if free < LOW_DISK:
            yield Finding("disk", "warning", f"only {free // 1_000_000} MB are free here", "make room")
        else:
            yield Finding("disk", "ok", f"{free // 1_000_000_000} GB are free here")

    def _adapters(self) -> Iterator[Finding]:
        for name in sorted(adapters.installed()):
            try:
                adapters.load(name)
            except PaasctlError as error:
                yield Finding(f"adapter {name}", "warning", error.message, error.hint)

    def _target(self, session: Session, name: str) -> Iterator[Finding]:
        """The app as this target would get it, its env, and the platform itself."""
        app, finding = self._app(session, name)
        yield finding
        try:
            with sessions.connect(session, name) as connection:
                env = yield from self._env(session, connection)
                observed = yield from self._reach(connection)
                if env is not None:
                    yield from self._fit(session, connection, env, observed)
                if app is not None and connection.target.facts.local:
                    yield python(app)
        except Exception as error:
            yield failed(name, error)

    def _app(self, session: Session, name: str) -> tuple[App | None, Finding]:
        check = f"{name}: app"
        try:
            app = project.read(session.root, session.config, configuration.target(session.config, name))
        except Exception as error:
            return None, failed(check, error)
        words = f"{app.framework}, {app.entry or 'started by the Procfile'}, Python {app.python}"
        if not app.warnings:
            return app, Finding(check, "ok", words)
        return app, Finding(check, "warning", f"{words}; {'; '.join(app.warnings)}", BEARABLE)

    def _env(self, session: Session, connection: Connection) -> Generator[Finding, None, Env | None]:
        """What the env files say; read before the target is asked, so that no answer shows a value of theirs."""
        check = f"{connection.name}: env"
        try:
            env = pipeline.read_env(session, connection)
        except PaasctlError as error:
            yield failed(check, error)
            return None
        for warning in (*env.warnings, *git.env_warnings(session.root, env.files)):
            yield Finding(check, "warning", warning, BEARABLE)
        if not env.managed:
            hint = "`paasctl env pull` fetches the target's env, `paasctl env secret` begins a new file"
            yield Finding(check, "warning", "there is no env file, so the target's env is not managed", hint)
        return env

    def _fit(self, session: Session, connection: Connection, env: Env, observed: Observed | None) -> Iterator[Finding]:
        """What a push would say of the values; an app that cannot be read has its own finding."""
        check = f"{connection.name}: env"
        try:
            warnings = pipeline.fit(session, connection, env, observed)
        except PaasctlError as error:
            yield failed(check, error)
            return
        for warning in warnings:
            yield Finding(check, "warning", warning, BEARABLE)
        if env.managed:
            yield Finding(check, "ok", names_by_file(env))

    def _reach(self, connection: Connection) -> Generator[Finding, None, Observed | None]:
        """Observing needs everything that a push needs: the network, the credentials, the rights."""
        check = f"{connection.name}: target"
        try:
            observed = connection.observe()
        except Exception as error:
            yield failed(check, error)
            return None
        live = f"release {observed.live.id} is live" if observed.live else "nothing was pushed yet"
        yield Finding(check, "ok", f"reachable, and the credentials are accepted; {live}")
        for warning in observed.warnings:
            yield Finding(check, "warning", warning, BEARABLE)
        if observed.exists and not connection.adapter.abilities.get("status", "no"):
            yield from _guarded(check, lambda: self._status(connection))
        return observed

    def _status(self, connection: Connection) -> Iterator[Finding]:
        found = connection.operations("status").status()
        facts = ", ".join(f"{name} {value}" for name, value in found.facts.items())
        if found.healthy is False:
            hint = f"`paasctl logs {connection.name}` shows why"
            yield Finding(f"{connection.name}: health", "error", found.health or "not healthy", hint, 1)
        else:
            words = ", ".join(word for word in (found.health, facts) if word)
            yield Finding(f"{connection.name}: health", "ok", words or "no complaint")
        for warning in found.warnings:
            yield Finding(f"{connection.name}: health", "warning", warning, BEARABLE)


def _guarded(check: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from look()
    except Exception as error:
        yield failed(check, error)


def names_by_file(env: Env) -> str:
    """``3 names in .env, 1 name in .flaskenv``: each name counts where its value comes from."""
    files = [env.origins[name].rpartition(":")[0] for name in env.values]
    found = dict.fromkeys((*env.files, *sorted(files)))
    return ", ".join(f"{counted(files.count(file), 'name')} in {file}" for file in found)


def python(app: App) -> Finding:
    """Whether the app's Python is on this machine."""
    import uv

    check = f"Python {app.python}"
    command = [uv.find_uv_bin(), "python", "find", "--no-python-downloads", app.python]
    found = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if found.returncode == 0:
        return Finding(check, "ok", found.stdout.strip())
    return Finding(check, "warning", "is not on this machine", "uv fetches it with the first push, if it can")
