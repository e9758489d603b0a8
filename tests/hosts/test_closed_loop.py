"""Clients in a closed loop, through nginx, notice nothing of pushes, broken pushes, rollbacks and a setup."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from hostlab.apps import HostApp
from support.load import Clients, Request
from support.web import fetch

pytestmark = [pytest.mark.hosts, pytest.mark.once]

CLIENTS = [
    Request("GET", "/"),
    Request("GET", "/", keep_alive=True),
    Request("GET", "/slow", keep_alive=True),
    Request("GET", "/changes"),
    Request("POST", "/orders", body=b"fruit=apple"),
    Request("POST", "/orders", keep_alive=True, body=b"fruit=apple"),
]
SECOND = "k2-Qb8wZc3nYt6XsL1vGj4mKd9r"


#: seconds that the slow app's import takes, and that clients may go on asking it
IMPORT, LONG = 4, 1700


@pytest.fixture
def shop(make_app: Callable[..., HostApp]) -> HostApp:
    app = make_app()
    app.first_push()
    return app


#: ten pushes, three of them broken, two of the env alone, and two rollbacks; after each, what was wrong is taken back
STEPS = ("code", "import", "code", "env", "health", "code", "rollback", "code", "env", "release", "code", "rollback")


def test_no_request_is_lost_by_pushes_broken_or_not_nor_by_rollbacks(shop: HostApp) -> None:
    with Clients(shop.url, CLIENTS) as clients:
        for number, step in enumerate(STEPS):
            take(shop, step, number)
    judge(shop, clients)
    assert clients.report.total >= 500, clients.report


@pytest.mark.timeout(1800)
def test_no_request_is_lost_where_the_import_takes_long(
    make_app: Callable[..., HostApp], capsys: pytest.CaptureFixture[str]
) -> None:
    slow = make_app(settings="\n[targets.linux.processes.web]\nstop_wait = 5\n")
    slow.project.replace("wsgi.py", "from ", f"import time\n\ntime.sleep({IMPORT})\nfrom ")
    slow.project.commit("a slow import")
    slow.first_push()
    said = []
    with Clients(slow.url, CLIENTS, seconds=LONG) as clients:
        for number, step in enumerate(STEPS):
            began = time.monotonic()
            take(slow, step, number)
            if step == "code":
                said.append(live(clients.report.order, began, slow.project.version))
    judge(slow, clients)
    with capsys.disabled():
        print(f"\ncode-only pushes, import {IMPORT} s, 2 instances: {'; '.join(said)}; {clients.report}")


def live(order: list[tuple[float, str]], began: float, version: str) -> str:
    """How long it took from the beginning of a push until its version was served, and until no other was."""
    times = [when - began for when, seen in order if when > began and seen == version]
    return f"served after {times[0]:.1f} s, alone after {times[-1]:.1f} s"


def take(shop: HostApp, step: str, number: int) -> None:
    """One step of somebody's day; afterwards the checkout is clean, and what serves is what must serve."""
    serves = shop.serves()
    if step == "code":
        serves = shop.project.bump()
        shop.push()
    elif step == "env":
        shop.project.env(SECRET_KEY=f"{SECOND}{number}")
        shop.push("--env-only")
    elif step == "rollback":
        live = shop.live()
        shop.run("rollback", "linux", "--yes")
        assert shop.live() != live
        return
    else:
        getattr(shop.project, f"break_{step}")()
        shop.push(code=1)
        shop.project.restore()
    assert shop.serves() == serves


def judge(shop: HostApp, clients: Clients, before: int = 0) -> None:
    """Every request was answered, by one release, and every order that was taken is there, once."""
    report = clients.report
    assert not report.bad, report
    assert clients.lasted, "the clients ended before the last push did"
    assert len(report.served) >= 2, report
    assert shop.get("/about").json()["orders"] == before + report.asked["POST /orders"], report


def test_no_request_is_lost_while_the_processes_change(shop: HostApp) -> None:
    orders = shop.get("/about").json()["orders"]
    with Clients(shop.url, CLIENTS) as clients:
        # one more worker process: its group is added, the others are not touched
        shop.project.write("Procfile", (shop.project.root / "Procfile").read_text() + "clock: python worker.py\n")
        shop.project.commit("a clock")
        assert "paasctl setup linux" in shop.push(code=2).err
        shop.setup()
        shop.push()
        assert len([name for name in shop.running() if "clock" in name]) == 1
        # more web instances: a new group beside the old one, then nginx, then the old one away
        shop.configure("\n[targets.linux.processes.web]\ninstances = 3\n")
        shop.setup()
        shop.push()
        assert len([name for name in shop.running() if "web" in name]) == 3
        shop.configure("")
        shop.setup()
        shop.push()
        assert len([name for name in shop.running() if "web" in name]) == 2
    report = clients.report
    assert not report.bad, report
    assert clients.lasted
    assert shop.get("/about").json()["orders"] == orders + report.asked["POST /orders"], report
    assert set(shop.running().values()).isdisjoint({"FATAL", "BACKOFF", "EXITED"}), shop.running()


DOMAIN = "shop.example.com"
#: nginx closes an idle connection when it is reloaded, as it does whoever asks it to
UNKEPT = [request for request in CLIENTS if not request.keep_alive]


def test_no_request_by_the_sites_name_is_lost_while_the_domain_changes(shop: HostApp) -> None:
    """The host's default site becomes the one of a domain, and the other way round; a push comes in between."""
    with Clients(shop.url, UNKEPT, domain=DOMAIN) as clients:
        for domain in (DOMAIN, "", DOMAIN):
            shop.configure(f'domain = "{domain}"\n' if domain else "")
            error = shop.push(code=2).err
            assert "domain is not the one that the host is prepared for" in error
            assert "paasctl setup linux" in error
            shop.setup()
            assert fetch(shop.url, headers={"Host": DOMAIN}).versions == {shop.project.version}
            shop.project.bump()
            shop.push()
    report = clients.report
    assert not report.bad, report
    assert len(report.served) == 4, report
