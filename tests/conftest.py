"""Makes tests/support importable as `support`, whatever the folder pytest starts in, and keeps the sample apps out."""

import signal
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

collect_ignore = ["apps"]
SLOWER = ("hosts", "e2e", "slow")  # the slowest kind first, as a sort key
AGAIN = ("hosts", "e2e")  # may be tried a second time
PROGRAMS = {"bench", "paper", "platform", "standin"}  # fixtures that start programs, or serve as a platform

# a shell's background job is started with Ctrl-C ignored, and under nohup SIGHUP too; a program that a test starts
# would inherit that
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The fast ones first, and alone when nothing was asked for: `pytest -q` is for while you work.

    A test of real processes on a busy machine gets a second try; the report shows it as R. Not so one marked ``once``:
    a request that is lost, or a secret that shows, one time in two is a defect.
    """
    for item in items:
        if not PROGRAMS.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS and not config.option.markexpr:
        slow = {item for item in items if any(map(item.get_closest_marker, SLOWER))}
        config.hook.pytest_deselected(items=list(slow))
        items[:] = [item for item in items if item not in slow]
    items.sort(key=lambda item: [bool(item.get_closest_marker(one)) for one in SLOWER])
    for item in items:
        if any(map(item.get_closest_marker, AGAIN)) and not item.get_closest_marker("once"):
            item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which Pythons the runtime ran under, and why a test needed a second try.

    Here, for xdist's controller reads no conftest of a folder below.
    """
    passed = terminalreporter.getreports("passed")
    ran = {str(value) for report in passed for name, value in report.user_properties if name == "python"}
    if ran:
        in_order = sorted(ran, key=lambda version: int(version.partition(".")[2]))
        terminalreporter.write_line("the runtime ran under Python " + ", ".join(in_order))
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.section(f"first try of {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)
