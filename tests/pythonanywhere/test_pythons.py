"""The stub in every Python that PythonAnywhere may have: loaded, switched, asked, and run as a job."""

import hashlib
import hmac
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from paasctl.target import load

stub = importlib.import_module(load("pythonanywhere").__module__ + ".stub")
VERSIONS = ("3.8", "3.9", "3.10", "3.11", "3.12", "3.13")
KEY = "ab" * 32
pytestmark = pytest.mark.e2e

DRIVER = """
import hashlib, hmac, io, json, os, sys, tarfile, time
base, wsgi = sys.argv[1:3]
def ask(application, method, action, key, nonce):
    moment = str(int(time.time()))
    parts = ["paasctl-1", method, "/__paasctl__/" + action, "eric.pythonanywhere.com", moment, nonce]
    proof = hmac.new(bytes.fromhex(key), "\\n".join(parts).encode(), hashlib.sha256).hexdigest()
    header = "1 %s %s %s" % (moment, nonce, proof)
    environ = {"REQUEST_METHOD": method, "PATH_INFO": "/__paasctl__/" + action, "HTTP_X_PAASCTL": header}
    return json.loads(b"".join(application(environ, lambda s, h: None)))
module = {"__name__": "uwsgi_file_x"}
exec(compile(open(wsgi).read(), wsgi, "exec"), module)
application = module["application"]
page = b"".join(application({"REQUEST_METHOD": "GET", "PATH_INFO": "/"}, lambda s, h: None)).decode()
status = ask(application, "GET", "status", sys.argv[3], "1" * 32)
job = ask(application, "POST", "job", sys.argv[3], "2" * 32)
print(json.dumps({"page": page, "status": status, "job": job}))
"""

APP = """\
import os, sys
def application(environ, start_response):
    start_response("200 OK", [])
    return [("hello %s from %d.%d" % (os.environ["NAME"], *sys.version_info[:2])).encode()]
"""


def interpreter(version: str) -> str:
    from uv import find_uv_bin

    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for path in sorted(versions.glob(f"{version}.*/bin/python{version}")):
        return str(path)
    words = [find_uv_bin(), "python", "find", "--no-project", "--no-python-downloads", version]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(f"THE STUB WAS NOT RUN WITH PYTHON {version}: it is not on this machine")
    return found.stdout.strip()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_stub(version: str, tmp_path: Path) -> None:
    python = interpreter(version)
    base = tmp_path / ".paasctl/apps/shop"
    for name in ("incoming", "env", "jobs"):
        (base / name).mkdir(parents=True)
    record = laid(base, version)
    document = {
        "v": 1, "id": "ab" * 12, "key": KEY, "parents": [], "who": "ann", "when": "now", "release": "r1",
        "releases": [record],
    }  # fmt: skip
    (base / "deploy.json").write_text(json.dumps(document))
    code = "import os; print('job of', os.environ['NAME'])"
    job = {"id": "2" * 32, "kind": "run", "argv": ["python", "-c", code], "key": KEY}
    (base / "jobs" / f"{'2' * 32}.json").write_text(json.dumps(job))
    wsgi = tmp_path / "wsgi.py"
    wsgi.write_bytes(stub.stub(str(tmp_path), "shop", "eric.pythonanywhere.com", str(wsgi)))
    done = subprocess.run(
        [python, "-I", "-c", DRIVER, str(base), str(wsgi), KEY], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["page"] == f"hello eric from {version}"
    assert found["status"]["serves"] is True
    assert found["status"]["health"]["status"] == 200
    assert re.fullmatch(rf"{re.escape(version)}\.\d+", found["status"]["python"])
    assert (found["job"]["rc"], found["job"]["output"]) == (0, "job of eric\n")


def laid(base: Path, version: str) -> dict[str, object]:
    """An archive and an env in the account, and the record that names them."""
    import gzip
    import io
    import tarfile

    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("wsgi.py")
        member.size = len(APP)
        archive.addfile(member, io.BytesIO(APP.encode()))
    packed = gzip.compress(stream.getvalue())
    (base / "incoming/c0de.tar.gz").write_bytes(packed)
    env = json.dumps({"env": {"NAME": "eric"}}).encode()
    (base / "env/e1.json").write_bytes(env)
    mac = hmac.new(bytes.fromhex(KEY), b"paasctl-env-file\0" + env, hashlib.sha256).hexdigest()
    part = {"name": "c0de.tar.gz", "sha256": hashlib.sha256(packed).hexdigest(), "size": len(packed)}
    return {
        "id": "r1", "python": version, "entry": "wsgi:application", "layer": None, "env": {"id": "e1", "mac": mac},
        "code": {"name": "c0de", "bytes": len(APP), "files": 1, "parts": [part]}, "persist": ["data/"],
        "static": {}, "health": "/", "runtime": False,
    }  # fmt: skip


def test_the_stub_needs_the_standard_library_alone() -> None:
    text = stub.stub("/home/eric", "shop", "eric.pythonanywhere.com", "/var/www/x").decode()
    found = set(re.findall(r"^\s*(?:import|from) (\w+)", text, re.MULTILINE)) - {"__future__", "_paasctl_runtime"}
    assert found <= set(sys.stdlib_module_names)
