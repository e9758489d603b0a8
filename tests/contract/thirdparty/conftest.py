"""Stands in for `pip install`: puts the example on the path with the metadata that its pyproject.toml asks for."""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like site-packages with the example in it."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    folder = tmp_path_factory.mktemp("site")
    info = folder / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
        for group, points in project["entry-points"].items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))
    shutil.copy(HERE / "paasctl_folder.py", folder)
    return folder


@pytest.fixture(autouse=True)
def installed(site: Path) -> Iterator[None]:
    """For this test the example is installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        yield
