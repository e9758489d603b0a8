"""The phases: nothing shows before the commit, and a failure at any step leaves one whole release live."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from paasctl.errors import HalfApplied, PaasctlError
from paasctl.model import Plan, Say, Step
from paasctl.testing.checkout import Checkout, Log, Tamper
from paasctl.testing.world import Live, World

INJECTED = "injected by the contract"
MOST_STEPS = 40


class PhasesContract:
    """The part of the contract about :class:`paasctl.model.Plan`."""

    def test_what_commits_can_be_undone(self, checkout: Checkout) -> None:
        for mark, code in (("one", True), ("two", True), ("two", False)):
            checkout.change_code(mark)
            checkout.env = {"KIT_A": f"{mark} {code}"}
            plan = checkout.push(code=code).plan
            assert plan.commit, "a push without a commit step: then nobody would undo it"
            assert plan.undo is not None, "a plan that commits has an undo"

    @pytest.mark.parametrize("pushes", [0, 1])
    def test_prepare_is_invisible(self, world: World, checkout: Checkout, pushes: int) -> None:
        _push_before(checkout, pushes)
        before = _picture(world, checkout)
        steps = len(checkout.plan().prepare)

        def look(number: int) -> None:
            if number <= steps + 1:  # also before the first step of the commit
                assert _picture(world, checkout) == before, f"what is live changed before step {number}, in prepare"

        checkout.push(log=Log(before_step=look))
        assert _picture(world, checkout) != before

    @pytest.mark.parametrize("pushes", [0, 1])
    def test_a_failure_in_prepare_leaves_the_target_as_it_was(
        self, world: World, checkout: Checkout, pushes: int
    ) -> None:
        _push_before(checkout, pushes)
        before = _picture(world, checkout)
        for phase, number in _each_step(checkout, "prepare"):
            with pytest.raises(PaasctlError, match=INJECTED):
                checkout.push(tamper=_fail(phase, number, after=True))
            assert _picture(world, checkout) == before, f"a failure in prepare step {number + 1} changed what is live"
        _finishes(world, checkout)

    @pytest.mark.parametrize("after", [False, True])
    def test_a_failure_after_the_commit_began_brings_the_old_release_back(
        self, world: World, checkout: Checkout, after: bool
    ) -> None:
        _push_before(checkout, 1)
        before = _picture(world, checkout)
        for phase, number in _each_step(checkout, "commit", "verify"):
            log = Log()
            with pytest.raises(PaasctlError, match=INJECTED) as caught:
                checkout.push(tamper=_fail(phase, number, after=after), log=log)
            assert not isinstance(caught.value, HalfApplied), str(caught.value)
            assert len(log.undone) == 1
            assert _picture(world, checkout) == before, f"after a failure in {phase} step {number + 1} and the undo"
        _finishes(world, checkout)

    def test_a_release_that_is_not_healthy_is_undone(self, world: World, checkout: Checkout) -> None:
        _push_before(checkout, 1)
        before = _picture(world, checkout)
        world.break_health(checkout.root)
        with pytest.raises(PaasctlError) as caught:
            checkout.push()
        assert caught.value.exit_code == 1, f"the old release is live again, which is exit 1: {caught.value}"
        assert _picture(world, checkout) == before, "a release that is not healthy stayed, or left something behind"

    def test_a_first_push_that_fails_leaves_nothing_or_says_what_is_left(
        self, world: World, checkout: Checkout
    ) -> None:
        _push_before(checkout, 0)
        with pytest.raises(PaasctlError, match=INJECTED) as caught:
            checkout.push(tamper=_fail("commit", -1, after=True))
        if caught.value.exit_code == 1:
            assert world.live().code == "", "exit 1 says that nothing is live, and something is"
        else:
            assert isinstance(caught.value, HalfApplied)
        _finishes(world, checkout)

    def test_a_failure_in_finish_leaves_the_new_release_live(self, world: World, checkout: Checkout) -> None:
        _push_before(checkout, 1)
        for phase, number in _each_step(checkout, "finish"):
            log = Log()
            with pytest.raises(HalfApplied):
                checkout.push(tamper=_fail(phase, number, after=False), log=log)
            assert not log.undone
            assert world.live().env.get("KIT_A") == "new", "a failure in finish took the new release back"
            checkout.change_code(f"f{number:02}")
        _finishes(world, checkout)


def _push_before(checkout: Checkout, pushes: int) -> None:
    """So many releases there are before; what is pushed next differs in code and env."""
    for number in range(pushes):
        checkout.env = {"KIT_A": "old", "KIT_B": "old"}
        checkout.change_code(f"o{number:02}")
        checkout.push()
    checkout.env = {"KIT_A": "new", "KIT_C": "new", "KIT_B": "old"}
    checkout.change_code("new")


def _picture(world: World, checkout: Checkout) -> tuple[Live, object]:
    """What is live, in the world's words and in the adapter's. Not a release's id: an undo may make a new one."""
    observed = checkout.observe()
    env = {name: value.reveal() for name, value in observed.env.items()}
    live = observed.live.digest if observed.live else None
    return world.live(), (live, env, observed.manifest and observed.manifest.entries)


def _each_step(checkout: Checkout, *phases: str) -> Iterator[tuple[str, int]]:
    """Each step of these phases, once. The plan is made anew for each: a failed push may have left fewer to do."""
    met: set[tuple[str, str]] = set()
    for _ in range(MOST_STEPS):
        plan = checkout.plan()
        steps = [(phase, number) for phase in phases for number in range(len(getattr(plan, phase)))]
        keys = {place: (place[0], re.sub(r"\d+", "", getattr(plan, place[0])[place[1]].title)) for place in steps}
        new = next((place for place in steps if keys[place] not in met), None)
        if new is None:
            return
        met.add(keys[new])
        yield new


def _fail(phase: str, number: int, *, after: bool) -> Tamper:
    """Let one step of a plan fail, before it does anything or after it has done all."""

    def tamper(plan: Plan) -> Plan:
        steps: list[Step] = list(getattr(plan, phase))
        do = steps[number].do

        def failing(say: Say) -> None:
            if after:
                do(say)
            raise PaasctlError(INJECTED)

        steps[number] = replace(steps[number], do=failing)
        phases: dict[str, Any] = {phase: tuple(steps)}
        return replace(plan, **phases)

    return tamper


def _finishes(world: World, checkout: Checkout) -> None:
    checkout.push()
    assert checkout.env is not None
    live = world.live().env
    assert {name: live.get(name) for name in checkout.env} == checkout.env, "the next push did not finish the work"
    assert not checkout.plan(), "after the next push there is still something to do"
