"""Does the contract bite? Every mutant of the reference adapter is found, and by the test that is meant to find it."""

from __future__ import annotations

from pathlib import Path

import pytest
from contract.memory import Memory, MemoryWorld
from contract.mutants import CAUGHT_BY, MUTANTS

KIT = Path(__file__).with_name("kit_run.py")
#: what the issue that asked for the contract named, by the mutants that stand for it
NAMED = {
    "plan() does I/O": "PlanAsksThePlatform",
    "observe() changes something": "ObserveLeavesATrace",
    "the dry run's steps differ from the run's": "DryRunShowsOtherSteps",
    "undo missing": "UndoMissing",
    "foreign env name deleted": "ForeignNamesAreDeleted",
    "a Secret shown": "AStepShowsAValue",
    "commit before prepare is done": "CommitsBeforePrepareIsDone",
}


class Outcomes:
    """A plug-in of the inner pytest: it provides the world, and keeps what became of each test."""

    def __init__(self, adapter: type[Memory]) -> None:
        self._adapter = adapter
        self.failed: dict[str, str] = {}
        self.broken: list[str] = []
        self.passed: set[str] = set()

    @pytest.fixture
    def world(self) -> MemoryWorld:
        return MemoryWorld(self._adapter)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.rpartition("::")[2].partition("[")[0]
        if report.failed and report.when != "call":
            self.broken.append(report.longreprtext)
        elif report.failed:
            self.failed[name] = report.longreprtext
        elif report.when == "call" and report.passed:
            self.passed.add(name)


def contract(adapter: type[Memory], tmp_path: Path, only: str = "") -> Outcomes:
    """Run the contract on an adapter."""
    outcomes = Outcomes(adapter)
    quiet = ["-p", "no:cacheprovider", "-p", "no:terminal", "-p", "no:xdist", "-p", "no:logging"]
    where = [f"--rootdir={KIT.parent}", f"--basetemp={tmp_path / 'inner'}", "-c", "/dev/null"]
    pytest.main([str(KIT), *quiet, *where, "--import-mode=importlib", *(["-k", only] if only else [])], [outcomes])
    assert not outcomes.broken, outcomes.broken[0]
    return outcomes


def test_the_reference_adapter_passes_everything(tmp_path: Path) -> None:
    outcomes = contract(Memory, tmp_path)
    assert not outcomes.failed
    assert outcomes.passed >= set(CAUGHT_BY.values())


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_mutant_is_caught(mutant: str, tmp_path: Path) -> None:
    expected = CAUGHT_BY[mutant]
    assert expected in contract(MUTANTS[mutant], tmp_path, expected).failed


@pytest.mark.parametrize("fault", NAMED)
def test_the_faults_that_matter_most_have_a_mutant(fault: str) -> None:
    assert NAMED[fault] in MUTANTS
