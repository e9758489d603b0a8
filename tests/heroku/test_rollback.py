"""Going back: to the ends of pushes, with code and config together, and never without saying what else goes."""

from __future__ import annotations

import json
import time

import pytest
from heroku_standin import HerokuApp, Standin
from laptop import ENV, Laptop, shown

APP = "/apps/shop"


def version_of(app: HerokuApp) -> str:
    assert app.current.slug is not None
    return app.current.slug.files["wsgi.py"].decode().partition("# version ")[2].strip() or "1"


@pytest.fixture
def twice(laptop: Laptop) -> Laptop:
    """Env and code were pushed twice."""
    laptop.push()
    laptop.edit(2)
    laptop.env(**ENV | {"MAIL_SERVER": "second.example.net"}, ADDED="value-of-added")
    laptop.push()
    return laptop


def test_code_and_env_go_back_with_seven_calls(twice: Laptop, standin: Standin, app: HerokuApp) -> None:
    with standin.counting() as calls:
        result = twice.paasctl("rollback", "heroku", "-y")
    assert len(calls) == 7, calls
    assert version_of(app) == "1"
    assert {name: app.config.get(name) for name in (*ENV, "ADDED")} == {**ENV, "ADDED": None}
    assert "~ MAIL_SERVER" in result.stdout
    assert "- ADDED" in result.stdout
    assert "second.example.net" not in shown(result)
    assert "/sites/shop/" in result.stdout
    assert ".env" in result.stderr  # it is newer now


def test_the_manifest_goes_back_too(twice: Laptop, app: HerokuApp) -> None:
    twice.paasctl("rollback", "heroku", "-y")
    assert "ADDED" not in json.loads(app.config["PAASCTL_MANIFEST"])["names"]
    result = twice.paasctl("env", "diff", "heroku")
    assert "ADDED" in result.stdout
    twice.push()
    assert version_of(app) == "2"
    assert app.config["ADDED"] == "value-of-added"


def test_a_rollback_goes_over_the_config_release_of_the_push(twice: Laptop, app: HerokuApp) -> None:
    before = app.releases[3]
    assert before.description.startswith("Deploy")
    twice.paasctl("rollback", "heroku", "-y")
    assert app.releases[-1].description == f"Rollback to v{before.version}"


def test_pushes_of_code_alone(laptop: Laptop, app: HerokuApp) -> None:
    for number in (1, 2, 3):
        laptop.edit(number)
        laptop.push()
    laptop.paasctl("rollback", "heroku", "-y")
    assert version_of(app) == "2"
    laptop.paasctl("rollback", "heroku", "-y")
    assert version_of(app) == "1"


@pytest.mark.parametrize("env_too", [False, True])
def test_a_release_that_was_rolled_away_from_is_not_gone_back_to(laptop: Laptop, app: HerokuApp, env_too: bool) -> None:
    for number in (1, 2):
        laptop.edit(number)
        laptop.env(**ENV | ({"MAIL_SERVER": f"m{number}.example.net"} if env_too else {}))
        laptop.push()
    laptop.paasctl("rollback", "heroku", "-y")
    laptop.edit(3)
    laptop.env(**ENV | ({"MAIL_SERVER": "m3.example.net"} if env_too else {}))
    laptop.push("--force")
    laptop.paasctl("rollback", "heroku", "-y")
    assert version_of(app) == "1"
    assert app.config["MAIL_SERVER"] == ("m1.example.net" if env_too else ENV["MAIL_SERVER"])


def test_a_sync_of_the_env_alone(laptop: Laptop, app: HerokuApp, standin: Standin) -> None:
    laptop.push()
    for value in ("one.example.net", "two.example.net"):
        laptop.env(**ENV | {"MAIL_SERVER": value})
        laptop.sync()
    with standin.counting() as calls:
        laptop.paasctl("rollback", "heroku", "-y")
    assert len(calls) == 7, calls
    assert app.config["MAIL_SERVER"] == "one.example.net"
    laptop.paasctl("rollback", "heroku", "-y")
    assert app.config["MAIL_SERVER"] == ENV["MAIL_SERVER"]
    assert version_of(app) == "1"


