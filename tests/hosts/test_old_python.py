"""A host whose only Python for those who log in is the oldest that paasctl runs with: agent, app and runtime."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostlab.apps import SECRET, HostApp
from hostlab.fleet import Fleet, Host
from support.projects import fingerprint
from support.web import eventually

pytestmark = pytest.mark.hosts

VERSION = "3.8"
SECOND = "k2-Qb8wZc3nYt6XsL1vGj4mKd9r"
HOME, LINKS = "/opt/oldest-python", ("python3", f"python{VERSION}")
#: what an interpreter does not need, or what is of this machine alone
OMITTED = ("test", "tests", "__pycache__", "idlelib", "tkinter", "*.a", "*.pth", "config-3*")
ASK = "import sys; print(sys.base_prefix)"
WORKER = """
import sys
import time

print("the worker runs Python %d.%d" % sys.version_info[:2], flush=True)
while True:
    time.sleep(1)
"""


@pytest.fixture(scope="module")
def python(fleet: Fleet) -> Iterator[Host]:
    """A host where ``python3`` is the oldest, at its own path; skipped where this machine has none to copy."""
    sys.path.append(str(Path(__file__).resolve().parent.parent / "runtime"))
    import runtime_lab

    found = runtime_lab.pythons().get(VERSION)
    if found is None:
        pytest.skip(f"NO PUSH TO A HOST WITH PYTHON {VERSION} IS TESTED: it is not on this machine")
    host = fleet.hosts[0]
    prefix = Path(subprocess.run([found, "-c", ASK], capture_output=True, text=True, check=True).stdout.strip())
    for name in ("bin", "lib"):
        ignored = shutil.ignore_patterns(*OMITTED)
        shutil.copytree(prefix / name, host.root / HOME[1:] / name, symlinks=True, ignore=ignored)
    host.ssh(f"echo {HOME}/lib > /etc/ld.so.conf.d/oldest-python.conf; ldconfig")
    for link in LINKS:
        host.ssh(f"ln -s {HOME}/bin/python{VERSION} /usr/local/bin/{link}")
    yield host
    host.ssh(f"cd /usr/local/bin && rm {' '.join(LINKS)}; rm -r {HOME} /etc/ld.so.conf.d/oldest-python.conf; ldconfig")


def test_an_app_lives_there_from_setup_to_removal(python: Host, make_app: Callable[..., HostApp]) -> None:
    assert python.out("python3 --version", user="deploy").startswith(f"Python {VERSION}.")
    app = make_app("plain_wsgi")
    assert app.host is python
    app.project.write(".python-version", f"{VERSION}\n")
    app.project.write("worker.py", WORKER)
    app.project.write("Procfile", "web: gunicorn wsgi:application\nworker: python worker.py\nrelease: python -V\n")
    app.project.commit("for an old host")
    first = app.first_push()
    assert f"Python {VERSION}." in first.said, "the release command"
    assert app.serves() == app.project.version
    assert "nothing to do" in app.setup().out
    assert "nothing to do" in app.push().out

    old, new = app.live(), app.project.bump()
    app.push()
    assert app.serves() == new
    app.project.env(SECRET_KEY=SECOND)
    app.push("--env-only")
    assert app.get("/about").json()["secret"] == fingerprint(SECOND)
    app.run("rollback", "linux", old, "--yes")
    assert app.serves() != new
    assert app.get("/about").json()["secret"] == fingerprint(SECRET)

    status = app.status()
    assert status["healthy"] and not status["warnings"], status
    assert f"the worker runs Python {VERSION}" in app.run("logs", "linux", "--process", "worker").out
    ran = app.run("run", "linux", "--", "python", "-c", "import sys; print(sys.version_info[:2])")
    assert ran.out == "(3, 8)\n"
    app.run("restart", "linux", "--yes")
    assert eventually(app.url + "/", lambda answer: answer.status == 200, 30)

    app.run("down", "linux", "--purge", "--yes")
    assert not app.running()
    assert app.host.ssh(f"ls /srv/{app.name}", check=False).returncode
