"""Two people, two checkouts, one app: nobody undoes the other's work without having been told."""

from __future__ import annotations

from collections.abc import Callable

from heroku_standin import HerokuApp
from laptop import ENV, Laptop, shown


def test_the_second_one_has_nothing_to_do(both: tuple[Laptop, Laptop]) -> None:
    assert both[1].push().stdout.startswith("nothing to do")


def test_an_older_env_does_not_undo_a_newer_one(both: tuple[Laptop, Laptop], app: HerokuApp) -> None:
    ada, bob = both
    ada.env(**ENV | {"MAIL_SERVER": "ada.example.net"}, ADDED="by-ada-value")
    ada.sync()
    result = bob.sync(code=4)
    assert "MAIL_SERVER" in result.stderr
    assert "ada" in result.stderr, shown(result)
    assert app.config["MAIL_SERVER"] == "ada.example.net"
    assert app.config["ADDED"] == "by-ada-value"
    bob.push(code=None)
    assert app.config["ADDED"] == "by-ada-value"
    bob.paasctl("env", "pull", "heroku", "-y")
    assert "ada.example.net" in (bob.root / ".env").read_text()
    bob.sync()


def test_both_change_different_names(both: tuple[Laptop, Laptop], app: HerokuApp) -> None:
    ada, bob = both
    ada.env(**ENV, FROM_ADA="ada-value")
    ada.sync()
    bob.env(**ENV, FROM_BOB="bob-value")
    assert "FROM_ADA" in bob.sync(code=4).stderr
    bob.paasctl("env", "pull", "heroku", "-y")
    bob.sync()
    assert app.config["FROM_ADA"] == "ada-value"
    assert app.config["FROM_BOB"] == "bob-value"


def test_a_clone_without_a_memory_deletes_nothing(
    both: tuple[Laptop, Laptop], laptops: Callable[..., Laptop], app: HerokuApp
) -> None:
    cleo = laptops("cleo")
    cleo.env(SECRET_KEY=ENV["SECRET_KEY"])
    cleo.sync("--delete", code=None)
    assert app.config["MAIL_SERVER"] == ENV["MAIL_SERVER"]


def test_code_of_the_other_is_replaced_knowingly(both: tuple[Laptop, Laptop], app: HerokuApp) -> None:
    ada, bob = both
    ada.edit(2)
    ada.push()
    bob.edit(3)
    bob.push()
    assert app.current.slug is not None
    assert b"version 3" in app.current.slug.files["wsgi.py"]


def test_a_push_between_plan_and_write_is_refused(both: tuple[Laptop, Laptop], app: HerokuApp) -> None:
    ada, bob = both
    ada.env(**ENV, FROM_ADA="ada-value")
    bob.env(**ENV, FROM_BOB="bob-value")
    once: list[int] = []

    def bob_is_faster(seen: object) -> None:
        if str(seen) == "GET /apps/shop/config-vars":
            once.append(1)
            if len(once) == 2:
                bob.sync()

    ada.standin.before.append(bob_is_faster)
    result = ada.sync(code=4)
    assert app.config["FROM_BOB"] == "bob-value"
    assert "FROM_ADA" not in app.config
    assert "FROM_BOB" in result.stderr
    ada.env(**ENV, FROM_ADA="ada-value", FROM_BOB="bob-value")
    ada.sync("--force")
    assert app.config["FROM_ADA"] == "ada-value"
    assert app.config["FROM_BOB"] == "bob-value"


def test_nothing_is_pushed_where_there_is_no_env_file(both: tuple[Laptop, Laptop], app: HerokuApp) -> None:
    _, bob = both
    (bob.root / ".env").unlink()
    bob.edit(7)
    before = dict(app.config)
    bob.push("--delete")
    assert app.config == before
    bob.sync(code=2)
