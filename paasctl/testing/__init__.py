"""The contract that every target keeps, as tests: subclass :class:`TargetContract` and give it a world.

    class TestAcme(TargetContract):
        @pytest.fixture
        def world(self, tmp_path):
            return AcmeWorld(tmp_path)      # a stand-in for the platform; see World

Needs pytest. Nothing of paasctl imports this package.
"""

import pytest

for _part in ("contract", "env", "operations", "phases", "plans"):  # so that a failing assert shows its values
    pytest.register_assert_rewrite(f"paasctl.testing.{_part}")

from paasctl.testing.checkout import Checkout, Prepared  # noqa: E402
from paasctl.testing.contract import TargetContract  # noqa: E402
from paasctl.testing.world import Live, World  # noqa: E402

__all__ = ["Checkout", "Live", "Prepared", "TargetContract", "World"]
