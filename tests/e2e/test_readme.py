"""The README's first command, as it stands there, in a fresh checkout: it ends with a URL that answers."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import processes
from support.cli import Home
from support.web import fetch

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parent.parent.parent
FACTS = ("target", "release", "Python", "logs go to", "pool recycle", "env names")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    home = Home(tmp_path / "h")
    yield home
    processes.sweep(home.root)


def checkout(folder: Path) -> Path:
    """The repository's files as they are now, committed: a fresh clone of what is being tested."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("this is no git checkout: the README's first command is NOT tried in a fresh one")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "all"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    return folder


def command(heading: str) -> str:
    """The command that is alone in the first code block below a heading."""
    text = (ROOT / "README.md").read_text().partition(f"## {heading}\n")[2]
    return text.partition("```sh\n")[2].partition("\n```")[0]


def test_the_first_command_ends_with_a_url_that_answers(home: Home) -> None:
    root = checkout(home.root / "paasctl")
    (root / ".env").write_text("GREETING=a-value\n")
    (root / ".env").chmod(0o600)

    def sh(line: str) -> str:
        # as the user's own shell would: no virtual environment of the tests' is active
        environ = {**home.environ(), "PATH": f"{Path(sys.base_prefix) / 'bin'}:{home.environ()['PATH']}"}
        done = subprocess.run(["sh", "-c", line], cwd=root, env=environ, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    url = sh(command("Try it")).strip().splitlines()[-1].split()[-1]
    page = fetch(url)
    assert page.status == 200
    shown = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.body))
    assert tuple(shown) == FACTS
    assert (shown["target"], shown["release"], shown["logs go to"]) == ("local", "v1", "file")
    assert re.fullmatch(r"3\.11\.\d+", shown["Python"]), "runtime.txt says 3.11"
    assert "GREETING" in shown["env names"].split(", ")
    assert "a-value" not in page.body
    assert fetch(url + "nothing").status == 404
    sh(".venv/bin/paasctl down local --yes --purge")
    assert not processes.under(home.root)


def test_ci_runs_the_second_command() -> None:
    lines = (ROOT / ".ci" / "run").read_text().splitlines()
    assert lines[-1] == command("Run the tests")
