"""A Flask app with a database, migrations, static files, uploads and a worker on a real host, from setup to removal.

The tests share one app and run in their order; each leaves it healthy and its checkout clean.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from hostlab.apps import SECRET, HostApp
from hostlab.files import AGENT, listing, without_agent
from support.projects import fingerprint
from support.web import eventually, upload

pytestmark = pytest.mark.hosts

SECOND = "k2-Qb8wZc3nYt6XsL1vGj4mKd9r"
#: other people's things, as they may be on a host already
SITE = "server { listen 8081; location / { return 200 other; } }\n"
PROGRAM = "[program:other]\ncommand=/bin/sleep 100000\n"
OTHERS = {"/etc/nginx/sites-available/other": SITE, "/etc/supervisor/conf.d/other.conf": PROGRAM}


@pytest.fixture(scope="module")
def shop(make_shared_app: Callable[..., HostApp]) -> Iterator[HostApp]:
    app = make_shared_app()
    for path, text in OTHERS.items():
        app.host.ssh(f"cat > {path}", data=text)
    app.host.ssh("ln -sf /etc/nginx/sites-available/other /etc/nginx/sites-enabled/other && systemctl reload nginx")
    app.host.ssh("supervisorctl update")
    app.project.replace("shop/config.py", "4 * 1024 * 1024", "8 * 1024 * 1024")
    app.project.commit("larger uploads")
    app.project.env({"SECRET_KEY": SECRET, "MAIL_ADMIN": "admin@example.com"})
    yield app
    app.host.ssh("rm -f /etc/nginx/sites-enabled/other " + " ".join(OTHERS))
    app.host.ssh("systemctl reload nginx && supervisorctl update")


@pytest.fixture(scope="module")
def before(shop: HostApp) -> str:
    """The host's files before paasctl came."""
    return listing(shop.host)


def other_pid(app: HostApp) -> str:
    return app.host.out("supervisorctl pid other").strip()


@pytest.fixture(scope="module")
def other(shop: HostApp, before: str) -> str:
    """The process id of somebody else's program before paasctl came."""
    return other_pid(shop)


def test_a_push_before_setup_names_setup_and_changes_nothing(shop: HostApp, before: str, other: str) -> None:
    result = shop.push(code=2)
    assert "paasctl setup linux" in result.err
    after = listing(shop.host)
    assert AGENT in after
    assert without_agent(after) == before


def test_setup_shows_what_it_would_do_and_does_nothing(shop: HostApp, before: str) -> None:
    result = shop.run("setup", "linux", "--dry-run")
    for what in ("sudoers", "supervisor", "user", "tmpfiles"):
        assert what in result.said
    assert without_agent(listing(shop.host)) == before


def test_setup_makes_the_host_ready_and_the_second_does_nothing(shop: HostApp) -> None:
    shop.setup()
    ready = listing(shop.host)
    assert "nothing to do" in shop.setup().out
    assert listing(shop.host) == ready
    assert shop.host.ssh("visudo -c").returncode == 0


def test_the_first_push_answers_through_nginx(shop: HostApp) -> None:
    # from here on the user who deploys has the rights that setup gave, and no others
    shop.host.ssh("mv /etc/sudoers.d/deploy /root/deploy.sudoers")
    result = shop.push()
    assert result.url == shop.url
    assert shop.serves() == shop.project.version
    about = shop.get("/about").json()
    assert about["secret"] == fingerprint(SECRET)
    assert {"SECRET_KEY", "MAIL_ADMIN", "PAASCTL_TARGET"} <= set(about["names"])


def test_migrations_ran_and_the_worker_works(shop: HostApp) -> None:
    assert "1 orders" in shop.get("/orders", b"fruit=apple").body
    beat = eventually(shop.url + "/heartbeat", lambda answer: answer.json().get("orders") == 1).json()
    assert beat["version"] == shop.project.version


def test_nginx_serves_the_static_files_itself(shop: HostApp) -> None:
    answer = shop.get("/static/shop.css")
    assert answer.body == (shop.project.root / "shop/static/shop.css").read_text()
    assert "x-version" not in answer.headers, "the app answered, not nginx"
    assert shop.get("/static/missing.css").status == 404


def test_an_upload_of_5_mb_arrives(shop: HostApp) -> None:
    content = b"0123456789abcdef" * (5 * 65536)
    assert upload(shop.url + "/uploads", "large.txt", content).status == 201
    assert len(shop.get("/uploads/large.txt").body) == len(content)


def test_a_push_without_a_change_changes_nothing(shop: HostApp) -> None:
    files = f"find /srv/{shop.name} /etc /var/www -xdev -printf '%p %T@ %s %m %u\\n' | grep -v /shared/ | sort"
    running, listing = shop.running(), shop.host.out(files)
    assert "nothing to do" in shop.push().out
    assert shop.running() == running
    assert shop.host.out(files) == listing


def test_a_line_that_changed_is_live(shop: HostApp) -> None:
    running = shop.running()
    shop.project.bump()
    result = shop.push()
    assert shop.serves() == shop.project.version
    assert not set(running.values()) & set(shop.running().values()), "every process was restarted"
    assert "install the dependencies" not in result.said
    assert "release command" not in shop.push().said


