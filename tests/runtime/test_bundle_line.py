"""The web line of a bundle as a platform gets it: unpacked from the archive and started by a shell, as Heroku does."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest
import runtime_lab
from runtime_lab import Bench, PythonOf, Server
from test_matrix import FLASK, URL

from paasctl.model import App, Dependencies
from paasctl.overlay import generate

PACKAGES = ("gunicorn", "flask>=3.1", "flask-sqlalchemy>=3.1", "sqlalchemy>=2.1", "pymysql")


def unpacked(source: Path, target: Path) -> Path:
    """What lies on a dyno: the app's files and the overlay's, nothing else."""
    app = App(
        "blog",
        source,
        "flask",
        "wsgi:app",
        "wsgi",
        "3.13",
        Dependencies("requirements.txt", "", "0"),
        {"web": "gunicorn wsgi:app"},
    )
    target.mkdir()
    (target / "wsgi.py").write_bytes((source / "wsgi.py").read_bytes())
    for path, content in generate(app).files.items():
        (target / path).write_bytes(content)
    return target


@pytest.mark.e2e
def test_logs_on_stdout_and_the_pool_clamped(tmp_path: Path, python_of: PythonOf) -> None:
    source = tmp_path / "checkout"
    source.mkdir()
    (source / "wsgi.py").write_text(FLASK)
    folder = unpacked(source, tmp_path / "dyno")
    assert sorted(path.name for path in folder.iterdir()) == ["Procfile", "_paasctl_runtime.py", "wsgi.py"]
    name, _, line = (folder / "Procfile").read_text().strip().partition(": ")
    bench, port = Bench(tmp_path / "unused", python_of("3.13", *PACKAGES)), runtime_lab.free_port()
    env = {
        "PORT": str(port),
        "DATABASE_URL": URL,
        "PAASCTL_LOG": "stdout",
        "PAASCTL_POOL_RECYCLE": "280",
        "WEB_CONCURRENCY": "2",
    }
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        shell = ["sh", "-c", f"exec {line}"]
        process = subprocess.Popen(shell, cwd=folder, env=bench.env(env), stdout=stdout, stderr=stderr)
        server = Server(process, port, out, err)
        try:
            server.wait("/pool")
            assert json.loads(server.get("/pool").body) == {"recycle": 280, "ping": True}
            server.get("/", X_Request_ID="id-of-the-router")
            server.get("/boom")
        finally:
            server.stop(signal.SIGTERM)
    assert name == "web"
    assert server.stdout.count("INFO-RECORD request_id=id-of-the-router\n") == 1
    assert server.stdout.count("RuntimeError: BOOM-RECORD") == 1
    assert "RECORD" not in server.stderr
    assert not (folder / "logs").exists()
    assert process.returncode == 0
