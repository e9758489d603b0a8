"""The adapter `local` keeps the contract: real processes on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests

from paasctl import push
from paasctl.target import Context, Target, load
from paasctl.testing import Live, TargetContract
from paasctl.testing.checkout import FILES, Log

pytestmark = pytest.mark.e2e


class LocalWorld:
    """The folder of the app on this machine, and its site."""

    def __init__(self, root: Path) -> None:
        self.adapter, self.root = load("local"), root
        with socket.socket() as probe:  # one of its own, since other tests push at the same time
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    @property
    def host(self) -> Path:
        return self.root / "data" / "local" / "contract"

    def connect(self) -> Target:
        context = Context(
            "contract", self.root, dict(os.environ), Path.home(), self.root / "data", self.root / "cache", "ada@laptop"
        )
        return self.adapter.connect("local", {"port": self.port}, context)

    def snapshot(self) -> object:
        quiet = ("logs", "run", "tmp")  # what the running processes write themselves
        files = [file for file in self.host.rglob("*") if file.relative_to(self.host).parts[0] not in quiet]
        return {file: self._content(file) for file in sorted(files)}

    def _content(self, file: Path) -> str:
        if file.is_symlink():
            return str(file.readlink())
        return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""

    def calls(self) -> int | None:
        return None

    def live(self) -> Live:
        target = self.connect()
        try:
            observed = target.observe()
        finally:
            target.close()
        try:
            answer: Any = requests.get(observed.url, timeout=30).json()
        except requests.RequestException:
            return Live()
        return Live(answer["code"], answer["env"])

    def set_by_hand(self, name: str, value: str) -> None:
        documents = sorted((self.host / "env").glob("*.json"))
        if not documents:
            raise NotImplementedError("there is no env before the first push")
        document = json.loads(documents[-1].read_text())
        document["env"][name] = value
        documents[-1].write_text(json.dumps(document))

    def break_health(self, root: Path) -> None:
        (root / "web.py").write_text("raise SystemExit('broken on purpose')\n")


class TestLocal(TargetContract):
    def files(self) -> Mapping[str, str]:
        return {**FILES, "Procfile": "web: gunicorn web:app\n", "requirements.txt": "gunicorn\n"}

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[LocalWorld]:
        world = LocalWorld(tmp_path / "machine")
        yield world
        target: Any = world.connect()
        try:
            push.apply(target.down(target.observe(), True), Log())
        finally:
            target.close()
