"""The user's own ``~/.ssh/config``, ``known_hosts`` and key, and a host that is reached through another one."""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Callable

import pytest
from hostlab.apps import SECRET, HostApp
from support.cli import Paasctl

pytestmark = pytest.mark.hosts

#: ssh asks the system for the user's home and not HOME; this one sees the test's home there
SSH = """\
#!/bin/sh
exec unshare --mount sh -c 'mount --bind "$0" "$1" && shift && exec {ssh} "$@"' {home} {real} "$@"
"""
CONFIG = """\
Host jump
  HostName {jump}
  User deploy
Host hidden
  HostName {hidden}
  User deploy
  ProxyJump jump
"""


@pytest.fixture
def app(make_app: Callable[..., HostApp]) -> HostApp:
    """An app whose one host, as the user's own configuration has it, lies behind another one."""
    app = make_app("plain_wsgi", hosts=2)
    jump, hidden = app.hosts
    folder, program = app.home.root / ".ssh", app.folder / "bin/ssh"
    folder.mkdir(mode=0o700)
    (folder / "config").write_text(CONFIG.format(jump=jump.address, hidden=hidden.address))
    (folder / "known_hosts").write_text("".join(f"{host.address} {host.public_key()}\n" for host in app.hosts))
    shutil.copy(app.fleet.folder / "key", folder / "id_ed25519")
    program.parent.mkdir()
    home = pwd.getpwuid(os.getuid()).pw_dir
    program.write_text(SSH.format(ssh=shutil.which("ssh"), home=app.home.root, real=home))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    app.paasctl = Paasctl(app.project.root, app.home, PATH=f"{program.parent}:{app.home.environ()['PATH']}")
    app.project.write("paasctl.toml", f'[app]\nname = "{app.name}"\n\n[targets.linux]\nhosts = ["hidden"]\n')
    app.project.env(SECRET_KEY=SECRET)
    return app


def test_a_host_behind_another_one_is_reached_as_the_users_own_configuration_says(app: HostApp) -> None:
    jump, hidden = app.hosts
    log = "journalctl -u ssh | grep -c 'Accepted publickey for deploy from {}' || true"
    through, direct = (log.format(address) for address in (jump.address, jump.address.rpartition(".")[0] + ".1 "))
    before = hidden.out(direct)
    app.setup()
    app.push()
    assert app.serves(hidden) == app.project.version
    assert app.run("run", "linux", "--", "hostname").out.strip() == hidden.name
    assert int(hidden.out(through)) >= 1
    assert hidden.out(direct) == before


def test_a_key_that_the_users_own_file_does_not_have_is_refused(app: HostApp) -> None:
    known = app.home.root / ".ssh/known_hosts"
    known.write_text(known.read_text().splitlines()[0] + "\n")
    error = app.push(code=1).err
    assert "the host key of hidden is not known; nothing was sent" in error
