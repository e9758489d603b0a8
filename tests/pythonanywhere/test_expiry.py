"""Until when a free account's site runs, and from when on that is a warning."""

import importlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from standin.clock import FakeClock

from paasctl.target import load

operations = importlib.import_module(load("pythonanywhere").__module__ + ".operations")
API = SimpleNamespace(url="https://www.pythonanywhere.com")
ACCOUNT: Any = SimpleNamespace(clock=FakeClock(), settings=SimpleNamespace(api=API, username="eric"))


@pytest.mark.parametrize(
    ("days", "said"),
    [
        (15, ""),
        (14, "the site is switched off in 14 days, on "),
        (2, "the site is switched off in 2 days, on "),
        (1, "the site is switched off in 1 day, on "),
        (0, "the site is switched off today: "),
        (-1, "the site has been switched off since "),
    ],
)
def test_a_warning_begins_fourteen_days_before(days: int, said: str) -> None:
    ends = datetime.now(UTC).date() + timedelta(days)
    found = operations.expiry_warnings(ACCOUNT, {"expiry": ends.isoformat()})
    assert len(found) == bool(said)
    assert "".join(found).startswith(said)
    assert not found or "https://www.pythonanywhere.com/user/eric/webapps/" in found[0]


def test_a_paid_accounts_site_does_not_end() -> None:
    assert operations.expiry_warnings(ACCOUNT, {"expiry": None}) == []
