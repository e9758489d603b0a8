"""The Heroku adapter keeps the contract of every target."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from heroku_standin import HerokuApp, Standin
from heroku_standin.rendezvous import Rendezvous
from heroku_standin.server import TOKEN

from paasctl.target import Adapter, Context, Target, load
from paasctl.testing import Live, TargetContract


class HerokuWorld:
    """The stand-in with no app on it; the first push makes one."""

    def __init__(self, standin: Standin, rendezvous: Rendezvous, folder: Path) -> None:
        self._standin, self._folder, self._broken = standin, folder, False
        self._environ = {"HEROKU_API_KEY": TOKEN, "REQUESTS_CA_BUNDLE": str(rendezvous.certificate)}

    @property
    def adapter(self) -> Adapter:
        return load("heroku")

    def connect(self) -> Target:
        folder = self._folder
        context = Context("contract", folder, self._environ, folder, folder, folder, "ada@laptop")
        return self.adapter.connect("heroku", {"app": "contract", "api_url": self._standin.url}, context)

    @property
    def app(self) -> HerokuApp | None:
        return self._standin.world.apps.get("contract")

    def snapshot(self) -> object:
        apps = self._standin.world.apps
        return repr(apps), sorted(self._standin.world.archives)

    def calls(self) -> int | None:
        return len(self._standin.seen)

    def live(self) -> Live:
        app = self.app
        slug = app.current.slug if app else None
        if app is None or slug is None:
            return Live()
        code = re.search(r'CODE = "(.*)"', slug.files["web.py"].decode())
        env = {name: value for name, value in app.current.config.items() if name != "PAASCTL_MANIFEST"}
        return Live(code[1] if code else "", env)

    def set_by_hand(self, name: str, value: str) -> None:
        app = self.app or self._standin.world.app("contract")
        assert not app.patch({name: value})

    def break_health(self, root: Path) -> None:
        app = self.app
        assert app is not None
        app.crash_after = app.current.version


class TestHeroku(TargetContract):
    @pytest.fixture
    def world(self, standin: Standin, rendezvous: Rendezvous, tmp_path: Path) -> HerokuWorld:
        folder = tmp_path / "laptop"
        folder.mkdir()
        return HerokuWorld(standin, rendezvous, folder)
