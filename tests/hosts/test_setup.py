"""Preparing a host, and taking it back, where the host is not as it should be. Little is pushed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hostlab.apps import SAYS, SECRET, HostApp
from hostlab.files import listing, without_agent
from support.web import eventually, fetch

pytestmark = pytest.mark.hosts

APP_WITH_FOLDER = """
from flask import Flask

app = Flask(__name__, static_folder="my files")
"""


@pytest.fixture
def app(make_app: Callable[..., HostApp]) -> HostApp:
    app = make_app("plain_wsgi")
    app.project.env(SECRET_KEY=SECRET)
    return app


def test_a_removal_goes_through_although_nginx_is_broken(app: HostApp) -> None:
    app.setup()
    assert app.left()
    app.host.ssh("echo 'nonsense;' > /etc/nginx/conf.d/broken.conf")
    try:
        result = app.setup("--remove")
    finally:
        app.host.ssh("rm /etc/nginx/conf.d/broken.conf; systemctl reload nginx")
    assert "nginx could not be reloaded" in result.said
    assert not app.left()


def test_a_removal_takes_exactly_what_setup_and_pushes_put_there(app: HostApp) -> None:
    before = listing(app.host)
    app.setup()
    app.push()
    assert app.serves() == app.project.version
    app.setup("--remove")
    assert listing(app.host) == before
    assert not app.left()


def test_the_agent_stays_for_another_app_of_the_same_user(make_app: Callable[..., HostApp]) -> None:
    apps = [make_app("plain_wsgi", settings=f'domain = "{name}.test"\n') for name in ("one", "two")]
    for app in apps:
        app.project.env(SECRET_KEY=SECRET)
        app.setup()
        app.push(code=None)
    agent = "ls ~deploy/.cache/paasctl/agent"
    apps[0].setup("--remove")
    assert apps[0].host.ssh(agent).stdout
    apps[1].setup("--remove")
    assert not apps[0].host.ssh(agent, check=False).stdout


def test_a_static_folder_of_the_app_whose_name_root_does_not_take_is_named(app: HostApp) -> None:
    before = listing(app.host)
    app.project.write("wsgi.py", APP_WITH_FOLDER)
    app.project.write("my files/a.txt", "a")
    app.project.write("requirements.txt", "flask\n")
    result = app.setup(code=2)
    assert "the static URL '/my files/' cannot stand in a file that root reads" in result.err
    assert listing(app.host) == before


def test_a_setup_that_was_interrupted_is_finished_by_the_next(app: HostApp) -> None:
    running = app.paasctl.start("setup", "linux", "--yes")
    assert running.wait_text("sudoers"), running.wait()
    running.kill()
    running.wait()
    app.setup()
    assert "nothing to do" in app.setup().out
    assert app.host.out("visudo -c")


#: nginx reads a file that does not end before somebody writes to it
WAITING = "mkfifo /root/waits && echo 'include /root/waits;' > /etc/nginx/conf.d/waits.conf"
NO_LONGER = "rm /etc/nginx/conf.d/waits.conf /root/waits; pkill -f '^nginx -t' || true"


def lose_the_host(app: HostApp) -> None:
    """Begin a setup that ends, as if its host lost power, when nginx's default site has just been switched off."""
    app.host.ssh(WAITING)
    try:
        running = app.paasctl.start("setup", "linux", "--yes")
        app.host.ssh(": > /root/waits")  # the test of what was there before is over
        app.host.ssh("timeout 30 sh -c 'while [ -L /etc/nginx/sites-enabled/default ]; do sleep 0.05; done'")
        app.host.ssh("pkill -KILL -u root -f 'python3 -I -c'")
        running.wait()
    finally:
        app.host.ssh(NO_LONGER)


@pytest.mark.parametrize("then", ["setup", "setup --remove", "down"])
def test_a_first_setup_that_loses_its_host_half_way(app: HostApp, then: str) -> None:
    before = listing(app.host)
    lose_the_host(app)
    if then == "setup":
        app.setup()
        assert "nothing to do" in app.setup().out
        app.push()
        assert app.serves() == app.project.version
    if then == "down":
        app.run("down", "linux", "--yes")
    else:
        app.setup("--remove")
    assert without_agent(listing(app.host)) == without_agent(before)
    assert not app.left()


def test_a_change_of_the_site_that_loses_its_host_half_way(app: HostApp) -> None:
    before = listing(app.host)
    app.configure('domain = "shop.test"\n')
    app.setup()
    app.push()
    app.configure("")
    lose_the_host(app)
    app.setup()
    assert app.serves() == app.project.version
    app.setup("--remove")
    assert listing(app.host) == before