def test_a_static_file_that_changed_is_live(shop: HostApp) -> None:
    shop.project.write("shop/static/shop.css", "h1 { color: #20a020; }\n")
    shop.project.commit("green")
    shop.push()
    assert "#20a020" in shop.get("/static/shop.css").body


def test_another_static_url_needs_setup(shop: HostApp) -> None:
    shop.configure('\n[targets.linux.static]\n"/more/" = "shop/static"\n')
    try:
        assert "paasctl setup linux" in shop.push(code=2).err
        shop.setup(code=1)  # the one who deploys may not become root any more
    finally:
        shop.configure("")
    assert "nothing to do" in shop.push().out


def test_an_env_only_push_is_live(shop: HostApp) -> None:
    shop.project.env({"SECRET_KEY": SECOND, "MAIL_ADMIN": "admin@example.com"})
    shop.push("--env-only")
    assert shop.get("/about").json()["secret"] == fingerprint(SECOND)


def test_data_outlived_all_of_it_and_was_copied_before_each_release_command(shop: HostApp) -> None:
    assert shop.get("/about").json()["orders"] == 1
    assert shop.get("/uploads/large.txt").status == 200
    copies = shop.host.out(f"ls /srv/{shop.name}/backups/*").split()
    assert 1 <= len(copies) <= 3
    asked = f"import sqlite3; print(*sqlite3.connect('{copies[-1]}').execute('select fruit from [order]').fetchone())"
    assert shop.host.out(f'python3 -c "{asked}"') == "apple\n"


def test_rollback_brings_code_and_env_back(shop: HostApp) -> None:
    live = shop.live()
    shop.run("rollback", "linux", "--yes")
    assert shop.live() != live
    assert shop.get("/about").json()["secret"] == fingerprint(SECRET)
    assert shop.get("/about").json()["orders"] == 1
    shop.push()
    assert shop.get("/about").json()["secret"] == fingerprint(SECOND)


def test_operations_work_over_ssh(shop: HostApp) -> None:
    document = shop.status()
    assert document["healthy"] is True
    assert re.fullmatch(r"[\d.]+ [MG]B", document["facts"]["disk free"]), document["facts"]  # type: ignore[index]
    release = document["release"]
    assert isinstance(release, dict)
    assert (release["id"], release["when"][:2]) == (shop.live(), "20")
    assert re.search(rf"release +{shop.live()} by .+, .*\d", shop.run("status", "linux").out)
    assert {one["state"] for one in document["processes"]} == {"running"}
    assert len(document["processes"]) == 3
    words = ["python", "-c", "import os, sys; print(os.environ['SECRET_KEY'][:2], 'a b'); sys.exit(7)"]
    result = shop.run("run", "linux", "--", *words, code=7)
    assert result.out.strip() == "k2 a b"
    assert f"worker {shop.project.version} started" in shop.run("logs", "linux", "--process", "worker", "-n", "200").out
    running = shop.running()
    shop.run("restart", "linux", "--yes")
    assert not set(running.values()) & set(shop.running().values())
    assert len(shop.run("releases", "linux", "--json").json()["releases"]) >= 4


def test_other_peoples_program_was_not_restarted(shop: HostApp, other: str) -> None:
    assert other_pid(shop) == other


def test_the_app_comes_back_by_itself_after_a_reboot(shop: HostApp) -> None:
    shop.host.reboot()
    answer = eventually(shop.url + "/", lambda answer: answer.status == 200, 60)
    assert answer.versions == {shop.project.version}
    assert "nothing to do" in shop.push().out


def test_other_peoples_site_and_program_were_left_alone(shop: HostApp) -> None:
    for path, text in OTHERS.items():
        assert shop.host.out(f"cat {path}") == text
    assert shop.get(":8081/").body == "other"


def test_down_keeps_the_data_and_names_what_a_user_without_root_cannot_remove(shop: HostApp) -> None:
    result = shop.run("down", "linux", "--yes")
    assert "paasctl setup linux --remove" in result.err
    assert shop.get("/").status in (502, 503)
    assert "paasctl setup linux --remove" in shop.run("down", "linux", "--yes").err
    shop.push()
    assert shop.get("/about").json()["orders"] == 1


def test_down_of_a_user_who_may_become_root_takes_the_site_away_and_keeps_the_data(shop: HostApp, before: str) -> None:
    shop.host.ssh("[ -e /etc/sudoers.d/deploy ] || mv /root/deploy.sudoers /etc/sudoers.d/deploy")
    shop.run("down", "linux", "--yes")
    assert "Welcome to nginx" in eventually(shop.url + "/", lambda answer: "Welcome to nginx" in answer.body).body
    left = shop.left().split()
    assert {path.partition(":")[0] for path in left} == {f"/srv/{shop.name}", shop.name}, "the data and its owner"
    assert "nothing to do" in shop.run("down", "linux", "--yes").out
    shop.setup()
    shop.push()
    assert shop.get("/about").json()["orders"] == 1


def test_down_purge_leaves_the_host_as_it_was(shop: HostApp, before: str) -> None:
    shop.run("down", "linux", "--yes")
    shop.run("down", "linux", "--purge", "--yes")
    assert listing(shop.host) == before
    assert not shop.left()
    assert not shop.host.ssh(f"pgrep -u {shop.name}", check=False).stdout
    assert not shop.running()
    assert shop.get(":8081/").body == "other"
