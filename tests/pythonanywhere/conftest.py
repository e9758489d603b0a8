"""Makes tests/pythonanywhere/standin importable as `standin`."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from collections.abc import Callable, Iterator  # noqa: E402
from typing import Any  # noqa: E402

import pytest  # noqa: E402
from standin import Account, Platform  # noqa: E402
from standin.laptop import Laptop  # noqa: E402
from standin.process import server_venv, why_not  # noqa: E402

#: The Python of the sites in these tests: the one that runs the tests, since it is surely there.
PYTHON = f"3.{sys.version_info[1]}"


@pytest.fixture
def account(tmp_path: Path) -> Account:
    """A free account without a web app."""
    return Account(tmp_path / "account", pythons=(PYTHON,))


@pytest.fixture
def paper(account: Account) -> Iterator[Platform]:
    """The platform without a running site: what does not depend on it."""
    platform = Platform(account, runs=False)
    yield platform
    platform.close()


@pytest.fixture
def platform(account: Account) -> Iterator[Platform]:
    """The platform with a site that really runs."""
    reason = why_not()
    if reason:
        pytest.skip(f"THE SITE ON PYTHONANYWHERE'S STAND-IN WAS NOT RUN: {reason}")
    platform = Platform(account)
    yield platform
    platform.close()


@pytest.fixture
def other_python(platform: Platform) -> str:
    """A second Python that sites can run in, offered by the platform."""
    import subprocess

    for version in ("3.13", "3.12", "3.11", "3.10"):
        if version != PYTHON:
            try:
                server_venv(version)
            except subprocess.CalledProcessError:
                continue
            platform.account.pythons = (PYTHON, version)
            return version
    pytest.skip("A CHANGE OF A SITE'S PYTHON WAS NOT TRIED: only one is on this machine")


@pytest.fixture
def laptop(platform: Platform, tmp_path: Path) -> Callable[..., Laptop]:
    """Makes checkouts of sample apps that push to the platform."""

    def make(app: str = "plain_wsgi", folder: str = "shop", **more: Any) -> Laptop:
        return Laptop.copy(platform, app, tmp_path / folder, python=PYTHON, **more)

    return make
