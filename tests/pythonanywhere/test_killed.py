"""The real program, killed (SIGKILL) the moment its k-th request arrives, for every k of every command that changes
something: a release that is whole serves, nothing is left on the laptop, and the same command finishes."""

from collections.abc import Callable
from pathlib import Path

import pytest
from standin import Platform
from standin.visitor import DOMAIN, get
from support.cli import Home, Paasctl, Running
from support.projects import Project

pytestmark = pytest.mark.e2e


class Shop:
    """A checkout that the real program pushes; the release command is due at every change of the code."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform = platform
        home = Home(folder / "h")
        self.project = Project.copy("plain_wsgi", home.root / "shop")
        account = platform.account
        self.project.write(
            "paasctl.toml",
            '[app]\nname = "shop"\nrelease = "echo ran >> $HOME/released.txt"\n'
            f'[targets.pythonanywhere]\nusername = "eric"\npython = "{account.pythons[0]}"\n'
            f'api_url = "{platform.api_url}"\nsite_url = "{platform.site_url}"\n'
            '[targets.pythonanywhere.static]\n"/static/" = "static"\n',
        )
        self.project.write("static/a.css", "a {}\n")
        self.paasctl = Paasctl(self.project.root, home, PYTHONANYWHERE_API_TOKEN=account.token)
        self.env("0")

    def env(self, text: str) -> None:
        self.project.env({"SECRET_KEY": "k1-Vn4tXq9bRw2LzJ7cMd5pHs8f", f"ROUND_{text}": "value-1"})

    def killed(self, number: int, *words: str) -> bool:
        """Run a command and kill it when its request ``number`` arrives, which is carried out; False when it ended
        before."""
        started: list[Running] = []
        count = [0]

        def harm(method: str, path: str) -> None:
            if path.startswith("/api/") or "/__paasctl__/" in path:
                count[0] += 1
                if count[0] == number:
                    started[0].kill()
                    started[0].process.wait()

        self.platform.forget()
        with self.platform.still:
            started.append(self.paasctl.start(*words))
            self.platform.faults = harm
        result = started[0].wait()
        self.platform.idle()
        self.platform.faults = lambda method, path: None
        assert result.code in (0, -9), result
        assert not list(self.paasctl.home.tmp.iterdir())
        return result.code != 0

    def served(self) -> str:
        page = get(self.platform)
        assert page.status == 200, page
        return page.text.split()[1]

    def switched(self) -> bool:
        """Did the killed command come to the reload that makes its release live?"""
        return any("/reload/" in line for line in self.platform.api_requests)


@pytest.fixture
def shop(platform: Platform, tmp_path: Path) -> Shop:
    return Shop(platform, tmp_path)


def until_whole(work: Callable[[int], bool]) -> int:
    """Call ``work`` with 1, 2, 3 ... until it says that nothing was killed any more; how many were."""
    number = 1
    while work(number):
        number += 1
        assert number < 30
    return number - 1


def test_push(shop: Shop) -> None:
    shop.paasctl.run("push", "pythonanywhere", "--yes")

    def one(number: int) -> bool:
        old, new = shop.served(), shop.project.bump()
        shop.env(str(number))
        killed = shop.killed(number, "push", "pythonanywhere", "--yes", "--delete")
        assert shop.served() == (new if shop.switched() else old)
        shop.paasctl.run("push", "pythonanywhere", "--yes", "--delete")
        assert shop.served() == new
        assert "nothing to do" in shop.paasctl.run("push", "pythonanywhere", "--yes").out
        return killed

    assert until_whole(one) == 8


def test_env_sync(shop: Shop) -> None:
    shop.paasctl.run("push", "pythonanywhere", "--yes")

    def one(number: int) -> bool:
        shop.env(str(number))
        killed = shop.killed(number, "env", "sync", "pythonanywhere", "--yes", "--delete")
        assert shop.served() == "v001"
        shop.paasctl.run("env", "sync", "pythonanywhere", "--yes", "--delete")
        names = [line for line in get(shop.platform, "/about").text.split('"') if line.startswith("ROUND_")]
        assert names == [f"ROUND_{number}"]
        return killed

    assert 5 <= until_whole(one) <= 7


def test_rollback(shop: Shop) -> None:
    shop.paasctl.run("push", "pythonanywhere", "--yes")
    shop.project.bump()
    shop.paasctl.run("push", "pythonanywhere", "--yes")

    def one(number: int) -> bool:
        assert shop.served() == "v002"
        killed = shop.killed(number, "rollback", "pythonanywhere", "r1", "--yes")
        assert shop.served() == ("v001" if shop.switched() else "v002")
        again = shop.paasctl.run("rollback", "pythonanywhere", "r1", "--yes", code=None)
        assert again.code == 0 or "r1 is live already" in again.err, again
        assert shop.served() == "v001"
        shop.paasctl.run("rollback", "pythonanywhere", "r2", "--yes")
        return killed

    assert until_whole(one) == 4


def test_first_push(shop: Shop) -> None:
    def one(number: int) -> bool:
        killed = shop.killed(number, "push", "pythonanywhere", "--yes")
        shop.paasctl.run("push", "pythonanywhere", "--yes")
        assert shop.served() == "v001"
        assert get(shop.platform, "/static/a.css").text == "a {}\n"
        assert "nothing to do" in shop.paasctl.run("push", "pythonanywhere", "--yes").out
        down(shop)
        return killed

    assert until_whole(one) == 13


def down(shop: Shop) -> None:
    shop.paasctl.run("down", "pythonanywhere", "--yes", "--purge")
    assert DOMAIN not in shop.platform.account.webapps
    left = [str(path) for path in shop.platform.account.real("/home/eric/.paasctl").rglob("*") if path.is_file()]
    assert not left


def test_down(shop: Shop) -> None:
    def one(number: int) -> bool:
        shop.paasctl.run("push", "pythonanywhere", "--yes")
        killed = shop.killed(number, "down", "pythonanywhere", "--yes", "--purge")
        down(shop)
        return killed

    assert until_whole(one) >= 5
