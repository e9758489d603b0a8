"""A folder with an app and the runtime in it, processes started there, and what they answer and write."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from support.pythons import pythons

from paasctl.overlay import RUNTIME, runtime_source

#: ``python_of("3.8", "flask==2.2.5")`` of the fixtures
PythonOf = Callable[..., str]
#: what a process of a test inherits: nothing of the developer's own settings
INHERITED = ("PATH", "HOME", "LANG", "TMPDIR", "SSL_CERT_FILE", "PYTHONDONTWRITEBYTECODE")


def environment(folder: Path, version: str, requirements: Sequence[str]) -> Path:
    """A virtual environment with these requirements, made once; returns its ``bin`` folder."""
    key = hashlib.sha256(repr((version, sorted(requirements))).encode()).hexdigest()[:16]
    venv = folder / key
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (venv / "complete").exists():
            uv = [sys.executable, "-m", "uv"]
            subprocess.run([*uv, "venv", "-q", "--clear", "--python", pythons()[version], str(venv)], check=True)
            install = [*uv, "pip", "install", "-q", "--python", str(venv / "bin/python"), *requirements]
            subprocess.run(install, check=True)
            (venv / "complete").touch()
    return venv / "bin"


def runtime_under_test() -> bytes:
    """The joined file, or the mutant of it that this run is for."""
    mutant = os.environ.get("RUNTIME_UNDER_TEST")
    return Path(mutant).read_bytes() if mutant else runtime_source()


@dataclass
class Bench:
    """A folder where the runtime lies beside an app's files, and the interpreter to run it with."""

    folder: Path
    python: str
    source: bytes = field(default_factory=runtime_under_test)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / RUNTIME).write_bytes(self.source)

    def write(self, **files: str) -> None:
        """Write Python files: ``app="..."`` is app.py."""
        for name, text in files.items():
            (self.folder / f"{name}.py").write_text(text)

    def argv(self, words: Sequence[str], *, runtime: bool = True) -> list[str]:
        if runtime:
            return [self.python, "-m", "_paasctl_runtime", *words]
        beside = Path(self.python).parent / words[0]
        return [str(beside) if beside.exists() else words[0], *words[1:]]

    def env(self, env: Mapping[str, str]) -> dict[str, str]:
        base = {name: os.environ[name] for name in INHERITED if name in os.environ}
        base["PATH"] = f"{Path(self.python).parent}:{base['PATH']}"
        return {**base, "PYTHONUNBUFFERED": "1", **env}

    def run(self, *words: str, runtime: bool = True, **env: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end."""
        argv = self.argv(words, runtime=runtime)
        return subprocess.run(argv, cwd=self.folder, env=self.env(env), capture_output=True, text=True, timeout=60)

    @contextmanager
    def serve(self, line: str, *, runtime: bool = True, ready: str = "/", **env: str) -> Iterator[Server]:
        """Run a web line on a port of its own, as on a platform that says PORT; ended by its own process id."""
        port = free_port()
        words = [word.replace("$PORT", str(port)) for word in line.split()]
        out, err = self.folder / "stdout", self.folder / "stderr"
        with out.open("wb") as stdout, err.open("wb") as stderr:
            process = subprocess.Popen(
                self.argv(words, runtime=runtime),
                cwd=self.folder,
                env=self.env({"PORT": str(port), **env}),
                stdout=stdout,
                stderr=stderr,
            )
            server = Server(process, port, out, err)
            try:
                server.wait(ready)
                yield server
            finally:
                server.stop()


@dataclass
class Server:
    """A running web process."""

    process: subprocess.Popen[bytes]
    port: int
    out: Path
    err: Path

    def get(self, path: str, **headers: str) -> Answer:
        return get(("127.0.0.1", self.port), path, **headers)

    def wait(self, path: str, seconds: float = 30) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.process.poll() is not None:
                break
            try:
                self.get(path)
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError(f"the server does not answer:\n{self.out.read_text()}\n{self.err.read_text()}")

    def stop(self, how: int = signal.SIGTERM) -> None:
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(5)

    @property
    def stdout(self) -> str:
        return self.out.read_text()

    @property
    def stderr(self) -> str:
        return self.err.read_text()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: str


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=20)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


def get(where: tuple[str, int] | str, path: str, **headers: str) -> Answer:
    """One GET of a TCP address or a Unix socket; header names with _ for -."""
    connection = UnixConnection(where) if isinstance(where, str) else http.client.HTTPConnection(*where, timeout=20)
    try:
        connection.request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, response.read().decode())
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(wanted: object, seconds: float = 10) -> bool:
    """Wait until ``wanted()`` is true; False when time is up."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if wanted():  # type: ignore[operator]
            return True
        time.sleep(0.05)
    return False
