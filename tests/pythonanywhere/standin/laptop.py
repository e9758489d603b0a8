"""A checkout on a laptop that pushes to the stand-in: the way of ``paasctl push`` without its console."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from paasctl import config as configuration
from paasctl import push, seen, session
from paasctl.model import Observed, Plan, Provenance
from paasctl.pipeline import Prepared, Request, prepare
from paasctl.redact import Redactor
from paasctl.session import Connection
from paasctl.target import Context, load

from .clock import QuickClock
from .platform import Platform

APPS = Path(__file__).resolve().parents[2] / "apps"
TARGET = "pythonanywhere"


class Laptop:
    """One checkout of an app, and whoever pushes it."""

    def __init__(self, platform: Platform, root: Path, who: str = "ann", clock: Any = None, **settings: Any) -> None:
        self.platform, self.root, self.who = platform, root, who
        self.clock = clock or QuickClock()
        self.settings = settings
        self.said: list[str] = []
        self.environ = {**os.environ, "PYTHONANYWHERE_API_TOKEN": platform.account.token}

    @classmethod
    def copy(cls, platform: Platform, app: str, root: Path, env: dict[str, str] | None = None, **more: Any) -> Laptop:
        """A fresh checkout of a sample app, with a ``.env``."""
        shutil.copytree(APPS / app, root, ignore=shutil.ignore_patterns("__pycache__"))
        laptop = cls(platform, root, **more)
        laptop.env(env if env is not None else {"SECRET_KEY": "k1-Vn4tXq9bRw2LzJ7cMd5pHs8f"})
        return laptop

    def env(self, values: dict[str, str]) -> None:
        """Write ``.env``."""
        path = self.root / ".env"
        path.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
        path.chmod(0o600)

    def write(self, path: str, text: str) -> None:
        """Write a file of the app."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def config(self, text: str = "") -> None:
        """Write ``paasctl.toml``."""
        lines = {
            "username": self.platform.account.username,
            "api_url": self.platform.api_url,
            "site_url": self.platform.site_url,
            **self.settings,
        }
        shown = "\n".join(f"{k} = {str(v).lower() if isinstance(v, bool) else repr(v)}" for k, v in lines.items())
        self.write("paasctl.toml", f"{text}\n[targets.{TARGET}]\n{shown}\n".replace("'", '"'))

    @contextmanager
    def connected(self) -> Iterator[tuple[session.Session, Connection]]:
        """The target, as the command line connects it, with this laptop's clock."""
        if not (self.root / "paasctl.toml").exists():
            self.config()
        redactor = Redactor()
        found = session.start(self.root, redactor)
        found = replace(found, environ=self.environ)
        found.__dict__["provenance"] = Provenance(self.who)  # git would know nobody here
        settings = configuration.target(found.config, TARGET)
        adapter = load(settings.adapter)
        own = configuration.check_settings(settings, adapter.settings, found.config.file)
        name = session.app_name(found)
        folder = self.root.parent / f"{self.root.name}-cache"
        context = Context(name, self.root, self.environ, self.root, folder, folder, self.who)
        target = sys.modules[adapter.__module__].connect(TARGET, own, context, self.clock)
        try:
            yield found, Connection(TARGET, settings, adapter, target, name, redactor)
        finally:
            target.close()

    def plan(self, **request: Any) -> Plan:
        """What a push would do."""
        with self.connected() as (found, connection):
            return prepare(found, connection, Request(**request)).plan

    def push(self, **request: Any) -> Plan:
        """Plan and apply; what the checkout remembers is remembered."""
        with self.connected() as (found, connection):
            prepared = prepare(found, connection, Request(**request))
            self.apply(prepared)
            return prepared.plan

    def apply(self, prepared: Prepared) -> None:
        """Run a plan, and remember as a push does."""
        if prepared.changes.blocked:
            from paasctl.changes import require_settled

            require_settled(prepared.changes)
        push.apply(prepared.plan, self)
        if prepared.changes.seen is not None:
            seen.save(self.root, TARGET, prepared.changes.seen)

    def operate(self, name: str, *arguments: Any) -> Any:
        """An operation beyond a push; one that answers with a plan is carried out."""
        with self.connected() as (_, connection):
            target: Any = connection.target
            method = getattr(target, name)
            if name in ("rollback", "restart", "down", "unlock"):
                plan = method(self.observe(connection), *arguments)
                push.apply(plan, self)
                return plan
            found = method(*arguments)
            return list(found) if name == "logs" else found

    def observe(self, connection: Connection) -> Observed:
        return connection.observe()

    # what push.apply reports to

    def started(self, step: Any, number: int, of: int) -> None:
        self.said.append(f"[{number}/{of}] {step.title}")

    def say(self, line: str) -> None:
        self.said.append(line)

    def undoing(self, step: Any) -> None:
        self.said.append(f"undo: {step.title}")

    def undid(self, step: Any) -> None: ...
