"""The decision table of the env sync, its invariants over all states, and who may undo whose work."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from support.envs import FACTS, after, desired, env, manifest, observed, ops, plain, seen, sync

from paasctl import pull
from paasctl.changes import EnvChanges
from paasctl.errors import Conflict, PaasctlError, UsageError
from paasctl.manifest import Manifest
from paasctl.model import Observed
from paasctl.seen import Seen
from paasctl.sync import guard, require_settled, require_unchanged, verify

STATES = list(itertools.product([None, "1", "2", "3"], repeat=3))
KNOWLEDGE = ["known", "never seen", "no memory"]

# (base, .env, target) -> the op of a checkout that knows the base
TABLE = {
    (None, None, None): None,
    (None, None, "1"): "keep",
    (None, "1", None): "add",
    (None, "1", "1"): "adopt",
    (None, "1", "2"): "conflict",
    ("1", None, None): "forget",
    ("1", None, "1"): "delete",
    ("1", None, "2"): "conflict",
    ("1", "1", None): "conflict",
    ("1", "1", "1"): "same",
    ("1", "1", "2"): "drift",
    ("1", "2", None): "conflict",
    ("1", "2", "1"): "update",
    ("1", "2", "2"): "adopt",
    ("1", "2", "3"): "conflict",
}
# what a checkout decides otherwise that has not seen the base
UNSEEN = {("1", None, "1"): "conflict", ("1", None, "2"): "conflict", ("1", "2", "1"): "conflict"}
NO_MEMORY = {("1", None, "1"): "keep", ("1", None, "2"): "keep", ("1", "2", "1"): "conflict"}


def shape(state: tuple[str | None, ...]) -> tuple[str | None, ...]:
    """The state with its values renamed in the order in which they appear: what the table is about."""
    names = {value: str(number) for number, value in enumerate(dict.fromkeys(v for v in state if v), 1)}
    return tuple(names[value] if value else None for value in state)


def of(value: str | None) -> dict[str, str]:
    return {} if value is None else {"X": value}


def case(state: tuple[str | None, ...], knowledge: str, **options: object) -> tuple[Observed, Seen | None, EnvChanges]:
    base, ours, theirs = state
    there = manifest({"OTHER": "o", **of(base)}, generation=5)
    memory = {
        "known": seen(there),
        "never seen": seen(manifest({"OTHER": "o"}, generation=4)),
        "no memory": None,
    }[knowledge]
    have = observed({"OTHER": "o", **of(theirs)}, there)
    return have, memory, sync(desired({"OTHER": "o", **of(ours)}), have, memory, **options)


@pytest.mark.parametrize("knowledge", KNOWLEDGE)
@pytest.mark.parametrize("state", STATES, ids=lambda s: "-".join(v or "none" for v in s))
def test_the_decision_table(state: tuple[str | None, ...], knowledge: str) -> None:
    special = {"known": {}, "never seen": UNSEEN, "no memory": NO_MEMORY}[knowledge]
    _, _, changes = case(state, knowledge)
    assert ops(changes).get("X") == special.get(shape(state), TABLE[shape(state)])


def everything() -> Iterator[tuple[tuple[str | None, ...], str, dict[str, bool]]]:
    for state, knowledge, flags in itertools.product(STATES, KNOWLEDGE, itertools.product([False, True], repeat=3)):
        yield state, knowledge, dict(zip(("force", "prune", "delete"), flags, strict=True))


def test_invariants_hold_in_every_state() -> None:
    for state, knowledge, flags in everything():
        (base, ours, theirs), (_, _, changes) = state, case(state, knowledge, **flags)
        op, told = ops(changes).get("X"), (state, knowledge, flags)
        written, removed = plain(changes.set).get("X"), "X" in changes.delete
        if base is None and ours is None and not flags["prune"]:
            assert not written and not removed, told  # foreign
        if op == "update":
            assert written == ours and (flags["force"] or theirs == base), told
        if op == "add":
            assert written == ours and theirs is None, told
        if op == "delete":
            assert ours is None and written is None, told
            assert flags["force"] or flags["prune"] or theirs == base, told
            assert removed == flags["delete"], told
        if op in ("conflict", "drift", "keep", "same", "adopt", "forget", None):
            assert written is None and not removed, told
            assert plain(changes.result).get("X") == theirs, told
        if flags["force"]:
            assert op not in ("conflict", "drift"), told
        assert bool(changes.blocked) == (op in ("conflict", "drift")), told
        assert (
            changes.result
            == {name: value for name, value in changes.result.items() if name not in changes.delete} | changes.set
        ), told


def test_a_second_sync_has_nothing_to_do() -> None:
    for state, knowledge, flags in everything():
        ours = state[1]
        have, memory, changes = case(state, knowledge, **flags)
        again = sync(
            desired({"OTHER": "o", **of(ours)}),
            after(have, changes),
            changes.seen or memory,
            **(flags | {"force": False}),
        )
        told = (state, knowledge, flags, ops(changes), ops(again))
        assert not again.set and not again.delete and not again.bookkeeping, told
        assert changes.held or bool(again.blocked) == bool(changes.blocked), told
        assert again.manifest.generation == after(have, changes).manifest.generation, told  # type: ignore[union-attr]


def test_after_a_crash_before_it_was_remembered_nothing_is_written_twice() -> None:
    for state, knowledge, flags in everything():
        ours = state[1]
        have, memory, changes = case(state, knowledge, **flags)
        again = sync(desired({"OTHER": "o", **of(ours)}), after(have, changes), memory, **(flags | {"force": False}))
        told = (state, knowledge, flags, ops(changes), ops(again))
        if not changes.blocked and not changes.held:
            assert not again.set and not again.blocked, told


def test_a_push_leaves_drift_alone_and_a_sync_stops() -> None:
    have = observed({"X": "hotfix", "Y": "1"}, manifest({"X": "1", "Y": "1"}))
    memory, want = seen(manifest({"X": "1", "Y": "1"})), desired({"X": "1", "Y": "2"})
    pushed = sync(want, have, memory, mode="push")
    require_settled(pushed)
    assert (plain(pushed.set), [change.name for change in pushed.unresolved]) == ({"Y": "2"}, ["X"])
    assert plain(pushed.result) == {"X": "hotfix", "Y": "2"}
    with pytest.raises(Conflict, match="X: changed on the target by hand"):
        require_settled(sync(want, have, memory))
    again = sync(want, after(have, pushed), pushed.seen, mode="push")
    assert ops(again) == {"X": "drift", "Y": "same"}  # it stays a drift, and is not taken over silently


def test_a_conflict_says_who_and_when() -> None:
    there = manifest({"X": "2"}, generation=2)
    changes = sync(desired({"X": "1"}), observed({"X": "2"}, there), seen(manifest({"X": "1"})))
    with pytest.raises(Conflict, match=r"X: changed by bob on 2026-11-20") as caught:
        require_settled(changes)
    assert caught.value.exit_code == 4
    assert "env pull" in caught.value.hint


def test_a_name_removed_by_a_colleague_does_not_come_back() -> None:
    first = manifest({"X": "1", "Y": "1"})
    colleague = sync(desired({"Y": "1"}), observed({"X": "1", "Y": "1"}, first), seen(first), delete=True)
    assert ops(colleague) == {"X": "delete", "Y": "same"}
    changes = sync(desired({"X": "1", "Y": "1"}), after(observed({}), colleague), seen(first))
    assert ops(changes) == {"X": "conflict", "Y": "same"}


def test_a_name_that_this_checkout_removed_may_come_back() -> None:
    first = manifest({"X": "1"})
    have = observed({"X": "1"}, first)
    removed = sync(desired({}), have, seen(first), delete=True)
    assert ops(sync(desired({"X": "1"}), after(have, removed), removed.seen)) == {"X": "add"}


def test_names_that_a_new_clone_never_had_are_never_deleted_by_it() -> None:
    have = observed({"X": "1", "Y": "1"}, manifest({"X": "1", "Y": "1"}))
    first = sync(desired({"Y": "1"}), have, None)
    assert ops(first) == {"X": "keep", "Y": "same"}
    second = sync(desired({"Y": "2"}), after(have, first), first.seen, delete=True)
    assert ops(second) == {"X": "keep", "Y": "update"}


def test_after_a_rollback_the_env_file_is_simply_newer() -> None:
    first = observed({"X": "1"}, manifest({"X": "1"}))
    second = sync(desired({"X": "2", "Y": "1"}), first, seen(manifest({"X": "1"})))
    rolled_back = first
    assert ops(sync(desired({"X": "2", "Y": "1"}), rolled_back, second.seen)) == {"X": "update", "Y": "add"}


def test_a_name_that_a_rollback_brings_back_can_be_removed_again() -> None:
    first = observed({"X": "1", "Y": "1"}, manifest({"X": "1", "Y": "1"}))
    gone = sync(desired({"Y": "1"}), first, seen(first.manifest), delete=True)
    assert ops(gone) == {"X": "delete", "Y": "same"}
    rolled_back, want = first, desired({"Y": "1"})
    back = sync(want, rolled_back, gone.seen)
    assert ops(back)["X"] == "delete" and back.held == ("X",), "it differs, and says so"
    again = sync(want, rolled_back, gone.seen, delete=True)
    assert again.delete == ("X",)
    assert not sync(want, after(rolled_back, again), again.seen).writes
    assert sync(want, rolled_back, again.seen, delete=True).delete == ("X",), "after a second rollback too"
    assert ops(sync(desired({"X": "2", "Y": "1"}), rolled_back, gone.seen))["X"] == "update"


def test_a_name_that_a_rollback_brings_back_can_be_pulled() -> None:
    first = observed({"X": "1", "Y": "1"}, manifest({"X": "1", "Y": "1"}))
    gone = sync(desired({"Y": "1"}), first, seen(first.manifest), delete=True)
    pulled = pull.decide(env({"Y": "1"}), first, gone.seen, FACTS)
    assert plain(pulled.write) == {"X": "1"}
    assert not sync(desired({"X": "1", "Y": "1"}), first, pulled.seen).writes
    assert sync(desired({"Y": "1"}), first, pulled.seen, delete=True).delete == ("X",)


def test_a_name_that_a_colleague_added_anew_is_not_one_that_a_rollback_brought_back() -> None:
    first = observed({"X": "1", "Y": "1"}, manifest({"X": "1", "Y": "1"}))
    gone = sync(desired({"Y": "1"}), first, seen(first.manifest), delete=True)
    without = after(first, gone)
    anew = after(without, sync(desired({"X": "1", "Y": "1"}), without, None, who="bob", force=True))
    assert ops(sync(desired({"Y": "1"}), anew, gone.seen, delete=True))["X"] == "conflict"


def test_what_a_colleague_wrote_after_a_rollback_is_not_overwritten() -> None:
    first = observed({"X": "1"}, manifest({"X": "1"}))
    mine = sync(desired({"X": "2"}), first, seen(manifest({"X": "1"})))
    # rolled back; the colleague's write gets the very generation that mine had
    theirs = sync(desired({"X": "5"}), first, seen(manifest({"X": "1"})), who="bob")
    assert theirs.manifest.generation == mine.manifest.generation
    assert ops(sync(desired({"X": "2"}), after(first, theirs), mine.seen)) == {"X": "conflict"}


def test_what_is_written_after_a_rollback_is_newer_than_all_that_was_seen() -> None:
    memory = seen(manifest({"X": "1"}, generation=7))
    changes = sync(desired({"X": "1", "Y": "1"}), observed({"X": "1"}, manifest({"X": "1"}, generation=2)), memory)
    assert changes.manifest.entries["Y"].generation == changes.manifest.generation == 8


def test_a_colleague_who_settles_on_the_value_of_a_hand_is_not_undone() -> None:
    first = manifest({"X": "1"})
    pulled = pull.decide(env({"X": "1"}), observed({"X": "hotfix"}, first), seen(first), FACTS)
    settled = manifest({"X": "hotfix"}, generation=2)
    changes = sync(desired({"X": "mine"}), observed({"X": "hotfix"}, settled), pulled.seen)
    assert ops(changes) == {"X": "conflict"}


def test_another_manifest_is_not_the_one_that_was_seen() -> None:
    there = Manifest("ff" * 16, 1, manifest({"X": "1"}).entries)
    changes = sync(desired({}), observed({"X": "1"}, there), seen(manifest({"X": "1"})))
    assert ops(changes) == {"X": "keep"}


def test_protected_names_are_never_sent_nor_deleted() -> None:
    base = manifest({"DATABASE_URL": "mine", "REDIS_URL": "r"})
    have = observed(
        {"DATABASE_URL": "theirs", "REDIS_URL": "r"},
        base,
        protected={"DATABASE_URL": "heroku-postgresql", "REDIS_URL": "heroku-redis"},
    )
    for flags in ({}, {"force": True}, {"prune": True, "delete": True}):
        changes = sync(desired({"DATABASE_URL": "local"}), have, seen(base), **flags)
        assert ops(changes) == {"DATABASE_URL": "protected", "REDIS_URL": "keep"}
        assert not changes.set and not changes.delete and not changes.blocked
        assert not changes.manifest.entries  # they are not ours any more


def test_prune_removes_foreign_names_after_their_own_yes() -> None:
    have = observed({"FOREIGN": "f", "X": "1"}, manifest({"X": "1"}))
    assert sync(desired({"X": "1"}), have, None, prune=True).held == ("FOREIGN",)
    changes = sync(desired({"X": "1"}), have, None, prune=True, delete=True)
    assert changes.delete == ("FOREIGN",)


def test_answers_settle_conflicts_name_by_name() -> None:
    base = manifest({"A": "1", "B": "1", "C": "1", "D": "1"})
    have = observed({"A": "2", "B": "2", "C": "2"}, base)
    want = desired({"A": "3", "B": "3", "C": "3", "D": "1"})
    answers = {"A": "ours", "B": "theirs", "C": "skip", "D": "theirs"}
    changes = sync(want, have, seen(base), answers=answers)
    require_settled(changes)
    assert plain(changes.set) == {"A": "3"}
    assert {name: value and value.reveal() for name, value in changes.take.items()} == {"B": "2", "D": None}
    assert [change.name for change in changes.unresolved] == ["C"]
    now = desired({"A": "3", "B": "2", "C": "3"})
    assert ops(sync(now, after(have, changes), changes.seen)) == {"A": "same", "B": "same", "C": "conflict"}


def test_without_an_env_file_a_push_leaves_the_users_env_alone() -> None:
    base = manifest({"X": "1", "GONE": "1"})
    have = observed({"X": "1", "FOREIGN": "f"}, base)
    for flags in ({}, {"force": True, "delete": True}, {"prune": True, "delete": True}):
        changes = sync(desired(None), have, seen(base), mode="push", **flags)
        assert not changes.set and not changes.delete and not changes.blocked
    with pytest.raises(UsageError, match="no env file"):
        sync(desired(None), have, seen(base))


def test_flask_app_is_sent_even_without_an_env_file() -> None:
    want = desired({"FLASK_APP": "wsgi"})
    want = type(want)(
        "heroku", want.app, env({"FLASK_APP": "wsgi"}).__class__(want.env.values), (), None, want.provenance
    )
    changes = sync(want, observed({"X": "1"}, manifest({"X": "1"})), None, mode="push")
    assert plain(changes.set) == {"FLASK_APP": "wsgi"}
    assert ops(changes)["X"] == "keep"


def test_local_only_names_are_listed_and_what_was_sent_of_them_is_removed() -> None:
    base = manifest({"FLASK_DEBUG": "1"})
    changes = sync(desired({}, local_only=("DEBUG",)), observed({"FLASK_DEBUG": "1"}, base), seen(base))
    assert ops(changes) == {"FLASK_DEBUG": "delete", "DEBUG": "local"}


def test_only_bookkeeping_is_a_write_of_the_manifest_alone() -> None:
    changes = sync(desired({"X": "1"}), observed({"X": "1"}), None)
    assert (ops(changes), changes.writes, changes.bookkeeping) == ({"X": "adopt"}, False, True)
    assert changes.manifest.generation == 1
    assert (changes.manifest.entries["X"].who, changes.manifest.entries["X"].when[:10]) == ("ann", "2026-11-22")


def test_nothing_to_do_leaves_the_manifest_as_it_is() -> None:
    base = manifest({"X": "1"}, generation=7)
    changes = sync(desired({"X": "1"}), observed({"X": "1"}, base), None)
    assert changes.manifest == base
    assert not changes.writes and not changes.bookkeeping


def test_a_new_target_gets_everything_in_generation_one() -> None:
    changes = sync(desired({"X": "1", "Y": "2"}), Observed(False), None, mode="push")
    assert ops(changes) == {"X": "add", "Y": "add"}
    assert changes.manifest.generation == 1
    assert changes.seen is not None and changes.seen.manifest == changes.manifest.id


def test_the_adapters_own_part_of_the_manifest_is_carried_along() -> None:
    base = Manifest(manifest({}).salt, 1, {}, {"before": "v42"})
    assert sync(desired({"X": "1"}), observed({}, base), None).manifest.extra == {"before": "v42"}


# -------------------------------------------------------------------------------------------------- before and after


def test_deletions_wait_for_their_own_yes() -> None:
    base = manifest({"X": "1", "Y": "1", "Z": "1"})
    have = observed({"X": "1", "Y": "1", "Z": "1"}, base)
    changes = sync(desired({"Y": "2", "Z": "1"}), have, seen(base))
    assert (changes.held, changes.delete, plain(changes.set)) == (("X",), (), {"Y": "2"})
    again = sync(desired({"Y": "2", "Z": "1"}), after(have, changes), changes.seen, delete=True)
    assert again.delete == ("X",)
    with pytest.raises(UsageError, match="X would be deleted") as caught:
        guard(changes, delete=False, force=False)
    assert "--delete" in caught.value.hint
    guard(changes, delete=True, force=False)


@pytest.mark.parametrize(
    ("total", "gone", "mass"), [(6, 2, False), (9, 3, False), (8, 3, True), (3, 3, True), (4, 2, False)]
)
def test_more_than_a_third_and_at_least_three_is_a_mass_deletion(total: int, gone: int, mass: bool) -> None:
    names = {f"N{number}": "1" for number in range(total)}
    base = manifest(names)
    want = desired(dict(list(names.items())[gone:]))
    changes = sync(want, observed(names, base), seen(base), delete=True)
    assert changes.mass_deletion is mass
    if mass:
        with pytest.raises(UsageError, match=f"{gone} of {total} names"):
            guard(changes, delete=True, force=False)
    guard(changes, delete=True, force=True)


def test_a_target_that_changed_between_plan_and_write_is_refused() -> None:
    base = manifest({"X": "1"})
    planned = observed({"X": "1"}, base)
    require_unchanged(planned, observed({"X": "1"}, base))
    with pytest.raises(Conflict, match="X"):
        require_unchanged(planned, observed({"X": "hunter2"}, base))
    with pytest.raises(Conflict, match="NEW") as caught:
        require_unchanged(planned, observed({"X": "1", "NEW": "hunter2"}, base))
    assert "hunter2" not in str(caught.value)
    with pytest.raises(Conflict, match="manifest"):
        require_unchanged(planned, observed({"X": "1"}, manifest({"X": "1"}, generation=2)))


def test_what_the_platform_did_not_keep_is_named() -> None:
    base = manifest({"X": "1", "GONE": "1"})
    changes = sync(desired({"X": "2"}), observed({"X": "1", "GONE": "1"}, base), seen(base), delete=True)
    verify(changes, changes.result)
    with pytest.raises(PaasctlError, match="GONE, X"):
        verify(changes, {"X": base and changes.set["X"].__class__("hunter2"), "GONE": changes.set["X"]})
