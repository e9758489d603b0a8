"""What a target may do beyond a push: where its abilities promise it, it works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, cast

import pytest

from paasctl import push
from paasctl.model import LogLine, Observed, Plan, Release, Status
from paasctl.testing.checkout import Checkout, Log
from paasctl.testing.world import World

LINES = 5


class OperationsContract:
    """The part of the contract about :class:`paasctl.target.Operations`."""

    def test_releases(self, world: World, checkout: Checkout) -> None:
        digests = _two_releases(checkout)
        with _able(world, checkout, "releases") as target:
            releases = list(target.releases())
        assert all(isinstance(release, Release) for release in releases)
        assert [release.digest for release in releases if release.state == "live"] == [digests[1]]
        assert digests[0] in [release.digest for release in releases if release.state == "good"]
        assert len({release.id for release in releases}) == len(releases)

    @pytest.mark.parametrize("named", [False, True])
    def test_rollback(self, world: World, checkout: Checkout, named: bool) -> None:
        digests = _two_releases(checkout)
        with _able(world, checkout, "rollback") as target:
            observed = target.observe()
            good = next(r.id for r in observed.releases if (r.digest, r.state) == (digests[0], "good"))
            _carry_out(world, target.rollback(observed, good if named else None))
        live = checkout.observe()
        assert live.live is not None
        assert live.live.digest == digests[0], "the code did not go back"
        env = world.live().env
        assert (env["KIT_A"], "KIT_B" in env) == ("one", False), "the env did not go back"

    def test_logs(self, world: World, checkout: Checkout) -> None:
        _two_releases(checkout)
        with _able(world, checkout, "logs") as target:
            lines = list(islice(target.logs(None, LINES, False), 10 * LINES))
        assert all(isinstance(line, LogLine) and "\n" not in line.text for line in lines)

    @pytest.mark.parametrize("status", [0, 7])
    def test_run(self, world: World, checkout: Checkout, status: int, capfd: pytest.CaptureFixture[str]) -> None:
        _two_releases(checkout)
        with _able(world, checkout, "run") as target:
            assert target.run(["sh", "-c", f"test two = $KIT_A || exit 99; exit {status}"]) == status

    def test_restart(self, world: World, checkout: Checkout) -> None:
        _two_releases(checkout)
        before = world.live()
        with _able(world, checkout, "restart") as target:
            _carry_out(world, target.restart(target.observe()))
        assert world.live() == before

    def test_status(self, world: World, checkout: Checkout) -> None:
        with _able(world, checkout, "status") as target:
            assert not target.status().exists
        digests = _two_releases(checkout)
        with _able(world, checkout, "status") as target:
            status = target.status()
        assert isinstance(status, Status)
        assert status.exists
        assert status.live is not None
        assert status.live.digest == digests[1]
        assert status.healthy is not False

    def test_down(self, world: World, checkout: Checkout) -> None:
        _two_releases(checkout)
        with _able(world, checkout, "down") as target:
            _carry_out(world, target.down(target.observe(), True))
        assert world.live().code == "", "it still serves"
        assert checkout.observe().live is None
        with _able(world, checkout, "down") as target:
            again = target.down(target.observe(), False)
        assert not again, "it is down, and there is still something to take down"
        checkout.push()
        assert world.live().code, "it cannot be pushed any more"

    def test_unlock(self, world: World, checkout: Checkout) -> None:
        _two_releases(checkout)
        with _able(world, checkout, "unlock") as target:
            assert not target.unlock(target.observe()), "nobody holds the lock"

    def test_setup(self, world: World, checkout: Checkout) -> None:
        with _able(world, checkout, "setup") as target:
            nothing = Observed(exists=False)
            _carry_out(world, target.setup(checkout.desired(target, nothing, code=False), False))
        checkout.push()


def _two_releases(checkout: Checkout) -> list[str]:
    """Two releases that differ in code and env; the digests of their bundles."""
    digests = []
    for mark, names in (("one", ["KIT_A"]), ("two", ["KIT_A", "KIT_B"])):
        checkout.env = dict.fromkeys(names, mark)
        checkout.change_code(mark)
        bundle = checkout.push().desired.bundle
        digests.append(bundle.digest if bundle else "")
    return digests


@contextmanager
def _able(world: World, checkout: Checkout, operation: str) -> Iterator[Any]:
    """A connection, where the adapter says that it can do this."""
    instead = world.adapter.abilities[operation]
    if instead:
        pytest.skip(f"the adapter cannot: {instead}")
    with checkout.connected() as target:
        yield cast(Any, target)


def _carry_out(world: World, plan: Plan) -> None:
    assert plan, "there is something to do"
    push.apply(plan, Log())