def test_a_change_that_was_cut_short_can_be_taken_back(app: HostApp) -> None:
    app.configure('domain = "shop.test"\n')
    app.setup()
    app.push()
    app.configure("")
    lose_the_host(app)
    app.configure('domain = "shop.test"\n')
    assert "edited" not in app.setup().said
    assert "nothing to do" in app.setup().out
    assert "Welcome to nginx" in eventually(app.url + "/", lambda answer: "Welcome to nginx" in answer.body).body
    assert fetch(app.url + "/", headers={"Host": "shop.test"}).versions == {app.project.version}


#: a worker that takes its time to end
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: None)\nwhile True:\n    time.sleep(1)\n"


def lose_the_host_at_a_worker(app: HostApp) -> None:
    """Begin a setup that ends, as if its host lost power, while a worker of the past is being stopped."""
    running = app.paasctl.start("setup", "linux", "--yes")
    app.host.ssh(f"timeout 30 sh -c 'until {SAYS} status | grep -q STOPPING; do sleep 0.2; done'")
    app.host.ssh("pkill -KILL -u root -f 'python3 -I -c'")
    running.wait()


def test_processes_of_a_change_that_was_cut_short_are_as_the_next_setup_wants_them(app: HostApp) -> None:
    before, web = listing(app.host), "web: gunicorn wsgi:application\n"
    app.project.write("Procfile", web + "worker: python worker.py\n")
    app.project.write("worker.py", STUBBORN)
    wait = "\n[targets.linux.processes.worker]\nstop_wait = 5\n"
    app.configure(wait)
    app.setup()
    app.push()
    app.configure(wait + "instances = 2\n")
    lose_the_host_at_a_worker(app)
    app.setup()
    assert len([name for name in app.running() if "worker" in name]) == 2
    assert "nothing to do" in app.setup().out
    app.project.write("Procfile", web)
    app.configure("")
    lose_the_host_at_a_worker(app)
    app.setup("--remove")
    assert not app.running()
    assert without_agent(listing(app.host)) == without_agent(before)


def test_a_site_that_is_refused_leaves_no_link(app: HostApp, make_app: Callable[..., HostApp]) -> None:
    first = make_app("plain_wsgi")
    app.setup()
    app.host.ssh(f"rm /etc/nginx/sites-enabled/paasctl-{app.name}; systemctl reload nginx")
    first.setup()  # it is the default site now
    assert "nginx refuses the new site" in app.setup(code=1).err
    app.host.ssh("nginx -t")
    assert "nginx refuses the new site" in app.setup(code=1).err


def test_a_removal_goes_through_although_nginx_is_gone(app: HostApp) -> None:
    app.setup()
    app.host.ssh("mv /etc/nginx /root/nginx")
    try:
        app.setup("--remove")
    finally:
        app.host.ssh("mv /root/nginx /etc/nginx")
    rest = app.left().split()
    app.host.ssh(f"rm -f {' '.join(rest)}; ln -s /etc/nginx/sites-available/default /etc/nginx/sites-enabled/")
    assert all(path.startswith("/etc/nginx/") for path in rest)


def test_a_purge_that_lost_its_host_at_the_end_can_be_run_again(app: HostApp) -> None:
    before = listing(app.host)
    app.setup()
    app.host.ssh(f"rm -r /srv/{app.name}")
    app.run("down", "linux", "--purge", "--yes")
    assert without_agent(listing(app.host)) == without_agent(before)


def test_a_strangers_user_whose_home_is_in_srv_is_a_strangers(app: HostApp) -> None:
    app.host.ssh(f"useradd --create-home --home-dir /srv/{app.name} {app.name}")
    try:
        before = listing(app.host)
        assert f"already has a user named {app.name}" in app.setup(code=2).err
        app.run("down", "linux", "--purge", "--yes")
        assert without_agent(listing(app.host)) == without_agent(before)
    finally:
        app.host.ssh(f"userdel --remove {app.name}")


def test_a_user_to_whom_nobody_could_log_in_is_not_made(app: HostApp) -> None:
    app.configure('setup_user = "deploy"\n')
    app.config.write_text(app.config.read_text().replace("User deploy", "User newcomer"))
    keys = "/home/deploy/.ssh/authorized_keys"
    app.host.ssh(f"mv {keys} {keys}2")  # sshd reads that one too
    try:
        assert f"the user newcomer was not made: {keys} cannot be read" in app.setup(code=1).err
        assert not app.host.ssh("getent passwd newcomer", check=False).stdout
    finally:
        app.host.ssh(f"mv {keys}2 {keys}")


@pytest.fixture
def fails_early(app: HostApp) -> Iterator[None]:
    """No user can be made on the host: setup's first step fails."""
    app.host.ssh("chmod -x /usr/sbin/useradd")
    yield
    app.host.ssh("chmod +x /usr/sbin/useradd")


