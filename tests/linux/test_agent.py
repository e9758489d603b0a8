"""The agent of a host in the oldest and the newest Python: started by the bootstrap, asked, given a tree."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from support import bundles

from paasctl import bundle as bundling
from paasctl.errors import PaasctlError
from paasctl.model import Bundle
from paasctl.target import load

ROOM = load("linux").__module__.rpartition(".")[0]
channel, upload = (import_module(f"{ROOM}.{name}") for name in ("channel", "upload"))
pytestmark = pytest.mark.e2e
FILES = {"web.py": b"CODE = 'one'\n", "static/shop.css": b"h1 { color: green }\n" * 4000}


def bundle_of(root: Path) -> Bundle:
    """The bundle of an app that has FILES."""
    root.mkdir()
    return bundling.build(bundles.app(root), FILES)


def interpreter(version: str) -> str:
    from uv import find_uv_bin

    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
    for path in sorted(versions.glob(f"{version}.*/bin/python{version}")):
        return str(path)
    words = [find_uv_bin(), "python", "find", "--no-project", "--no-python-downloads", version]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip(f"THE AGENT WAS NOT RUN WITH PYTHON {version}: it is not on this machine")
    return found.stdout.strip()


IMPORT = """
import json, sys
sources, bootstrap = json.load(sys.stdin), {}
exec(sources["paasctl_host.bootstrap"], bootstrap)
sys.meta_path.insert(0, bootstrap["Modules"](sources))
for name in sources:
    __import__(name)
print(len(sources))
"""


@pytest.mark.parametrize("version", ["3.8", "3.13"])
def test_every_module_of_the_agent_can_be_imported(version: str) -> None:
    """Whatever a request needs of it."""
    modules = channel.agent_modules()
    words = [interpreter(version), "-I", "-W", "error", "-c", IMPORT]
    done = subprocess.run(words, input=json.dumps(modules), capture_output=True, text=True)
    assert done.stdout == f"{len(modules)}\n", done.stderr


@pytest.fixture(params=["3.8", "3.13"])
def agent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    hello = {"root": str(tmp_path / "shop"), "name": "shop", "origin": ""}
    argv = [interpreter(request.param), "-I", "-c", channel.BOOTSTRAP]
    one = channel.Channel(argv, hello, {**os.environ, "HOME": str(tmp_path)}, cached=True)
    yield one
    one.close()


def test_an_agent_observes_and_is_given_a_tree(agent: Any, tmp_path: Path) -> None:
    root, bundle, said = tmp_path / "shop", bundle_of(tmp_path / "app"), list[str]()
    nothing = agent.call("observe", port=None)
    assert not nothing["exists"]
    agent.call("lock", who="ada@laptop", what="a push", live=None, last=0, unfinished=None, port=nothing["port"])
    assert agent.call("observe", port=None)["locked"]["who"] == "ada@laptop"
    upload.upload(agent, bundle, ["uploads/"], [], upload.Base(), said.append)
    tree = root / "code" / upload.tree_name(bundle, ["uploads/"])
    assert {path: (tree / path).read_bytes() for path in FILES} == FILES
    assert (tree / "uploads").readlink() == root / "shared" / "uploads"
    assert not os.access(tree / "web.py", os.W_OK) or os.geteuid() == 0
    assert said == ["sending 2 files, 80 kB"]


def test_a_base_that_the_host_does_not_have_costs_one_more_question(agent: Any, tmp_path: Path) -> None:
    bundle, said = bundle_of(tmp_path / "app"), list[str]()
    agent.call("lock", who="ada", what="a push", live=None, last=0, unfinished=None, port=8000)
    wrong = upload.Base("no-such-tree", {"web.py": ["web.py", "100644", "0" * 64, 1, 0, None]})
    upload.upload(agent, bundle, [], [], wrong, said.append)
    upload.upload(agent, bundle, [], [], wrong, said.append)
    assert len(said) == 1, "what is there is not sent again"


def test_the_agent_is_kept_for_the_next_time_under_its_own_digest(agent: Any, tmp_path: Path) -> None:
    agent.call("observe", port=None)
    (kept,) = (tmp_path / ".cache/paasctl/agent").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def agent_with_zstd(tmp_path: Path, script: str) -> Any:
    """An agent where the program ``zstd`` is this script, and a lock of its app."""
    program = tmp_path / "bin" / "zstd"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    environ = {**os.environ, "HOME": str(tmp_path), "PATH": f"{program.parent}:{os.environ['PATH']}"}
    hello = {"root": str(tmp_path / "shop"), "name": "shop", "origin": ""}
    one = channel.Channel([interpreter("3.8"), "-I", "-c", channel.BOOTSTRAP], hello, environ)
    one.call("lock", who="ada", what="a push", live=None, last=0, unfinished=None, port=8000)
    return one


def test_a_host_whose_zstd_does_not_work_is_sent_the_contents_without_it(tmp_path: Path) -> None:
    bundle, said = bundle_of(tmp_path / "app"), list[str]()
    agent = agent_with_zstd(tmp_path, "exit 1")
    try:
        upload.upload(agent, bundle, [], [], upload.Base(), said.append)
    finally:
        agent.close()
    assert said == ["sending 2 files, 80 kB", "the host's zstd does not work; sending again without it"]
    tree = tmp_path / "shop" / "code" / upload.tree_name(bundle, [])
    assert {path: (tree / path).read_bytes() for path in FILES} == FILES


def test_a_connection_that_is_cut_leaves_no_zstd_behind(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    agent = agent_with_zstd(tmp_path, f"echo $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 1000")

    def stream() -> Iterator[bytes]:
        yield b"something"
        assert eventually(pid.exists)
        agent._process.stdin.close()
        raise PaasctlError("the laptop is gone")

    with pytest.raises(PaasctlError, match="the laptop is gone"):
        agent.call("objects", stream=stream(), coding="zstd")
    agent.close()
    assert eventually(lambda: not Path("/proc", pid.read_text().strip()).exists())


def eventually(said: Callable[[], bool], seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while not said() and time.monotonic() < end:
        time.sleep(0.02)
    return said()
