"""A third-party adapter comes in through the same door as ours, and the documentation shows the very files."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from paasctl.target import Adapter, load

HERE = Path(__file__).parent
DOCS = Path(__file__).parents[3] / "docs" / "adapters.md"


def test_an_installed_adapter_is_found_by_its_entry_point(site: Path) -> None:
    adapter = load("folder")
    assert isinstance(adapter, Adapter)
    assert sys.modules["paasctl_folder"].__file__ == str(site / "paasctl_folder.py")


def test_paasctl_lists_it_from_any_folder(site: Path, tmp_path: Path) -> None:
    environ = {"PYTHONPATH": str(site), "PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "paasctl", "targets"], env=environ, cwd=tmp_path, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert "folder" in done.stdout
    assert "a folder that a web server serves" in done.stdout


@pytest.mark.parametrize("name", ["paasctl_folder.py", "pyproject.toml", "test_folder.py"])
def test_the_documentation_shows_the_file_as_it_is(name: str) -> None:
    assert (HERE / name).read_text().strip() in DOCS.read_text()
