"""The web line of a push to Heroku: what was uploaded, unpacked and started by a shell with the app's config vars.

The upload and the config vars are those that the adapter really sends, to a stand-in.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import runtime_lab
from runtime_lab import Bench, PythonOf, Server
from test_matrix import FLASK, URL

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "heroku"))

from heroku_standin import HerokuApp, Standin
from laptop import Laptop

PACKAGES = ("gunicorn", "flask>=3.1", "flask-sqlalchemy>=3.1", "sqlalchemy>=2.1", "pymysql")
WHO = """
@app.route("/who")
def who():
    import flask
    return f"{flask.request.scheme} {flask.request.remote_addr}"
"""
CHECKOUT = {
    "wsgi.py": FLASK + WHO,
    "requirements.txt": "\n".join(PACKAGES) + "\n",
    "Procfile": "web: gunicorn wsgi:app\n",
}


def pushed(folder: Path) -> HerokuApp:
    """An app with a MySQL add-on after its first push."""
    with Standin() as standin, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("HEROKU_", "XDG_"))]:
            patch.delenv(name)
        patch.setenv("NO_PROXY", "127.0.0.1")
        app = standin.world.app("shop")
        app.config["DATABASE_URL"], app.addons["DATABASE_URL"] = URL, "mysql-x"
        laptop = Laptop(folder, standin)
        (laptop.root / "worker.py").unlink()
        for name, text in CHECKOUT.items():
            laptop.write(name, text)
        laptop.push()
    return app


def unpacked(app: HerokuApp, folder: Path) -> Path:
    assert app.current.slug
    for name, content in app.current.slug.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.e2e
def test_logs_on_stdout_the_pool_clamped_and_the_router_believed(tmp_path: Path, python_of: PythonOf) -> None:
    app = pushed(tmp_path / "laptop")
    folder = unpacked(app, tmp_path / "dyno")
    assert {*CHECKOUT, "_paasctl_runtime.py"} <= {path.name for path in folder.iterdir()}
    assert not (folder / ".env").exists()
    name, _, line = (folder / "Procfile").read_text().strip().partition(": ")
    bench, port = Bench(tmp_path / "unused", python_of("3.13", *PACKAGES)), runtime_lab.free_port()
    env = {**app.config, "PORT": str(port), "WEB_CONCURRENCY": "2"}
    out, err = tmp_path / "out", tmp_path / "err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        shell = ["sh", "-c", f"exec {line}"]
        process = subprocess.Popen(shell, cwd=folder, env=bench.env(env), stdout=stdout, stderr=stderr)
        server = Server(process, port, out, err)
        try:
            server.wait("/pool")
            assert json.loads(server.get("/pool").body) == {"recycle": 55, "ping": True}
            server.get("/", X_Request_ID="id-of-the-router")
            server.get("/boom")
            # the router adds the client's address to what the client sent
            routed = server.get("/who", X_Forwarded_For="6.6.6.6, 1.2.3.4", X_Forwarded_Proto="https")
        finally:
            server.stop(signal.SIGTERM)
    assert name == "web"
    assert routed.body == "https 1.2.3.4"
    assert server.stdout.count("INFO-RECORD request_id=id-of-the-router\n") == 1
    assert server.stdout.count("RuntimeError: BOOM-RECORD") == 1
    assert "RECORD" not in server.stderr
    assert not (folder / "logs").exists()
    assert process.returncode == 0
