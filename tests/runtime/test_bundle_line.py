"""The web line of a bundle as a platform gets it: unpacked from the archive and started by a shell, as Heroku does."""

from __future__ import annotations

import io
import json
import signal
import subprocess
from pathlib import Path

import pytest
import runtime_lab
from runtime_lab import Bench, PythonOf, Server
from test_matrix import FLASK, URL

from paasctl import bundle, overlay, project
from paasctl.archive import write_tar_gz
from paasctl.config import Config

PACKAGES = ("gunicorn", "flask>=3.1", "flask-sqlalchemy>=3.1", "sqlalchemy>=2.1", "pymysql")
CHECKOUT = {
    "wsgi.py": FLASK,
    "requirements.txt": "\n".join(PACKAGES) + "\n",
    "Procfile": "web: gunicorn wsgi:app\n",
    ".env": "SECRET_KEY=stays-on-the-laptop\n",
}


def unpacked(source: Path, target: Path) -> Path:
    """What lies on a dyno: the content of the very archive that a push uploads."""
    source.mkdir()
    for name, text in CHECKOUT.items():
        (source / name).write_text(text)
    app = project.read(source, Config())
    archive = io.BytesIO()
    write_tar_gz(bundle.build(app, overlay.generate(app).files), archive)
    target.mkdir()
    subprocess.run(["tar", "-xz", "-C", str(target)], input=archive.getvalue(), check=True)
    return target


@pytest.mark.e2e
def test_logs_on_stdout_and_the_pool_clamped(tmp_path: Path, python_of: PythonOf) -> None:
    folder = unpacked(tmp_path / "checkout", tmp_path / "dyno")
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["Procfile", "_paasctl_runtime.py", "requirements.txt", "wsgi.py"]
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
