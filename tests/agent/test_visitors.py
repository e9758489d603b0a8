"""What the agent says of a release's health when it asks as a visitor does."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from paasctl.procfiles.host import operations
from paasctl.procfiles.host.probe import tls_host

Serve = Callable[..., int]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a web server that answers everything alike; its port."""
    servers = list[http.server.HTTPServer]()

    def start(status: int, **headers: str) -> int:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()

            def log_message(self, *words: Any) -> None:
                pass

        servers.append(http.server.HTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return int(servers[-1].server_port)

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def status(port: int, **changes: Any) -> dict[str, Any]:
    document = {"health": None, "host": "shop.example.com", "runtime": True, "handover": True, "static": {}, "id": "v1"}
    document = {**document, "front": port, **changes}
    layout = SimpleNamespace(live=lambda: "v1", root="/tmp")
    return operations.status(SimpleNamespace(layout=layout, releases={"v1": document}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "headers", "changes", "problem"),
    [
        (200, {"X_Paasctl_Release": "v1"}, {}, ""),
        (404, {"X_Paasctl_Release": "v1"}, {}, ""),
        (404, {}, {}, "what answers 404 at / is not this release"),
        (200, {"X_Paasctl_Release": "v0"}, {}, "what answers 200 at / is not this release"),
        (502, {}, {}, "it answers 502 at /"),
        (301, {"Location": "http://other/"}, {}, "what answers 301 at / is not this release"),
        (200, {}, {"runtime": False}, ""),
        (200, {}, {"handover": False}, ""),
        (200, {}, {"health": "/static/up.txt", "static": {"/static/": "static"}}, ""),
    ],
)
def test_somebody_elses_answer_is_not_the_releases_health(
    serve: Serve, answer: int, headers: dict[str, str], changes: dict[str, Any], problem: str
) -> None:
    found = status(serve(answer, **headers), **changes)
    assert (found["healthy"], found["problem"], found["answer"]) == (not problem, problem, answer)


@pytest.mark.parametrize(
    ("location", "host"),
    [("https://shop.example.com/a", "shop.example.com"), ("http://x/", ""), ("/login", ""), ("https://[x", "")],
)
def test_where_a_redirection_to_tls_leads(location: str, host: str) -> None:
    assert tls_host(location) == host
