"""Which processes belong to a folder of a test; they are found by that folder and ended by their own id."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """A running process: its id, its parent's, when it started (clock ticks since boot), its argv as one line."""

    pid: int
    parent: int
    started: int
    line: str


def everything() -> Iterator[Process]:
    """Every process of the machine that is not a zombie."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (found := _read(int(entry.name))):
            yield found


def _read(pid: int) -> Process | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return Process(pid, int(fields[1]), int(fields[19]), line)


def _belongs(pid: int, folder: str) -> bool:
    """Whether its argv, working folder, or environment names the folder."""
    try:
        if os.path.realpath(f"/proc/{pid}/cwd").startswith(folder):
            return True
        texts = (Path(f"/proc/{pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
        return any(folder.encode() in text for text in texts)
    except OSError:
        return False


def _own() -> set[int]:
    """This process and its ancestors, which are never part of a test's app."""
    own, pid = set(), os.getpid()
    while pid > 1:
        own.add(pid)
        found = _read(pid)
        pid = found.parent if found else 0
    return own


def under(folder: Path) -> list[Process]:
    """The running processes that belong to a folder, oldest first."""
    own = _own()
    found = [one for one in everything() if one.pid not in own and _belongs(one.pid, str(folder))]
    return sorted(found, key=lambda one: (one.started, one.pid))


def wait_gone(folder: Path, seconds: float = 10) -> list[Process]:
    """Wait until nothing of a folder runs; what still does after ``seconds``."""
    end = time.monotonic() + seconds
    while (left := under(folder)) and time.monotonic() < end:
        time.sleep(0.1)
    return left


def sweep(folder: Path) -> list[Process]:
    """End what still runs in a folder, each by its id, and say what it was."""
    left = under(folder)
    for force in (signal.SIGTERM, signal.SIGKILL):
        for one in under(folder):
            try:
                os.kill(one.pid, force)
            except ProcessLookupError:
                continue
        if not wait_gone(folder, 5):
            break
    return left
