"""A push that is killed after any of its requests, and two pushes at once."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from standin import Account, Platform
from standin.harm import Killed, killed_after
from standin.laptop import Laptop
from standin.visitor import get

from paasctl.errors import Conflict, PaasctlError

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]


def with_release(app: Laptop, mark: str) -> None:
    app.config(f'[app]\nentry = "wsgi:application"\nrelease = "echo {mark} >> $HOME/released.txt"\n')


def version(app: Laptop, text: str) -> None:
    code = (app.root / "wsgi.py").read_text()
    start = code.index('VERSION = "')
    app.write("wsgi.py", code[:start] + f'VERSION = "{text}"' + code[code.index("\n", start) :])


@pytest.mark.parametrize("count", range(1, 14))
def test_a_first_push_killed_after_a_request(
    platform: Platform, laptop: Make, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    app = laptop()
    app.write("static/a.css", "a {}\n")
    with_release(app, "one")
    app.config((app.root / "paasctl.toml").read_text().partition("[targets")[0])
    toml = app.root / "paasctl.toml"
    toml.write_text(toml.read_text() + '[targets.pythonanywhere.static]\n"/static/" = "static"\n')
    with killed_after(count, monkeypatch) as sent, pytest.raises(Killed):
        app.push()
    assert sent == [count]
    app.push()
    assert "first v001" in get(platform).text
    assert get(platform, "/static/a.css").text == "a {}\n"
    assert not app.plan()


def test_a_later_push_killed_after_each_request(
    platform: Platform, laptop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = laptop()
    with_release(app, "zero")
    app.push()
    last, ended = "v001", False
    for count in range(1, 20):
        wanted = f"v{count + 100}"
        version(app, wanted)
        with_release(app, wanted)
        platform.forget()
        try:
            with killed_after(count, monkeypatch):
                app.push()
            ended = True
        except Killed:
            pass
        live = wanted if any("/reload/" in line for line in platform.api_requests) else last
        assert f"first {live}" in get(platform).text, (count, platform.api_requests)
        app.push()
        assert f"first {wanted}" in get(platform).text
        last = wanted
        if ended:
            break
    assert ended
    assert count == 8  # five API requests and two to the site can be the last one


@pytest.mark.parametrize("where", ["deploy.json", "reload", "status"])
def test_ctrl_c_after_the_commit_began_goes_back(platform: Platform, laptop: Make, where: str) -> None:
    app = laptop()
    app.push()
    version(app, "v002")
    whole, hit = requests.Session.request, []

    def request(self: Any, method: str, url: str, **more: Any) -> Any:
        answer = whole(self, method, url, **more)
        if where in url and not hit:
            hit.append(url)
            raise KeyboardInterrupt
        return answer

    with pytest.MonkeyPatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(requests.Session, "request", request)
        app.push()
    assert hit
    assert "first v001" in get(platform).text
    assert "undo: switch back to r1" in app.said
    app.push()
    assert "first v002" in get(platform).text


@pytest.mark.parametrize(
    "fault", ["drop", "drop after", (500, b"<h1>Error</h1>"), (504, b"<h1>Gateway</h1>"), (429, {})]
)
def test_a_harm_to_each_request_once(platform: Platform, laptop: Make, fault: Any) -> None:
    """Every request in turn is dropped, lost or refused once: the push ends well, or the old release serves."""
    app = laptop()
    with_release(app, "zero")
    app.push()
    live = "v001"
    for number in range(8):
        wanted = f"v{number + 200}"
        version(app, wanted)
        with_release(app, wanted)
        seen = [0]

        def harm(method: str, path: str, number: int = number, seen: list[int] = seen) -> Any:
            seen[0] += 1
            return fault if seen[0] == number + 1 else None

        platform.faults = harm
        try:
            app.push()
            live = wanted
        except PaasctlError as error:
            assert error.exit_code in (1, 5), (number, error)
        platform.faults = lambda method, path: None
        assert f"first {live}" in get(platform).text, number
    app.push()
    assert f"first {wanted}" in get(platform).text


class Turns:
    """Lets one of several threads send a request at a time, in an order that a seed gives."""

    def __init__(self, seed: int, names: list[str]) -> None:
        self._pick, self._ready = random.Random(seed), threading.Condition()
        self._waiting: set[str] = set()
        self._running = set(names)
        self._turn = ""

    def wait(self, name: str) -> None:
        with self._ready:
            self._waiting.add(name)
            if self._turn == name:
                self._turn = ""
            self._choose()
            self._ready.wait_for(lambda: self._turn == name, timeout=120)
            self._waiting.discard(name)

    def leave(self, name: str) -> None:
        with self._ready:
            self._running.discard(name)
            if self._turn == name:
                self._turn = ""
            self._choose()

    def _choose(self) -> None:
        if not self._turn and self._running and self._waiting >= self._running:
            self._turn = self._pick.choice(sorted(self._waiting))
            self._ready.notify_all()


class Racer(Laptop):
    """A laptop whose requests take turns with another's."""

    turns: Turns

    @contextmanager
    def connected(self) -> Iterator[Any]:
        with super().connected() as (found, connection):
            account: Any = connection.target._account  # type: ignore[attr-defined]
            for owner, name in ((account.api.transport, "send"), (account.site, "_send")):
                setattr(owner, name, self._waiting(getattr(owner, name)))
            yield found, connection

    def _waiting(self, send: Any) -> Any:
        def waiting(*words: Any, **more: Any) -> Any:
            self.turns.wait(self.who)
            return send(*words, **more)

        return waiting


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("first", [False, True])
def test_two_pushes_at_once(platform: Platform, laptop: Make, tmp_path: Path, seed: int, first: bool) -> None:
    """Their requests interleave by a seed: one wins, the other is told who did, and can push on top."""
    ann, bob = laptop(folder="a/shop"), laptop(folder="b/shop")
    if not first:
        ann.push()
    outcomes: dict[str, BaseException | None] = {}
    turns = Turns(seed, ["ann", "bob"])

    def run(of: Laptop, who: str, text: str) -> None:
        racer = Racer(platform, of.root, who=who, **of.settings)
        racer.turns = turns
        version(racer, text)
        try:
            racer.push()
            outcomes[who] = None
        except BaseException as error:
            outcomes[who] = error
        finally:
            turns.leave(who)

    threads = [
        threading.Thread(target=run, args=arguments) for arguments in ((ann, "ann", "vann"), (bob, "bob", "vbob"))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(180)
    served = get(platform).text
    winners = [who for who, error in outcomes.items() if error is None]
    losers = {who: error for who, error in outcomes.items() if error is not None}
    assert winners, outcomes
    assert any(f"first v{who}" in served for who in winners), (served, outcomes)
    for who, error in losers.items():
        (other,) = {"ann", "bob"} - {who}
        assert isinstance(error, Conflict), (who, error)
        assert other in error.message
        again = {"ann": ann, "bob": bob}[who]
        again.who = who
        again.push(force=True)
        assert f"first v{who}" in get(platform).text


def test_a_free_account_has_room_for_one_site(account: Account, platform: Platform, laptop: Make) -> None:
    platform.api._create("other-eric.pythonanywhere.com", "python" + account.pythons[0].replace(".", ""))
    with pytest.raises(PaasctlError, match="maximum number of web apps") as caught:
        laptop().push()
    assert caught.value.exit_code == 1
