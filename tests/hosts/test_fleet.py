"""One target of two hosts: prepared together, the first one healthy before the other, one release everywhere."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from hostlab.apps import HostApp

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
    versions, releases = everywhere(shop)
    assert versions == {shop.project.version}
    assert len(releases) == 1
    assert "nothing to do" in shop.push().out
    processes = shop.status()["processes"]
    assert {one["name"].split()[0] for one in processes} == {host.name for host in shop.hosts}


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


def test_a_host_that_was_left_behind_is_brought_to_the_others_by_the_same_command(shop: HostApp) -> None:
    other = shop.hosts[1]
    shop.project.bump()
    other.ssh("systemctl stop supervisor")
    try:
        result = shop.push(code=None)
        assert result.code in (1, 5)
        assert other.name in result.err
    finally:
        other.ssh("systemctl start supervisor")
    shop.push()
    versions, releases = everywhere(shop)
    assert versions == {shop.project.version}
    assert len(releases) == 1


def test_rollback_and_removal_are_of_both(shop: HostApp) -> None:
    shop.run("rollback", "linux", "--yes")
    versions, releases = everywhere(shop)
    assert len(versions) == len(releases) == 1
    assert versions != {shop.project.version}
    shop.run("down", "linux", "--purge", "--yes")
    for host in shop.hosts:
        assert not shop.running(host)
        assert host.ssh(f"ls /srv/{shop.name}", check=False).returncode
