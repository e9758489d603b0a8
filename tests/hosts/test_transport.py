"""What goes over the wire of a push, counted and not timed: connections, commands, bytes."""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from hostlab.apps import HostApp
from support.cli import Paasctl

pytestmark = pytest.mark.hosts

FILES, LIMIT = 2000, 15_000
#: an ssh that notes its arguments and what is sent on its stdin, and is otherwise the real one
RECORDER = """\
#!/bin/sh
for word; do [ "$word" = -G ] && exec {ssh} "$@"; done
echo "$@" >> {folder}/execs
tee -a {folder}/sent | {ssh} "$@"
"""


class Wire:
    """Records every ssh that paasctl starts."""

    def __init__(self, app: HostApp, folder: Path, ssh: str) -> None:
        self._app, self._folder = app, folder
        program = folder / "bin" / "ssh"
        program.parent.mkdir()
        program.write_text(RECORDER.format(ssh=ssh, folder=folder))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        path = f"{program.parent}:{app.home.environ()['PATH']}"
        app.paasctl = Paasctl(app.project.root, app.home, PATH=path)

    def reset(self) -> int:
        """Begin anew; the number of connections that the host has accepted so far."""
        for name in ("execs", "sent"):
            (self._folder / name).write_text("")
        return self.connections()

    def connections(self) -> int:
        return int(self._app.host.out("journalctl -u ssh | grep -c 'Accepted publickey for deploy'"))

    @property
    def execs(self) -> list[str]:
        return (self._folder / "execs").read_text().count("-o StrictHostKeyChecking=yes") * ["exec"]

    @property
    def coding(self) -> str:
        """How contents were sent."""
        sent = (self._folder / "sent").read_bytes()
        (coding,) = re.findall(rb'"call": "objects".*?"coding": "(\w+)"', sent)
        assert (b"\x28\xb5\x2f\xfd" in sent) == (coding == b"zstd"), "zstd's magic number"
        return str(coding, "ascii")

    @property
    def bytes_up(self) -> int:
        return sum((self._folder / name).stat().st_size for name in ("execs", "sent"))


@pytest.fixture(scope="module")
def app(make_shared_app: Callable[..., HostApp]) -> HostApp:
    """An app of 2,000 files that is live."""
    app = make_shared_app("plain_wsgi", settings="")
    for number in range(FILES):
        app.project.write(f"data/{number % 40:02d}/{number:04d}.txt", f"{number}\n" * 40)
    app.project.commit("many files")
    app.first_push()
    return app


@pytest.fixture(scope="module")
def wire(app: HostApp, tmp_path_factory: pytest.TempPathFactory) -> Wire:
    return Wire(app, tmp_path_factory.mktemp("wire"), str(shutil.which("ssh")))


def test_a_cold_push_without_a_change_is_one_connection_and_one_command(app: HostApp, wire: Wire) -> None:
    app.disconnect()
    before = wire.reset()
    assert "nothing to do" in app.push().out
    assert wire.connections() == before + 1
    assert len(wire.execs) == 1


def test_a_warm_one_is_no_connection_and_one_command(app: HostApp, wire: Wire) -> None:
    app.push()
    before = wire.reset()
    assert "nothing to do" in app.push().out
    assert wire.connections() == before
    assert len(wire.execs) == 1


def test_a_small_change_in_many_files_is_few_bytes(app: HostApp, wire: Wire) -> None:
    app.push()
    app.project.bump(commit=False)
    app.project.write("data/00/0000.txt", "".join(f"{number:x}" for number in range(3000, 3256)))
    app.project.commit("a small change")
    before = wire.reset()
    app.push()
    assert app.serves() == app.project.version
    assert wire.connections() == before
    assert len(wire.execs) == 1
    assert wire.bytes_up < LIMIT


def test_a_host_that_forgot_and_a_laptop_that_forgot_cost_bytes_alone(app: HostApp, wire: Wire) -> None:
    app.host.ssh("rm -r ~deploy/.cache/paasctl")
    for path in app.home.cache.rglob("*.json"):
        path.unlink()
    app.project.bump()
    wire.reset()
    app.push()
    assert app.serves() == app.project.version
    assert len(wire.execs) == 1


def test_contents_are_sent_with_zstd_which_setup_sees_to_and_without_where_there_is_none(
    app: HostApp, wire: Wire
) -> None:
    app.project.bump()
    wire.reset()
    app.push()
    assert (app.serves(), wire.coding) == (app.project.version, "zstd")
    app.host.ssh("mv /usr/bin/zstd /root/zstd")
    try:
        app.project.bump()
        wire.reset()
        app.push()
        assert (app.serves(), wire.coding) == (app.project.version, "zlib")
        assert "install zstd" in app.run("setup", "linux", "--dry-run").out
    finally:
        app.host.ssh("mv /root/zstd /usr/bin/zstd")


def test_an_agent_that_was_tampered_with_on_the_host_is_not_run(app: HostApp, wire: Wire) -> None:
    folder = "~deploy/.cache/paasctl/agent"
    names = app.host.out(f"ls {folder}").split()
    assert len(names) == 1
    assert app.host.out(f"stat -c '%a %U' {folder} {folder}/*").split() == ["700", "deploy", "600", "deploy"]
    app.host.ssh(f"echo tampered > {folder}/{names[0]}")
    assert "nothing to do" in app.push().out
    assert app.host.out(f"sha256sum {folder}/*").split()[0] == names[0]


def test_what_a_shells_start_up_files_print_is_passed_over(app: HostApp) -> None:
    app.host.ssh("cp ~deploy/.bashrc /root/bashrc; sed -i '1i echo welcome to this host' ~deploy/.bashrc")
    try:
        assert "nothing to do" in app.push().out
        assert app.run("run", "linux", "--", "echo", "hello").out.endswith("hello\n")
    finally:
        app.host.ssh("cat /root/bashrc > ~deploy/.bashrc")


def test_a_cache_folder_with_a_long_name_is_no_obstacle(app: HostApp) -> None:
    """The path of a socket has at most 108 bytes."""
    cache = app.home.root / ("long-" * 20)
    before = set(Path("/tmp").glob("paasctl-ssh-*/*"))
    app.paasctl.extra = {**app.paasctl.extra, "XDG_CACHE_HOME": str(cache)}
    try:
        assert "nothing to do" in app.push().out
    finally:
        app.paasctl.extra = {**app.paasctl.extra, "XDG_CACHE_HOME": str(app.home.cache)}
        made = set(Path("/tmp").glob("paasctl-ssh-*/*")) - before
        for folder in made:
            app.disconnect(folder)
            shutil.rmtree(folder, ignore_errors=True)
    assert len(made) == 1
