"""Run the app's own tests before anything is changed."""

from __future__ import annotations

import subprocess
from pathlib import Path

from paasctl.cli.failures import NOTHING_CHANGED
from paasctl.console import Console
from paasctl.errors import PaasctlError


def run(console: Console, command: str, root: Path) -> None:
    """Run ``test`` of the configuration by ``sh -c`` in the app's folder, with what it prints on stderr.

    Raises:
        PaasctlError: the tests failed.
    """
    console.err(f"test: {command}", "bold")
    console.busy(command)
    child = subprocess.Popen(
        ["sh", "-c", command], cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert child.stdout is not None
    with child:
        for line in child.stdout:
            console.aside(f"      {line.decode('utf-8', 'replace').rstrip()}")
    console.idle()
    if child.returncode:
        raise PaasctlError(
            f"the tests failed with exit status {child.returncode}; {NOTHING_CHANGED}",
            hint=f"mend them, or the line `test` of the configuration: {command}",
        )
