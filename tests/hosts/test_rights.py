"""What the users of a host may and may not do after setup: the app's, the one who deploys, and nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hostlab.apps import SAYS, HostApp
from support.web import fetch

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


#: what paasctl opens, writes or removes where the app may put a link: names below its folder, as a shell reads them
FILES = {
    "a database": "shared/instance/shop.db",
    "a log": "shared/logs/app.log",
    "the next envs": "env/e$((n + 1)).json env/e$((n + 2)).json env/e$((n + 3)).json",
    "the log of what is tried out": "run/canary.log",
    "its socket": "run/canary",
    "a process's note": "run/web.0.json run/web.0.json.new run/worker.0.json.new",
    "the next copies": '$(for s in $(seq 0 90); do date -d "+$s seconds" +backups/$copy.%Y%m%d-%H%M%S; done)',
}
FOLDERS = {"uploads": "shared/uploads", "logs": "shared/logs", "what is built": "shared/.built"}
#: files of the one who deploys and of root: neither the app nor what paasctl does for it may change or show them
GUARDED = ("/home/deploy/mine/file", "/root/mine/file")
KEPT = "kept-Zr8wQ1"
LOOK = (
    "ls -lRn /home/deploy/mine /root/mine; cat /home/deploy/mine/file /root/mine/file;"
    " stat -c '%U %G %a' /etc/shadow; grep ^root: /etc/shadow"
)


@pytest.fixture(scope="module")
def guarded(two: tuple[HostApp, HostApp]) -> str:
    """The guarded files as they must stay."""
    for owner, path in (("deploy", GUARDED[0]), ("root", GUARDED[1])):
        folder = path.rpartition("/")[0]
        two[0].host.ssh(f"install -d -o {owner} -g {owner} {folder} && echo {KEPT} > {path} && chown {owner} {path}")
        two[0].host.ssh(f"chmod 600 {path}")
    return two[0].host.out(LOOK)


PLANT = """\
cd {root}
n=$(readlink current | tr -dc 0-9)
copy=$(ls backups | head -n 1)
copy=${{copy%.*}}
for name in {names}; do
    mkdir -p $(dirname $name)
    rm -rf $name.kept
    [ ! -e $name ] || mv $name $name.kept
    ln -sfn {target} $name
    [ "$(readlink $name)" = {target} ]
    echo $name
done
"""
UNPLANT = """\
cd {root}
for name in {names}; do
    [ ! -L $name ] || rm $name
    [ ! -e $name.kept ] || mv -T $name.kept $name
done
"""


def plant(app: HostApp, names: str, target: str) -> str:
    """As the app's user, put a link at each of some names, whatever is there; the names."""
    words = f"setpriv --reuid={app.name} --regid={app.name} --init-groups sh -e"
    text = PLANT.format(root=f"/srv/{app.name}", names=names, target=target)
    planted = app.host.ssh(words, data=text).stdout
    assert planted
    return planted


def unplant(app: HostApp, planted: str) -> None:
    """Put back what was there; a link that paasctl replaced is not there any more."""
    app.host.ssh("sh -e", data=UNPLANT.format(root=f"/srv/{app.name}", names=planted.replace("\n", " ")))


@pytest.mark.parametrize("place", [*FILES, *FOLDERS])
def test_a_link_that_the_app_plants_where_paasctl_comes_leads_nobody_astray(
    two: tuple[HostApp, HostApp], guarded: str, place: str
) -> None:
    app = two[0]
    for path in GUARDED:
        names, target = (FILES[place], path) if place in FILES else (FOLDERS[place], path.rpartition("/")[0])
        planted = plant(app, names, target)
        try:
            app.project.bump()
            said = [app.push(code=None), app.run("rollback", "linux", "--yes", code=None)]
            if path == GUARDED[0]:
                said += [app.run("restart", "linux", "--yes", code=None), app.run("logs", "linux", code=None)]
            assert app.host.out(LOOK) == guarded, said
            assert not any(KEPT in result.said for result in said), said
        finally:
            unplant(app, planted)
    app.push()
    assert fetch(app.url, headers={"Host": "one.test"}).versions == {app.project.version}


def test_links_at_every_such_place_lead_no_removal_astray(two: tuple[HostApp, HostApp], guarded: str) -> None:
    app = two[0]
    host = app.host

    def plant_everywhere(path: str) -> None:
        host.ssh(f"find /srv/{app.name}/shared -type l -delete")  # a folder's link would be in the way of a file's
        for names in FILES.values():
            plant(app, names, path)
        for names in FOLDERS.values():
            plant(app, names, path.rpartition("/")[0])

    plant_everywhere(GUARDED[1])
    app.run("down", "linux", "--yes")
    assert host.out(LOOK) == guarded
    host.ssh("mv /root/deploy.sudoers /etc/sudoers.d/deploy")
    try:
        app.setup("--remove")
        assert host.out(LOOK) == guarded
        app.setup()
        app.push(code=None)
        plant_everywhere(GUARDED[0])
        app.run("down", "linux", "--purge", "--yes")
    finally:
        host.ssh("mv /etc/sudoers.d/deploy /root/deploy.sudoers")
    assert host.out(LOOK) == guarded
    assert not app.left()
