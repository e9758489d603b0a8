"""Runs paasctl as a user does, in a home of its own, and takes down what it started."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import processes
from support.execs import Recorder

LIMIT = 240.0
KEPT = ("PATH", "LANG", "TZ", "TERM", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "PYENV_ROOT")
KEPT_PREFIXES = ("UV_", "PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")


@dataclass(frozen=True)
class Result:
    """What one command did."""

    words: tuple[str, ...]
    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        """Both streams."""
        return self.out + self.err

    @property
    def url(self) -> str:
        """The URL that the last line on stdout ends with."""
        return self.out.strip().splitlines()[-1].split()[-1].rstrip("/")

    def json(self) -> Any:
        return json.loads(self.out)

    def __str__(self) -> str:
        return f"paasctl {' '.join(self.words)}\nexit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


class Home:
    """A user's home folder on this machine: nothing that paasctl does here touches the developer's own data."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.data, self.cache, self.config, self.state, self.tmp = (
            root / name for name in ("data", "cache", "config", "state", "tmp")
        )
        for folder in (root, self.data, self.cache, self.config, self.state, self.tmp):
            folder.mkdir(parents=True, exist_ok=True)

    def environ(self) -> dict[str, str]:
        """The environment of a command run in this home; uv's downloads are shared with everybody."""
        kept = {n: v for n, v in os.environ.items() if n in KEPT or n.startswith(KEPT_PREFIXES)}
        return {
            "UV_CACHE_DIR": str(_uv_cache()),
            **_package_index_settings(),
            **kept,
            "HOME": str(self.root),
            "XDG_DATA_HOME": str(self.data),
            "XDG_CACHE_HOME": str(self.cache),
            "XDG_CONFIG_HOME": str(self.config),
            "XDG_STATE_HOME": str(self.state),
            "TMPDIR": str(self.tmp),
            "GIT_CONFIG_NOSYSTEM": "1",
        }


def _uv_cache() -> Path:
    return Path(os.environ.get("UV_CACHE_DIR") or Path("~/.cache/uv").expanduser())


def _package_index_settings() -> dict[str, str]:
    """pip's and uv's own settings files of whoever runs the tests, which another HOME would hide."""
    found = {"UV_CONFIG_FILE": Path("~/.config/uv/uv.toml"), "PIP_CONFIG_FILE": Path("~/.config/pip/pip.conf")}
    return {name: str(path.expanduser()) for name, path in found.items() if path.expanduser().exists()}


class Running:
    """A command that is under way; its progress lines can be waited for."""

    def __init__(self, words: Sequence[str], command: Sequence[str], environ: Mapping[str, str], cwd: Path) -> None:
        self.words = tuple(words)
        self.lines: list[str] = []
        self._out: list[str] = []
        self._changed = threading.Condition()
        self.process = subprocess.Popen(
            command, cwd=cwd, env=dict(environ), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, bufsize=1,
        )  # fmt: skip
        self._readers = [
            threading.Thread(target=self._read, args=(stream, store), daemon=True)
            for stream, store in ((self.process.stderr, self.lines), (self.process.stdout, self._out))
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any, store: list[str]) -> None:
        for line in stream:
            with self._changed:
                store.append(line)
                self._changed.notify_all()

    def wait_lines(self, number: int, seconds: float = LIMIT) -> bool:
        """Wait for that many lines of progress; False when the command ended before."""
        end = time.monotonic() + seconds
        with self._changed:
            while len(self.lines) < number and self.process.poll() is None and time.monotonic() < end:
                self._changed.wait(0.02)
            return len(self.lines) >= number

    def wait_text(self, text: str, seconds: float = LIMIT) -> bool:
        """Wait until a line of progress holds ``text``; False when the command ended before."""
        return self._wait(self.lines, text, seconds)

    def wait_output(self, text: str, seconds: float = LIMIT) -> bool:
        """Wait until a line on stdout holds ``text``; False when the command ended before."""
        return self._wait(self._out, text, seconds)

    def _wait(self, lines: list[str], text: str, seconds: float) -> bool:
        end = time.monotonic() + seconds
        with self._changed:
            while not any(text in line for line in lines):
                if self.process.poll() is not None or time.monotonic() > end:
                    return any(text in line for line in lines)
                self._changed.wait(0.02)
        return True

    def kill(self, with_signal: int = signal.SIGKILL) -> None:
        """Send paasctl itself, and nothing that it started, a signal."""
        if self.process.poll() is None:
            os.kill(self.process.pid, with_signal)

    def wait(self, seconds: float = LIMIT) -> Result:
        """The result once paasctl itself has ended, even while what it started holds its pipes."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self.process.wait()
        for reader in self._readers:
            reader.join(2)
        return Result(self.words, code, "".join(self._out), "".join(self.lines))


class Paasctl:
    """paasctl for one project; ``run`` checks the exit code, ``close`` takes the app down whatever happened."""

    def __init__(self, project: Path, home: Home, *, prefix: Sequence[str] = (), **environ: str) -> None:
        self.project, self.home, self.prefix, self.extra = project, home, tuple(prefix), environ
        self.recorder: Recorder | None = None
        self.after: Callable[[Result], None] | None = None

    def environ(self) -> dict[str, str]:
        return {**self.home.environ(), **self.extra}

    def command(self, words: Sequence[str]) -> list[str]:
        """The argv that runs paasctl with these words."""
        return [*self.prefix, sys.executable, "-m", "paasctl", "-C", str(self.project), *words]

    def run(self, *words: str, code: int | None = 0, seconds: float = LIMIT) -> Result:
        """Run one command to its end; it must exit with ``code`` (None: any)."""
        if self.recorder:
            result = self.recorder.run(words, self.command(words), self.environ(), seconds)
        else:
            result = self.start(*words).wait(seconds)
        if self.after:
            self.after(result)
        assert code is None or result.code == code, f"expected exit {code}\n{result}"
        return result

    def start(self, *words: str) -> Running:
        """Begin a command."""
        return Running(words, self.command(words), self.environ(), self.home.root)

    def push(self, *words: str, code: int | None = 0) -> Result:
        """``push local --yes``."""
        return self.run("push", "local", "--yes", *words, code=code)

    def status(self) -> Any:
        """``status local --json``."""
        return self.run("status", "local", "--json", code=None).json()

    def processes(self) -> list[processes.Process]:
        """What runs for this home."""
        return processes.under(self.home.root)

    def close(self) -> None:
        """``down --purge``, then end by its id whatever is left."""
        try:
            if any(self.home.data.iterdir()):
                self.start("down", "local", "--purge", "--yes").wait(60)
        finally:
            processes.sweep(self.home.root)
            shutil.rmtree(self.home.data, ignore_errors=True)
