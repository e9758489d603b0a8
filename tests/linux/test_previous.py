"""Which release `rollback` goes to on a host, and which releases stay there for it."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from paasctl.target import load


def state(good: str, before: dict[str, str | None]) -> Any:
    """What a host reports: the good releases, and after which one each was pushed."""
    module = sys.modules[load("local").__module__.rpartition(".")[0] + ".state"]
    return module.HostState(documents={name: {"before": it} for name, it in before.items()}, good=tuple(good.split()))


@pytest.mark.parametrize(
    ("good", "before", "live", "expected"),
    [
        ("v8 v9 v10", {"v8": None, "v9": "v8", "v10": "v9"}, "v10", "v9"),
        ("v8 v9 v10", {"v8": None, "v9": "v8", "v10": "v9"}, "v9", "v8"),
        ("v8 v9 v10 v11", {"v8": None, "v9": "v8", "v10": "v9", "v11": "v9"}, "v11", "v9"),
        ("v8 v11", {"v8": None, "v9": "v8", "v11": "v9"}, "v11", "v8"),
        ("v8 v11", {"v8": None, "v11": "v9"}, "v11", None),
        ("v1", {"v1": None}, "v1", None),
        ("v1 v2", {"v1": None, "v2": "v1"}, None, "v2"),
        ("", {}, None, None),
    ],
)
def test_the_release_before(good: str, before: dict[str, str | None], live: str | None, expected: str | None) -> None:
    assert state(good, before).good_before(live) == expected
