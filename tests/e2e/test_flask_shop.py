"""A Flask app with a database, migrations, static files, uploads and a worker, from its first push to ``down``.

The tests share one pushed app and run in their order; each leaves it healthy and its checkout clean.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from support import processes
from support.apps import SECRET, App, Maker
from support.projects import fingerprint
from support.web import eventually, upload

pytestmark = pytest.mark.e2e

SECOND, THIRD = "k2-Qb8wZc3nYt6XsL1vGj4mKd9r", "k3-Hf7pTz2kWq5NxR8bVc1yMj6d-longer"


@pytest.fixture(scope="module")
def shop(make_shared_app: Maker) -> App:
    app = make_shared_app("flask_shop")
    app.first_push(MAIL_ADMIN="admin@example.com")
    return app


def fresh(text: str) -> str:
    """A text without what may differ between two runs of one plan: times and durations."""
    return re.sub(r"\d+(\.\d+)? ?s\b|\d\d:\d\d(:\d\d)?", "", text)


def test_the_report_says_what_is_in_force_and_no_value(shop: App) -> None:
    said = shop.run("run", "local", "--", "python", "-m", "_paasctl_runtime", "report")
    report = said.json()
    assert report["app"] == "imported, wrapped as WsgiWrapper"
    assert report["in force"]["logs"] == "to the app's files and stderr, as time"
    assert {"SECRET_KEY", "PAASCTL_LOG"} <= set(report["env"])
    assert SECRET not in said.said


def test_the_first_push_answers_at_the_printed_url(shop: App) -> None:
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", shop.url)
    assert shop.serves() == shop.project.version
    assert shop.get("/static/shop.css").body == (shop.project.root / "shop/static/shop.css").read_text()
    about = shop.get("/about").json()
    assert about["secret"] == fingerprint(SECRET)
    assert about["python"] == "3.11"
    assert {"SECRET_KEY", "MAIL_ADMIN", "PAASCTL_TARGET", "PAASCTL_LOG"} <= set(about["names"])


def test_migrations_ran_and_the_worker_works(shop: App) -> None:
    assert "1 orders" in shop.get("/orders", b"fruit=apple").body
    beat = eventually(shop.url + "/heartbeat", lambda answer: answer.json().get("orders") == 1).json()
    assert beat["orders"] == 1
    assert beat["version"] == shop.project.version
    processes_by_group = {one["name"].split(".")[0] for one in shop.paasctl.status()["targets"][0]["processes"]}
    assert processes_by_group == {"web", "worker"}


def test_nothing_of_the_checkout_is_edited(shop: App) -> None:
    assert shop.project.git("status", "--porcelain", "--ignored").split() == ["!!", ".env", "!!", ".paasctl/"]


def test_everything_lies_in_the_users_data_and_cache_folders(shop: App) -> None:
    home = shop.paasctl.home
    assert {path.name for path in home.root.iterdir()} == {"data", "cache", "config", "state", "tmp", "flask_shop"}
    assert [path.name for path in home.data.iterdir() if path.name != "uv"] == ["paasctl"]
    assert not [*home.config.iterdir(), *home.state.iterdir(), *home.tmp.iterdir()]
    assert (home.data / "paasctl").stat().st_mode & 0o077 == 0


def test_open_hands_the_url_to_the_browser(shop: App) -> None:
    browser = shop.paasctl.home.root / "flask_shop" / ".paasctl" / "browser"
    browser.write_text('#!/bin/sh\necho "$1" > "$0.asked"\n')
    browser.chmod(0o755)
    shop.paasctl.extra["BROWSER"] = f"{browser} %s"
    shop.run("open", "local")
    del shop.paasctl.extra["BROWSER"]
    asked = browser.with_name("browser.asked")
    assert asked.read_text().strip().rstrip("/") == shop.url
    browser.unlink()
    asked.unlink()


def test_a_push_without_a_change_does_nothing(shop: App) -> None:
    running, releases = shop.running(), shop.releases()
    result = shop.push()
    assert "nothing to do" in result.out
    assert result.url == shop.url
    assert (shop.running(), shop.releases()) == (running, releases)


def test_a_touched_file_is_no_change(shop: App) -> None:
    for path in shop.project.root.rglob("*.py"):
        path.touch()
    running = shop.running()
    assert "nothing to do" in shop.push().out
    assert shop.running() == running


def test_a_dry_run_prints_the_very_steps_and_changes_nothing(shop: App) -> None:
    shop.project.bump()
    running, releases, serves = shop.running(), shop.releases(), shop.serves()
    planned = shop.push("--dry-run")
    assert (shop.running(), shop.releases(), shop.serves()) == (running, releases, serves)
    done = shop.push()
    steps = re.findall(r"^ +\d+\. (.+)$", planned.out, re.M)
    assert steps
    assert [fresh(step) for step in steps] == [fresh(s) for s in re.findall(r"^\[\d+/\d+\] (.+)$", done.err, re.M)]
    assert shop.serves() == shop.project.version


def test_a_one_line_change_of_the_same_size_is_live(shop: App) -> None:
    shop.project.replace("shop/version.py", "Apples of the week", "Grapes of the week")
    shop.project.commit("grapes")
    assert "Apples of the week" in shop.get().body
    shop.push()
    for _ in range(8):
        assert "Grapes of the week" in shop.get().body


def test_an_uncommitted_change_is_live_and_named(shop: App) -> None:
    shop.project.replace("shop/version.py", "Grapes of the week", "Quince of the week")
    result = shop.push()
    assert "Quince of the week" in shop.get().body
    assert "uncommitted" in result.said
    shop.project.commit("quince")


def test_data_and_uploads_survive_a_push(shop: App) -> None:
    assert upload(shop.url + "/uploads", "note.txt", b"keep me").status == 201
    orders = shop.get("/about").json()["orders"]
    shop.project.bump()
    shop.push()
    assert shop.serves() == shop.project.version
    assert shop.get("/uploads/note.txt").body == "keep me"
    assert shop.get("/about").json()["orders"] == orders > 0
    beat = eventually(shop.url + "/heartbeat", lambda answer: answer.json()["version"] == shop.project.version)
    assert beat.json()["version"] == shop.project.version


def test_a_change_of_the_env_alone_is_live(shop: App) -> None:
    shop.project.env(SECRET_KEY=SECOND, NEW_NAME="x", MAIL_ADMIN="admin@example.com")
    code = shop.releases()[0]["digest"]
    result = shop.push("--env-only")
    assert "~ SECRET_KEY" in result.out
    assert "+ NEW_NAME" in result.out
    assert shop.get("/about").json()["secret"] == fingerprint(SECOND)
    assert shop.get("/env/NEW_NAME").json() == {"set": True, "fingerprint": fingerprint("x")}
    assert shop.releases()[0]["digest"] == code


def test_env_only_leaves_a_changed_code_for_later(shop: App) -> None:
    before = shop.project.version
    shop.project.bump()
    shop.project.env(SECRET_KEY=SECOND, NEW_NAME="y", MAIL_ADMIN="admin@example.com")
    shop.push("--env-only")
    assert shop.serves() == before
    assert shop.get("/env/NEW_NAME").json()["fingerprint"] == fingerprint("y")
    shop.push("--code-only")
    assert shop.serves() == shop.project.version


def test_rollback_brings_back_code_and_env(shop: App) -> None:
    version, number = shop.project.version, shop.live()
    key = shop.get("/about").json()["secret"]
    shop.project.bump()
    shop.project.env(SECRET_KEY=THIRD, NEW_NAME="y", MAIL_ADMIN="admin@example.com")
    shop.push()
    assert shop.get("/about").json()["secret"] == fingerprint(THIRD)
    result = shop.run("rollback", "local", "--yes")
    assert shop.live() == number
    assert ".env" in result.said
    assert shop.serves() == version
    assert shop.get("/about").json()["secret"] == key
    # and forward again, by the id: what was pushed is still whole
    newest = shop.releases()[0]["id"]
    shop.run("rollback", "local", newest, "--yes")
    assert shop.serves() == shop.project.version
    assert shop.get("/about").json()["secret"] == fingerprint(THIRD)
    assert "nothing to do" in shop.push().out


@pytest.mark.parametrize("what", ["import", "health", "release", "requirements"])
def test_a_broken_release_leaves_the_old_one_serving_and_says_why(shop: App, what: str) -> None:
    version, live, running = shop.serves(), shop.live(), shop.running()
    shop.project.bump(commit=False)
    why = getattr(shop.project, f"break_{what}")()
    result = shop.push(code=1)
    assert why in result.err
    assert "Traceback" not in result.err or "| Traceback (most" in result.err, "only the app's own traceback is shown"
    assert shop.serves() == version
    assert shop.live() == live
    if what != "health":  # no process had to be touched to find out
        assert shop.running() == running
    shop.project.restore()
    assert "nothing to do" in shop.push().out
    assert shop.serves() == version


def test_a_broken_release_can_be_pushed_again_once_mended(shop: App) -> None:
    shop.project.break_import()
    shop.push(code=1)
    shop.project.restore()
    shop.project.bump()
    shop.push()
    assert shop.serves() == shop.project.version


def test_the_release_command_that_failed_left_the_database_alone(shop: App) -> None:
    assert "orders" in shop.get("/orders", b"fruit=pear").body
    result = shop.run("run", "local", "--", "flask", "db", "current")
    assert "ba9f21edc20f" in result.said


def test_status_names_release_health_and_processes(shop: App) -> None:
    text = shop.run("status", "local").out
    document = shop.paasctl.status()["targets"][0]
    assert document["healthy"] is True
    assert document["url"].rstrip("/") == shop.url
    assert document["release"]["id"] in text
    assert "web" in text
    assert "worker" in text
    assert shop.states() == {"running"}


def test_logs_show_what_each_process_wrote(shop: App) -> None:
    web = shop.run("logs", "local", "--process", "worker", "-n", "200").out
    assert f"worker {shop.project.version} started" in web
    assert shop.run("logs", "local", "-n", "3").out.count("\n") <= 12


def test_logs_follow(shop: App) -> None:
    following = shop.start("logs", "local", "-f", "-n", "1")
    try:
        assert following.wait_output("", 20), "the last line comes at once"
        shop.get("/orders", b"fruit=a-fruit-that-nobody-had")
        assert following.wait_output("a-fruit-that-nobody-had", 20), "what is written meanwhile comes too"
    finally:
        following.kill(2)  # Ctrl-C
        result = following.wait(20)
    assert result.code == 130
    assert "Traceback" not in result.err


def test_run_gives_the_env_the_code_and_the_exit_status(shop: App) -> None:
    words = [
        "python",
        "-c",
        "import os, sys, shop.version as v; print(v.VERSION, len(os.environ['SECRET_KEY'])); sys.exit(7)",
    ]
    result = shop.run("run", "local", "--", *words, code=7)
    assert result.out.strip() == f"{shop.project.version} {len(THIRD)}"


def test_restart_starts_every_process_anew(shop: App) -> None:
    before = {shop.get("/about").json()["pid"] for _ in range(10)}
    beat = shop.get("/heartbeat").json()["pid"]
    shop.run("restart", "local", "--yes")
    assert not before & {shop.get("/about").json()["pid"] for _ in range(10)}
    assert eventually(shop.url + "/heartbeat", lambda answer: answer.json()["pid"] != beat).json()["pid"] != beat


def test_old_releases_are_pruned_and_five_good_ones_stay(shop: App) -> None:
    for _ in range(2):
        shop.project.bump()
        shop.push()
    releases = shop.releases()
    assert 5 <= sum(release["state"] in ("good", "live") for release in releases) <= 6
    code = [path for path in shop.paasctl.home.data.rglob("code/*") if path.parent.name == "code" and path.is_dir()]
    assert len(code) <= len(releases)
    oldest = [release for release in releases if release["state"] == "good"][-1]["id"]
    shop.run("rollback", "local", oldest, "--yes")
    assert shop.live() == oldest
    shop.push()
    assert shop.serves() == shop.project.version


def test_a_commit_that_is_in_no_remote_is_said_and_recorded(shop: App, tmp_path: Path) -> None:
    shop.project.git("init", "-q", "--bare", str(tmp_path / "origin"))
    shop.project.git("remote", "add", "origin", str(tmp_path / "origin"))
    try:
        shop.project.git("push", "-q", "origin", "main")
        shop.project.bump()
        assert "is in no remote repository yet" in shop.push().said
        shop.project.bump()
        shop.project.git("push", "-q", "origin", "main")
        assert "no remote" not in shop.push().said
    finally:
        shop.project.git("remote", "remove", "origin")
    assert [release["unpushed"] for release in shop.releases()[:2]] == [False, True]


def test_what_the_app_writes_is_outside_the_releases(shop: App) -> None:
    data = shop.paasctl.home.data
    databases = [path for path in data.rglob("shop.db") if not path.is_symlink()]
    assert [path.parent.parent.name for path in databases] in (["shared"], ["instance"]), databases
    assert not [path for path in databases if "code" in path.parts]


def test_json_is_json_everywhere(shop: App) -> None:
    for words in (["status", "local"], ["releases", "local"], ["targets"], ["push", "local", "--dry-run"]):
        json.loads(shop.run(*words, "--json").out)


def test_down_leaves_the_data_and_nothing_else(shop: App) -> None:
    home, orders = shop.paasctl.home, shop.get("/about").json()["orders"]
    shop.run("down", "local", "--yes")
    assert not processes.wait_gone(home.root)
    left = {path.name for path in home.data.rglob("*") if path.is_file()}
    assert {"shop.db", "note.txt"} <= left
    assert not any(path.suffix == ".py" or path.name == "python" for path in home.data.rglob("*")), left
    assert not any(
        "a-third-secret" in path.read_text(errors="replace") for path in home.data.rglob("*") if path.is_file()
    )
    assert "data of an earlier push is in" in shop.run("status", "local").out
    assert not list((home.root / "cache").rglob("local-*.json")), "what was remembered of the host stays"
    shop.url = shop.push().url
    assert shop.get("/about").json()["orders"] == orders
    assert shop.get("/uploads/note.txt").body == "keep me"


def test_down_purge_leaves_nothing(shop: App) -> None:
    home = shop.paasctl.home
    shop.run("down", "local", "--purge", "--yes")
    assert not processes.wait_gone(home.root)
    assert not list((home.data / "paasctl").rglob("*"))
    assert not list(home.tmp.iterdir())
