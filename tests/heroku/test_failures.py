"""A push that fails leaves code and config as they were, and says so by its exit code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from heroku_standin import HerokuApp, Standin
from laptop import ENV, Laptop, shown


@dataclass(frozen=True)
class Snapshot:
    """What visitors and the app see."""

    config: dict[str, str]
    slug: str
    running: dict[str, str]

    @classmethod
    def of(cls, app: HerokuApp) -> Snapshot:
        slug = app.current.slug
        return cls(dict(app.config), slug.id if slug else "", dict(app.current.config))


@pytest.fixture
def pushed(laptop: Laptop, app: HerokuApp) -> Laptop:
    """An app that was pushed, and a checkout with a change of code and one of env."""
    laptop.push()
    laptop.edit(2)
    laptop.env(SECRET_KEY=ENV["SECRET_KEY"], MAIL_SERVER="new.example.net", ADDED="value-of-added")
    return laptop


def fail_build(app: HerokuApp) -> None:
    app.build_outcome = "failed"
    app.build_output = [f"line {number} of the build" for number in range(90)]


def fail_release_phase(app: HerokuApp) -> None:
    # the config's own release, the new code's, and after that all is well again
    app.release_command, app.release_polls = "succeeded", 1
    app.release_outcomes = ["succeeded", "failed"]


def crash(app: HerokuApp) -> None:
    live = app.current.slug
    assert live is not None
    app.crashes = f"^(?!{live.version})"


@pytest.mark.parametrize("break_it", [fail_build, fail_release_phase, crash])
def test_env_and_code_are_as_before(pushed: Laptop, app: HerokuApp, break_it: Callable[[HerokuApp], None]) -> None:
    before = Snapshot.of(app)
    break_it(app)
    result = pushed.push(code=1)
    assert Snapshot.of(app) == before, shown(result)
    assert app.current.status == "succeeded"
    assert "Rollback" in app.current.description


@pytest.mark.parametrize("break_it", [fail_build, fail_release_phase])
def test_code_that_never_came_live_needs_no_rollback(
    laptop: Laptop, app: HerokuApp, break_it: Callable[[HerokuApp], None]
) -> None:
    laptop.push()
    laptop.edit(2)
    before, restarts = Snapshot.of(app), app.restarts
    break_it(app)
    app.release_outcomes = app.release_outcomes[1:]
    laptop.push(code=1)
    assert Snapshot.of(app) == before
    assert app.restarts == restarts


def test_the_formation_is_as_before(laptop: Laptop, app: HerokuApp) -> None:
    """Its number of dynos and their size: another size is another price."""
    laptop.configure('[targets.heroku.formation]\nweb = "1:basic"\nworker = 1\n')
    laptop.push()
    laptop.configure('[targets.heroku.formation]\nweb = "2:standard-2x"\nworker = 3\n')
    laptop.edit(2)
    crash(app)
    laptop.push(code=1)
    assert (app.formation, app.sizes.get("web", "Basic")) == ({"web": 1, "worker": 1}, "Basic")


def test_the_output_of_a_failed_build_is_shown(pushed: Laptop, app: HerokuApp) -> None:
    fail_build(app)
    result = pushed.push(code=1)
    error = result.stderr.partition("error:")[2]
    assert "line 89 of the build" in error, shown(result)
    assert "line 30 of the build" in error
    assert "line 29 of the build" not in error
    assert app.builds[-1].id in error


def test_the_output_of_a_failed_release_command_is_shown(pushed: Laptop, app: HerokuApp) -> None:
    fail_release_phase(app)
    result = pushed.push(code=1)
    assert f"running the release command of v{app.releases[-2].version}" in result.stderr, shown(result)


def test_the_old_codes_release_command_does_not_stop_the_new_code(pushed: Laptop, app: HerokuApp) -> None:
    app.release_command = "succeeded"
    app.release_outcomes = ["failed", "succeeded"]
    pushed.push()
    assert app.config["ADDED"] == "value-of-added"
    assert app.current.description.startswith("Deploy")


def test_an_env_sync_that_fails_is_taken_back(laptop: Laptop, app: HerokuApp) -> None:
    laptop.push()
    laptop.env(**ENV, ADDED="value-of-added")
    before = Snapshot.of(app)
    app.release_command, app.release_outcomes = "succeeded", ["failed"]
    laptop.sync(code=1)
    assert Snapshot.of(app) == before


def test_an_env_sync_that_makes_the_app_crash_is_taken_back(laptop: Laptop, app: HerokuApp) -> None:
    laptop.push()
    app.crash_names = {"MAIL_SERVER"}
    laptop.env(SECRET_KEY=ENV["SECRET_KEY"])
    before = Snapshot.of(app)
    laptop.sync("--delete", code=1)
    assert Snapshot.of(app) == before
    assert app.serves


def test_removals_that_make_the_new_release_crash_are_taken_back(laptop: Laptop, app: HerokuApp) -> None:
    laptop.push()
    app.crash_names = {"MAIL_SERVER"}
    laptop.env(SECRET_KEY=ENV["SECRET_KEY"])
    laptop.edit(2)
    result = laptop.push("--delete", code=5)
    assert app.serves, shown(result)
    assert app.config["MAIL_SERVER"] == ENV["MAIL_SERVER"]
    assert app.current.slug is not None
    assert b"version 2" in app.current.slug.files["wsgi.py"]
    assert "MAIL_SERVER" in result.stderr


@pytest.mark.parametrize("outcomes", [["succeeded", "failed"], ["succeeded", "failed", "failed"]])
def test_removals_without_which_the_release_command_fails_are_taken_back(
    laptop: Laptop, app: HerokuApp, outcomes: list[str]
) -> None:
    """Outcomes of the code's release, of the removal's, and of the one that brings it back."""
    laptop.push()
    laptop.env(SECRET_KEY=ENV["SECRET_KEY"])
    laptop.edit(2)
    app.release_command, app.release_outcomes = "succeeded", [*outcomes]
    before = dict(app.config)
    result = laptop.push("--delete", code=5)
    assert "brought back: MAIL_SERVER" in result.stderr, shown(result)
    assert ("but release" in result.stderr) is (len(outcomes) == 3)
    assert f"running the release command of v{app.releases[-2].version}" in result.stderr.partition("error:")[2]
    assert app.config == before
    assert "- MAIL_SERVER" in laptop.push("--delete").stdout
    assert "MAIL_SERVER" not in app.config


def test_removals_that_somebody_answers_meanwhile_are_left_to_him(
    laptop: Laptop, app: HerokuApp, standin: Standin
) -> None:
    laptop.push()
    laptop.env(SECRET_KEY=ENV["SECRET_KEY"])
    laptop.edit(2)
    app.crash_names = {"MAIL_SERVER", "OTHER"}
    app.config["OTHER"] = "other-value"

    def by_hand(seen: object) -> None:
        if str(seen) == "GET /apps/shop/dynos" and "MAIL_SERVER" not in app.config and "OTHER" in app.config:
            app.patch({"MAIL_SERVER": "by-hand.example.net", "OTHER": None})

    standin.before.append(by_hand)
    result = laptop.push("--delete", code=5)
    assert "MAIL_SERVER could not be brought back" in result.stderr, shown(result)
    assert app.config["MAIL_SERVER"] == "by-hand.example.net"


def test_a_first_push_whose_build_fails_leaves_nothing(laptop: Laptop, app: HerokuApp) -> None:
    app.patch({"FOREIGN": "x"})
    before = Snapshot.of(app)
    fail_build(app)
    laptop.push(code=1)
    assert Snapshot.of(app) == before
    app.build_outcome = "succeeded"
    laptop.push()
    assert app.serves


def test_a_first_push_that_crashes_has_nothing_to_go_back_to(laptop: Laptop, app: HerokuApp) -> None:
    app.crashes = "."
    result = laptop.push(code=5)
    assert "no release with code before v4" in result.stderr
    assert {name: app.config[name] for name in ENV} == ENV


def test_a_first_push_that_crashes_is_not_nothing_to_do(laptop: Laptop, app: HerokuApp, standin: Standin) -> None:
    """The new release stays, since there is none before it: until it was seen healthy, the same command looks again."""
    app.crashes = "."
    laptop.push(code=5)
    result = laptop.push(code=5)
    assert "crashed" in result.stderr, shown(result)
    assert "nothing to do" not in result.stdout
    assert len(app.builds) == 1
    app.crashes = ""
    result = laptop.push()
    assert "check that the app is healthy" in result.stdout, shown(result)
    assert len(app.builds) == 1
    with standin.counting() as calls:
        assert laptop.push().stdout.startswith("nothing to do")
    assert len(calls) == 3


def test_going_back_when_every_release_command_fails_says_what_serves(pushed: Laptop, app: HerokuApp) -> None:
    """As with a database that is down. Nothing came live, and the config is as before: that is no half of anything."""
    before = Snapshot.of(app)
    app.release_command = "failed"
    result = pushed.push(code=1)
    assert Snapshot.of(app) == before, shown(result)
    live = f"v{app.current.version}"
    assert f"{live} still serves" in result.stderr, shown(result)


def test_no_way_back_is_exit_5(pushed: Laptop, app: HerokuApp, standin: Standin) -> None:
    fail_build(app)

    def revoke(seen: object) -> None:
        if str(seen) == "POST /apps/shop/builds":
            for release in app.releases:
                release.eligible = False

    standin.before.append(revoke)
    result = pushed.push(code=5)
    assert "switching back failed" in result.stderr, shown(result)


def test_no_web_dynos_is_said_and_is_no_failure(pushed: Laptop, app: HerokuApp) -> None:
    app.formation["web"] = 0
    result = pushed.push()
    assert "no web dynos" in result.stderr


def test_a_failed_release_by_somebody_else_is_told(laptop: Laptop, app: HerokuApp) -> None:
    laptop.push()
    app.release_command = "failed"
    app.patch({"BY_HAND": "x"})
    app.settle_release(app.releases[-1])
    app.release_command = ""
    result = laptop.push()
    assert f"release v{app.releases[-1].version}" in result.stderr
    assert "failed" in result.stderr


def test_a_damaged_manifest_is_told_and_nothing_is_deleted(laptop: Laptop, app: HerokuApp) -> None:
    laptop.env(**ENV, OLD="value-of-old")
    laptop.push()
    app.patch({"PAASCTL_MANIFEST": "{damaged"})
    laptop.env(**ENV)
    result = laptop.push("--delete")
    assert "damaged" in result.stderr
    assert app.config["OLD"] == "value-of-old"


def test_a_newer_manifest_is_refused(laptop: Laptop, app: HerokuApp, standin: Standin) -> None:
    app.patch({"PAASCTL_MANIFEST": '{"v": 99}'})
    result = laptop.push(code=1)
    assert "newer paasctl" in result.stderr
    assert standin.writes() == []


def test_a_build_that_does_not_end_is_not_crossed(pushed: Laptop, app: HerokuApp) -> None:
    app.build_polls = 1_000_000
    result = pushed.push(code=5)
    assert app.builds[-1].id in result.stderr
    assert "Rollback" not in app.current.description
    app.build_polls = 0
    pushed.push()
    assert len(app.builds) == 2
    assert app.current.description.startswith("Deploy")


def test_dynos_that_do_not_come_up_are_a_failure(pushed: Laptop, app: HerokuApp, standin: Standin) -> None:
    before = Snapshot.of(app)
    real = app.dynos

    def starting() -> list[dict[str, object]]:
        return [one | {"state": "starting"} for one in real()]

    app.dynos = starting  # type: ignore[method-assign]
    result = pushed.push(code=1)
    assert "did not come up in time" in result.stderr
    assert Snapshot.of(app) == before


def test_old_dynos_that_stay_do_not_condemn_the_new_ones(pushed: Laptop, app: HerokuApp) -> None:
    """Preboot keeps them for minutes."""
    real, old = app.dynos, app.current.version

    def both() -> list[dict[str, object]]:
        found = real()
        return found + [one | {"name": "web.0", "release": {"id": one["id"], "version": old}} for one in found]

    app.dynos = both  # type: ignore[method-assign]
    pushed.push()
    assert app.current.description.startswith("Deploy")


def test_dynos_of_the_old_release_are_waited_out(pushed: Laptop, app: HerokuApp) -> None:
    """While Heroku still runs the old dynos, the old code would answer for the new one."""
    real, looks = app.dynos, [0]
    old = app.current.version

    def late() -> list[dict[str, object]]:
        looks[0] += 1
        found = real()
        return found if looks[0] > 2 else [one | {"release": {"id": one["id"], "version": old}} for one in found]

    app.dynos = late  # type: ignore[method-assign]
    result = pushed.push()
    assert "waiting for the web dynos" in result.stderr
    assert looks == [3]
