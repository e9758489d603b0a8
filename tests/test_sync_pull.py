"""The pull column of the decision table, and what a pull never touches."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from support.envs import FACTS, after, desired, env, manifest, observed, ops, plain, seen, sync

from paasctl import pull
from paasctl.errors import Conflict
from paasctl.manifest import DERIVED, Entry, Manifest
from paasctl.model import Derived, Observed, PlatformFacts
from paasctl.secret import Secret
from paasctl.seen import Seen

# (base, .env, target) -> the op on the file, of a checkout that knows the base
TABLE = {
    (None, None, None): None,
    (None, None, "1"): "add",
    (None, "1", None): "keep",
    (None, "1", "1"): "same",
    (None, "1", "2"): "conflict",
    ("1", None, None): None,
    ("1", None, "1"): "keep",
    ("1", None, "2"): "conflict",
    ("1", "1", None): "delete",
    ("1", "1", "1"): "same",
    ("1", "1", "2"): "update",
    ("1", "2", None): "conflict",
    ("1", "2", "1"): "keep",
    ("1", "2", "2"): "same",
    ("1", "2", "3"): "conflict",
}
# a checkout that never had the base takes what is there, and is asked where it has something else
UNKNOWN = {("1", None, "1"): "add", ("1", None, "2"): "add", ("1", "2", "1"): "conflict"}


def of(value: str | None) -> dict[str, str]:
    return {} if value is None else {"X": value}


def fetch(ours: dict[str, str], have: Observed, memory: Seen | None = None, **options: object) -> pull.PullChanges:
    return pull.decide(env(ours), have, memory, **({"facts": FACTS} | options))  # type: ignore[arg-type]


def written(changes: pull.PullChanges) -> dict[str, str | None]:
    return {name: value and value.reveal() for name, value in changes.write.items()}


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("state", TABLE, ids=lambda s: "-".join(v or "none" for v in s))
def test_the_pull_column(state: tuple[str | None, ...], known: bool) -> None:
    base, ours, theirs = state
    there = manifest(of(base))
    changes = fetch(of(ours), observed(of(theirs), there), seen(there) if known else None)
    assert ops(changes).get("X") == (TABLE if known else TABLE | UNKNOWN)[state]
    if ops(changes).get("X") in ("add", "update", "delete"):
        assert written(changes) == {"X": theirs}
    else:
        assert not changes.write


def test_force_takes_theirs_in_every_conflict() -> None:
    for base, ours, theirs in itertools.product([None, "1", "2", "3"], repeat=3):
        there = manifest(of(base))
        for memory in (None, seen(there)):
            gentle = fetch(of(ours), observed(of(theirs), there), memory)
            forced = fetch(of(ours), observed(of(theirs), there), memory, force=True)
            assert not forced.blocked
            if gentle.blocked:
                assert written(forced) == {"X": theirs}, (base, ours, theirs)


def test_a_conflict_stops_and_shows_no_value() -> None:
    base = manifest({"X": "1"})
    changes = fetch({"X": "hunter2"}, observed({"X": "hunter3"}, base), seen(base))
    with pytest.raises(Conflict, match=r"X: changed in \.env and on the target") as caught:
        pull.require_settled(changes)
    assert "hunter" not in f"{caught.value}{caught.value.hint}"
    pull.require_settled(fetch({"X": "hunter2"}, observed({"X": "hunter3"}, base), seen(base), force=True))


def test_a_colleagues_newer_value_is_taken_when_the_own_one_is_untouched() -> None:
    mine, theirs = manifest({"X": "1", "Y": "1"}), manifest({"X": "2", "Y": "2"}, generation=2)
    have = observed({"X": "2", "Y": "2"}, theirs)
    changes = fetch({"X": "1", "Y": "edited"}, have, seen(mine))
    assert ops(changes) == {"X": "update", "Y": "conflict"}


def test_a_name_that_a_colleague_removed_is_taken_out_unless_it_was_edited() -> None:
    mine = manifest({"X": "1", "Y": "1"})
    changes = fetch({"X": "1", "Y": "edited"}, observed({}, manifest({}, generation=2)), seen(mine))
    assert ops(changes) == {"X": "delete", "Y": "conflict"}


def test_a_name_that_a_colleague_removed_is_not_said_to_be_taken_out_of_flaskenv() -> None:
    mine, have = manifest({"FLASK_APP": "wsgi"}), observed({}, manifest({}, generation=2))
    ours = replace(env({"FLASK_APP": "wsgi"}), origins={"FLASK_APP": ".flaskenv:1"})
    changes = pull.decide(ours, have, seen(mine), FACTS)
    assert (ops(changes), written(changes)) == ({"FLASK_APP": "conflict"}, {})
    with pytest.raises(Conflict, match=r"take FLASK_APP out of \.flaskenv"):
        pull.require_settled(changes)
    assert ops(sync(replace(desired({}), env=ours), have, changes.seen)) == {"FLASK_APP": "conflict"}
    gone = pull.decide(env({}), have, seen(mine), FACTS)
    assert (gone.blocked, gone.seen and gone.seen.remembered) == ((), frozenset())


@pytest.mark.parametrize("options", [{"force": True}, {"answers": {"FLASK_APP": "theirs"}}])
def test_what_stands_in_flaskenv_is_left_and_said_and_all_else_is_pulled(options: dict[str, Any]) -> None:
    mine, have = manifest({"FLASK_APP": "wsgi", "X": "1"}), observed({"X": "2"}, manifest({"X": "2"}, generation=2))
    ours = replace(env({"FLASK_APP": "wsgi", "X": "1"}), origins={"FLASK_APP": ".flaskenv:1", "X": ".env:1"})
    changes = pull.decide(ours, have, seen(mine), FACTS, **options)
    assert (written(changes), changes.blocked) == ({"X": "2"}, ())
    assert [change.name for change in changes.unresolved] == ["FLASK_APP"]


def test_pull_edit_push_works_for_a_value_set_by_hand() -> None:
    have = observed({"X": "hotfix", "FOREIGN": "f"}, manifest({"X": "1"}))
    changes = fetch({"X": "1"}, have, seen(manifest({"X": "1"})))
    assert written(changes) == {"X": "hotfix", "FOREIGN": "f"}
    edited = desired({"X": "better", "FOREIGN": "g"})
    assert ops(sync(edited, have, changes.seen)) == {"X": "update", "FOREIGN": "update"}
    other_hand = observed({"X": "hotfix2", "FOREIGN": "f2"}, manifest({"X": "1"}))
    assert ops(sync(edited, other_hand, changes.seen)) == {"X": "conflict", "FOREIGN": "conflict"}


def test_ours_in_a_pull_lets_the_next_sync_overwrite_just_that_write() -> None:
    mine, theirs = manifest({"X": "1"}), manifest({"X": "2"}, generation=2)
    have = observed({"X": "2"}, theirs)
    changes = fetch({"X": "3"}, have, seen(mine), answers={"X": "ours"})
    assert (ops(changes), written(changes), changes.blocked) == ({"X": "keep"}, {}, ())
    assert ops(sync(desired({"X": "3"}), have, changes.seen)) == {"X": "update"}
    later = observed({"X": "2"}, manifest({"X": "2"}, generation=3))
    assert ops(sync(desired({"X": "3"}), later, changes.seen)) == {"X": "conflict"}


def test_skip_leaves_a_conflict_and_is_not_remembered_as_settled() -> None:
    mine, theirs = manifest({"X": "1"}), manifest({"X": "2"}, generation=2)
    have = observed({"X": "2"}, theirs)
    changes = fetch({"X": "3"}, have, seen(mine), answers={"X": "skip"})
    assert not changes.blocked
    assert [change.name for change in changes.unresolved] == ["X"]
    assert ops(sync(desired({"X": "3"}), have, changes.seen)) == {"X": "conflict"}


def test_what_is_not_the_users_is_not_pulled() -> None:
    base = manifest({"LOG_TO_STDOUT": "1"}, who=DERIVED)
    facts = PlatformFacts("stdout", "", reserved={"PORT": "the platform sets it", "HEROKU_*": "the platform's own"})
    have = observed(
        {"LOG_TO_STDOUT": "1", "PAASCTL_LOG": "stdout", "PORT": "5000", "HEROKU_APP_ID": "x", "FLASK_DEBUG": "0"}
        | {"DATABASE_URL": "d", "MY": "1", "MY-NAME": "1", "NUL": "a\0b"},
        base,
        protected={"DATABASE_URL": "heroku-postgresql"},
    )
    changes = fetch({"FLASK_DEBUG": "1"}, have, None, facts=facts)
    assert written(changes) == {"MY": "1"}
    assert ops(changes) == {
        "DATABASE_URL": "protected",
        "FLASK_DEBUG": "local",
        "HEROKU_APP_ID": "protected",
        "LOG_TO_STDOUT": "keep",
        "MY": "add",
        "MY-NAME": "protected",
        "NUL": "protected",
        "PAASCTL_LOG": "keep",
        "PORT": "protected",
    }
    assert written(fetch({}, have, None, platform=True))["DATABASE_URL"] == "d"
    assert written(fetch({"FLASK_DEBUG": "1"}, have, None, send=["FLASK_DEBUG"], force=True))["FLASK_DEBUG"] == "0"


def test_a_pull_from_a_target_without_a_manifest_remembers_nothing() -> None:
    changes = fetch({}, observed({"X": "1"}), None)
    assert written(changes) == {"X": "1"}
    assert changes.seen is None


# ---------------------------------------------------------------------------------- names that paasctl itself derives


TARGET = Derived("PAASCTL_TARGET", "heroku", "the target's name")
RECYCLE = Derived("SQLALCHEMY_POOL_RECYCLE", "280", "idle connections are cut after 300 s")


def base_of(values: dict[str, str], who: str) -> Manifest:
    return manifest(values, who=who)


def test_derived_names_are_set_shown_and_not_confused_with_the_users() -> None:
    changes = sync(desired({"X": "1"}, TARGET, RECYCLE), observed({}), None)
    assert plain(changes.set) == {"X": "1", "PAASCTL_TARGET": "heroku", "SQLALCHEMY_POOL_RECYCLE": "280"}
    shown = {change.name: (change.value, change.reason) for change in changes.names}
    assert shown["SQLALCHEMY_POOL_RECYCLE"] == ("280", "idle connections are cut after 300 s")
    assert shown["X"][0] == ""
    again = sync(desired({"X": "1"}, TARGET, RECYCLE), after(observed({}), changes), None)
    assert not again.writes and not again.bookkeeping


def test_a_derived_name_that_is_needed_no_more_goes_without_a_question() -> None:
    have = observed({"SQLALCHEMY_POOL_RECYCLE": "280"}, base_of({"SQLALCHEMY_POOL_RECYCLE": "280"}, DERIVED))
    changes = sync(desired({}), have, None)
    assert (changes.delete, changes.held, changes.mass_deletion) == (("SQLALCHEMY_POOL_RECYCLE",), (), False)
    by_hand = observed({"SQLALCHEMY_POOL_RECYCLE": "30"}, base_of({"SQLALCHEMY_POOL_RECYCLE": "280"}, DERIVED))
    assert ops(sync(desired({}), by_hand, None)) == {"SQLALCHEMY_POOL_RECYCLE": "forget"}


def test_a_derived_name_is_set_again_over_a_change_by_hand_and_says_so() -> None:
    have = observed({"SQLALCHEMY_POOL_RECYCLE": "30"}, base_of({"SQLALCHEMY_POOL_RECYCLE": "280"}, DERIVED))
    changes = sync(desired({}, RECYCLE), have, None, mode="push")
    assert plain(changes.set) == {"SQLALCHEMY_POOL_RECYCLE": "280"}
    assert "by hand" in changes.names[0].reason


def test_a_foreign_value_of_a_conventional_name_is_kept() -> None:
    changes = sync(
        desired({}, RECYCLE, TARGET), observed({"SQLALCHEMY_POOL_RECYCLE": "30", "PAASCTL_TARGET": "x"}), None
    )
    assert ops(changes) == {"SQLALCHEMY_POOL_RECYCLE": "keep", "PAASCTL_TARGET": "update"}


def test_a_colleagues_own_value_of_a_derived_name_is_kept() -> None:
    base = base_of({"SQLALCHEMY_POOL_RECYCLE": "30"}, "bob")
    have = observed({"SQLALCHEMY_POOL_RECYCLE": "30"}, base)
    assert ops(sync(desired({}, RECYCLE), have, None)) == {"SQLALCHEMY_POOL_RECYCLE": "keep"}
    # this checkout had it in .env, and took it out
    assert ops(sync(desired({}, RECYCLE), have, seen(base))) == {"SQLALCHEMY_POOL_RECYCLE": "update"}


def test_the_user_takes_a_derived_name_over_and_gives_it_back() -> None:
    base = base_of({"SQLALCHEMY_POOL_RECYCLE": "280"}, DERIVED)
    have = observed({"SQLALCHEMY_POOL_RECYCLE": "280"}, base)
    taken = sync(desired({"SQLALCHEMY_POOL_RECYCLE": "30"}), have, None)
    assert ops(taken) == {"SQLALCHEMY_POOL_RECYCLE": "update"}
    assert taken.manifest.entries["SQLALCHEMY_POOL_RECYCLE"].who == "ann"
    back = sync(desired({}, RECYCLE), after(have, taken), taken.seen)
    assert plain(back.set) == {"SQLALCHEMY_POOL_RECYCLE": "280"}


def test_a_protected_derived_name_is_left_to_its_owner() -> None:
    have = observed({"SQLALCHEMY_POOL_RECYCLE": "30"}, None, protected={"SQLALCHEMY_POOL_RECYCLE": "an add-on"})
    assert ops(sync(desired({}, RECYCLE), have, None)) == {"SQLALCHEMY_POOL_RECYCLE": "keep"}


def test_derived_names_are_handled_without_an_env_file_too() -> None:
    changes = sync(desired(None, TARGET), observed({"X": "1"}), None, mode="push")
    assert plain(changes.set) == {"PAASCTL_TARGET": "heroku"}
    assert Secret("1") == changes.result["X"]
    assert isinstance(changes.manifest.entries["PAASCTL_TARGET"], Entry)
