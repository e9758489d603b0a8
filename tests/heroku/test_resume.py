"""What a killed command brought and did not see healthy: run again, it looks, and goes back where it is not."""

from __future__ import annotations

import re

import pytest
from heroku_standin import Fault, HerokuApp, Standin
from laptop import ENV, Laptop, shown
from test_crash import interrupted_at, killed_at

LOOKS = r"GET .*/dynos"


def state(app: HerokuApp) -> tuple[dict[str, str], object]:
    return dict(app.config), app.current.slug


@pytest.fixture
def pushed(laptop: Laptop) -> Laptop:
    laptop.env(**ENV, OLD="value-of-old")
    laptop.push()
    return laptop


def kill_a_bad_push(laptop: Laptop, app: HerokuApp, **values: str) -> None:
    """Its code is live, crashes, and nobody has looked."""
    laptop.edit(2)
    laptop.env(**values)
    with killed_at(LOOKS, "before"):
        laptop.push("--delete")
    assert app.current.slug is not None
    app.crashes = re.escape(app.current.slug.version)


@pytest.mark.parametrize(
    "values", [{**ENV, "OLD": "value-of-old"}, {**ENV, "OLD": "value-of-old", "ADDED": "value-of-added"}, ENV]
)
def test_a_push(pushed: Laptop, app: HerokuApp, values: dict[str, str]) -> None:
    """Of code alone, of env and code, and with a removal that is still to come."""
    before = state(app)
    kill_a_bad_push(pushed, app, **values)
    result = pushed.push("--delete", code=1)
    assert "v4" in result.stderr and "did not see it healthy" in result.stderr, shown(result)
    assert state(app) == before
    assert app.serves


def test_a_push_that_was_followed_by_others_is_left(pushed: Laptop, app: HerokuApp) -> None:
    kill_a_bad_push(pushed, app, **ENV, OLD="value-of-old", ADDED="value-of-added")
    app.patch({"BY_HAND": "value-by-hand"})
    count = len(app.releases)
    result = pushed.push(code=5)
    assert "`paasctl rollback`" in result.stderr and "nobody else's work" in result.stderr, shown(result)
    assert len(app.releases) == count and app.config["BY_HAND"] == "value-by-hand"


def test_a_release_of_others_during_the_look(pushed: Laptop, standin: Standin, app: HerokuApp) -> None:
    kill_a_bad_push(pushed, app, **ENV, OLD="value-of-old")

    def by_hand(seen: object) -> None:
        if re.search(LOOKS, str(seen)) and "BY_HAND" not in app.config:
            app.patch({"BY_HAND": "value-by-hand"})

    standin.before.append(by_hand)
    result = pushed.push(code=5)
    assert "`paasctl rollback`" in result.stderr and "others made releases" in result.stderr, shown(result)
    assert app.config["BY_HAND"] == "value-by-hand"


def test_the_first_push_has_no_way_back(laptop: Laptop, app: HerokuApp) -> None:
    kill_a_bad_push(laptop, app, **ENV)
    result = laptop.push(code=5)
    assert "no release with code before v4" in result.stderr, shown(result)


def test_ctrl_c_in_the_look_changes_nothing(pushed: Laptop, app: HerokuApp) -> None:
    kill_a_bad_push(pushed, app, **ENV, OLD="value-of-old")
    count = len(app.releases)
    with interrupted_at(LOOKS):
        result = pushed.push(code=130)
    assert "nothing was changed" in result.stderr, shown(result)
    assert len(app.releases) == count
    pushed.push(code=1)
    assert app.serves


def test_the_release_command_of_the_old_code_fails_too(pushed: Laptop, app: HerokuApp) -> None:
    """The new one goes on serving, so it is not as it was."""
    kill_a_bad_push(pushed, app, **ENV, OLD="value-of-old")
    app.release_command = "failed"
    result = pushed.push(code=5)
    assert "failed in its release command" in result.stderr, shown(result)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("words", [("env", "sync", "heroku"), ("push", "heroku", "--env-only"), ("push", "heroku")])
def test_an_env(pushed: Laptop, app: HerokuApp, moment: str, words: tuple[str, ...]) -> None:
    """It was written, and nobody has looked whether the app bears it."""
    before = state(app)
    pushed.env(**ENV, ADDED="value-of-added")
    app.crash_after = app.releases[-1].version
    with killed_at(r"GET .*/sites/shop/" if moment == "before" else "PATCH .*/config-vars", moment):
        pushed.paasctl(*words, "-y", "--delete")
    result = pushed.paasctl(*words, "-y", "--delete", code=1)
    assert "wrote this env and did not see it healthy" in result.stderr, shown(result)
    assert state(app) == before
    assert app.serves


