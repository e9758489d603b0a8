"""What others do while a push runs: it is seen before the push writes, and a push that fails does not take it along."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from heroku_standin import HerokuApp, Standin
from laptop import ENV, Laptop, shown

from paasctl.manifest import Manifest

APP = "/apps/shop"
PATCH, BUILD, STREAM = f"PATCH {APP}/config-vars", f"POST {APP}/builds", "/streams/build"


def just_before(standin: Standin, request: str, do: Callable[[], object]) -> None:
    """Once, when the stand-in gets this request."""
    done: list[int] = []

    def hook(seen: object) -> None:
        if request in str(seen) and not done:
            done.append(1)
            do()

    standin.before.append(hook)


def code_of(app: HerokuApp) -> bytes:
    assert app.current.slug is not None
    return app.current.slug.files["wsgi.py"]


def crash_from_now(app: HerokuApp) -> None:
    app.crash_after = app.releases[-1].version


def env_of(app: HerokuApp) -> dict[str, str]:
    return {name: value for name, value in app.config.items() if name != "PAASCTL_MANIFEST"}


# ------------------------------------------------------------------------------------------- before the first write


def test_code_is_not_built_over_a_push_that_came_after_the_plan(both: tuple[Laptop, Laptop], app: HerokuApp) -> None:
    ada, bob = both
    ada.edit(3)
    bob.edit(2)
    bob.env(**ENV, FROM_BOB="bob-value")
    just_before(ada.standin, "PUT", bob.push)
    result = ada.push(code=4)
    assert f"v{app.current.version} (Deploy" in result.stderr, shown(result)
    assert b"version 2" in code_of(app)
    assert app.config["FROM_BOB"] == "bob-value"
    ada.env(**ENV, FROM_BOB="bob-value")
    ada.push()
    assert b"version 3" in code_of(app)


def test_env_is_not_written_before_code_that_came_after_the_plan(both: tuple[Laptop, Laptop], app: HerokuApp) -> None:
    ada, bob = both
    ada.edit(3)
    ada.env(**ENV, FROM_ADA="ada-value")
    bob.edit(2)
    just_before(ada.standin, "PUT", bob.push)
    ada.push(code=4)
    assert "FROM_ADA" not in app.config


def test_a_sync_does_not_cross_a_build(both: tuple[Laptop, Laptop], app: HerokuApp) -> None:
    ada, bob = both
    ada.env(**ENV, FROM_ADA="ada-value")
    bob.edit(2)
    before = env_of(app)

    def sync() -> None:
        result = ada.sync(code=1)
        assert app.builds[-1].id in result.stderr, shown(result)
        assert "when it is over" in result.stderr
        crash_from_now(app)

    just_before(ada.standin, STREAM, sync)
    bob.push(code=1)
    assert env_of(app) == before


def test_a_sync_does_not_cross_a_release(laptop: Laptop, app: HerokuApp) -> None:
    laptop.push()
    app.release_command, app.release_polls = "succeeded", 99
    app.patch({"BY_HAND": "hand-value"})
    laptop.env(**ENV, ADDED="added-value")
    result = laptop.sync(code=1)
    assert f"v{app.releases[-1].version}" in result.stderr, shown(result)
    assert "ADDED" not in app.config


def test_a_rollback_does_not_go_over_a_push_that_came_after_its_plan(
    both: tuple[Laptop, Laptop], app: HerokuApp
) -> None:
    ada, bob = both
    for laptop in both:
        laptop.edit(2)
        laptop.push()
    bob.edit(3)
    bob.env(**ENV, FROM_BOB="bob-value")
    looks: list[int] = []

    def bob_is_faster(seen: object) -> None:
        if str(seen) == f"GET {APP}/releases":
            looks.append(1)
            if len(looks) == 2:
                bob.push()

    ada.standin.before.append(bob_is_faster)
    result = ada.paasctl("rollback", "heroku", "-y", code=4)
    assert f"v{app.current.version} (Deploy" in result.stderr, shown(result)
    assert b"version 3" in code_of(app)
    assert app.config["FROM_BOB"] == "bob-value"


# ------------------------------------------------------------------------------------ before anything is taken back


def test_a_config_var_set_by_hand_during_the_build_stays(laptop: Laptop, app: HerokuApp, standin: Standin) -> None:
    laptop.push()
    laptop.edit(2)
    app.patch({"OLD_BY_HAND": "old-value"})

    def by_hand() -> None:
        app.patch({"BY_HAND": "hand-value", "OLD_BY_HAND": None})
        crash_from_now(app)

    just_before(standin, STREAM, by_hand)
    result = laptop.push(code=1)
    assert "BY_HAND" in result.stderr, shown(result)
    assert "hand-value" not in shown(result)
    assert app.config["BY_HAND"] == "hand-value"
    assert "OLD_BY_HAND" not in app.config
    assert b"version 2" not in code_of(app)


@pytest.mark.parametrize("release_fails", [False, True])
def test_env_and_code_that_fail_leave_what_was_set_by_hand(
    laptop: Laptop, app: HerokuApp, standin: Standin, release_fails: bool
) -> None:
    laptop.push()
    laptop.edit(2)
    laptop.env(**ENV | {"MAIL_SERVER": "new.example.net"}, ADDED="added-value")
    before = env_of(app)
    if release_fails:
        app.release_command, app.release_outcomes = "succeeded", ["succeeded", "failed"]  # of the config, of the code
    else:
        app.build_outcome = "failed"
    just_before(standin, STREAM, lambda: app.patch({"BY_HAND": "hand-value"}))
    laptop.push(code=1)
    assert env_of(app) == {**before, "BY_HAND": "hand-value"}
    assert b"version 2" not in code_of(app)
    assert "ADDED" not in Manifest.from_json(app.config["PAASCTL_MANIFEST"]).entries


def test_a_sync_goes_back_to_before_its_own_release(laptop: Laptop, app: HerokuApp, standin: Standin) -> None:
    """There is a release by hand between its write and its look at the releases."""
    laptop.push()
    before = env_of(app)
    laptop.env(**ENV, ADDED="bad-value")
    crash_from_now(app)

    def after_the_write() -> None:
        just_before(standin, f"GET {APP}/releases", lambda: app.patch({"BY_HAND": "hand-value"}))

    just_before(standin, PATCH, after_the_write)
    laptop.sync(code=1)
    assert env_of(app) == {**before, "BY_HAND": "hand-value"}


def test_another_sync_is_not_taken_back(both: tuple[Laptop, Laptop], app: HerokuApp) -> None:
    """It came after Bob's look and before his build. Its manifest cannot be divided, so exit 5 says what is there."""
    ada, bob = both
    ada.env(**ENV, FROM_ADA="ada-value")
    bob.edit(2)

    def sync() -> None:
        ada.sync()
        crash_from_now(app)

    just_before(bob.standin, BUILD, sync)
    result = bob.push(code=5)
    assert "FROM_ADA, the env manifest (another push)" in result.stderr, shown(result)
    assert app.config["FROM_ADA"] == "ada-value"
    assert "Rollback" not in app.current.description


def test_code_of_somebody_else_on_top_is_not_taken_back(laptop: Laptop, app: HerokuApp, standin: Standin) -> None:
    laptop.push()
    laptop.edit(2)
    archive = next(iter(standin.world.archives.values()))

    def other_code() -> None:
        crash_from_now(app)
        app.settle_build(app.start_build({"url": "https://x", "version": "by-dashboard"}, archive))

    just_before(standin, f"GET {APP}/dynos", other_code)
    result = laptop.push(code=5)
    assert f"v{app.current.version} (Deploy by-dashb, by " in result.stderr, shown(result)
    assert app.current.description == "Deploy by-dashb"
