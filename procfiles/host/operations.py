"""What can be asked or done besides a push: status, logs, restart, down."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from .layout import Layout, remove
from .probe import Probe

if TYPE_CHECKING:
    from .main import Agent


def status(agent: "Agent") -> Dict[str, Any]:
    """Health of the live release, disk, and since when each process runs."""
    live = agent.layout.live()
    found = os.statvfs(agent.layout.root) if os.path.isdir(agent.layout.root) else None
    free = found.f_bavail * found.f_frsize if found else 0
    if live is None:
        return {"healthy": None, "problem": "nothing is live", "disk_free": free}
    document = agent.releases.get(live)
    path, strict = document["health"] or "/", bool(document["health"])
    probe = Probe(str(document["port"]), path, document["host"], live, strict, named=False)
    healthy = probe.healthy()
    return {"healthy": healthy, "problem": "" if healthy else probe.problem, "disk_free": free}


def restart(agent: "Agent") -> None:
    """Restart every process of the live release, one after the other."""
    live = agent.layout.live()
    assert live is not None
    if agent.supervisor.running():
        for process in agent.supervisor.processes():
            remove(os.path.join(agent.layout.run_folder(), "%s.%s.json" % (process.group, process.instance)))
    agent.rollout.roll(live, agent.wire.say)


def down(agent: "Agent", purge: bool) -> None:
    """Stop the processes and remove what paasctl put here; ``shared/`` and ``backups/`` stay unless ``purge``."""
    agent.supervisor.stop()
    remove(agent.layout.run_folder_path())
    keep = set() if purge else {name for name in ("shared", "backups") if _has_files(agent.layout.path(name))}
    agent.lock.release()
    for name in os.listdir(agent.layout.root):
        if name not in keep:
            remove(agent.layout.path(name))
    if not keep:
        remove(agent.layout.root)


def logs(layout: Layout, process: Optional[str], lines: int, follow: bool, give: Callable[[Any], None]) -> None:
    """Give the last lines of every process's log, and then (``follow``) each new one until nobody listens."""
    tails: Dict[str, _Tail] = {}
    for name in _log_names(layout, process):
        tails[name] = _Tail(layout.path("logs", name + ".log"))
        for line in tails[name].last(lines):
            give([label(name), line])
    while follow:
        for name in _log_names(layout, process):
            tail = tails.setdefault(name, _Tail(layout.path("logs", name + ".log")))
            for line in tail.new():
                give([label(name), line])
        time.sleep(0.2)


class _Tail:
    """The end of one log file, across its rotation."""

    def __init__(self, path: str) -> None:
        self._path, self._place, self._inode, self._rest = path, 0, -1, b""

    def last(self, lines: int) -> List[str]:
        """The last lines of what is there now; older, rotated files are used when this one is short."""
        data = b""
        for path in [self._path, *("%s.%d" % (self._path, number) for number in range(1, 11))]:
            if data.count(b"\n") > lines:
                break
            data = _read(path) + data
        self._remember()
        return data.decode("utf-8", "replace").splitlines()[-lines:] if lines else []

    def new(self) -> List[str]:
        """The whole lines that came since the last call."""
        try:
            with open(self._path, "rb") as file:
                found = os.fstat(file.fileno())
                if found.st_ino != self._inode or found.st_size < self._place:
                    self._inode, self._place = found.st_ino, 0
                file.seek(self._place)
                data = file.read()
        except OSError:
            return []
        self._place += len(data)
        whole, _, self._rest = (self._rest + data).rpartition(b"\n")
        return whole.decode("utf-8", "replace").splitlines()

    def _remember(self) -> None:
        try:
            found = os.stat(self._path)
            self._inode, self._place = found.st_ino, found.st_size
        except OSError:
            pass


def label(name: str) -> str:
    """``web_0`` as people say it: ``web.0``."""
    process, _, instance = name.rpartition("_")
    return "%s.%s" % (process, instance)


def _log_names(layout: Layout, process: Optional[str]) -> List[str]:
    folder = layout.path("logs")
    names = [name[:-4] for name in os.listdir(folder) if name.endswith(".log")] if os.path.isdir(folder) else []
    return sorted(n for n in names if n != "supervisord" and (process is None or n.rpartition("_")[0] == process))


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return b""


def _has_files(folder: str) -> bool:
    return any(files for _, _, files in os.walk(folder))
