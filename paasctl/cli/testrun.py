"""Run the app's own tests before anything is changed."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

from paasctl.cli.failures import NOTHING_CHANGED
from paasctl.console import Console
from paasctl.errors import PaasctlError

#: seconds that tests have to end by themselves
GRACE = 5.0


def run(console: Console, command: str, root: Path) -> None:
    """Run ``test`` of the configuration by ``sh -c`` in the app's folder, with what it prints on stderr.

    Raises:
        PaasctlError: the tests failed.
    """
    console.err(f"test: {command}", "bold")
    console.busy(command)
    child = subprocess.Popen(
        ["sh", "-c", command],
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # so that all that it started can be ended with it
    )
    try:
        _show(console, child)
    except BaseException:
        _end(child)
        raise
    console.idle()
    if child.returncode:
        raise PaasctlError(
            f"the tests failed with exit status {child.returncode}; {NOTHING_CHANGED}",
            hint=f"mend them, or the line `test` of the configuration: {command}",
        )


def _show(console: Console, child: subprocess.Popen[bytes]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        console.aside(f"      {line.decode('utf-8', 'replace').rstrip()}")
    child.wait()


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the tests with everything that they started: asked first, killed after a while."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE)