def test_an_env_that_is_healthy_is_looked_at_once(pushed: Laptop, standin: Standin, app: HerokuApp) -> None:
    pushed.env(**ENV, OLD="value-of-old", ADDED="value-of-added")
    with killed_at("PATCH .*/config-vars", "after"):
        pushed.sync()
    assert "check that the release is live" in pushed.sync().stdout
    with standin.counting() as calls:
        assert pushed.sync().stdout.startswith("nothing to do")
    assert len(calls) == 1
    assert app.config["ADDED"] == "value-of-added"


@pytest.mark.parametrize("ended", [True, False])
def test_an_env_whose_release_command_fails(pushed: Laptop, app: HerokuApp, ended: bool) -> None:
    before = state(app)
    pushed.env(**ENV, OLD="value-of-old", ADDED="value-of-added")
    app.release_command, app.release_polls = "failed", 2
    with killed_at(r"GET .*/streams/release", "before"):
        pushed.sync()
    if ended:
        app.settle_release(app.releases[-1])
    result = pushed.sync(code=1)
    assert "failed in its release command" in result.stderr, shown(result)
    assert state(app) == before


def test_an_env_that_was_followed_by_others_is_left(pushed: Laptop, app: HerokuApp) -> None:
    pushed.env(**ENV, OLD="value-of-old", ADDED="value-of-added")
    app.crash_after = app.releases[-1].version
    with killed_at("PATCH .*/config-vars", "after"):
        pushed.sync()
    app.patch({"BY_HAND": "value-by-hand"})
    result = pushed.sync(code=5)
    assert "`paasctl rollback`" in result.stderr, shown(result)
    assert app.config["BY_HAND"] == "value-by-hand"


def test_a_late_removal(pushed: Laptop, app: HerokuApp) -> None:
    """The app turns out to need the name."""
    pushed.edit(2)
    pushed.env(**ENV)
    with killed_at("PATCH .*/config-vars", "after"):
        pushed.push("--delete")
    assert "OLD" not in app.config
    app.crash_after = app.releases[-1].version - 1
    result = pushed.push("--delete", code=1)
    assert "wrote this env" in result.stderr, shown(result)
    assert app.config["OLD"] == "value-of-old" and app.serves


def test_a_rollback(pushed: Laptop, app: HerokuApp) -> None:
    assert app.current.slug is not None
    first = app.current.slug.version
    pushed.edit(2)
    pushed.env(**ENV, OLD="value-of-old", ADDED="value-of-added")
    pushed.push()
    before = state(app)
    with killed_at("POST .*/releases$", "after"):
        pushed.paasctl("rollback", "heroku", "-y")
    app.crashes = re.escape(first)
    result = pushed.paasctl("rollback", "heroku", "-y", code=1)
    assert "undoing: return to v6" in result.stderr, shown(result)
    assert state(app) == before
    assert app.serves


def test_a_rollback_that_was_followed_by_others_is_left(pushed: Laptop, standin: Standin, app: HerokuApp) -> None:
    pushed.edit(2)
    pushed.push()
    with killed_at("POST .*/releases$", "after"):
        pushed.paasctl("rollback", "heroku", "-y")
    assert app.current.slug is not None
    app.crashes = re.escape(app.current.slug.version)

    def by_hand(seen: object) -> None:
        if "/sites/shop/" in str(seen) and "BY_HAND" not in app.config:
            app.patch({"BY_HAND": "value-by-hand"})

    standin.before.append(by_hand)
    result = pushed.paasctl("rollback", "heroku", "-y", code=5)
    assert "`paasctl rollback`" in result.stderr, shown(result)
    assert app.config["BY_HAND"] == "value-by-hand"


@pytest.mark.parametrize(("kind", "code"), [("reset-after", 0), ("reset-before", 1)])
def test_a_purge_whose_answer_is_lost(pushed: Laptop, standin: Standin, kind: str, code: int) -> None:
    standin.faults.append(Fault(kind, "DELETE"))  # type: ignore[arg-type]
    pushed.paasctl("down", "heroku", "--purge", "-y", code=code)
    assert bool(standin.world.apps) == bool(code)
