"""The reference adapter keeps the contract."""

from __future__ import annotations

import pytest
from contract.memory import MemoryWorld

from paasctl.testing import TargetContract


class TestMemory(TargetContract):
    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld()
