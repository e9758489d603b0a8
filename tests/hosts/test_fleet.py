"""One target of two hosts: prepared together, the first one healthy before the other, one release everywhere."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from hostlab.apps import SECRET, HostApp

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def shop(make_shared_app: Callable[..., HostApp]) -> HostApp:
    app = make_shared_app(hosts=2)
    app.first_push()
    return app


def everywhere(shop: HostApp) -> tuple[set[str], set[str]]:
    """Every version that is served and every release that is live."""
    return {shop.serves(host) for host in shop.hosts}, {shop.live(host) for host in shop.hosts}


def test_both_hosts_serve_the_same_release(shop: HostApp) -> None:
    shop.project.bump()
    shop.push()
    together(shop)
    processes = shop.status()["processes"]
    assert {one["name"].split()[0] for one in processes} == {host.name for host in shop.hosts}


def test_the_release_command_runs_once_for_all_hosts_and_on_each_for_files_of_their_own(
    make_app: Callable[..., HostApp],
) -> None:
    app = make_app("plain_wsgi", settings='domain = "runs.example.com"\n', hosts=2)  # shop is the default site

    def runs(persist: str) -> list[int]:
        """How often each host ran the release command in a push of an app with these persist paths."""
        lines = f"release = 'echo ran >>runs/log'\npersist = [{persist}]\n\n[targets.linux]"
        app.configure()
        app.project.replace("paasctl.toml", "\n[targets.linux]", lines)
        app.push("--delete")
        log = f"/srv/{app.name}/shared/runs/log"
        found = [host.out(f"cat {log} 2>/dev/null | wc -l; rm -f {log}") for host in app.hosts]
        return [int(count) for count in found]

    app.project.env(SECRET_KEY=SECRET, DB_URL="postgresql://u@db.example.com/x")
    app.setup()
    assert runs("'runs/'") == [1, 0]
    assert runs("'runs/', 'data.db'") == [1, 0], "the file is not what the env names"
    app.project.env(SECRET_KEY=SECRET)
    assert runs("'runs/', 'data.db'") == [1, 1]


def test_the_logs_of_both_hosts_come_in_one_stream(shop: HostApp) -> None:
    following = shop.paasctl.start("logs", "linux", "-f", "-n", "1")
    try:
        for host in shop.hosts:
            assert following.wait_output(f"{host.name} worker.0"), following.wait(10)
        shop.run("restart", "linux", "--yes")
        for host in shop.hosts:
            assert following.wait_output(f"{host.name} web.1"), following.wait(10)
    finally:
        following.kill(signal.SIGINT)
    assert following.wait(30).code in (0, 130)


def test_what_the_first_host_does_not_bear_never_reaches_the_second(shop: HostApp) -> None:
    before, second = everywhere(shop), shop.running(shop.hosts[1])
    path = shop.project.root / "worker.py"
    path.write_text("raise SystemExit('the worker ends on purpose')\n" + path.read_text())
    shop.push(code=1)
    shop.project.restore()
    assert everywhere(shop) == before
    assert shop.running(shop.hosts[1]) == second


def test_a_host_that_cannot_take_a_release_is_found_out_before_any_has_it(shop: HostApp) -> None:
    other, before = shop.hosts[1], (shop.live(), shop.running())
    shop.project.bump()
    other.ssh("systemctl stop supervisor")
    try:
        error = shop.push(code=1).err
        assert f"{other.name}: Supervisor does not answer" in error
        assert (shop.live(), shop.running()) == before
    finally:
        other.ssh("systemctl start supervisor")
    shop.push()
    together(shop)


@pytest.mark.parametrize("lost", ["web.1 runs", "t2: web.0 runs"])
def test_hosts_that_differ_are_brought_together_by_the_same_command(shop: HostApp, lost: str) -> None:
    """The second host's connection is cut: when the first one has the new release, and when both are on their way.

    The first is brought back; nobody can tell the second, which may have the new release: exit 5.
    """
    first, other = shop.hosts
    before = shop.live(first)
    shop.project.bump()
    running = shop.paasctl.start("push", "linux", "--yes", "-v")
    assert running.wait_text(lost), running.wait()
    other.ssh("pkill -x -u deploy sshd", check=False)
    result = running.wait()
    assert result.code == 5, result
    assert f"{first.name}: {before} serves again" in result.err
    assert f"{other.name}: not known" in result.err
    assert shop.live(first) == before
    settle(shop)
    if lost.startswith(other.name):
        assert shop.live(other) != before, "it went on without us, to the end"
        status = shop.run("status", "linux", code=None)
        assert "the hosts differ" in status.said, status
    shop.push()
    together(shop)


def together(shop: HostApp) -> None:
    """Every host serves the version of the checkout, as one release, and nothing is left to do."""
    versions, releases = everywhere(shop)
    assert versions == {shop.project.version}
    assert len(releases) == 1
    assert "nothing to do" in shop.push().out


def settle(shop: HostApp) -> None:
    """Wait until no agent runs any more: one that was cut ends what it was in the middle of."""
    for host in shop.hosts:
        host.ssh("timeout 60 sh -c 'while pgrep -u deploy python3; do sleep 0.2; done'")


def test_rollback_and_removal_are_of_both(shop: HostApp) -> None:
    shop.run("rollback", "linux", "--yes")
    versions, releases = everywhere(shop)
    assert len(versions) == len(releases) == 1
    assert versions != {shop.project.version}
    shop.run("down", "linux", "--purge", "--yes")
    for host in shop.hosts:
        assert not shop.running(host)
        assert host.ssh(f"ls /srv/{shop.name}", check=False).returncode
