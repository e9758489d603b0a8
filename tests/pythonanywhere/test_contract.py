"""The adapter keeps the contract of every target, with a site that really runs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standin import Platform
from standin.clock import QuickClock
from standin.visitor import get

from paasctl.target import Adapter, Context, Target, load
from paasctl.testing import Live, TargetContract

pytestmark = pytest.mark.e2e


class World:
    """The stand-in's one account, seen past the adapter."""

    def __init__(self, platform: Platform, root: Path) -> None:
        self.platform, self.root = platform, root
        self.adapter: Adapter = load("pythonanywhere")
        self.clock = QuickClock()

    def connect(self) -> Target:
        account = self.platform.account
        settings = {
            "username": account.username,
            "python": account.pythons[0],
            "api_url": self.platform.api_url,
            "site_url": self.platform.site_url,
        }
        environ = {**os.environ, "PYTHONANYWHERE_API_TOKEN": account.token}
        context = Context("contract", self.root, environ, self.root, self.root, self.root, "ada@laptop")
        target: Target = sys.modules[self.adapter.__module__].connect("contract", settings, context, self.clock)
        return target

    def snapshot(self) -> object:
        account = self.platform.account
        quiet = ("nonces", "__pycache__", "hang.txt", "lock")
        files = {
            str(path): path.read_bytes() if path.is_file() and not path.is_symlink() else path.is_symlink()
            for folder in ("home", "var/www")
            for path in sorted((account.root / folder).rglob("*"))
            if not any(part in quiet for part in path.parts)
        }
        return json.dumps([account.webapps, account.static], sort_keys=True), files

    def calls(self) -> int | None:
        return len(self.platform.api_requests) + len(self.platform.site_requests)

    def live(self) -> Live:
        page = get(self.platform)
        self.platform.site_requests.pop()
        if page.status != 200:
            return Live()
        answer: Any = json.loads(page.text)
        return Live(answer["code"], answer["env"])

    def set_by_hand(self, name: str, value: str) -> None:
        """As a colleague does it: the env file in the editor of the Files page, then the reload button."""
        account = self.platform.account
        base = "/home/eric/.paasctl/apps/contract"
        if not account.real(f"{base}/active.json").exists():
            raise NotImplementedError("there is no env before the first push")
        live = account.document(f"{base}/active.json")["live"]
        record = next(r for r in live["releases"] if r["id"] == live["release"])
        path = f"{base}/env/{record['env']['id']}.json"
        document = account.document(path)
        document["env"][name] = value
        account.real(path).write_text(json.dumps(document))
        self.platform._reload("eric.pythonanywhere.com")

    def break_health(self, root: Path) -> None:
        code = (root / "web.py").read_text()
        (root / "web.py").write_text(
            code.replace(
                "def app(environ, start_response):",
                "def app(environ, start_response):\n    raise RuntimeError('unwell on purpose')",
            )
        )


class TestPythonAnywhere(TargetContract):
    @pytest.fixture
    def world(self, platform: Platform, tmp_path: Path) -> Iterator[World]:
        yield World(platform, tmp_path)
