"""Clients in a closed loop, through nginx, notice nothing of pushes, broken pushes, a rollback and a setup."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hostlab.apps import HostApp
from support.load import Clients, Request

pytestmark = pytest.mark.hosts

CLIENTS = [
    Request("GET", "/"),
    Request("GET", "/", keep_alive=True),
    Request("GET", "/slow", keep_alive=True),
    Request("GET", "/changes"),
    Request("POST", "/orders", body=b"fruit=apple"),
    Request("POST", "/orders", keep_alive=True, body=b"fruit=apple"),
]
SECOND = "k2-Qb8wZc3nYt6XsL1vGj4mKd9r"


@pytest.fixture(scope="module")
def shop(make_shared_app: Callable[..., HostApp]) -> HostApp:
    app = make_shared_app()
    app.first_push()
    return app


def test_no_request_is_lost_by_pushes_broken_or_not_nor_by_a_rollback(shop: HostApp) -> None:
    with Clients(shop.url, CLIENTS) as clients:
        for broken in (None, "import", "health", "release"):
            shop.project.bump(commit=not broken)
            if broken:
                getattr(shop.project, f"break_{broken}")()
            shop.push(code=1 if broken else 0)
            if broken:
                shop.project.restore()
            assert shop.serves() == shop.project.version
        shop.project.env(SECRET_KEY=SECOND)
        shop.push("--env-only")
        shop.run("rollback", "linux", "--yes")
        shop.push()
    report = clients.report
    assert not report.bad, report
    assert clients.lasted, "the clients ended before the last push did"
    assert {"v001", "v002"} <= set(report.served), report
    assert report.total >= 200, report
    assert shop.get("/about").json()["orders"] == report.asked["POST /orders"], report


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
