"""A host as a provider hands it over: setup installs what it lacks, and the first push answers."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from hostlab.apps import HostApp

pytestmark = pytest.mark.hosts

LACKING = ("nginx", "supervisorctl", "sudo", "zstd")


def test_setup_installs_what_a_bare_host_lacks(make_bare_app: Callable[..., HostApp]) -> None:
    app = make_bare_app("plain_wsgi", settings='setup_user = "root"\n')
    python = app.host.out("python3 -c 'import sys; print(*sys.version_info[:2], sep=chr(46))'").strip()
    app.project.write(".python-version", python)
    for program in (*LACKING, "python3 -m ensurepip --version"):
        assert app.host.ssh(f"command -v {program}" if program in LACKING else program, check=False).returncode
    packages = f"nginx sudo supervisor zstd python{python}-venv"
    assert f"install {packages}" in app.run("setup", "linux", "--dry-run").out
    interrupted = app.paasctl.start("setup", "linux", "--yes")
    assert interrupted.wait_text("Unpacking"), interrupted.wait()
    interrupted.kill(signal.SIGINT)
    result = interrupted.wait()
    assert result.code == 130
    assert "brings this step to its end" in result.said
    assert not app.host.out("dpkg --audit"), "apt-get was killed"
    app.first_push()
    assert app.serves() == app.project.version
    assert app.host.out(f"dpkg-query -W -f '${{Status}},' {packages}") == "install ok installed," * 5
    assert "nothing to do" in app.setup().out
    assert app.host.ssh("sudo -n true", user="deploy", check=False).returncode
    app.host.reboot()
    app.run("down", "linux", "--purge", "--yes")
    assert not app.left()
