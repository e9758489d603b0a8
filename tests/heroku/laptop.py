"""One developer's laptop: a checkout of the app, a home folder, and the paasctl command line."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from heroku_standin import Standin
from heroku_standin.server import TOKEN

from paasctl.cli import cli

FILES = {
    "wsgi.py": "from flask import Flask\n\napp = Flask(__name__)\n",
    "requirements.txt": "flask==3.1.2\ngunicorn==23.0.0\n",
    "runtime.txt": "python-3.13.1\n",
    "Procfile": "web: gunicorn wsgi:app\nworker: python worker.py\n",
    "worker.py": "print('work')\n",
    ".gitignore": ".env\n.paasctl/\n",
}
ENV = {"SECRET_KEY": "kd93Jfm20xMqZ71vB8aa", "MAIL_SERVER": "mail.example.net"}


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
        return subprocess.Popen([sys.executable, "-m", "paasctl", *words], cwd=self.root, env=environ, **options)

    def push(self, *words: str, code: int | None = 0, **options: Any) -> Result:
        return self.paasctl("push", "heroku", "-y", *words, code=code, **options)

    def sync(self, *words: str, code: int | None = 0, **options: Any) -> Result:
        return self.paasctl("env", "sync", "heroku", "-y", *words, code=code, **options)


def shown(result: Result) -> str:
    return f"exit {result.exit_code}\n--- stdout\n{result.stdout}\n--- stderr\n{result.stderr}"
