"""Clients in a closed loop notice nothing of six pushes, three of them broken, and a rollback.

The last of the broken ones is switched back from after visitors have met it: its worker does not stay up.
"""

from __future__ import annotations

import pytest
from support.apps import Maker
from support.load import Clients, Request

pytestmark = [pytest.mark.e2e, pytest.mark.once]

CLIENTS = [
    Request("GET", "/"),
    Request("GET", "/", keep_alive=True),
    Request("GET", "/slow"),
    Request("GET", "/slow", keep_alive=True),
    Request("GET", "/changes"),
    Request("POST", "/orders", body=b"fruit=apple"),
    Request("POST", "/orders", keep_alive=True, body=b"fruit=apple"),
]


def test_no_request_is_lost_and_every_response_is_whole(make_app: Maker) -> None:
    app = make_app("flask_shop")
    app.first_push()
    with Clients(app.url, CLIENTS) as clients:
        for broken in (None, "import", None, "health", None, "worker"):
            app.project.bump(commit=not broken)
            why = getattr(app.project, f"break_{broken}")() if broken else ""
            result = app.push(code=1 if broken else 0)
            assert why in result.err, result
            if broken:
                app.project.restore()
            assert app.serves() == app.project.version
        app.run("rollback", "local", "--yes")
        assert app.serves() == "v003"
    report = clients.report
    assert not report.bad, report
    assert clients.lasted, "the clients ended before the last push did"
    # v005 was made live and taken back
    assert set(report.served) == {"v001", "v002", "v003", "v004", "v005"}, report
    assert report.total >= 200, report
    assert app.get("/about").json()["orders"] == report.asked["POST /orders"], report
