"""The contract's own app on a laptop: a folder, an env, and what it remembers of the target."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from paasctl import bundle, overlay, push, sync
from paasctl import desired as desiring
from paasctl.config import TargetSettings
from paasctl.model import App, Dependencies, Desired, Env, Observed, Plan, Provenance, Step
from paasctl.secret import Secret
from paasctl.seen import Seen
from paasctl.sync import EnvChanges
from paasctl.target import Target

NAME = "contract"
WHO = "ada@laptop"

#: The app: one file of the standard library that says which code it is, and with which env.
WEB = '''"""The app of paasctl's contract tests."""
import json
import os
from wsgiref.simple_server import make_server

CODE = "one"


def app(environ, start_response):
    env = {name: value for name, value in os.environ.items() if name.startswith("KIT_")}
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps({"code": CODE, "env": env}).encode()]


if __name__ == "__main__":
    make_server("127.0.0.1", int(os.environ["PORT"]), app).serve_forever()
'''
FILES = {"web.py": WEB, "Procfile": "web: python web.py\n", "requirements.txt": ""}

Tamper = Callable[[Plan], Plan]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A push that could now happen."""

    desired: Desired
    observed: Observed
    changes: EnvChanges
    plan: Plan


@dataclass
class Log:
    """A report (see :class:`paasctl.push.Report`) that keeps what it is told."""

    started_steps: list[Step] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    undone: list[Step] = field(default_factory=list)
    before_step: Callable[[int], None] = lambda number: None

    def started(self, step: Step, number: int, of: int) -> None:
        self.before_step(number)
        self.started_steps.append(step)

    def say(self, line: str) -> None:
        self.lines.append(line)

    def undoing(self, step: Step) -> None:
        self.undone.append(step)

    def undid(self, step: Step) -> None: ...


class Checkout:
    """One person's copy of the app. ``env`` is what ``.env`` says; None means that there is none.

    Args:
        connect: makes a connection to the target.
        root: an empty folder.
        files: the app's files by path.
    """

    def __init__(self, connect: Callable[[], Target], root: Path, files: Mapping[str, str]) -> None:
        self._connect, self.root = connect, root
        self.env: dict[str, str] | None = {}
        self._seen: Seen | None = None
        for path, text in files.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        """Make or change a file of the app."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def change_code(self, mark: str) -> None:
        """Another code, of the same size when the mark has three letters."""
        self.write("web.py", WEB.replace('"one"', f'"{mark}"'))

    def app(self) -> App:
        """The app, as detection would find it."""
        requirements = (self.root / "requirements.txt").read_text("utf-8")
        lines = (line.partition(":") for line in (self.root / "Procfile").read_text("utf-8").splitlines())
        digest = hashlib.sha256(requirements.encode()).hexdigest()
        return App(
            name=NAME,
            root=self.root,
            framework="wsgi",
            entry="web:app",
            interface="wsgi",
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
            dependencies=Dependencies("requirements.txt", requirements, digest),
            processes={name: command.strip() for name, _, command in lines},
        )

    def desired(self, target: Target, observed: Observed, *, code: bool = True) -> Desired:
        """What the target should be; without ``code`` an env-only sync."""
        app = self.app()
        added = overlay.generate(app, runtime=True)
        wanted = desiring.build(
            NAME,
            app,
            self._env(),
            bundle.build(app, added.files) if code else None,
            Provenance(WHO, commit="c0ffee" * 6 + "c0ff", branch="main"),
            target.facts,
            TargetSettings(NAME, NAME),
            theirs=observed.env,
            protected=observed.protected,
            create=True,
        )
        return replace(wanted, processes=added.processes, release_command=added.release, handover=added.handover)

    def _env(self) -> Env:
        if self.env is None:
            return Env()
        values = {name: Secret(value) for name, value in self.env.items()}
        origins = {name: f".env:{line}" for line, name in enumerate(values, start=1)}
        return Env(values, origins, (".env",), managed=True)

    def prepare(self, target: Target, *, code: bool = True, delete: bool = False) -> Prepared:
        """Look at the target, decide and plan, as every push does; ``delete``: deletions are confirmed."""
        observed = target.observe()
        wanted = self.desired(target, observed, code=code)
        changes = sync.decide(wanted, observed, self._seen, who=WHO, now=datetime.now(UTC), mode="push", delete=delete)
        sync.require_settled(changes)
        return Prepared(wanted, observed, changes, target.plan(wanted, observed, changes))

    def push(
        self, *, code: bool = True, delete: bool = False, log: Log | None = None, tamper: Tamper | None = None
    ) -> Prepared:
        """Push and remember, over a connection of its own. ``tamper`` may put other steps in the plan's place.

        Raises:
            PaasctlError: as the push does.
        """
        with self.connected() as target:
            prepared = self.prepare(target, code=code, delete=delete)
            plan = tamper(prepared.plan) if tamper else prepared.plan
            push.apply(plan, log or Log())
            self._seen = prepared.changes.seen
        return prepared

    def plan(self, *, code: bool = True, delete: bool = False) -> Plan:
        """A dry run, over a connection of its own."""
        with self.connected() as target:
            return self.prepare(target, code=code, delete=delete).plan

    def observe(self) -> Observed:
        """What the target is, over a connection of its own."""
        with self.connected() as target:
            return target.observe()

    @contextmanager
    def connected(self) -> Iterator[Target]:
        """A connection that is closed in the end."""
        target = self._connect()
        try:
            yield target
        finally:
            target.close()


def words(plan: Plan) -> list[tuple[str, tuple[str, ...]]]:
    """What a plan shows of its steps."""
    return [(step.title, step.details) for step in plan.steps]


def texts(prepared: Prepared, log: Log) -> str:
    """All that a user may see of a push."""
    plan, observed = prepared.plan, prepared.observed
    shown: Iterable[str] = (
        *(str(word) for word in words(plan)),
        *((plan.undo.title, *plan.undo.details) if plan.undo else ()),
        *(*plan.notes, *plan.warnings, *observed.warnings, plan.url, plan.keep_on_interrupt()),
        *log.lines,
        *(repr(each) for each in (plan, observed, observed.extra, prepared.changes)),
    )
    return "\n".join(shown)
