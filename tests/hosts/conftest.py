"""Two real hosts for the session, and apps that are pushed to them."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from hostlab import base  # noqa: E402
from hostlab.apps import HostApp, fresh_name  # noqa: E402
from hostlab.fleet import Fleet, Host  # noqa: E402


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """Two hosts as a provider hands them over; skipped, with the reason, where they cannot be."""
    with running(2, base.SUITE) as fleet:
        yield fleet


@contextmanager
def running(number: int, suite: str, bare: bool = False) -> Iterator[Fleet]:
    """Hosts of a release of Debian, for as long as the block runs; ``bare``: without what setup installs."""
    if reason := base.why_not():
        pytest.skip(reason)
    fleet = Fleet(number, suite, bare)
    # a session that is asked to end takes its hosts down as after Ctrl-C
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        fleet.up()
        yield fleet
    finally:
        fleet.down()


@pytest.fixture(scope="module")
def make_shared_app(fleet: Fleet) -> Iterator[Callable[..., HostApp]]:
    """Makes apps that live for a module; ``hosts`` is how many of the hosts they go to."""
    fleet.renew()
    yield from _maker(fleet)


@pytest.fixture(scope="module", params=["bullseye", "trixie"])
def make_app_elsewhere(request: pytest.FixtureRequest) -> Iterator[Callable[..., HostApp]]:
    """Makes apps for a host of another release of Debian: older than every system that is supported, and the newest."""
    with running(1, request.param) as fleet:
        yield from _maker(fleet)


@pytest.fixture
def make_bare_app() -> Iterator[Callable[..., HostApp]]:
    """Makes apps for a host that has neither nginx nor Supervisor nor sudo."""
    with running(1, base.SUITE, bare=True) as fleet:
        yield from _maker(fleet)


@pytest.fixture
def make_app(fleet: Fleet) -> Iterator[Callable[..., HostApp]]:
    """Makes apps that live for one test."""
    yield from _maker(fleet)


def _maker(fleet: Fleet) -> Iterator[Callable[..., HostApp]]:
    made: list[HostApp] = []
    before = {host: sites(host) for host in fleet.hosts}

    def make(sample: str = "flask_shop", settings: str = "", hosts: int = 1, name: str = "") -> HostApp:
        made.append(HostApp(fleet, fleet.hosts[:hosts], sample, name or fresh_name(), settings))
        return made[-1]

    try:
        yield make
    finally:
        for app in made:
            app.close()
    for host, found in before.items():
        assert sites(host) == found or not found, "these tests leave a host to the next ones as it was not"


def sites(host: Host) -> str:
    """The sites that nginx has, on a host that has nginx."""
    return host.ssh("ls /etc/nginx/sites-enabled", check=False).stdout
