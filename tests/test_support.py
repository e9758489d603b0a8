"""The instruments of the end-to-end tests notice what they are there to notice."""

from __future__ import annotations

import base64
import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import execs, processes
from support.load import Clients, Request
from support.projects import SAMPLES, Project, fingerprint
from support.sentinels import Sentinels


class Faulty(http.server.BaseHTTPRequestHandler):
    """/ is whole; /mixed comes from two releases; /error is a 500; /drop closes without an answer."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        if self.path == "/drop":
            self.close_connection = True
            return
        body = b"first v001 last v002" if self.path == "/mixed" else b"first v001 last v001"
        self.send_response(500 if self.path == "/error" else 200)
        self.send_header("X-Version", "v001")
        self.send_header("Content-Length", str(len(body) + (self.path == "/short")))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = self.close_connection or self.path == "/short"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def faulty() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Faulty)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("path", "told"), [("/mixed", "from ['v001', 'v002']"), ("/error", "500"), ("/drop", "lost"), ("/short", "lost")]
)
def test_the_clients_notice(faulty: str, path: str, told: str) -> None:
    with Clients(faulty, [Request("GET", path), Request("GET", path, keep_alive=True)], most=6, seconds=10) as clients:
        for thread in clients._threads:
            thread.join()
    assert len(clients.report.bad) >= 6
    assert all(told in line for line in clients.report.bad), clients.report


def test_the_clients_accept_what_is_whole(faulty: str) -> None:
    with Clients(faulty, [Request("POST", "/", body=b"x=1", keep_alive=True)], most=5, seconds=10) as clients:
        for thread in clients._threads:
            thread.join()
    assert not clients.report.bad
    assert clients.report.served["v001"] == 5


@pytest.mark.parametrize(
    "dressed",
    [
        str,
        repr,
        json.dumps,
        urllib.parse.quote,
        urllib.parse.quote_plus,
        lambda value: value[: len(value) * 5 // 6],
        lambda value: base64.b64encode(value.encode()).decode(),
        lambda value: base64.b64encode(f"x{value}".encode()).decode(),
        lambda value: base64.urlsafe_b64encode(f"xy{value}".encode()).decode(),
        lambda value: value.encode().hex().upper(),
        lambda value: value[::-1],
    ],
)
def test_a_sentinel_is_found_in_every_dress(dressed: Callable[[str], str]) -> None:
    sentinels = Sentinels()
    for name, value in sentinels.values.items():
        assert any(name in found for found in sentinels.found(f"some words {dressed(value)} more")), name
        assert not sentinels.found(f"{name} {fingerprint(value)}")


def test_a_sentinel_in_a_readable_file_is_found(tmp_path: Path) -> None:
    sentinels = Sentinels()
    path = tmp_path / "deep" / "file"
    path.parent.mkdir()
    path.write_text(sentinels.values["PRIVATE_KEY"])
    path.chmod(0o600)
    assert sentinels.check_files([tmp_path]) == 0
    path.chmod(0o640)
    with pytest.raises(AssertionError, match="PRIVATE_KEY"):
        sentinels.check_files([tmp_path])


@pytest.mark.skipif(bool(execs.why_not()), reason=execs.why_not())
def test_the_recorder_sees_what_a_daemon_starts_later(tmp_path: Path) -> None:
    recorder = execs.Recorder(tmp_path / "record")
    daemon = (
        "import os, time\nif os.fork() == 0:\n    os.setsid(); time.sleep(0.5); os.execvp('echo', ['echo', 'later'])"
    )
    result = recorder.run(["x"], [sys.executable, "-c", daemon], dict(os.environ), 20)
    assert result.code == 0
    assert '"later"' not in recorder.text().replace(daemon, "")
    recorder._tracers[0].wait(20)
    assert '["echo", "later"]' in recorder.text()
    recorder.stop()


def test_processes_are_found_by_their_folder_and_ended(tmp_path: Path) -> None:
    # the folder is in the environment only; neither argv nor the working folder names it
    sleeper = subprocess.Popen(["sleep", "60"], cwd="/", env={"DATA": str(tmp_path / "data"), "PATH": "/usr/bin:/bin"})
    try:
        assert [one.pid for one in processes.under(tmp_path)] == [sleeper.pid]
        processes.sweep(tmp_path)
        assert sleeper.wait(5) != 0
    finally:
        sleeper.kill()
        sleeper.wait()


@pytest.mark.parametrize("name", SAMPLES)
def test_the_edits_fit_the_sample(name: str, tmp_path: Path) -> None:
    project = Project.copy(name, tmp_path / name)
    sizes = {path: (project.root / path).stat().st_size for path in project.sample.versioned}
    assert (project.version, project.bump(), project.version) == ("v001", "v002", "v002")
    assert sizes == {path: (project.root / path).stat().st_size for path in project.sample.versioned}
    project.break_import()
    project.break_health()
    for path in {project.sample.entry, project.sample.page[0]}:
        compile((project.root / path).read_text(), path, "exec")
    assert project.git("status", "--porcelain")
    project.restore()
    assert not project.git("status", "--porcelain")
