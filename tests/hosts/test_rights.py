"""What the users of a host may and may not do after setup: the app's, the one who deploys, and nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hostlab.apps import SAYS, HostApp

pytestmark = pytest.mark.hosts

#: every verb of supervisorctl that is not allowed
VERBS = (
    "add", "avail", "clear", "exit", "fg", "help", "maintail", "open", "pid", "quit", "reload", "remove", "reread",
    "shutdown", "signal", "tail", "update", "version",
)  # fmt: skip


@pytest.fixture(scope="module")
def two(make_shared_app: Callable[..., HostApp]) -> Iterator[tuple[HostApp, HostApp]]:
    """Two apps on one host; the one who deploys has only the rights that setup gave."""
    apps = [make_shared_app(settings=f'domain = "{name}.test"\n') for name in ("one", "two")]
    for app in apps:
        app.first_push()
    apps[0].host.ssh("mv /etc/sudoers.d/deploy /root/deploy.sudoers")
    yield apps[0], apps[1]
    apps[0].host.ssh("mv /root/deploy.sudoers /etc/sudoers.d/deploy")


def as_app(app: HostApp, command: str) -> int:
    """The exit status of a shell command line that the app's user runs."""
    done = app.host.ssh(f"setpriv --reuid={app.name} --regid={app.name} --init-groups sh", data=command, check=False)
    return done.returncode


def test_the_apps_user_cannot_write_code_nor_what_starts_it(two: tuple[HostApp, HostApp]) -> None:
    app = two[0]
    root = f"/srv/{app.name}"
    found = app.host.out(
        f"find {root} /var/www/paasctl-{app.name} /var/log/{app.name} /run/paasctl-{app.name} -not -type l"
        f" -exec setpriv --reuid={app.name} --regid={app.name} --init-groups sh -c "
        '\'for f; do [ ! -w "$f" ] || echo "$f"; done\' sh {} +'
    ).split()
    own = (*(f"{root}/{name}" for name in ("shared", "backups", "env", "run")), f"/run/paasctl-{app.name}/web-")
    assert any(path.startswith(own) for path in found), "nothing is writable: the test sees nothing"
    assert [path for path in found if not path.startswith(own)] == []


def test_the_apps_user_cannot_become_root(two: tuple[HostApp, HostApp]) -> None:
    app = two[0]
    assert as_app(app, "true") == 0
    assert as_app(app, "sudo -n true") != 0
    assert as_app(app, f"sudo -n {SAYS} status") != 0
    assert as_app(app, f"{SAYS} status") != 0
    for path in ("/etc/shadow", "/etc/sudoers.d/x", f"/etc/supervisor/conf.d/paasctl-{app.name}.conf"):
        assert as_app(app, f": >> {path}") != 0


def test_the_env_is_read_by_its_own_app_alone(two: tuple[HostApp, HostApp]) -> None:
    one, other = two
    files = f"/srv/{one.name}/env/*.json"
    assert as_app(one, f"cat {files}") == 0
    assert as_app(other, f"cat {files}") != 0
    assert as_app(other, f"ls /srv/{one.name}") != 0
    for user in ("nobody", "www-data"):
        done = one.host.ssh(f"setpriv --reuid={user} --clear-groups sh -c 'cat {files}'", check=False)
        assert done.returncode != 0
        assert not done.stdout
    web = one.host.out(f"pgrep -o -u {one.name} -f gunicorn").strip()
    assert as_app(one, f"cat /proc/{web}/environ") == 0
    assert as_app(other, f"cat /proc/{web}/environ") != 0
    assert one.host.ssh(f"cat /proc/{web}/environ {files}", user="deploy", check=False).returncode != 0


def test_the_one_who_deploys_may_restart_this_app_and_nothing_else(two: tuple[HostApp, HostApp]) -> None:
    one = two[0]
    name = next(name for name in one.running() if "worker" in name)
    sudo = f"sudo -n {SAYS}"

    def may(command: str) -> bool:
        # `sudo -l COMMAND` says whether it may be run, and does not run it
        return one.host.ssh(command.replace("sudo -n", "sudo -n -l"), user="deploy", check=False).returncode == 0

    for verb in ("start", "stop", "restart"):
        assert may(f"{sudo} {verb} {name}")
        for words in ("all", f"{name} all", f"{name} other:other", f"-x {name}", "'*'", name.split(":")[0] + ":'*'"):
            assert not may(f"{sudo} {verb} {words}"), f"{verb} {words}"
    for verb in VERBS:
        for words in ("", name, "all", f"HUP {name}", "/etc/shadow"):
            assert not may(f"{sudo} {verb} {words}"), f"{verb} {words}"
    for command in (
        f"sudo -n /usr/bin/supervisorctl status {name}",
        f"sudo -n /usr/bin/supervisorctl -c /tmp/other.conf status {name}",
        f"{sudo}",
        f"{sudo} -i",
        "sudo -n sh",
        "sudo -n nginx -t",
        "sudo -n systemctl reload nginx",
        "sudo -n -u www-data true",
        "sudo -n -u root true",
    ):
        assert not may(command), command
    assert may(f"sudo -n -u {one.name} true")


def test_links_that_the_app_plants_lead_nobody_astray(two: tuple[HostApp, HostApp]) -> None:
    """Links in every folder that the app's user owns, to files that root and the one who deploys own."""
    app = two[0]
    root, host = f"/srv/{app.name}", app.host
    host.ssh("install -d -o deploy -g deploy /home/deploy/mine && echo keep > /home/deploy/mine/file")
    host.ssh("chown deploy /home/deploy/mine/file; echo keep > /root/file")
    plant = "\n".join(
        f"ln -sfn {target} {root}/{folder}/{name}"
        for folder in ("shared", "shared/logs", "shared/uploads", "env", "run", "backups")
        for name, target in (("a", "/home/deploy/mine"), ("b", "/root/file"), ("c.json", "/etc/shadow"))
    )
    assert as_app(app, plant) == 0
    guarded = "ls -lRn /home/deploy/mine /root/file; cat /home/deploy/mine/file /root/file"
    guarded += "; stat -c '%U %G %a' /etc/shadow; grep ^root: /etc/shadow"
    before = host.out(guarded)
    app.project.bump()
    app.push()
    app.run("rollback", "linux", "--yes")
    app.push("--env-only", code=None)
    app.run("down", "linux", "--yes")
    host.ssh("mv /root/deploy.sudoers /etc/sudoers.d/deploy")
    try:
        assert as_app(app, plant.replace("ln", "mkdir -p " + root + "/shared/logs; ln", 1)) in (0, 1)
        app.setup("--remove")
        app.run("setup", "linux", "--yes")
        app.run("down", "linux", "--purge", "--yes")
    finally:
        host.ssh("mv /etc/sudoers.d/deploy /root/deploy.sudoers")
    assert host.out(guarded) == before
