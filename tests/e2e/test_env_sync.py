"""``paasctl env`` with real processes: what the app sees, without a push of code."""

from __future__ import annotations

import json

import pytest
from dotenv import dotenv_values
from support import values
from support.apps import SECRET, App, Maker

pytestmark = pytest.mark.e2e

BASE = {"VAL_MAIL": "mail.example.net", "VAL_FLAG": "on"}


@pytest.fixture(scope="module")
def shop(make_shared_app: Maker) -> App:
    app = make_shared_app("plain_wsgi")
    say(app, **BASE)
    app.url = app.push().url
    return app


@pytest.fixture(autouse=True)
def in_sync(shop: App) -> None:
    """Each test begins with an app that has what ``.env`` says."""
    say(shop, **BASE)
    shop.run("env", "sync", "local", "--yes", "--force", "--delete")
    assert sees(shop) == BASE


def say(app: App, **wanted: str) -> None:
    values.write(app.project.root, wanted, SECRET_KEY=SECRET)


def sees(app: App) -> dict[str, str]:
    """What the app has in its environment."""
    return {name: bytes.fromhex(value).decode() for name, value in app.get("/").json().items()}


def by_hand(app: App, **changes: str) -> None:
    """Somebody edits the live release's env on the machine itself."""
    (current,) = (app.paasctl.home.data / "paasctl" / "local").glob("*/current")
    live = json.loads((current / "release.json").read_text())
    file = current.parent / "env" / f"{live['env']}.json"
    document = json.loads(file.read_text())
    document["env"].update(changes)
    file.write_text(json.dumps(document))


def test_a_sync_changes_what_the_app_sees_and_leaves_the_code(shop: App) -> None:
    digest = shop.releases()[0]["digest"]
    (shop.project.root / "wsgi.py").write_text(values.APP + "# not pushed yet\n")
    say_only_env(shop, **BASE | {"VAL_MAIL": "other.example.net"}, VAL_NEW="1")
    result = shop.run("env", "sync", "local", "--yes")
    assert sees(shop) == {**BASE, "VAL_MAIL": "other.example.net", "VAL_NEW": "1"}
    assert shop.releases()[0]["digest"] == digest
    assert result.out.splitlines()[-1].endswith(shop.url + "/")
    assert shop.run("env", "sync", "local").out.startswith("nothing to do")


def say_only_env(app: App, **wanted: str) -> None:
    (app.project.root / ".env").write_text(values.env_text({**wanted, "SECRET_KEY": SECRET}))


def test_check_and_diff_change_nothing(shop: App) -> None:
    say(shop, **BASE | {"VAL_MAIL": "other.example.net"})
    assert "VAL_MAIL" in shop.run("env", "sync", "local", "--check", code=3).out
    document = shop.run("env", "sync", "local", "--check", "--json", code=3).json()["targets"][0]
    assert (document["result"], document["exit_code"]) == ("different", 3)
    assert [each["name"] for each in document["env"] if each["op"] == "update"] == ["VAL_MAIL"]
    assert shop.run("env", "diff", "local", "--json").json()["targets"][0]["in_sync"] is False
    assert sees(shop) == BASE
    say(shop, **BASE)
    shop.run("env", "sync", "local", "--check")


def test_a_deletion_needs_its_own_yes(shop: App) -> None:
    say(shop, VAL_MAIL=BASE["VAL_MAIL"])
    result = shop.run("env", "sync", "local", "--yes", code=2)
    assert "VAL_FLAG" in result.err and "--delete" in result.err
    assert sees(shop) == BASE
    shop.run("env", "sync", "local", "--yes", "--delete")
    assert sees(shop) == {"VAL_MAIL": BASE["VAL_MAIL"]}


def test_drift_stops_the_sync(shop: App) -> None:
    by_hand(shop, VAL_MAIL="by-hand.example.net")
    say(shop, **BASE, VAL_NEW="1")
    result = shop.run("env", "sync", "local", "--yes", code=4)
    assert "VAL_MAIL" in result.err and "by-hand" not in result.said
    assert "VAL_NEW" not in sees(shop)
    shop.run("env", "pull", "local", "--yes")
    assert dotenv_values(shop.project.root / ".env")["VAL_MAIL"] == "by-hand.example.net"
    shop.run("env", "sync", "local", "--yes")
    assert sees(shop) == {**BASE, "VAL_MAIL": "by-hand.example.net", "VAL_NEW": "1"}


def test_a_conflict_stops_the_sync_until_it_is_decided(shop: App) -> None:
    by_hand(shop, VAL_MAIL="their.example.net")
    say(shop, **BASE | {"VAL_MAIL": "newer.example.net"}, VAL_NEW="1")
    result = shop.run("env", "sync", "local", "--yes", code=4)
    assert "VAL_MAIL" in result.err and "env pull" in result.err and "--force" in result.err
    assert sees(shop) == BASE
    assert shop.run("env", "pull", "local", "--yes", code=4).err.count("VAL_MAIL")
    shop.run("env", "sync", "local", "--yes", "--force")
    assert sees(shop) == {**BASE, "VAL_MAIL": "newer.example.net", "VAL_NEW": "1"}


def test_several_targets_in_one_call(shop: App) -> None:
    """One of them cannot be reached: the other one is synced, and the exit status is the worse one."""
    config = '[targets.local]\n[targets.live]\nadapter = "heroku"\napp = "shop"\napi_url = "http://127.0.0.1:9"\n'
    (shop.project.root / "paasctl.toml").write_text(config)
    try:
        say(shop, **BASE, VAL_NEW="1")
        result = shop.run("env", "sync", "local", "live", "--yes", code=2)  # no token
        assert "HEROKU_API_KEY" in result.err
        assert "NAME     local" in result.out and "VAL_NEW  + add" in result.out, result
        assert sees(shop)["VAL_NEW"] == "1"
        documents = shop.run("env", "sync", "--all", "--check", "--json", code=2).json()["targets"]
        assert [(each["target"], each["exit_code"]) for each in documents] == [("local", 0), ("live", 2)]
    finally:
        (shop.project.root / "paasctl.toml").unlink()
