"""A request's id on its way through nginx to the app and back."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hostlab.apps import HostApp
from support.web import fetch

pytestmark = pytest.mark.hosts

SHOW = """

_plain = application


def application(environ, start_response):
    if environ["PATH_INFO"] != "/id":
        return _plain(environ, start_response)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ.get("HTTP_X_REQUEST_ID", "").encode()]
"""


def test_a_harmless_id_is_kept_and_any_other_is_replaced(make_app: Callable[..., HostApp]) -> None:
    """Also where the runtime is off: nginx judges as it does."""
    app = make_app("plain_wsgi")
    path = app.project.root / "wsgi.py"
    path.write_text(path.read_text() + SHOW)
    app.project.commit("shows the id")
    app.first_push()

    def id_for(sent: str) -> str:
        answer = fetch(f"{app.url}/id", headers={"X-Request-ID": sent} if sent else {})
        assert answer.status == 200
        if runtime:
            assert answer.headers["x-request-id"] == answer.body
        return answer.body

    for runtime in (True, False):
        if not runtime:
            app.configure("runtime = false\n")
            app.setup()
            app.push()
        assert id_for("of-the-client-4711") == "of-the-client-4711"
        for sent in ("", "short", 'quote"d-and-long', "x" * 201):
            made = id_for(sent)
            assert made != sent
            assert len(made) == 32
