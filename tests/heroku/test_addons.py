"""Names that an add-on owns: whatever is done, they are neither sent, nor deleted, nor copied into a file."""

from __future__ import annotations

import pytest
from heroku_standin import HerokuApp, Standin
from laptop import ENV, Laptop, shown

from paasctl.manifest import Manifest

APP = "/apps/shop"
PLAN = [f"GET {APP}/config-vars", f"GET {APP}/releases", f"GET {APP}/builds"]
SYNC = [f"GET {APP}/config-vars", f"GET {APP}/addon-attachments"]
URL = "postgres://u:pwpwpwpw@db.example.com/d"


def with_database(app: HerokuApp) -> None:
    app.config["DATABASE_URL"] = URL
    app.addons["DATABASE_URL"] = "postgresql-x"


def test_an_addons_name_is_never_sent(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    with_database(app)
    laptop.env(**ENV, DATABASE_URL="postgres://me:pw@db.example.org/mine")
    with standin.counting() as calls:
        result = laptop.push()
    assert len(calls) == 14, calls  # one more, to learn whose it is
    assert app.config["DATABASE_URL"] == URL
    assert "DATABASE_URL" in result.stdout + result.stderr
    assert "postgresql-x" in result.stdout + result.stderr
    assert all("DATABASE_URL" not in one.json for one in standin.writes("config-vars"))
    with standin.counting() as calls:
        laptop.push()
    assert calls == [*PLAN, SYNC[1]]  # .env has another value: the add-on may have left
    laptop.env(**ENV)
    with standin.counting() as calls:
        laptop.push()
    assert calls == PLAN  # it is known from the manifest


def test_a_name_that_an_addon_left_is_a_name_again(laptop: Laptop, app: HerokuApp) -> None:
    with_database(app)
    mine = {**ENV, "DATABASE_URL": "postgres://me:pw123456@db.example.org/mine"}
    laptop.env(**mine)
    laptop.push()
    app.addons.clear()
    app.patch({"DATABASE_URL": "postgres://by-hand@db.example.net/old"})
    result = laptop.push(code=4)
    assert "! DATABASE_URL (conflict: " in result.stdout, shown(result)
    assert "DATABASE_URL (conflict: " in laptop.paasctl("env", "pull", "heroku", "-n", code=4).stdout
    laptop.push("--force")
    assert app.config["DATABASE_URL"] == mine["DATABASE_URL"]
    assert "DATABASE_URL" in written(app)
    assert Manifest.from_json(app.config["PAASCTL_MANIFEST"]).extra["addons"] == {}
    assert laptop.push().stdout.startswith("nothing to do")


def test_an_addon_that_came_meanwhile_drops_exactly_its_names(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.env(**ENV, DATABASE_URL="postgres://me:pw@db.example.org/mine")

    def provision(seen: object) -> None:
        if str(seen) == f"PATCH {APP}/config-vars":
            app.addons["DATABASE_URL"] = "postgresql-x"

    standin.before.append(provision)
    result = laptop.push()
    assert "DATABASE_URL" in result.stderr
    assert "DATABASE_URL" not in app.config
    assert {name: app.config[name] for name in ENV} == ENV
    first, second = (one.json for one in standin.writes("config-vars"))
    assert first.keys() - second.keys() == {"DATABASE_URL"}
    assert "DATABASE_URL" not in Manifest.from_json(app.config["PAASCTL_MANIFEST"]).entries


def patched(standin: Standin) -> set[str]:
    """All names that were ever sent."""
    return {name for one in standin.writes("config-vars") for name in one.json}


def written(app: HerokuApp) -> set[str]:
    return set(Manifest.from_json(app.config["PAASCTL_MANIFEST"]).entries)


def test_prune_spares_what_an_addon_owns(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.push()
    with_database(app)
    app.patch({"FOREIGN": "x"})
    planned = laptop.paasctl("env", "sync", "heroku", "--prune", "-n").stdout
    assert "- FOREIGN" in planned and "- DATABASE_URL" not in planned
    with standin.counting() as calls:
        result = laptop.sync("--prune", "--delete")  # one of three names: no mass deletion, so no --force
    assert "FOREIGN" not in app.config and app.config["DATABASE_URL"] == URL, shown(result)
    assert "DATABASE_URL" not in patched(standin)
    assert len(calls) == 7, calls


def test_pull_leaves_an_addons_credential_at_heroku(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.push()
    with_database(app)
    app.patch({"BY_HAND": "value-of-by-hand"})
    with standin.counting() as calls:
        result = laptop.paasctl("env", "pull", "heroku", "-y")
    assert calls == SYNC
    text = (laptop.root / ".env").read_text()
    assert "BY_HAND" in text and "DATABASE_URL" not in text
    assert "owned by postgresql-x" in result.stdout, shown(result)
    laptop.paasctl("env", "pull", "heroku", "-y", "--platform")
    assert URL in (laptop.root / ".env").read_text()


def test_pull_asks_nothing_about_names_that_paasctl_wrote(laptop: Laptop, standin: Standin) -> None:
    laptop.push()
    (laptop.root / ".env").unlink()
    with standin.counting() as calls:
        laptop.paasctl("env", "pull", "heroku", "-y")
    assert calls == SYNC[:1]
    assert ENV["MAIL_SERVER"] in (laptop.root / ".env").read_text()


def test_an_equal_value_is_not_adopted(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    """Once it were in the manifest, the next rotation by Heroku would count as a change by hand."""
    with_database(app)
    laptop.env(**ENV, DATABASE_URL=URL)
    laptop.push()
    assert "DATABASE_URL" not in written(app) | patched(standin)
    app.config["DATABASE_URL"] = URL + "-rotated"
    laptop.sync()
    laptop.sync("--force")
    assert app.config["DATABASE_URL"] == URL + "-rotated"


@pytest.mark.parametrize("left", [{}, {"DATABASE_URL": "postgres://me:pw123456@db.example.org/mine"}])
def test_a_name_that_an_addon_took_over(laptop: Laptop, standin: Standin, app: HerokuApp, left: dict[str, str]) -> None:
    """It is in the manifest, and would now be drift, or be deleted."""
    laptop.env(**ENV, DATABASE_URL="postgres://me:pw123456@db.example.org/mine")
    laptop.push()
    with_database(app)
    laptop.env(**ENV, **left)
    laptop.sync("--delete")
    assert app.config["DATABASE_URL"] == URL
    assert "DATABASE_URL" not in written(app)
    assert laptop.sync().stdout.startswith("nothing to do")


# ----------------------------------------------------------------------------------- taken over in this very moment


def take_over(standin: Standin, app: HerokuApp, at: int) -> None:
    """An add-on takes DATABASE_URL over just before the write with this number, from 1."""
    count = len(standin.writes("config-vars")) + at

    def provision(seen: object) -> None:
        if str(seen) == f"PATCH {APP}/config-vars" and len(standin.writes("config-vars")) == count:
            app.addons["DATABASE_URL"] = "postgresql-x"

    standin.before.append(provision)


def test_a_late_removal_of_it_is_left_out(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    laptop.env(**ENV, DATABASE_URL=URL, OLD="value-of-old")
    laptop.push()
    laptop.env(**ENV)
    laptop.edit(2)
    take_over(standin, app, at=1)
    result = laptop.push("--delete", "--force")
    assert "DATABASE_URL: an add-on's" in result.stderr, shown(result)
    assert app.config["DATABASE_URL"] == URL and "OLD" not in app.config
    assert written(app).isdisjoint({"DATABASE_URL", "OLD"})
    assert laptop.push().stdout.startswith("nothing to do")


def refuse(app: HerokuApp, *names: str, first: int = 1) -> None:
    """Heroku refuses one write after the other, each for another name, from the write with this number on."""
    real, count = app.patch, 0

    def patch(changes: dict[str, str | None]) -> str:
        nonlocal count
        count += 1
        if 0 <= count - first < len(names):
            return f"Cannot overwrite attachment values {names[count - first]}."
        return real(changes)

    app.patch = patch  # type: ignore[method-assign]


def test_a_second_refusal_is_an_error(laptop: Laptop, app: HerokuApp) -> None:
    laptop.env(**ENV, A_URL="x://aaaaaaaa", B_URL="x://bbbbbbbb")
    before = dict(app.config)
    refuse(app, "A_URL", "B_URL")
    result = laptop.push(code=1)
    assert "B_URL" in result.stderr and "an add-on's" in result.stderr, shown(result)
    assert "hint:" in result.stderr and "bug" not in result.stderr, shown(result)
    assert app.config == before
    laptop.push()


def test_a_second_refusal_of_a_late_removal_is_half_applied(laptop: Laptop, app: HerokuApp) -> None:
    laptop.env(**ENV, A_URL="x://aaaaaaaa", B_URL="x://bbbbbbbb")
    laptop.push()
    laptop.env(**ENV)
    laptop.edit(2)
    refuse(app, "A_URL", "B_URL")
    result = laptop.push("--delete", "--force", code=5)
    assert "B_URL" in result.stderr and "new release is live" in result.stderr, shown(result)
    assert app.serves and "A_URL" in app.config


def test_setting_the_config_back_leaves_it_out(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    """A first push fails, and one of its names is an add-on's by then."""
    laptop.env(**ENV, DATABASE_URL=URL)
    app.build_outcome = "failed"
    take_over(standin, app, at=2)
    result = laptop.push(code=1)
    assert "DATABASE_URL: an add-on's" in result.stderr, shown(result)
    assert app.config == {"DATABASE_URL": URL}
