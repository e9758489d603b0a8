"""The test of the third-party adapter: the contract, in a world of a folder and a small web server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from paasctl.target import Context, Target, load
from paasctl.testing import Live, TargetContract


class FolderWorld:
    """The folder, and a web server in front of it that says whether the app is well."""

    def __init__(self, path: Path) -> None:
        self.adapter, self.path, self.status = load("folder"), path, 200
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        world = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(world.status)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        return Handler

    def connect(self) -> Target:
        url = f"http://127.0.0.1:{self.server.server_port}/"
        context = Context("shop", self.path, {}, self.path, self.path, self.path, "ada@laptop")
        return self.adapter.connect("folder", {"path": "site", "url": url}, context)

    def snapshot(self) -> object:
        files = sorted(self.path.rglob("*"))
        return {file: file.readlink() if file.is_symlink() else file.is_file() and file.read_bytes() for file in files}

    def calls(self) -> int | None:
        return None

    def live(self) -> Live:
        current = self.path / "site" / "current"
        if not current.exists():
            return Live()
        env = json.loads((current / "release.json").read_text())["env"]
        return Live((current / "code" / "web.py").read_text(), env)

    def set_by_hand(self, name: str, value: str) -> None:
        file = self.path / "site" / "current" / "release.json"
        if not file.exists():
            raise NotImplementedError("there is no env before the first push")
        document = json.loads(file.read_text())
        document["env"][name] = value
        file.write_text(json.dumps(document))

    def break_health(self, root: Path) -> None:
        self.status = 500


class TestFolder(TargetContract):
    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[FolderWorld]:
        (tmp_path / "platform").mkdir()
        world = FolderWorld(tmp_path / "platform")
        yield world
        world.server.shutdown()
        world.server.server_close()
