"""What the writer of env files writes, read by other releases of python-dotenv than the installed one."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from paasctl import envfile
from paasctl.secret import Secret

RELEASES = ["0.21.0", "0.21.1", "1.0.1", "1.1.1", "1.2.1", "1.2.2", version("python-dotenv")]
COUNT = 1500
#: One that is the same in every run, and others; a failure names the one that shows it.
SEEDS = [20, *random.SystemRandom().sample(range(10**6), 4)]
PIECES = [
    *("'", '"', "\\", "\n", "\r", "\r\n", "$", "${", "}", "${X}", "${A0}", "${:-$}{", "$$", "$(x)", "`", "%", "%(x)s"),
    *("#", " #", " ", "\t", "\\n", "\\'", '\\"', "\\\\", "=", "export ", "é", "漢", "😀", "\x01", "\x85", "\u2028"),
]

READER = """
import json, sys
import dotenv
from importlib.metadata import version
print(json.dumps([version("python-dotenv"), *(dotenv.dotenv_values(file, encoding="utf-8") for file in sys.argv[1:])]))
"""


def values(seed: int) -> dict[str, str]:
    chance = random.Random(seed)
    nasty = {f"A{n}": "".join(chance.choices(PIECES, k=chance.randint(0, 9))) for n in range(COUNT)}
    return {**nasty, "LONG": "".join(chance.choices(PIECES, k=15_000)), "BACKSLASHES": "\\" * 30_000}


@pytest.mark.e2e
@pytest.mark.parametrize("release", RELEASES)
def test_other_releases_read_back_what_is_written(release: str, tmp_path: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    install = [uv, "pip", "install", "-q", "--target", tmp_path / "lib", "--python", sys.executable]
    subprocess.run([*install, f"python-dotenv=={release}"], check=True)
    written = {seed: write(tmp_path / f"{seed}.env", seed) for seed in SEEDS}
    environ = {"PYTHONPATH": str(tmp_path / "lib"), "PYTHONUTF8": "1"}
    # -S: the test's own python-dotenv is out of sight
    command = [sys.executable, "-S", "-c", READER, *(str(tmp_path / f"{seed}.env") for seed in SEEDS)]
    done = subprocess.run(command, env=environ, check=True, capture_output=True, text=True)
    used, *found = json.loads(done.stdout)
    assert used == release
    for (seed, wanted), read in zip(written.items(), found, strict=True):
        wrong = [name for name in wanted if read.get(name) != wanted[name]]
        assert (wrong, read.pop("LAST"), len(read)) == ([], "1", len(wanted)), f"seed {seed}"


def write(file: Path, seed: int) -> dict[str, str]:
    """An env file of awkward values in our spelling; answers with the values."""
    wanted = values(seed)
    styles = random.Random(seed + 1).choices(["", "'", '"'], k=len(wanted))
    lines = [
        envfile.assignment(name, Secret(value), style)
        for (name, value), style in zip(wanted.items(), styles, strict=True)
    ]
    file.write_text("\n".join((*lines, "LAST=1")) + "\n", encoding="utf-8", newline="")
    return wanted
