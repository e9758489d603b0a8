"""20,000 and more seeded cases against what strangers and damaged uploads can reach, in this process.

``PAASCTL_FUZZ_SEED`` and ``PAASCTL_FUZZ_TIMES`` repeat a case or run more of them.
"""

import contextlib
import gzip
import hashlib
import io
import json
import os
import random
import shutil
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.pythonanywhere.document import read_deploy
from paasctl.procfiles.pythonanywhere.endpoint import Endpoint, sign
from paasctl.procfiles.pythonanywhere.places import Invalid, Places
from paasctl.procfiles.pythonanywhere.site import Site
from paasctl.procfiles.pythonanywhere.state import State
from paasctl.procfiles.pythonanywhere.unpack import unpack

SEED = int(os.environ.get("PAASCTL_FUZZ_SEED", "20261122"))
TIMES = int(os.environ.get("PAASCTL_FUZZ_TIMES", "1"))
REQUESTS, JOBS, DOCUMENTS, STATES, ARCHIVES = 9000, 1500, 7000, 1500, 4000
assert REQUESTS + JOBS + DOCUMENTS + STATES + ARCHIVES >= 20_000

KEY, DOMAIN = "ab" * 32, "eric.pythonanywhere.com"
ODD: list[Any] = [
    None, True, False, 0, -1, 1 << 70, 1.5, float("nan"), "", "x", "\0", "../x", "/etc", "a/../b", "ü" * 90, "x" * 5000,
    [], {}, [[]], {"a": {}}, "r1\n", "٣", "\ud800",
]  # fmt: skip


def archive() -> dict[str, Any]:
    return {"name": "c0de", "bytes": 10, "files": 1, "parts": [{"name": "c0de.0", "sha256": "0" * 64, "size": 10}]}


def document() -> dict[str, Any]:
    record = {
        "id": "r1", "python": "3.11", "entry": "wsgi:app", "code": archive(), "layer": archive(),
        "env": {"id": "e1", "mac": "0" * 64}, "persist": ["data.db", "up/"], "static": {"/static/": "static"},
        "health": "/", "runtime": True,
    }  # fmt: skip
    return {
        "v": 1, "id": "ab" * 8, "key": KEY, "parents": ["cd" * 8], "who": "ann", "when": "now", "release": "r1",
        "releases": [record],
    }  # fmt: skip


def spoil(value: Any, pick: random.Random) -> Any:
    """The value with one thing in it replaced, taken out or put in."""
    if isinstance(value, dict) and value and pick.random() < 0.85:
        key = pick.choice(list(value))
        if pick.random() < 0.15:
            return {k: v for k, v in value.items() if k != key}
        return {**value, key: spoil(value[key], pick)}
    if isinstance(value, list) and value and pick.random() < 0.85:
        place = pick.randrange(len(value))
        return [*value[:place], spoil(value[place], pick), *value[place + 1 :]]
    if isinstance(value, str) and value and pick.random() < 0.5:
        place = pick.randrange(len(value))
        return value[:place] + pick.choice(["", "/", ".", "..", "\0", "\n", "é", "%", "A"]) + value[place + 1 :]
    return pick.choice(ODD)


def damage(data: bytes, pick: random.Random) -> bytes:
    """The bytes with some flipped, cut out, doubled or cut off."""
    found = bytearray(data)
    for _ in range(pick.randint(1, 4)):
        if not found:
            break
        place = pick.randrange(len(found))
        kind = pick.random()
        if kind < 0.6:
            found[place] = pick.randrange(256)
        elif kind < 0.75:
            del found[place : place + pick.randint(1, 40)]
        elif kind < 0.9:
            found[place:place] = found[place : place + pick.randint(1, 40)]
        else:
            del found[place:]
    return bytes(found)


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    found = Places(str(tmp_path / "home"), "shop", str(tmp_path / "wsgi.py"))
    found.close()
    return found


@contextlib.contextmanager
def case(number: int) -> Iterator[random.Random]:
    """One case's own random numbers; a failure names the case."""
    try:
        yield random.Random(SEED * 1_000_003 + number)
    except Exception as error:
        raise AssertionError(f"case {number} of seed {SEED}: {type(error).__name__}") from error


def test_requests(places: Places) -> None:
    """A stranger's request is answered 404; only an unspoilt signature, used once, is answered."""
    Path(places.deploy).write_text(json.dumps({**document(), "release": None, "releases": []}))
    endpoint = Endpoint(places, Site(places), DOMAIN, "stub")
    answered = 0
    for number in range(REQUESTS * TIMES):
        with case(number) as pick:
            method, action = pick.choice([("GET", "status"), ("POST", "job")])
            nonce = f"{pick.getrandbits(128):032x}"
            moment = str(int(time.time()))
            good = {
                "REQUEST_METHOD": method, "PATH_INFO": f"/__paasctl__/{action}",
                "HTTP_X_PAASCTL": f"1 {moment} {nonce} "
                + sign(KEY, method, f"/__paasctl__/{action}", DOMAIN, moment, nonce),
            }  # fmt: skip
            environ = good if pick.random() < 0.02 else spoil(good, pick)
            if not isinstance(environ, dict):
                environ = {"HTTP_X_PAASCTL": environ}
            seen: list[str] = []
            body = b"".join(endpoint(environ, lambda status, headers, seen=seen: seen.append(status)))
            if environ == good:
                answered += 1
                assert seen == [{"status": "200 OK", "job": "409 Conflict"}[action]]
            else:
                assert (seen, body) == (["404 Not Found"], b"Not Found\n")
    assert answered > 50