def test_a_sync_before_a_push_of_code_alone_stays(laptop: Laptop, app: HerokuApp) -> None:
    laptop.push()
    laptop.env(**ENV | {"MAIL_SERVER": "one.example.net"})
    laptop.sync()
    laptop.edit(2)
    laptop.push()
    laptop.paasctl("rollback", "heroku", "-y")
    assert version_of(app) == "1"
    assert app.config["MAIL_SERVER"] == "one.example.net"
    laptop.paasctl("rollback", "heroku", "-y")
    assert app.config["MAIL_SERVER"] == ENV["MAIL_SERVER"]


def test_removals_belong_to_their_push(laptop: Laptop, app: HerokuApp) -> None:
    laptop.env(**ENV, OLD="value-of-old")
    laptop.push()
    laptop.env(**ENV)
    laptop.edit(2)
    laptop.push("--delete")
    assert app.releases[-1].description.startswith("Set PAASCTL_MANIFEST and remove OLD")
    laptop.paasctl("rollback", "heroku", "-y")
    assert app.config["OLD"] == "value-of-old"
    assert version_of(app) == "1"


def test_after_a_failed_push_a_rollback_goes_to_the_push_before_the_last_good_one(
    twice: Laptop, app: HerokuApp
) -> None:
    twice.edit(3)
    twice.env(**ENV | {"MAIL_SERVER": "third.example.net"})
    app.build_outcome = "failed"
    twice.push("--delete", code=1)
    assert version_of(app) == "2"
    twice.paasctl("rollback", "heroku", "-y")
    assert version_of(app) == "1"
    assert app.config["MAIL_SERVER"] == ENV["MAIL_SERVER"]


def test_changes_by_hand_are_named_before_they_are_taken_back(twice: Laptop, app: HerokuApp, standin: Standin) -> None:
    app.patch({"MAIL_SERVER": "by-hand.example.net", "HOTFIX": "on"})
    result = twice.paasctl("rollback", "heroku", "-n")
    assert "changed by hand at Heroku, and taken back too: HOTFIX, MAIL_SERVER" in result.stderr
    assert standin.writes("releases") == []
    twice.paasctl("rollback", "heroku", "-y")
    assert "HOTFIX" not in app.config
    assert version_of(app) == "1"


def test_a_named_release(twice: Laptop, app: HerokuApp) -> None:
    for number in (3, 4):
        twice.edit(number)
        twice.push()
    twice.paasctl("rollback", "heroku", "v4", "-y")
    assert version_of(app) == "1"
    assert app.config["MAIL_SERVER"] == ENV["MAIL_SERVER"]


@pytest.mark.parametrize(
    ("release", "says"),
    [("v99", "no release v99"), ("nonsense", "not a release"), ("v1", "no code"), ("live", "live already")],
)
def test_what_cannot_be_gone_back_to(twice: Laptop, app: HerokuApp, standin: Standin, release: str, says: str) -> None:
    release = f"v{app.current.version}" if release == "live" else release
    result = twice.paasctl("rollback", "heroku", release, "-y", code=2)
    assert says in result.stderr, shown(result)
    assert standin.writes("releases") == []


def test_an_expired_release_is_refused_with_the_reason(twice: Laptop, app: HerokuApp, standin: Standin) -> None:
    app.releases[3].status, app.releases[3].eligible = "expired", False
    result = twice.paasctl("rollback", "heroku", "-y", code=2)
    assert "expired" in result.stderr
    assert "30 days" in result.stderr
    assert standin.writes("releases") == []


def test_nothing_to_go_back_to(laptop: Laptop, app: HerokuApp) -> None:
    laptop.push()
    result = laptop.paasctl("rollback", "heroku", "-y", code=2)
    assert "hint:" in result.stderr


def test_a_rollback_that_is_not_healthy_returns(twice: Laptop, app: HerokuApp) -> None:
    first = app.releases[3].slug
    assert first is not None
    app.crashes = first.version
    config = dict(app.config)
    twice.paasctl("rollback", "heroku", "-y", code=1)
    assert version_of(app) == "2"
    assert app.config == config


