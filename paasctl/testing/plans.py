"""Looking and planning: neither changes anything, and what a plan says is what a push does."""

from __future__ import annotations

from paasctl.testing.checkout import Checkout, Log, words
from paasctl.testing.stillness import stillness
from paasctl.testing.world import World


class PlansContract:
    """The part of the contract about ``observe()`` and ``plan()``."""

    def test_observe_changes_nothing(self, world: World, checkout: Checkout) -> None:
        for _ in range(2):  # of an app that is not there, and of one that is
            before = world.snapshot()
            checkout.observe()
            assert world.snapshot() == before, "observe() changed the platform"
            checkout.push()

    def test_plan_does_no_io(self, world: World, checkout: Checkout) -> None:
        for mark in ("one", "two"):
            checkout.change_code(mark)
            checkout.env = {"KIT_A": mark}
            with checkout.connected() as target:
                prepared = checkout.prepare(target)  # also, so that what is imported late is there below
                before, calls = world.snapshot(), world.calls()
                with stillness() as stopped:
                    target.plan(prepared.desired, prepared.observed, prepared.changes)
                assert not stopped, "plan() did I/O"
                assert (world.snapshot(), world.calls()) == (before, calls), "plan() talked to the platform"
            checkout.push()

    def test_a_dry_run_changes_nothing_and_says_what_the_push_does(self, world: World, checkout: Checkout) -> None:
        for mark in ("one", "two"):
            checkout.change_code(mark)
            checkout.env = {"KIT_A": mark}
            before = world.snapshot()
            rehearsed = checkout.plan()
            assert world.snapshot() == before, "a plan that nobody applied changed the platform"
            log = Log()
            pushed = checkout.push(log=log)
            assert words(pushed.plan) == words(rehearsed), "the dry run showed other steps than the push"
            assert log.started_steps == list(pushed.plan.steps)

    def test_a_second_push_has_nothing_to_do(self, world: World, checkout: Checkout) -> None:
        checkout.env = {"KIT_A": "1", "KIT_B": ""}
        assert checkout.push().plan, "the first push had nothing to do"
        before = world.live()
        again = checkout.plan()
        assert not again, f"nothing has changed, yet there is something to do: {words(again)}"
        assert world.live() == before

    def test_a_change_of_the_code_goes_live(self, world: World, checkout: Checkout) -> None:
        """Also one that keeps the size of the file."""
        codes = []
        for mark in ("one", "two"):
            checkout.change_code(mark)
            checkout.push()
            codes.append(world.live().code)
        assert "" not in codes, "nothing serves after a push"
        assert codes[0] != codes[1], "the old code still serves"

    def test_what_is_live_is_observed(self, checkout: Checkout) -> None:
        assert checkout.observe().live is None
        pushed = checkout.push()
        observed = checkout.observe()
        assert observed.exists
        assert observed.live is not None, "observe() does not say what is live"
        assert pushed.desired.bundle is not None
        assert (observed.live.state, observed.live.digest) == ("live", pushed.desired.bundle.digest)
        assert observed.url.startswith(("http://", "https://")), "the last line of a push shows the site's address"
