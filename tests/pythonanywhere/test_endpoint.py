"""Who gets an answer under /__paasctl__/, and who gets a 404."""

import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.pythonanywhere.endpoint import Endpoint, sign
from paasctl.procfiles.pythonanywhere.places import Places
from paasctl.procfiles.pythonanywhere.site import Site

KEY = "ab" * 32
OTHER = "cd" * 32
DOMAIN = "eric.pythonanywhere.com"


class Asked:
    """An endpoint of an app folder in which nothing is live but a key is known."""

    def __init__(self, folder: Path) -> None:
        self.places = Places(str(folder), "shop", str(folder / "wsgi.py"))
        self.places.close()
        document = {"v": 1, "id": "ab" * 8, "key": KEY, "parents": [], "who": "ann", "when": "now", "releases": []}
        Path(self.places.deploy).write_text(json.dumps({**document, "release": None}))
        self.site = Site(self.places)
        self.endpoint = Endpoint(self.places, self.site, DOMAIN, "stub")

    def __call__(self, method: str = "GET", path: str = "/__paasctl__/status", **more: Any) -> tuple[str, dict, bytes]:
        seen: list[Any] = []
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, **more}
        body = b"".join(self.endpoint(environ, lambda status, headers: seen.extend([status, dict(headers)])))
        return seen[0], seen[1], body

    def signed(self, method: str = "GET", action: str = "status", **more: Any) -> tuple[str, dict, bytes]:
        return self(method, f"/__paasctl__/{action}", HTTP_X_PAASCTL=header(method, action, **more))


def header(
    method: str, action: str, key: str = KEY, nonce: str = "0" * 32, ago: float = 0, domain: str = DOMAIN
) -> str:
    moment = str(int(time.time() - ago))
    return f"1 {moment} {nonce} " + sign(key, method, f"/__paasctl__/{action}", domain, moment, nonce)


@pytest.fixture
def asked(tmp_path: Path) -> Asked:
    return Asked(tmp_path)


def test_a_signed_status_is_answered_and_signed(asked: Asked) -> None:
    status, headers, body = asked.signed(nonce="1" * 32)
    assert status == "200 OK"
    assert json.loads(body)["serves"] is False
    expected = sign(KEY, "answer", "1" * 32, "200", hashlib.sha256(body).hexdigest())
    assert headers["X-Paasctl-Answer"] == expected


def test_strangers_get_404_and_nothing_else(asked: Asked, capsys: pytest.CaptureFixture[str]) -> None:
    for answer in (
        asked(),
        asked("POST", "/__paasctl__/job"),
        asked(path="/__paasctl__/"),
        asked(path="/__paasctl__/deploy.json"),
        asked(HTTP_X_PAASCTL="x" * 5000 + "CANARY"),
        asked.signed(key=OTHER),
        asked.signed(domain="evil.example"),
    ):
        assert answer == ("404 Not Found", {"Content-Type": "text/plain", "Content-Length": "10"}, b"Not Found\n")
    said = capsys.readouterr().out
    assert set(said.splitlines()) == {"paasctl: a request to paasctl's address was refused"}


@pytest.mark.parametrize("method", ["POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "get", ""])
def test_other_methods_get_404_even_when_signed(asked: Asked, method: str) -> None:
    assert asked.signed(method, "status")[0] == "404 Not Found"


@pytest.mark.parametrize("ago", [301, 86_400, -301])
def test_a_stale_signature_is_refused(asked: Asked, ago: float) -> None:
    assert asked.signed(ago=ago)[0] == "404 Not Found"


@pytest.mark.parametrize("ago", [0, 290, -290])
def test_a_clock_that_is_a_little_off_is_no_reason(asked: Asked, ago: float) -> None:
    assert asked.signed(ago=ago)[0] == "200 OK"


def test_a_replay_is_refused_also_by_another_process(asked: Asked) -> None:
    once = header("GET", "status")
    assert asked(HTTP_X_PAASCTL=once)[0] == "200 OK"
    assert asked(HTTP_X_PAASCTL=once)[0] == "404 Not Found"
    again = Endpoint(asked.places, Site(asked.places), DOMAIN, "stub")
    seen: list[Any] = []
    list(
        again(
            {"REQUEST_METHOD": "GET", "PATH_INFO": "/__paasctl__/status", "HTTP_X_PAASCTL": once},
            lambda status, headers: seen.append(status),
        )
    )
    assert seen == ["404 Not Found"]


def test_notes_of_old_requests_are_removed(asked: Asked) -> None:
    folder = Path(asked.places.path("nonces"))
    now = int(time.time())
    for moment in (now - 100_000, now - 601, now - 599):
        (folder / f"{moment}-x").touch()
    assert asked.signed()[0] == "200 OK"
    assert {int(p.name.partition("-")[0]) - now for p in folder.iterdir()} <= {-599, 0, 1, -1}


def test_a_signature_for_the_status_starts_no_job(asked: Asked) -> None:
    assert asked("POST", "/__paasctl__/job", HTTP_X_PAASCTL=header("GET", "status"))[0] == "404 Not Found"


def test_a_job_that_was_not_uploaded_is_not_run(asked: Asked) -> None:
    status, _, body = asked.signed("POST", "job")
    assert (status, json.loads(body)["refused"]) == ("409 Conflict", "gone")


def test_before_the_first_release_the_uploaded_job_signs(tmp_path: Path) -> None:
    asked = Asked(tmp_path)
    Path(asked.places.deploy).unlink()
    id = "2" * 32
    Path(asked.places.path("jobs", f"{id}.json")).write_text(
        json.dumps({"id": id, "kind": "run", "argv": ["true"], "key": OTHER})
    )
    assert asked.signed("POST", "job", nonce=id, key=KEY)[0] == "404 Not Found"
    assert asked.signed("POST", "job", nonce=id, key=OTHER)[0] == "409 Conflict"


def test_a_full_disk_leaves_the_status_and_stops_jobs(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    def full(*_: Any) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "open", full)
    assert asked.signed()[0] == "200 OK"
    assert asked.signed("POST", "job")[0] == "404 Not Found"
