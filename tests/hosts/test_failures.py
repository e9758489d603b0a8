"""What goes wrong on a real host and on the way there: the old release serves on, and the next push ends well.

The tests share one app; each leaves it healthy and its checkout clean.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hostlab.apps import SECRET, HostApp
from hostlab.fleet import Host
from support.load import Clients, Request
from support.web import eventually

pytestmark = pytest.mark.hosts


@pytest.fixture(scope="module")
def shop(make_shared_app: Callable[..., HostApp]) -> HostApp:
    app = make_shared_app()
    app.first_push()
    return app


@pytest.mark.parametrize("what", ["import", "health", "release", "requirements"])
def test_a_broken_release_leaves_the_old_one_serving_and_says_why(shop: HostApp, what: str) -> None:
    version, live, running = shop.serves(), shop.live(), shop.running()
    shop.project.bump(commit=False)
    why = getattr(shop.project, f"break_{what}")()
    result = shop.push(code=1)
    assert why in result.err
    assert shop.serves() == version
    assert shop.live() == live
    assert shop.running() == running, "no process had to be touched to find out"
    shop.project.restore()
    assert "nothing to do" in shop.push().out


def test_a_broken_worker_is_undone(shop: HostApp) -> None:
    version = shop.serves()
    path = shop.project.root / "worker.py"
    path.write_text("raise SystemExit('the worker ends on purpose')\n" + path.read_text())
    result = shop.push(code=1)
    assert "on purpose" in result.err
    assert shop.serves() == version
    shop.project.restore()
    assert "nothing to do" in shop.push().out
    assert set(shop.running().values()).isdisjoint({"FATAL", "BACKOFF", "EXITED", "STOPPED"}), shop.running()


def test_nginx_that_somebody_else_broke_is_named_and_does_not_stop_a_push(shop: HostApp) -> None:
    site = f"/etc/nginx/sites-available/paasctl-{shop.name}"
    before = shop.host.out(f"cat {site}")
    shop.host.ssh("echo 'nonsense on purpose;' > /etc/nginx/conf.d/broken.conf")
    try:
        shop.configure('client_max_body_size = "30m"\n')
        assert "paasctl setup linux" in shop.push(code=2).err
        result = shop.setup(code=1)
        assert "broken already" in result.err
        assert "broken.conf" in result.err
        assert shop.host.out(f"cat {site}") == before
        shop.configure("")
        shop.project.bump()
        shop.push()
        assert shop.serves() == shop.project.version
    finally:
        shop.host.ssh("rm /etc/nginx/conf.d/broken.conf")
    assert "nothing to do" in shop.setup().out


def test_a_site_that_nginx_refuses_is_taken_back(shop: HostApp) -> None:
    site = f"/etc/nginx/sites-available/paasctl-{shop.name}"
    before, running = shop.host.out(f"cat {site}"), shop.running()
    # where there are other names too, one that is this long needs a setting of nginx's own
    shop.host.ssh("echo 'server { listen 80; server_name other.test; }' > /etc/nginx/conf.d/other.conf")
    shop.configure(f'domain = "{"long" * 15}.example.com"\n')
    try:
        result = shop.setup(code=1)
    finally:
        shop.host.ssh("rm /etc/nginx/conf.d/other.conf")
        shop.configure("")
    assert "nginx refuses the new site; the old one is in place" in result.err
    assert "server_names_hash" in result.said, "nginx's own words"
    assert shop.host.out(f"cat {site}") == before
    assert shop.host.ssh("nginx -t").returncode == 0
    assert shop.running() == running
    assert shop.serves() == shop.project.version
    assert "nothing to do" in shop.setup().out


def test_a_setting_that_nginx_could_read_otherwise_never_leaves_this_machine(shop: HostApp) -> None:
    shop.configure('client_max_body_size = "25m; include /home/deploy/evil.conf"\n')
    try:
        result = shop.setup(code=2)
        assert "paasctl.toml:7: client_max_body_size must be a number and k, m or g" in result.err
    finally:
        shop.configure("")


def test_sudo_that_was_revoked_is_said_and_nothing_changes(shop: HostApp) -> None:
    version = shop.serves()
    shop.host.ssh("mkdir -p /root/sudoers && mv /etc/sudoers.d/* /root/sudoers/")
    try:
        shop.project.bump()
        result = shop.push(code=1)
        assert "paasctl setup" in result.err
        assert "Traceback" not in result.err
        assert shop.serves() == version
    finally:
        shop.host.ssh("mv /root/sudoers/* /etc/sudoers.d/")
    shop.push()
    assert shop.serves() == shop.project.version


def test_a_supervisor_that_is_down_is_said_and_then_brought_to_an_end(shop: HostApp) -> None:
    shop.host.ssh("systemctl stop supervisor")
    try:
        shop.project.bump()
        result = shop.push(code=1)
        assert "Supervisor" in result.err
        assert "systemctl status supervisor" in result.err
    finally:
        shop.host.ssh("systemctl start supervisor")
    shop.push()
    assert shop.serves() == shop.project.version


def test_a_site_that_is_not_in_nginx_is_not_healthy_and_setup_puts_it_back(shop: HostApp) -> None:
    enabled = f"/etc/nginx/sites-enabled/paasctl-{shop.name}"
    shop.host.ssh(f"rm {enabled}; ln -s ../sites-available/default /etc/nginx/sites-enabled/default; nginx -s reload")
    try:
        eventually(shop.url, lambda answer: "nginx" in answer.body)
        status = shop.run("status", "linux", code=None)
        assert "what answers 200 at / is not this release" in status.said, status
        assert shop.status()["healthy"] is False
        shop.project.bump()
        assert "visitors do not reach it" in shop.push().err
    finally:
        shop.host.ssh("rm /etc/nginx/sites-enabled/default")
    shop.setup()
    assert shop.serves() == shop.project.version
    assert shop.status()["healthy"] is True


TLS = """
server { listen 80 default_server; return 301 https://$host$request_uri; }
server { listen 443 ssl; ssl_certificate /root/tls.pem; ssl_certificate_key /root/tls.key; """


def answered(shop: HostApp) -> int:
    """The status of / over plain http; a redirection is not followed."""
    connection = http.client.HTTPConnection(shop.host.address, timeout=10)
    connection.request("GET", "/")
    with contextlib.closing(connection):
        return connection.getresponse().status


def until_answered(shop: HostApp, status: int) -> None:
    end = time.monotonic() + 20
    while answered(shop) != status:
        assert time.monotonic() < end, f"nginx goes on with the old site, which does not answer {status}"
        time.sleep(0.2)


def test_the_health_is_asked_over_tls_where_http_only_leads_there(shop: HostApp) -> None:
    """What certbot makes of a site."""
    site = f"/etc/nginx/sites-available/paasctl-{shop.name}"
    before = shop.host.out(f"cat {site}")
    request = "openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=t1 -keyout /root/tls.key -out /root/tls.pem"
    shop.host.ssh(request)
    edited = before.replace("server {\n", TLS, 1).replace(
        "listen 80 default_server;\n    listen [::]:80 default_server;", ""
    )
    shop.host.ssh(f"cat >{site} && nginx -t && nginx -s reload", data=edited)
    try:
        until_answered(shop, 301)
        assert shop.status()["healthy"] is True
        shop.host.ssh("supervisorctl stop all")
        assert "it answers 502 at /" in shop.run("status", "linux", code=None).said
    finally:
        shop.host.ssh(f"supervisorctl start all; cat >{site} && nginx -s reload", data=before)
    until_answered(shop, 200)


@pytest.fixture
def small_disk(shop: HostApp) -> Iterator[Callable[[int], None]]:
    """The app's folder on a disk of its own; call it with the kB that shall be free there."""
    root, disk = f"/srv/{shop.name}", "/root/small"
    shop.host.ssh(f"mkdir -p {disk} && mount -t tmpfs -o size=400m,mode=2750 small {disk} && rsync -a {root}/ {disk}/")
    shop.host.ssh(f"mount --bind {disk} {root}")
    shop.run("restart", "linux", "--yes")
    yield lambda free: shop.host.ssh(
        f"rm -f {root}/filler; left=$(df --output=avail -k {root} | tail -1);"
        f" [ $left -le {free} ] || fallocate -l $((left - {free}))k {root}/filler"
    )
    shop.host.ssh(f"rm -f {root}/filler; umount -l {root}; rsync -a --delete {disk}/ {root}/")
    shop.run("restart", "linux", "--yes")
    shop.host.ssh(f"umount -l {disk}; rmdir {disk}")


def test_a_disk_that_fills_up_anywhere_is_said_and_the_old_release_serves(
    shop: HostApp, small_disk: Callable[[int], None]
) -> None:
    """The space that is left grows from nothing to enough, so that the push comes further each time."""
    version, said = shop.serves(), []
    new = shop.project.bump(commit=False)
    shop.project.write("large.txt", "".join(f"{number:x}" for number in range(60_000)))
    with Clients(shop.url, [Request("GET", "/"), Request("GET", "/", keep_alive=True)]) as seen:
        for free in (0, 4, 12, 40, 300, 400, 600, 700, 800, 1000):
            small_disk(free)
            result = shop.push(code=None)
            if result.code == 0:
                break
            assert result.code == 1, result
            assert "disk is full" in result.said, result
            assert shop.serves() == version
            said.append(result.err)
        small_disk(100_000)
        shop.push()
    assert shop.serves() == new
    assert not seen.report.bad, seen.report
    assert len(said) >= 3, said
    shop.project.commit("large")


#: where the files of a push's stages lie; the dependencies are the only ones that not every push writes
STAGES = {
    "upload": "/srv/{app}/objects",
    "tree": "/srv/{app}/code",
    "dependencies": "/srv/{app}/venvs",
    "env": "/srv/{app}/env",
    "release": "/srv/{app}/releases",
    "copy of the database": "/srv/{app}/backups",
    "static files": "/var/www/paasctl-{app}",
}
#: "cannot write below FOLDER: the disk is full; v3 is still live"
SAID = re.compile(
    r"error: [^\n]*\bdisk is full\b[^\n]*; (?:nothing was changed|(v\d+) (?:is still live|serves again))\n"
)
#: where a push writes what it can do without: the program for the host, and what processes note when they start
NEEDLESS = {"home": "/home/deploy/.cache", "notes": "/srv/{app}/run"}


@contextmanager
def full_disk(host: Host, folder: str) -> Iterator[None]:
    """A folder, with what is in it, on a disk of its own that has no room left; afterwards it is where it was."""
    disk, inside = "/root/full", "/root/full/inside"
    host.ssh(f"mkdir {disk} && mount -t tmpfs -o size=400m full {disk} && rsync -aH {folder}/ {inside}/")
    host.ssh(f"mount --bind {inside} {folder}; dd if=/dev/zero of={disk}/filler bs=64k 2>/dev/null", check=False)
    assert host.out(f"df --output=avail {folder} | tail -n 1").strip() == "0"
    try:
        yield
    finally:
        host.ssh(f"umount -l {folder} && rm {disk}/filler && rsync -aH --delete {inside}/ {folder}/")
        host.ssh(f"umount -l {disk} && rmdir {disk}")


@pytest.mark.parametrize("stage", STAGES)
def test_a_disk_that_is_full_at_one_stage_is_said_with_what_is_live(shop: HostApp, stage: str) -> None:
    old, live, new = shop.serves(), shop.live(), shop.project.bump(commit=False)
    shop.project.write("shop/static/shop.css", f"h1 {{ color: #{len(stage):06x}; }}\n")
    if stage == "dependencies":
        path = shop.project.root / "requirements.txt"
        path.write_text(path.read_text() + "six\n")
    shop.project.commit(stage)
    shop.project.env(SECRET_KEY=f"{SECRET}-{stage}")
    with Clients(shop.url, [Request("GET", "/"), Request("GET", "/", keep_alive=True)]) as seen:
        with full_disk(shop.host, STAGES[stage].format(app=shop.name)):
            result = shop.push(code=1)
            assert (shop.serves(), shop.live()) == (old, live), result
        said = SAID.search(result.err)
        assert said and said[1] in (live, None), result
        assert "make room" in result.err
        shop.push()
    assert shop.serves() == new
    assert f"#{len(stage):06x}" in shop.get("/static/shop.css").body
    assert not seen.report.bad, f"{seen.report}\n{result}"
    assert "nothing to do" in shop.push().out


@pytest.mark.parametrize("place", NEEDLESS)
def test_a_disk_that_is_full_where_little_is_lost_keeps_nothing_from_being_pushed(shop: HostApp, place: str) -> None:
    new = shop.project.bump()
    shop.host.ssh("rm -rf ~deploy/.cache/paasctl")
    with full_disk(shop.host, NEEDLESS[place].format(app=shop.name)):
        shop.push()
        assert shop.serves() == new
        assert "nothing to do" in shop.push().out
    assert "nothing to do" in shop.push().out
    assert shop.host.out("ls ~deploy/.cache/paasctl/agent")


def test_a_host_that_is_away_is_said_soon(shop: HostApp) -> None:
    shop.disconnect()
    shop.host.cable(plugged=False)
    try:
        result = shop.push(code=1)
        assert "cannot be reached" in result.err
        assert shop.host.name in result.err
    finally:
        shop.host.cable(plugged=True)
    assert "nothing to do" in shop.push().out


def test_a_kept_connection_that_died_in_silence_is_given_up(shop: HostApp) -> None:
    """As after a laptop's sleep: this side believes in it, the other one answers nothing."""
    shop.push()
    sessions = shop.host.out("pgrep -x -u deploy sshd").split()
    shop.host.ssh(f"kill -STOP {' '.join(sessions)}")
    try:
        began = time.monotonic()
        assert "nothing to do" in shop.push().out
        assert time.monotonic() - began < 45, "not the minute after which ssh itself gives it up"
        assert "nothing to do" in shop.push().out
    finally:
        shop.host.ssh(f"kill -KILL {' '.join(sessions)}", check=False)


@pytest.mark.parametrize("keys", ["unknown", "changed"])
def test_a_host_key_that_is_not_the_known_one_is_refused(shop: HostApp, keys: str, tmp_path: Path) -> None:
    shop.disconnect()
    other = shop.fleet.hosts[1].public_key()
    shop.fleet.write_config(shop.config, shop.known, [] if keys == "unknown" else [other])
    known = shop.known.read_text()
    try:
        shop.project.bump()
        result = shop.push(code=1)
        assert "not known" in result.err if keys == "unknown" else "not the one that is known" in result.err
        assert "nothing was sent" in result.err
        assert shop.known.read_text() == known, "no key was accepted"
    finally:
        shop.fleet.write_config(shop.config, shop.known)
    shop.push()
    assert shop.serves() == shop.project.version


PLACES = (
    "lock the", "sending", "write v", "start v", "make v", "restart one",
    "web.0 runs", "web.1 runs", "worker.0 runs", "remove what",
)  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", ["killed", "cut"])
def test_a_push_that_ends_anywhere_is_ended_by_the_next(shop: HostApp, how: str, place: str) -> None:
    """paasctl is killed, or its connection ends, while a step runs; visitors notice nothing."""
    old, new = shop.serves(), shop.project.bump(commit=False)
    if place == "sending":
        (shop.project.root / "large.bin").write_bytes(os.urandom(30_000_000))
    shop.project.commit(new)
    orders = Request("POST", "/orders", keep_alive=True, body=b"fruit=fig")
    with Clients(shop.url, [Request("GET", "/"), orders]) as seen:
        running = shop.paasctl.start("push", "linux", "--yes", "-v")
        assert running.wait_text(place), running.wait()
        if how == "killed":
            running.kill()
        else:
            shop.host.ssh("pkill -x -u deploy sshd", check=False)
        result = running.wait(120)
        assert shop.serves() in (old, new)
        settle(shop)
        shop.push()
        assert shop.serves() == new
    assert not seen.report.bad, f"{seen.report}\n{result}"
    assert "Traceback" not in result.err
    assert not shop.host.ssh(f"ls /srv/{shop.name}/operation.json", check=False).stdout


def settle(shop: HostApp) -> None:
    """Wait until the agent of a push that was cut has ended what it was in the middle of."""
    end = time.monotonic() + 60
    while shop.host.ssh("pgrep -u deploy python3", check=False).stdout and time.monotonic() < end:
        time.sleep(0.5)