def test_jobs(places: Places) -> None:
    """Whatever an uploaded job holds, the signed request for it gets a signed answer, and nothing of it is run."""
    live = document()
    Path(places.active).write_text(json.dumps({"v": 1, "live": live, "env": {}}))
    endpoint = Endpoint(places, Site(places), DOMAIN, "stub")
    refused: dict[str, int] = {}
    for number in range(JOBS * TIMES):
        with case(number) as pick:
            nonce, moment = f"{pick.getrandbits(128):032x}", str(int(time.time()))
            kind = pick.choice(["release", "run"])
            job = {
                "id": nonce, "kind": kind, "argv": ["touch /ran"], "key": KEY, "record": live["releases"][0],
                "parents": [live["id"]], "fingerprint": "f",
            }  # fmt: skip
            text = json.dumps(spoil(job, pick)).encode("utf-8", "surrogatepass")
            text = damage(text, pick) if pick.random() < 0.3 else text
            Path(places.path("jobs", f"{nonce}.json")).write_bytes(text)
            proof = sign(KEY, "POST", "/__paasctl__/job", DOMAIN, moment, nonce)
            environ = {
                "REQUEST_METHOD": "POST", "PATH_INFO": "/__paasctl__/job",
                "HTTP_X_PAASCTL": f"1 {moment} {nonce} {proof}",
            }  # fmt: skip
            seen: list[str] = []
            answer = json.loads(b"".join(endpoint(environ, lambda status, headers, seen=seen: seen.append(status))))
            assert seen == ["200 OK" if "rc" in answer else "409 Conflict"]
            assert answer.get("rc", 125) == 125
            said = str(answer.get("refused") or answer.get("kind"))
            refused[said] = refused.get(said, 0) + 1
    assert set(refused) == {"failed", "conflict"}


def test_documents(places: Places) -> None:
    """A damaged deploy.json is refused by name; nothing else may happen."""
    accepted = 0
    for number in range(DOCUMENTS * TIMES):
        with case(number) as pick:
            text = json.dumps(spoil(document(), pick)).encode("utf-8", "surrogatepass")
            if pick.random() < 0.3:
                text = damage(text, pick)
            Path(places.deploy).write_bytes(text)
            try:
                found = read_deploy(places.deploy)
            except Invalid:
                continue
            accepted += 1
            assert found is not None
            for name in (found["release"], *[r["code"]["name"] for r in found["releases"][:1] if found["release"]]):
                assert name is None or ("/" not in name and name not in ("", ".", ".."))
    assert 0 < accepted < DOCUMENTS * TIMES


def test_nested_and_huge_documents_are_refused(places: Places) -> None:
    for text in (b"[" * 200_000, b"{" * 5, b"9" * 10_000, b'{"v": ' + b"9" * 9000 + b"}", b"\xff\xfe", b"", b"null"):
        Path(places.deploy).write_bytes(text)
        with pytest.raises(Invalid):
            read_deploy(places.deploy)


def test_sites(places: Places) -> None:
    """Whatever deploy.json and active.json hold, loading the site raises nothing and runs nothing."""
    for number in range(STATES * TIMES):
        with case(number) as pick:
            for path, whole in ((places.deploy, document()), (places.active, {"v": 1, "live": document(), "env": {}})):
                text = json.dumps(spoil(whole, pick) if pick.random() < 0.8 else whole).encode("utf-8", "surrogatepass")
                Path(path).write_bytes(damage(text, pick) if pick.random() < 0.3 else text)
            site = Site(places)
            site.load()
            assert site.app is None
            State(places)
    assert not Path(places.path("releases", "c0de")).exists()


def small_tar(pick: random.Random) -> bytes:
    """A tar whose members have odd names, types and links, with headers that add up."""
    names = ["a", "a/b", "../x", "/x", "a/../../x", "l", "l/x", "ü", "x" * 120, ".", "a//b", "b/./c", "\udcff"]
    kinds = [tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
    stream = io.BytesIO()
    kind = pick.choice([tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
    with tarfile.open(fileobj=stream, mode="w", format=kind, errors="surrogateescape") as found:
        for _ in range(pick.randint(1, 6)):
            member = tarfile.TarInfo(pick.choice(names))
            member.type = pick.choice(kinds)
            member.linkname = pick.choice(["", "a", "../../x", "/etc/passwd", "a/../..", ".."])
            content = pick.randbytes(pick.randint(0, 600)) if member.isreg() else b""
            member.size, member.mode, member.mtime = len(content), pick.getrandbits(12), pick.getrandbits(33)
            found.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def test_archives(tmp_path: Path) -> None:
    """Whatever an archive holds, it is unpacked inside its folder or refused; nothing is left of a refused one."""
    incoming, out = tmp_path / "in", tmp_path / "all" / "out"
    incoming.mkdir()
    out.parent.mkdir()
    whole = 0
    for number in range(ARCHIVES * TIMES):
        with case(number) as pick:
            data = small_tar(pick)
            data = damage(data, pick) if pick.random() < 0.5 else data
            packed = gzip.compress(data, 1)
            packed = damage(packed, pick) if pick.random() < 0.2 else packed
            (incoming / "c0de.0").write_bytes(packed)
            part = {"name": "c0de.0", "sha256": hashlib.sha256(packed).hexdigest(), "size": len(packed)}
            with contextlib.suppress(Invalid, OSError):
                unpack({"name": "c0de", "bytes": 3000, "files": 5, "parts": [part]}, str(incoming), str(out))
                whole += 1
                root = os.path.realpath(out)
                for path in out.rglob("*"):
                    assert os.path.realpath(path).startswith(root), path
                    assert path.is_symlink() or path.is_file() or path.is_dir()
                shutil.rmtree(out)
            assert list(out.parent.iterdir()) == []
    assert {p.name for p in tmp_path.iterdir()} == {"in", "all"}
    assert whole > 50
