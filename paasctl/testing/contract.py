"""The whole contract: what is asked of every adapter, ours or a third party's."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from paasctl.model import Setting
from paasctl.target import OPERATIONS, Adapter
from paasctl.testing.checkout import FILES, Checkout
from paasctl.testing.env import EnvContract
from paasctl.testing.operations import OperationsContract
from paasctl.testing.phases import PhasesContract
from paasctl.testing.plans import PlansContract
from paasctl.testing.world import World

SENTENCE = 3  # words


class TargetContract(PlansContract, PhasesContract, EnvContract, OperationsContract):
    """Subclass it as ``TestSomething`` and provide the fixture ``world``; pytest runs the rest.

    A platform with rules of its own for an app's files overrides :meth:`files`.
    """

    @pytest.fixture
    def world(self) -> World:
        """A new, empty platform."""
        raise NotImplementedError("give your subclass of TargetContract a fixture `world`; see paasctl.testing.World")

    @pytest.fixture
    def checkout(self, world: World, tmp_path: Path) -> Checkout:
        """A copy of the contract's app."""
        root = tmp_path / "app"
        root.mkdir()
        return Checkout(world.connect, root, self.files())

    def files(self) -> Mapping[str, str]:
        """The files of the app that is pushed, by path. ``web.py`` must stay what it is."""
        return FILES

    def test_the_adapter_describes_itself(self, world: World) -> None:
        adapter = world.adapter
        assert isinstance(adapter, Adapter), "it needs summary, settings, abilities and connect()"
        assert adapter.summary.strip(), "`paasctl targets` shows the summary"
        for key, setting in adapter.settings.items():
            assert isinstance(setting, Setting)
            assert setting.help.strip(), f"the setting {key} has no line of help"

    def test_each_operation_works_or_says_what_to_do_instead(self, world: World) -> None:
        abilities = world.adapter.abilities
        assert set(abilities) == set(OPERATIONS), "abilities has exactly the names of paasctl.target.OPERATIONS"
        for operation, instead in abilities.items():
            if instead:
                assert len(instead.split()) >= SENTENCE, f"{operation}: say what to do instead, in a sentence"
                continue
            with closing(world.connect()) as target:
                assert callable(getattr(target, operation, None)), f"{operation} is promised and not there"

    def test_nothing_is_printed(self, checkout: Checkout, capfd: pytest.CaptureFixture[str]) -> None:
        checkout.push()
        checkout.plan()
        assert capfd.readouterr() == ("", ""), "only the core prints; a step says lines to the function it is given"
