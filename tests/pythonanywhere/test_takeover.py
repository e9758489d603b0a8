"""A site that was made by hand and is taken over with ``--force``: it is lost only when the app serves in its place."""

import contextlib
import copy
from collections.abc import Callable
from typing import Any

import pytest
from standin import Account, Platform
from standin.laptop import Laptop
from standin.platform import everything
from standin.visitor import DOMAIN, get
from test_interrupted import Killed, killed_after

from paasctl.errors import PaasctlError, UsageError

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]
WSGI = "/var/www/eric_pythonanywhere_com_wsgi.py"
KEPT = "/home/eric/.paasctl/apps/shop/before/wsgi.py"
HAND = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'by hand']\n"
BROKEN = "raise RuntimeError('on purpose')\n"


@pytest.fixture
def hand(account: Account, platform: Platform) -> dict[str, Any]:
    """The settings and mappings of a site that somebody made on the Web page, and that serves."""
    platform.api._create(DOMAIN, "python" + account.pythons[0].replace(".", ""))
    account.write(WSGI, HAND.encode())
    account.write("/home/eric/mysite/static/a.css", b"by hand")
    account.webapps[DOMAIN]["source_directory"] = "/home/eric/mysite"
    account.static[DOMAIN] = [{"id": 7, "url": "/static/", "path": "/home/eric/mysite/static"}]
    platform._reload(DOMAIN)
    return copy.deepcopy(everything(platform))


def prepared(laptop: Make, release: str = "true") -> Laptop:
    """An app with two static folders and a release command."""
    app = laptop()
    app.write("static/a.css", "ours")
    app.write("other/a.css", "ours")
    app.config(f'[app]\nname = "shop"\nentry = "wsgi:application"\nrelease = "{release}"\n')
    config = app.root / "paasctl.toml"
    static = '[targets.pythonanywhere.static]\n"/static/" = "static"\n"/other/" = "other"\n'
    config.write_text(config.read_text() + static)
    return app


def spoil(app: Laptop, platform: Platform, how: str) -> None:
    if how == "an import error":
        app.write("wsgi.py", (app.root / "wsgi.py").read_text() + BROKEN)
    if how == "an upload that is refused":
        platform.faults = lambda method, path: (500, b"") if "/incoming/" in path and method == "POST" else None


def require_as_before(platform: Platform, hand: dict[str, Any]) -> None:
    assert get(platform).text == "by hand"
    assert get(platform, "/static/a.css").text == "by hand"
    assert platform.account.read(WSGI) == HAND
    assert everything(platform) == hand


@pytest.mark.parametrize(
    "how", ["an import error", "a release command that fails", "an upload that is refused", "an upload that is cut"]
)
def test_a_takeover_that_fails(platform: Platform, laptop: Make, hand: dict[str, Any], how: str) -> None:
    app = prepared(laptop, "exit 9" if how == "a release command that fails" else "true")
    spoil(app, platform, how)
    platform.api.cut = {"incoming/": 100} if how == "an upload that is cut" else {}
    with pytest.raises(PaasctlError) as caught:
        app.push(force=True)
    assert caught.value.exit_code == 1
    require_as_before(platform, hand)
    if how == "an import error":
        assert "the site that was there serves as before" in caught.value.hint
    platform.faults, platform.api.cut = (lambda method, path: None), {}
    with pytest.raises(UsageError, match="was not made by paasctl"):
        app.push()
    app.write("wsgi.py", (app.root / "wsgi.py").read_text().replace(BROKEN, ""))
    app.config('[app]\nname = "shop"\nentry = "wsgi:application"\n')
    app.push(force=True)
    assert "first v001" in get(platform).text
    assert platform.account.read(KEPT) == HAND
    assert not app.plan()


def test_nothing_of_the_old_site_is_touched_before_the_commit(
    platform: Platform, laptop: Make, hand: dict[str, Any]
) -> None:
    plan = prepared(laptop).plan(force=True)
    for step in plan.prepare:
        assert not any(word in step.title for word in ("web app", "release command")), step.title
    assert [step.title for step in plan.commit] == [
        f"set up the web app {DOMAIN}",
        "run the release command",
        "switch to release r1",
    ]


def test_a_takeover_that_was_killed_and_then_fails(
    platform: Platform, laptop: Make, hand: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = prepared(laptop)
    good = (app.root / "wsgi.py").read_text()
    spoil(app, platform, "an import error")
    for count in range(10, 50, 5):  # from the uploads to the undo
        try:
            with killed_after(count, monkeypatch):
                app.push(force=True)
        except Killed:
            pass
        except PaasctlError:
            break
        with pytest.raises(PaasctlError, match="on purpose"):
            app.push(force=True)
        require_as_before(platform, hand)
    assert count > 30
    app.write("wsgi.py", good)
    app.push(force=True)
    assert "first v001" in get(platform).text


def test_a_takeover_that_was_killed_is_taken_back_by_down(
    platform: Platform, laptop: Make, hand: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = prepared(laptop)
    begun = 0
    for count in range(6, 40, 6):
        with contextlib.suppress(Killed), killed_after(count, monkeypatch):
            app.push(force=True)
        if "first v001" in get(platform).text:
            break
        begun += platform.account.webapps[DOMAIN]["source_directory"] != "/home/eric/mysite"
        app.operate("down", False)
        require_as_before(platform, hand)
    assert begun
    assert "first v001" in get(platform).text


def test_a_down_that_is_killed_while_it_puts_a_site_back_is_ended_by_the_next(
    platform: Platform, laptop: Make, hand: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    app = prepared(laptop)
    for count in range(1, 40):
        purge = bool(count % 2)
        with pytest.raises(Killed), killed_after(18, monkeypatch):
            app.push(force=True)
        assert platform.account.webapps[DOMAIN]["source_directory"] != "/home/eric/mysite"
        try:
            with killed_after(count, monkeypatch):
                app.operate("down", purge)
            break
        except Killed:
            app.operate("down", purge)
            require_as_before(platform, hand)
    assert 8 < count < 39
    require_as_before(platform, hand)


def test_a_purge_leaves_a_site_that_was_never_taken_over(
    platform: Platform, laptop: Make, hand: dict[str, Any]
) -> None:
    prepared(laptop).operate("down", True)
    require_as_before(platform, hand)


def test_down_says_that_the_copy_of_the_old_site_goes(platform: Platform, laptop: Make, hand: dict[str, Any]) -> None:
    app = prepared(laptop)
    app.push(force=True)
    assert any("the copy of the site" in note for note in app.operate("down", False).notes)
    assert not platform.account.real(KEPT).exists()
