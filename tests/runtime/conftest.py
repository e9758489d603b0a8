"""The runtime's benches: folders with the joined file in them, and environments of the frameworks it serves."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

import runtime_lab  # noqa: E402
from support.pythons import VERSIONS, nearest, pythons  # noqa: E402


@pytest.fixture
def bench(tmp_path: Path) -> runtime_lab.Bench:
    """An app's folder, run by the interpreter of the tests."""
    return runtime_lab.Bench(tmp_path / "app", sys.executable)


@pytest.fixture(params=VERSIONS)
def every_python(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> str:
    """Each interpreter that the runtime supports in turn; one that is not here is skipped by its name."""
    version = str(request.param)
    if version not in pythons():
        pytest.skip(f"the runtime is NOT TESTED under Python {version}: it is not on this machine")
    record_property("python", version)
    return pythons()[version]


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where virtual environments are made: one folder for all workers of a run, and for runs that it starts."""
    base = tmp_path_factory.getbasetemp()
    given = os.environ.get("RUNTIME_ENVIRONMENTS")
    return Path(given) if given else (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "environments"


@pytest.fixture
def python_of(environments: Path, record_property: Callable[[str, object], None]) -> runtime_lab.PythonOf:
    """``python_of("3.8", "flask==2.2.5", ...)``: the interpreter of an environment with these packages.

    Where there is no such Python it is of another one; the output of the tests names the one that ran.
    """

    def make(version: str, *requirements: str) -> str:
        found = nearest(version)
        record_property("python", found)
        return str(runtime_lab.environment(environments, found, requirements) / "python")

    return make
