"""The runtime's benches: folders with the joined file in them, and environments of the frameworks it serves."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

import runtime_lab  # noqa: E402


def pytest_report_header() -> str:
    return "runtime: Python " + ", ".join(runtime_lab.pythons())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    ran = sorted(
        {
            value
            for report in terminalreporter.getreports("passed")
            for name, value in report.user_properties
            if name == "python"
        },
        key=lambda v: int(v[2:]),
    )
    if ran:
        terminalreporter.write_line("the runtime ran under Python " + ", ".join(ran))


@pytest.fixture
def bench(tmp_path: Path) -> runtime_lab.Bench:
    """An app's folder, run by the interpreter of the tests."""
    return runtime_lab.Bench(tmp_path / "app", sys.executable)


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where virtual environments are made: one folder for all workers of a run, and for runs that it starts."""
    base = tmp_path_factory.getbasetemp()
    given = os.environ.get("RUNTIME_ENVIRONMENTS")
    return Path(given) if given else (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "environments"


@pytest.fixture(scope="session")
def python_of(environments: Path) -> runtime_lab.PythonOf:
    """``python_of("3.8", "flask==2.2.5", ...)``: the interpreter of an environment with these packages."""

    def make(version: str, *requirements: str) -> str:
        return str(runtime_lab.environment(environments, runtime_lab.nearest(version), requirements) / "python")

    return make