def test_what_a_failed_setup_did_not_make_stays(app: HostApp, fails_early: None) -> None:
    before = listing(app.host)
    assert "could not be made" in app.setup(code=1).err
    own = f"/srv/{app.name} /var/log/{app.name}"
    app.host.ssh(f"mkdir {own} && for folder in {own}; do echo mine > $folder/file; done")
    assert "which paasctl did not make" in app.setup(code=2).err
    app.setup("--remove")
    assert app.host.out(f"cat /srv/{app.name}/file /var/log/{app.name}/file") == "mine\nmine\n"
    app.host.ssh(f"rm -r {own}")
    assert listing(app.host) == before


def test_a_domain_that_comes_after_a_failed_setup_leaves_the_default_site(app: HostApp, fails_early: None) -> None:
    app.setup(code=1)
    app.host.ssh("chmod +x /usr/sbin/useradd")
    app.configure('domain = "shop.test"\n')
    app.setup()
    assert "Welcome to nginx" in app.get("/").body


def test_the_default_site_is_off_while_an_app_is_it(app: HostApp, make_app: Callable[..., HostApp]) -> None:
    second = make_app("plain_wsgi")
    second.project.env(SECRET_KEY=SECRET)
    app.setup()
    app.push()
    assert "nginx refuses the new site" in second.setup(code=1).err
    second.setup("--remove")
    app.host.ssh("nginx -t")
    assert app.serves() == app.project.version
    app.configure('domain = "shop.test"\n')
    app.setup()
    assert "Welcome to nginx" in eventually(app.url + "/", lambda answer: "Welcome to nginx" in answer.body).body
    assert fetch(app.url + "/", headers={"Host": "shop.test"}).versions == {app.project.version}
    app.configure("")
    app.setup()
    assert eventually(app.url + "/", lambda answer: bool(answer.versions)).versions == {app.project.version}


def test_two_setups_do_not_work_on_one_host_at_once(app: HostApp, make_app: Callable[..., HostApp]) -> None:
    other = make_app("plain_wsgi", settings='domain = "other.test"\n')
    other.project.env(SECRET_KEY=SECRET)
    holder = app.host.out("flock --no-fork /root sleep 60 > /dev/null 2>&1 & echo $!")
    try:
        assert "make the user" in other.run("setup", "linux", "--dry-run").out
        refused = other.setup(code=1)
    finally:
        app.host.ssh(f"kill {holder}")
    assert "another paasctl is preparing this host" in refused.err
    assert not other.left()
    assert app.host.ssh("flock --nonblock /root true", user="deploy", check=False).returncode, "anybody could block it"
    commands = [each.paasctl.start("setup", "linux", "--yes") for each in (app, other)]
    for each, command in zip((app, other), commands, strict=True):
        result = command.wait()
        if result.code:
            assert "another paasctl is preparing this host" in result.err, result
            each.setup()
        assert "nothing to do" in each.setup().out


def test_an_app_named_like_a_strangers_user_is_refused(make_app: Callable[..., HostApp]) -> None:
    app = make_app("plain_wsgi", name="backup")  # a user that every Debian has
    before = app.host.out("getent passwd backup; ls -l /etc/sudoers.d")
    assert "already has a user named backup" in app.setup(code=2).err
    assert app.host.out("getent passwd backup; ls -l /etc/sudoers.d") == before


def test_a_user_who_may_not_become_root_is_told_so(app: HostApp) -> None:
    app.host.ssh("mv /etc/sudoers.d/deploy /root/deploy.sudoers")
    try:
        assert "may not become root" in app.setup(code=1).err
    finally:
        app.host.ssh("mv /root/deploy.sudoers /etc/sudoers.d/deploy")
    assert not app.left()


def test_setup_as_another_user_makes_the_one_who_deploys(make_app: Callable[..., HostApp]) -> None:
    app = make_app("plain_wsgi", settings='setup_user = "root"\n')
    app.config.write_text(app.config.read_text().replace("User deploy", "User newcomer"))
    try:
        app.first_push()
        assert app.serves() == app.project.version
        assert app.host.out(f"stat -c %U /srv/{app.name}/code").strip() == "newcomer"
        assert app.host.ssh("sudo -n true", user="newcomer", check=False).returncode
        app.setup("--remove")
        assert not app.left()
    finally:
        app.host.ssh("userdel --remove --force newcomer", check=False)


def test_a_site_that_somebody_edited_stays_until_something_else_is_asked_of_it(app: HostApp) -> None:
    site = f"/etc/nginx/sites-available/paasctl-{app.name}"
    app.setup()
    app.host.ssh(f"echo '# managed by certbot' >> {site}")
    app.configure("\n[targets.linux.processes.web]\ninstances = 1\n")
    app.setup()
    assert "certbot" in app.host.out(f"cat {site}")
    app.configure('client_max_body_size = "30m"\n')
    assert "edited" in app.setup().said
    assert "certbot" not in app.host.out(f"cat {site}")
