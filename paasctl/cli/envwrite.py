"""Put values into this checkout's env files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from paasctl import envstore, git
from paasctl.console import Console
from paasctl.secret import Secret
from paasctl.session import Session


def write_back(session: Session, console: Console, files: Sequence[str], changes: Mapping[str, Secret | None]) -> None:
    """Write changed values into the env files, and name the files.

    Raises:
        UsageError: git tracks a file that would hold the values.
        PaasctlError: a file could not be written.
    """
    if changes:
        written = envstore.apply(session.root, files, changes, tracked=lambda name: git.tracked(session.root, name))
        console.changed = True
        for file in written:
            console.out(f"wrote {file}")
