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


KEPT = [Request("GET", "/"), *[Request("GET", "/", keep_alive=True)] * 3]
#: apps by their server, and what makes it that one
SERVERS = {
    "uvicorn": ("fastapi_api", {}),
    "gunicorn of 2019": ("flask_2018", {"requirements.txt": "gunicorn==20.0.4\n"}),
    "hypercorn": (
        "plain_wsgi",
        {"requirements.txt": "hypercorn\n", "Procfile": "web: hypercorn wsgi:wsgi:application -b 0.0.0.0:$PORT\n"},
    ),
    "waitress": (
        "plain_wsgi",
        {"requirements.txt": "waitress\n", "Procfile": "web: waitress-serve --port=$PORT wsgi:application\n"},
    ),
}


@pytest.mark.parametrize("server", SERVERS)
def test_no_server_loses_what_comes_on_a_kept_connection(server: str, make_app: Maker) -> None:
    name, files = SERVERS[server]
    app = make_app(name)
    for path, text in files.items():
        with (app.project.root / path).open("a") as file:
            file.write(text)
    app.first_push()
    with Clients(app.url, KEPT) as clients:
        for _ in range(3):
            app.project.bump()
            app.push()
    assert not clients.report.bad, clients.report
    assert clients.lasted, "the clients ended before the last push did"
    assert set(clients.report.served) == {"v001", "v002", "v003", "v004"}, clients.report


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
