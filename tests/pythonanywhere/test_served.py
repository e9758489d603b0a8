"""What strangers send to a site that really runs, by HTTP: jobs, spoilt requests, damaged uploads. The app goes on."""

import contextlib
import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from paasctl.procfiles.pythonanywhere.endpoint import sign
from standin import Platform
from standin.laptop import Laptop
from standin.visitor import DOMAIN, get
from test_fuzz import SEED, TIMES, damage, spoil

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]
APPS = "/home/eric/.paasctl/apps/shop"
REQUESTS, JOBS, DOCUMENTS = 3000, 300, 300


class Served:
    """A site that serves v001, its key, and ways to ask it."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.account = platform, platform.account
        self.document = self.account.document(f"{APPS}/deploy.json")
        self.key = self.document["key"]
        self.pid = self.about()["pid"]

    def about(self) -> Any:
        return json.loads(get(self.platform, "/about").text)

    def header(self, method: str, action: str, nonce: str, key: str = "", ago: int = 0) -> str:
        moment = str(int(time.time()) - ago)
        proof = sign(key or self.key, method, f"/__paasctl__/{action}", DOMAIN, moment, nonce)
        return f"1 {moment} {nonce} {proof}"

    def ask(self, method: str, action: str, header: str | None = None, **more: Any) -> requests.Response:
        """By the front."""
        headers = {"Host": DOMAIN, **({"X-Paasctl": header} if header else {})}
        url = f"{self.platform.site_url}/__paasctl__/{action}"
        return requests.request(method, url, headers=headers, timeout=60, **more)

    def raw(self, method: Any, path: Any, header: Any) -> int:
        """To the web app's own socket, whatever the bytes are; the status, 0 where the server closed without one."""
        text = f"{method} {path} HTTP/1.1\r\nHost: {DOMAIN}\r\nX-Paasctl: {header}\r\nConnection: close\r\n\r\n"
        with contextlib.suppress(ConnectionError), socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(str(self.platform.processes[DOMAIN].socket))
            connection.sendall(text.encode("utf-8", "surrogatepass"))
            found = b"".join(iter(lambda: connection.recv(65536), b""))
            return int(found.split(b" ", 2)[1]) if found.startswith(b"HTTP/") else 0
        return 0

    def alive(self) -> None:
        """The same process still serves the app, and nothing was raised in it."""
        assert self.about()["pid"] == self.pid
        assert "first v001" in get(self.platform).text
        assert "Traceback" not in self.account.read(f"/var/log/{DOMAIN}.error.log")


@pytest.fixture
def served(platform: Platform, laptop: Make) -> Iterator[Served]:
    laptop().push()
    found = Served(platform)
    yield found
    found.alive()


def uploaded(served: Served, id: str, content: bytes) -> str:
    served.account.real(f"{APPS}/jobs/{id}.json").write_bytes(content)
    return served.header("POST", "job", id)


def test_a_job_runs_once_whoever_repeats_its_request(served: Served) -> None:
    id = "ab" * 16
    job = {"id": id, "kind": "run", "argv": ["sh", "-c", "echo ran >> $HOME/ran.txt"], "key": served.key}
    header = uploaded(served, id, json.dumps(job).encode())
    assert served.ask("POST", "job", header).json()["rc"] == 0
    replayed = served.ask("POST", "job", header)
    assert (replayed.status_code, replayed.content) == (404, b"Not Found\n")
    again = served.ask("POST", "job", served.header("POST", "job", id, ago=5))
    assert (again.status_code, again.json()["refused"]) == (409, "gone")
    assert served.account.read("/home/eric/ran.txt") == "ran\n"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_other_methods_and_strangers_get_404(served: Served, method: str) -> None:
    id = "cd" * 16
    header = uploaded(served, id, b"{}")
    assert served.ask(method, "job").status_code == 404
    assert served.ask(method, "job", header).status_code == 404
    assert served.ask(method, "job", served.header(method, "job", id)).status_code == 404
    assert served.ask("POST", "job", served.header("POST", "job", id, key="ef" * 32)).status_code == 404


def test_large_bodies_and_headers_do_no_harm(served: Served) -> None:
    header = served.header("GET", "status", "12" * 16)
    assert served.ask("POST", "job", data=b"x" * 5_000_000).status_code == 404
    assert served.ask("POST", "job", "1 " + "9" * 20_000).status_code == 404
    assert served.ask("GET", "status", header, data=b"x" * 5_000_000).json()["serves"] is True


def test_spoilt_requests(served: Served) -> None:
    """No answer is the server's fault, and only an unspoilt signature is answered."""
    answered = 0
    for number in range(REQUESTS * TIMES):
        pick = random.Random(SEED * 1_000_003 + number)
        method, action = pick.choice([("GET", "status"), ("POST", "job")])
        nonce = f"{pick.getrandbits(128):032x}"
        good = [method, f"/__paasctl__/{action}", served.header(method, action, nonce)]
        sent = good if pick.random() < 0.02 else spoil(good, pick)
        sent = sent if isinstance(sent, list) and len(sent) == 3 else ["GET", f"/__paasctl__/{sent}", sent]
        status = served.raw(*sent)
        where = f"request {number} of seed {SEED}: {status}"
        assert status < 500, where
        if sent == good:
            answered += 1
            assert status == {"status": 200, "job": 409}[action], where
        elif status and sent[1] == good[1]:
            assert status == 404, where
    assert answered > 20


def test_damaged_jobs_and_documents(served: Served) -> None:
    """Whatever was uploaded, whoever signed the request gets an answer, and the site goes on."""
    live = served.document
    record = next(r for r in live["releases"] if r["id"] == live["release"])
    for number in range((JOBS + DOCUMENTS) * TIMES):
        pick = random.Random(SEED * 1_000_003 + number)
        nonce = f"{pick.getrandbits(128):032x}"
        job = {
            "id": nonce, "kind": pick.choice(["release", "run"]), "argv": ["true"], "key": served.key,
            "record": record, "parents": [live["id"]], "fingerprint": "f",
        }  # fmt: skip
        whole = job if number % 2 else live
        text = json.dumps(spoil(whole, pick)).encode("utf-8", "surrogatepass")
        text = damage(text, pick) if pick.random() < 0.3 else text
        if whole is job:
            status = served.raw("POST", "/__paasctl__/job", uploaded(served, nonce, text))
        else:
            served.account.real(f"{APPS}/deploy.json").write_bytes(text)
            status = served.raw("GET", "/__paasctl__/status", served.header("GET", "status", nonce))
        assert status in ((200, 409) if whole is job else (200,)), f"case {number} of seed {SEED}: {status}"
