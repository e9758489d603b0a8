"""One developer's laptop: a checkout of the app, a home folder, and the paasctl command line."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from heroku_standin import Standin
from heroku_standin.server import TOKEN

from paasctl import bundle, git, pipeline, seen
from paasctl import session as sessions
from paasctl.changes import EnvChanges
from paasctl.cli import cli
from paasctl.cli import main as cli_main
from paasctl.model import Env, Observed, Plan
from paasctl.pipeline import Prepared, Request
from paasctl.session import Connection, Session

FILES = {
    "wsgi.py": "from flask import Flask\n\napp = Flask(__name__)\n",
    "requirements.txt": "flask==3.1.2\ngunicorn==23.0.0\n",
    "runtime.txt": "python-3.13.1\n",
    "Procfile": "web: gunicorn wsgi:app\nworker: python worker.py\n",
    "worker.py": "print('work')\n",
    ".gitignore": ".env\n.paasctl/\n",
}
ENV = {"SECRET_KEY": "kd93Jfm20xMqZ71vB8aa", "MAIL_SERVER": "mail.example.net"}


#: The core calls a target's optional methods itself; until then ``prepare`` below does.
COMPLETE = "observe_env" in inspect.getsource(pipeline) + inspect.getsource(sessions)


@dataclass
class Laptop:
    """``paasctl("push", "heroku", "-y")`` runs the command line in this checkout."""

    folder: Path
    standin: Standin
    who: str = "ada"
    app: str = "shop"
    config: str = ""

    def __post_init__(self) -> None:
        self.root, self.home = self.folder / "bluelog", self.folder / "home"
        self.root.mkdir(parents=True)
        self.home.mkdir()
        for name, text in FILES.items():
            self.write(name, text)
        self.env(**ENV)
        self.configure(self.config)
        for words in (
            ["init", "-q"],
            ["config", "user.name", self.who],
            ["config", "user.email", f"{self.who}@x.test"],
        ):
            subprocess.run(["git", *words], cwd=self.root, check=True)

    def write(self, name: str, text: str) -> None:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def env(self, **values: str) -> None:
        """Write ``.env`` anew."""
        file = self.root / ".env"
        file.write_text("".join(f"{name}='{value}'\n" for name, value in values.items()))
        file.chmod(0o600)

    def configure(self, more: str = "") -> None:
        head = f'[targets.heroku]\napp = "{self.app}"\napi_url = "{self.standin.url}"\n'
        self.write("paasctl.toml", head + more)

    def edit(self, number: int) -> None:
        """Change the code."""
        self.write("wsgi.py", FILES["wsgi.py"] + f"# version {number}\n")

    def paasctl(self, *words: str, code: int | None = 0, environ: dict[str, str] | None = None) -> Result:
        """Run a command; the exit code must be ``code`` unless that is None."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("HOME", str(self.home))
            patch.setenv("HEROKU_API_KEY", TOKEN)
            patch.setenv("LOGNAME", self.who)
            for name, value in (environ or {}).items():
                patch.setenv(name, value)
            if not COMPLETE:
                patch.setattr(pipeline, "prepare", prepare)
            result = CliRunner().invoke(cli, ["-C", str(self.root), *words], standalone_mode=False)
        self.result = result
        exit_code = (
            result.return_value if result.exit_code == 0 and isinstance(result.return_value, int) else result.exit_code
        )
        result.exit_code = exit_code
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert code is None or exit_code == code, shown(result)
        return result

    def start(self, *words: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a command as a process of its own."""
        environ = {**os.environ, "HOME": str(self.home), "HEROKU_API_KEY": TOKEN, "LOGNAME": self.who}
        main = "import laptop; laptop.main()"
        path = os.pathsep.join((str(Path(__file__).parent), environ.get("PYTHONPATH", "")))
        command = [sys.executable, "-c", main, *words]
        return subprocess.Popen(command, cwd=self.root, env={**environ, "PYTHONPATH": path}, **options)

    def push(self, *words: str, code: int | None = 0, **options: Any) -> Result:
        return self.paasctl("push", "heroku", "-y", *words, code=code, **options)

    def sync(self, *words: str, code: int | None = 0, **options: Any) -> Result:
        return self.paasctl("env", "sync", "heroku", "-y", *words, code=code, **options)


def main() -> None:
    """The command line, in a process of its own."""
    if not COMPLETE:
        pipeline.prepare = prepare
    cli_main()


def shown(result: Result) -> str:
    return f"exit {result.exit_code}\n--- stdout\n{result.stdout}\n--- stderr\n{result.stderr}"


def prepare(session: Session, connection: Connection, request: Request, choose: Any = None) -> Prepared:
    """:func:`paasctl.pipeline.prepare` with the optional methods of a target, ``observe_env`` and ``owners``. Stands in
    for it until it calls them itself."""
    target: Any = connection.target
    app, added = pipeline.read_app(session, connection, choose)
    env = pipeline.read_env(session, connection) if request.env else Env()
    code = bundle.build(app, added.files) if request.code else None
    observed: Observed = connection.observe() if request.code else target.observe_env()
    session.redactor.learn(observed.env.values())
    observed = with_owners(target, env, observed)
    wanted = pipeline.desire(session, connection, request, app, added, env, code, observed)
    known, _ = seen.load(session.root, connection.name)
    warnings = (*app.warnings, *git.env_warnings(session.root, env.files), *wanted.warnings, *observed.warnings)
    empty = Prepared(request, wanted, observed, known, EnvChanges(), Plan(), wanted.notes, warnings)
    return pipeline.decide(session, connection, empty, request)


def with_owners(target: Any, env: Env, observed: Observed) -> Observed:
    """Ask who owns names that are on both sides, differ, and were never written by paasctl."""
    known = observed.manifest.entries if observed.manifest else {}
    collide = [
        name
        for name, value in env.values.items()
        if name in observed.env and observed.env[name] != value and name not in {*known, *observed.protected}
    ]
    if not collide:
        return observed
    return replace(observed, protected={**observed.protected, **target.owners(collide)})
