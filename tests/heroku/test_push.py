"""A push as a user sees it: env and code, the calls that it takes, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from heroku_standin import HerokuApp, Standin
from laptop import ENV, FILES, Laptop, shown

from paasctl.manifest import Manifest

APP = "/apps/shop"
PLAN = [f"GET {APP}/config-vars", f"GET {APP}/releases", f"GET {APP}/builds"]


def test_first_push(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    with standin.counting() as calls:
        result = laptop.push()
    assert app.current.slug is not None
    assert app.current.slug.files["wsgi.py"].decode() == FILES["wsgi.py"]
    assert {name: app.config[name] for name in ENV} == ENV
    assert app.config["PAASCTL_TARGET"] == "heroku"
    assert result.stdout.strip().endswith(f"{standin.url}/sites/shop/"), shown(result)
    assert len(calls) == 13, calls
    # the config and the code; nothing else made a release
    assert [one.description[:6] for one in app.releases] == ["Initia", "Enable", "Set PA", "Deploy"]


def test_nothing_changed_takes_three_calls(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.push()
    with standin.counting() as calls:
        result = laptop.push()
    assert calls == PLAN
    assert "nothing to do" in result.stdout
    assert result.stdout.strip().endswith("/sites/shop/")


def test_code_only_takes_ten_calls(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.push()
    laptop.edit(2)
    for number in range(300):
        laptop.write(f"pages/p{number}.txt", f"page {number}")
    with standin.counting() as calls:
        laptop.push()
    assert len(calls) == 10, calls
    assert len(standin.writes("config-vars")) == 1  # the first push's
    assert app.current.slug is not None
    assert "pages/p299.txt" in app.current.slug.files


def test_env_only_takes_six_calls(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.push()
    laptop.env(**ENV, NEW="value-of-new")
    releases = len(app.releases)
    with standin.counting() as calls:
        laptop.sync()
    config = f"{APP}/config-vars"
    look = [f"GET {APP}/releases", f"GET {APP}/builds", f"GET {config}"]
    assert calls == [f"GET {config}", *look, f"PATCH {config}", f"GET {APP}/releases"]
    assert app.config["NEW"] == "value-of-new"
    assert len(app.releases) == releases + 1


def test_env_in_sync_takes_one_call(laptop: Laptop, standin: Standin) -> None:
    laptop.push()
    for words in (["env", "sync", "heroku", "-y"], ["env", "diff", "heroku"]):
        with standin.counting() as calls:
            laptop.paasctl(*words)
        assert calls == [f"GET {APP}/config-vars"]


def test_the_address_is_asked_for_once(laptop: Laptop, standin: Standin) -> None:
    """An env sync does not ask for it, and a push of code alone does not write it down at Heroku."""
    laptop.sync()
    laptop.push()
    laptop.edit(2)
    with standin.counting() as calls:
        laptop.push()
    assert len(calls) == 10, calls
    with standin.counting() as calls:
        assert laptop.push().stdout.strip().endswith("/sites/shop/")
    assert calls == PLAN


def test_a_hundred_names_are_one_write(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.push()
    laptop.env(**ENV, **{f"NAME_{number}": f"value {number} of many" for number in range(100)})
    releases = len(app.releases)
    with standin.counting() as calls:
        laptop.sync()
    assert len(calls) == 6
    assert len(app.releases) == releases + 1
    assert app.config["NAME_99"] == "value 99 of many"


def test_env_and_code_together(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.push()
    laptop.edit(2)
    laptop.env(**ENV | {"MAIL_SERVER": "other.example.net"})
    with standin.counting() as calls:
        laptop.push()
    assert len(calls) == 13, calls
    assert app.config["MAIL_SERVER"] == "other.example.net"


def test_names_are_removed_after_the_new_release_is_healthy(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.env(**ENV, OLD="value-of-old")
    laptop.push()
    laptop.env(**ENV)
    laptop.edit(2)
    there: list[bool] = []

    def at_build(seen: object) -> None:
        if str(seen) == f"POST {APP}/builds":
            there.append("OLD" in app.config)

    standin.before.append(at_build)
    laptop.push("--delete")
    assert there == [True]
    assert "OLD" not in app.config
    assert Manifest.from_json(app.config["PAASCTL_MANIFEST"]).entries.keys().isdisjoint({"OLD"})
    assert laptop.push().stdout.startswith("nothing to do")


def test_the_config_is_written_before_the_build(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.push()
    order = [str(one) for one in standin.writes()]
    assert order == ["POST /sources", f"PATCH {APP}/config-vars", f"POST {APP}/builds"]


def test_the_build_is_named_by_the_bundle(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.push()
    blob = next(one for one in standin.writes("builds")).json["source_blob"]
    assert len(blob["version"]) == 64
    assert blob["checksum"].startswith("SHA256:")
    assert "pushed by ada" in blob["version_description"]


def test_other_peoples_config_is_left_alone(laptop: Laptop, app: HerokuApp) -> None:
    app.patch({"FOREIGN": "not ours"})
    laptop.push()
    laptop.env(SECRET_KEY=ENV["SECRET_KEY"])
    laptop.push("--delete")
    assert app.config["FOREIGN"] == "not ours"
    assert "MAIL_SERVER" not in app.config


# ------------------------------------------------------------------------------------------------ refused names


def test_reserved_names_are_refused_before_anything_is_sent(laptop: Laptop, standin: Standin) -> None:
    laptop.env(**ENV, PORT="8000", WEB_CONCURRENCY="3", HEROKU_X="1")
    result = laptop.push(code=2)
    for name in ("PORT", "WEB_CONCURRENCY", "HEROKU_X"):
        assert name in result.stderr
    assert standin.writes() == []


def test_a_larger_archive_than_heroku_takes_is_refused(
    laptop: Laptop, standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paasctl.targets.heroku.building.LARGEST", 100)
    result = laptop.push(code=2)
    assert "Heroku's limit is 500 MB" in result.stderr
    assert standin.writes() == []


def test_more_config_than_heroku_takes_is_refused(laptop: Laptop, standin: Standin) -> None:
    laptop.env(**ENV, BIG="x" * 32_000)
    result = laptop.push(code=2)
    assert "32768" in result.stderr
    assert standin.writes() == []


# ----------------------------------------------------------------------------------------------- the app itself


def test_an_app_that_does_not_exist_is_not_made_unasked(laptop: Laptop, standin: Standin) -> None:
    laptop.app = "other"
    laptop.configure()
    for asked in (laptop.push, laptop.sync):  # a sync has no --create
        assert "`paasctl push heroku --create` makes it" in asked(code=2).stderr
    assert standin.writes() == []


def test_create(laptop: Laptop, standin: Standin) -> None:
    laptop.app = "other"
    laptop.configure('region = "eu"\nteam = "crew"\n')
    result = laptop.push("--create")
    made = standin.world.apps["other"]
    assert (made.region, made.team) == ("eu", "crew")
    assert made.current.slug is not None
    assert f"{standin.url}/sites/other/" in result.stdout + result.stderr
    with standin.counting() as calls:
        laptop.push()
    assert len(calls) == 3


def test_the_last_line_ends_with_the_address_that_heroku_gave(laptop: Laptop, standin: Standin) -> None:
    laptop.app = "other"
    laptop.configure()
    result = laptop.push("--create")
    assert result.stdout.strip().endswith(f"{standin.url}/sites/other/"), shown(result)


def test_create_refuses_a_name_that_is_taken(laptop: Laptop, standin: Standin) -> None:
    standin.world.taken.add("other")
    laptop.app = "other"
    laptop.configure()
    result = laptop.push("--create", code=None)
    assert result.exit_code in (1, 2), shown(result)
    assert standin.writes("builds") == []


def test_formation(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.configure("[targets.heroku.formation]\nweb = 1\nworker = 2\n")
    with standin.counting() as calls:
        laptop.push()
    assert app.formation == {"web": 1, "worker": 2}
    assert len(calls) == 14, calls
    with standin.counting() as calls:
        laptop.push()
    assert len(calls) == 4  # one more, to look at it
    laptop.configure("[targets.heroku.formation]\nweb = 1\nworker = 0\n")
    laptop.push()
    assert app.formation == {"web": 1, "worker": 0}


# -------------------------------------------------------------------------------------------- others at work


def test_a_sync_of_the_env_leaves_the_formation_alone(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.configure("[targets.heroku.formation]\nweb = 2\n")
    laptop.push()
    assert laptop.sync().stdout.startswith("nothing to do")
    laptop.env(**ENV, ADDED="value-of-added")
    with standin.counting() as calls:
        assert "scale" not in laptop.sync().stdout
    assert len(calls) == 6


def test_another_build_is_not_crossed(laptops: Callable[..., Laptop], standin: Standin, app: HerokuApp) -> None:
    ada, bob = laptops("ada"), laptops("bob")
    ada.push()
    app.start_build({"url": "https://x", "version": "somebody-elses"}, archive_of(standin))
    bob.edit(5)
    before = len(standin.writes())
    result = bob.push(code=1)
    assert app.builds[-1].id in result.stderr
    assert "dev@example.com" in result.stderr
    assert len(standin.writes()) == before


def archive_of(standin: Standin) -> bytes:
    return next(iter(standin.world.archives.values()))


def test_a_release_that_is_not_over_is_not_crossed(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.push()
    app.release_command, app.release_polls = "succeeded", 99
    app.patch({"BY_HAND": "x"})
    laptop.edit(2)
    before = len(standin.writes())
    result = laptop.push(code=1)
    assert f"v{app.releases[-1].version}" in result.stderr
    assert len(standin.writes()) == before


def test_config_that_changes_between_plan_and_write_is_a_conflict(
    laptop: Laptop, standin: Standin, app: HerokuApp
) -> None:
    laptop.push()
    laptop.env(**ENV, NEW="value-of-new")
    reads: list[int] = []

    def by_hand(seen: object) -> None:
        if str(seen) == f"GET {APP}/config-vars":
            reads.append(1)
            if len(reads) == 2:
                app.patch({"BY_HAND": "x"})

    standin.before.append(by_hand)
    before = dict(app.config)
    result = laptop.sync(code=4)
    assert "BY_HAND" in result.stderr
    assert app.config == {**before, "BY_HAND": "x"}


def test_drift_stops_a_sync_and_not_a_push(laptop: Laptop, app: HerokuApp) -> None:
    laptop.push()
    app.patch({"MAIL_SERVER": "by-hand.example.net"})
    laptop.sync(code=4)
    laptop.edit(2)
    laptop.push()
    assert app.config["MAIL_SERVER"] == "by-hand.example.net"


# ------------------------------------------------------------------------------------------------------ reporting


def test_dry_run_and_check_write_nothing(laptop: Laptop, standin: Standin) -> None:
    laptop.paasctl("push", "heroku", "--dry-run")
    laptop.paasctl("push", "heroku", "--check", code=3)
    laptop.paasctl("push", "heroku", code=2)  # no terminal, no --yes
    assert standin.writes() == []


def test_json(laptop: Laptop, standin: Standin) -> None:
    document = json.loads(laptop.push("--json").stdout)["targets"][0]
    assert document["result"] == "done"
    phases = [step["phase"] for step in document["steps"]]
    assert phases == ["prepare", "prepare", "commit", "commit", "verify"]
    assert document["url"] == f"{standin.url}/sites/shop/"


def test_heroku_warnings_are_passed_on(laptop: Laptop, standin: Standin) -> None:
    standin.warning = "The stack will be retired"
    assert "The stack will be retired" in laptop.push().stderr


@pytest.mark.parametrize("remaining", [3, 4000])
def test_the_hourly_limit_is_respected(laptop: Laptop, standin: Standin, remaining: int, hasty: list[float]) -> None:
    standin.remaining = remaining
    result = laptop.push()
    assert ("requests of Heroku's hourly limit are left" in result.stderr) is (remaining == 3)
    assert (sum(hasty) > 10) is (remaining == 3)
