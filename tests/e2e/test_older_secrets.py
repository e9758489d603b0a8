"""Values that are in no file here: those of an older release, and those that are live and not in ``.env``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.apps import App, apps

pytestmark = pytest.mark.e2e

OLDER, LIVE, ROTATED = "older-zQ7Aw9BkX3Av8Jp5", "live-zQ7Cw9DkX3Cv8Jp5D", "rotated-zQ7Ew9FkX3Ev8J"
SHOWS = """import os
print("the password is", os.environ["MAIL_PASSWORD"], flush=True)
if os.path.exists({flag!r}):
    raise RuntimeError("cannot use " + os.environ["MAIL_PASSWORD"])
"""


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """Two releases of an app that shows its password: the first with the older one, the second with the live one."""
    with apps() as make:
        app = make("plain_wsgi")
        path = app.project.root / "wsgi.py"
        path.write_text(SHOWS.format(flag=str(app.paasctl.home.root / "breaks")) + path.read_text())
        app.first_push(MAIL_PASSWORD=OLDER)
        app.project.env(SECRET_KEY="k" * 20, MAIL_PASSWORD=LIVE)
        app.push()
        yield app


@pytest.fixture(params=["absent", "rotated"])
def dotenv(app: App, request: pytest.FixtureRequest) -> None:
    """``.env`` does not say what is live."""
    app.project.env(MAIL_PASSWORD=ROTATED)
    if request.param == "absent":
        (app.project.root / ".env").unlink()


def check(app: App, *words: str, code: int | None = 0, shows: str = "") -> None:
    result = app.run("-vv", *words, code=code)
    assert shows in result.said
    for value in (OLDER, LIVE, ROTATED):
        assert value not in result.said, words


def test_logs_and_status(app: App, dotenv: None) -> None:
    check(app, "logs", "local", shows="the password is ********")
    check(app, "status", "local")


def test_a_rollback_that_fails(app: App, dotenv: None) -> None:
    flag = app.paasctl.home.root / "breaks"
    flag.touch()
    try:
        check(app, "rollback", "local", "--yes", code=1, shows="cannot use ********")
    finally:
        flag.unlink()
    assert app.live() == "v2"


def test_a_rollback_does_not_go_to_what_was_rolled_away_from(app: App) -> None:
    assert app.live() == "v2"
    app.run("rollback", "local", "--yes")
    assert app.live() == "v1"
    app.project.env(SECRET_KEY="k" * 20, MAIL_PASSWORD=LIVE)
    app.project.bump()
    app.push("--force")
    assert app.live() == "v3"
    assert "make v1 current (was v3)" in app.run("rollback", "local", "--yes").out
    assert app.live() == "v1"


def test_an_env_file_with_a_name_of_its_own_stays_here(app: App) -> None:
    """It is neither in the code on the host, nor in what others can read there."""
    value = "prod-zQ7Gw9HkX3Gv8Jp5H"
    app.project.write("prod.env", f"SECRET_KEY={value}\nMAIL_PASSWORD={LIVE}\n").chmod(0o600)
    app.project.write("paasctl.toml", '[app]\nenv = ["prod.env"]\n')
    result = app.push("-vv")
    assert value not in result.said
    files = [path for path in app.paasctl.home.root.rglob("*") if path.is_file() and not path.is_symlink()]
    holding = [path for path in files if value.encode() in path.read_bytes() and path.name != "prod.env"]
    assert [path.stat().st_mode & 0o077 for path in holding] == [0], "the release's env, and nothing else"
    assert [path for path in files if path.name == "prod.env"] == [app.project.root / "prod.env"]
