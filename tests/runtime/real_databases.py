"""A MariaDB and a PostgreSQL of our own, that close idle connections after 5 seconds; ended by their process id."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from runtime_lab import eventually, free_port

IDLE = 5  # seconds
NO_START = Path("/usr/sbin/policy-rc.d")


def program(name: str, package: str) -> str:
    """A database's program; installed from Debian's packages where this is a Debian and we are root."""
    found = find(name)
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        install(package)
        found = find(name)
    if found is None:
        pytest.skip(f"NOT TESTED AGAINST A REAL DATABASE: no {name} here, and no root on a Debian to install {package}")
    return found


def find(name: str) -> str | None:
    places = [*map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), "/usr/sbin", "/usr/bin"]
    return shutil.which(name, path=os.pathsep.join(places))


def install(package: str) -> None:
    """Install without letting the package start a server of its own on this machine."""
    ours = not NO_START.exists()
    if ours:
        NO_START.write_text("#!/bin/sh\nexit 101\n")
        NO_START.chmod(0o755)
    try:
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", package]):
            subprocess.run(["apt-get", *command], env=env, stdout=subprocess.DEVNULL, check=False)
    finally:
        if ours:
            NO_START.unlink()


@contextmanager
def process(argv: list[str], log: Path, ready: list[str], user: str | None = None) -> Iterator[None]:
    """A server until the end of the block; ``ready`` is a command that succeeds once it answers."""
    with log.open("wb") as out:
        running = subprocess.Popen(argv, stdout=out, stderr=out, user=user)
        try:
            up = eventually(lambda: subprocess.run(ready, capture_output=True, user=user).returncode == 0, 60)
            assert up, log.read_text()[-2000:]
            yield
        finally:
            running.send_signal(signal.SIGINT if user or "postgres" in argv[0] else signal.SIGTERM)
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()


@contextmanager
def mariadb() -> Iterator[str]:
    """A MariaDB with wait_timeout=5; yields ``user:password@host:port/database``."""
    server, make = program("mariadbd", "mariadb-server-core"), program("mariadb-install-db", "mariadb-server-core")
    client = program("mariadb", "mariadb-client-core")
    with tempfile.TemporaryDirectory(prefix="mariadb-") as folder:
        port, log, data, sock = free_port(), Path(folder, "log"), f"{folder}/data", f"{folder}/s"
        user = [f"--user={'root' if os.geteuid() == 0 else os.environ.get('USER', '')}"]
        with log.open("wb") as out:
            made = [make, "--no-defaults", *user, f"--datadir={data}", "--auth-root-authentication-method=normal"]
            subprocess.run(made, stdout=out, stderr=out, check=True)
        argv = [server, "--no-defaults", *user, f"--datadir={data}", f"--socket={sock}", f"--port={port}",
                "--bind-address=127.0.0.1", f"--pid-file={folder}/pid", f"--wait-timeout={IDLE}",
                "--skip-name-resolve", "--max-connections=300",
                "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M"]  # fmt: skip
        ask = [client, "--no-defaults", f"--socket={sock}", "-uroot", "-e"]
        with process(argv, log, [*ask, "SELECT 1"]):
            sql = "CREATE DATABASE app; CREATE USER app@'%' IDENTIFIED BY 'pw'; GRANT ALL ON app.* TO app@'%'"
            subprocess.run([*ask, sql], check=True)
            yield f"app:pw@127.0.0.1:{port}/app"


@contextmanager
def postgres() -> Iterator[str]:
    """A PostgreSQL with idle_session_timeout=5s; yields ``user@host:port/database``."""
    server, make, ready = (program(name, "postgresql") for name in ("postgres", "initdb", "pg_isready"))
    user = "postgres" if os.geteuid() == 0 else None  # it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        if user:
            shutil.chown(folder, user)
        port, log, data = free_port(), Path(folder, "log"), f"{folder}/data"
        init = [make, "-D", data, "-U", "postgres", "-A", "trust", "--no-sync"]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, user=user, cwd=folder)
        argv = [server, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F",
                "-c", f"idle_session_timeout={IDLE}s", "-c", "max_connections=300"]  # fmt: skip
        with process(argv, log, [ready, "-h", "127.0.0.1", "-p", str(port)], user):
            yield f"postgres@127.0.0.1:{port}/postgres"