@pytest.fixture
def thrice(twice: Laptop, app: HerokuApp) -> Laptop:
    """Env and code were pushed three times, and the release command of a rollback fails."""
    twice.edit(3)
    twice.env(**ENV, ADDED="value-of-added", THIRD="value-of-third")
    twice.push()
    app.release_command, app.release_outcomes = "succeeded", ["failed"]
    return twice


@pytest.mark.parametrize("outcomes", [["failed"], ["failed", "failed"]])
def test_a_rollback_whose_release_command_fails_leaves_the_config(
    thrice: Laptop, app: HerokuApp, outcomes: list[str]
) -> None:
    """Heroku takes the config back all the same; where the way back fails too, it is at least as it was."""
    app.release_outcomes = outcomes
    before = dict(app.config)
    result = thrice.paasctl("rollback", "heroku", "-y", code=1)
    assert app.config == before, shown(result)
    assert dict(app.current.config) == before
    assert version_of(app) == "3"
    assert "go back to v6" in result.stdout
    assert "go back to v6" in thrice.paasctl("rollback", "heroku", "-y").stdout
    assert version_of(app) == "2"
    assert "THIRD" not in app.config


def test_a_rollback_that_left_its_config_is_half_and_done_again(
    thrice: Laptop, app: HerokuApp, standin: Standin
) -> None:
    """The config of the push that is live is no end of a push."""
    live = app.current

    def once_begun(seen: object) -> None:
        if str(seen) == f"POST {APP}/releases":
            live.eligible = len(standin.writes("releases")) <= 1

    standin.before.append(once_begun)
    result = thrice.paasctl("rollback", "heroku", "-y", code=5)
    assert "THIRD" not in app.config, shown(result)
    standin.before.clear()
    assert "go back to v6" in thrice.paasctl("rollback", "heroku", "-y").stdout
    assert version_of(app) == "2"


def test_ctrl_c_in_the_release_command_of_a_rollback_says_that_it_goes_on(
    twice: Laptop, app: HerokuApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app.release_command, app.release_polls = "succeeded", 99

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    result = twice.paasctl("rollback", "heroku", "-y", code=5)
    assert f"the rollback v{app.releases[-1].version} goes on at Heroku" in result.stderr, shown(result)
    app.settle_release(app.releases[-1])
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    result = twice.paasctl("rollback", "heroku", "-y")
    assert "did not get to its end" in result.stderr
    assert version_of(app) == "1"


def test_a_config_var_that_is_set_during_a_rollback_stays(twice: Laptop, app: HerokuApp, standin: Standin) -> None:
    first = app.releases[3].slug
    assert first is not None
    app.crashes = first.version
    before = dict(app.config)

    def by_hand(seen: object) -> None:
        if str(seen) == "GET /sites/shop/":
            app.patch({"BY_HAND": "value-by-hand"})

    standin.before.append(by_hand)
    twice.paasctl("rollback", "heroku", "-y", code=1)
    assert version_of(app) == "2"
    assert app.config == {**before, "BY_HAND": "value-by-hand"}


def test_many_releases_by_hand_lie_in_between(twice: Laptop, app: HerokuApp) -> None:
    for number in range(60):
        app.patch({"BY_HAND": str(number)})
    twice.paasctl("rollback", "heroku", "-y")
    assert version_of(app) == "1"
    assert "BY_HAND" not in app.config


def test_a_build_under_way_is_not_crossed(twice: Laptop, app: HerokuApp, standin: Standin) -> None:
    app.start_build({"url": "https://x", "version": "other"}, next(iter(standin.world.archives.values())))
    twice.paasctl("rollback", "heroku", "-y", code=1)
    assert standin.writes("releases") == []


def test_an_addons_config_is_not_counted_as_going_back(twice: Laptop, app: HerokuApp) -> None:
    app.config["DATABASE_URL"], app.addons["DATABASE_URL"] = "postgres://new", "postgresql-x"
    twice.env(**ENV, DATABASE_URL="postgres://mine:pw@db.example.org/x")
    twice.push("--delete")
    result = twice.paasctl("rollback", "heroku", "-y")
    assert "DATABASE_URL" not in result.stdout
    assert app.config["DATABASE_URL"] == "postgres://new"
