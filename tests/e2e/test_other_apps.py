"""Every other kind of app: first push, a change, releases that are broken in each way, and back."""

from __future__ import annotations

import re

import pytest
from support.apps import SECRET, App, Maker
from support.projects import fingerprint

pytestmark = pytest.mark.e2e

SECOND = "k2-Qb8wZc3nYt6XsL1vGj4mKd9r"

#: what each app must show after its first push, beyond its own page
PAGES = {
    "django_site": "/admin/login/",
    "fastapi_api": "/openapi.json",
    "factory_app": "/static/blog.css",
    "plain_wsgi": "/about",
    "flask_2018": "/about",
}


@pytest.mark.parametrize("name", PAGES)
def test_push_change_break_and_rollback(name: str, make_app: Maker) -> None:
    app = make_app(name)
    app.first_push()
    assert app.serves() == "v001"
    assert app.get(PAGES[name]).status == 200
    assert app.get("/about").json()["secret"] == fingerprint(SECRET)
    data_survives = extras(name, app)
    running = app.running()
    assert "nothing to do" in app.push().out
    assert app.running() == running

    app.project.bump()
    app.project.env(SECRET_KEY=SECOND)
    app.push()
    assert {app.serves() for _ in range(6)} == {"v002"}
    assert app.get("/about").json()["secret"] == fingerprint(SECOND)
    data_survives()

    for broken in ("import", "health", "release", "requirements"):
        why = getattr(app.project, f"break_{broken}")()
        result = app.push(code=1)
        assert why in result.err, result
        assert app.serves() == "v002", broken
        app.project.restore()
    data_survives()

    app.run("rollback", "local", "--yes")
    assert {app.serves() for _ in range(6)} == {"v001"}
    assert app.get("/about").json()["secret"] == fingerprint(SECRET)
    data_survives()


def extras(name: str, app: App):  # type: ignore[no-untyped-def]
    """What only one kind of app has: checked now, and again when the returned function is called."""
    if name == "django_site":
        return django(app)
    if name == "flask_2018":
        assert app.get("/posts", b"").status == 201

        def posts() -> None:
            assert app.get("/about").json()["posts"] == 1

        return posts
    return lambda: None


def django(app: App):  # type: ignore[no-untyped-def]
    assert app.get("/notes", b"text=hello").status == 201

    def still_there() -> None:
        page = app.get("/").body
        (style,) = re.findall(r'href="(/static/[^"]+)"', page)
        assert re.search(r"site\.[0-9a-f]{12}\.css$", style), "collectstatic did not run"
        assert "color" in app.get(style).body
        assert "1 notes" in page

    still_there()
    return still_there


def test_a_server_pinned_in_2020_still_serves(make_app: Maker) -> None:
    """gunicorn 20.0.4 and `flask db` of Flask 1.1 import pkg_resources, which a venv made by uv does not have."""
    app = make_app("flask_2018")
    with (app.project.root / "requirements.txt").open("a") as file:
        file.write("gunicorn==20.0.4\n")
    app.first_push()
    assert app.serves() == "v001"


def test_without_git_and_without_env(make_app: Maker) -> None:
    app = make_app("plain_wsgi", git=False)
    app.url = app.push().url
    assert app.serves() == "v001"
    app.project.bump(commit=False)
    app.push()
    assert app.serves() == "v002"
