"""The host's own Supervisor, through exactly the sudo lines that setup wrote for this app."""

from __future__ import annotations

import re
import subprocess
import time
from typing import Any, Callable, Dict, List, Optional, Sequence

from . import children
from .deputy import AppUser
from .layout import Layout, read_json
from .supervisor import Process, State, Supervisor, is_alive, shape
from .texts import prefix, programs
from .wire import Failure

#: seconds that `supervisorctl` may take, beyond what it waits for
ANSWER = 120
#: a process that starts has nothing after its state
STATUS = re.compile(r"^(?P<full>[^:\s]+:[^:\s]+)\s+(?P<state>[A-Z]+)(?:\s+pid (?P<pid>\d+)|\s|$)")


class SystemSupervisor(Supervisor):
    """The host's Supervisor, through exactly the sudo lines that setup wrote for this app."""

    @property
    def prefix(self) -> str:
        setup = self.setup()
        return prefix(setup) if setup else ""

    def __init__(self, layout: Layout, ctl: Sequence[str], app: AppUser) -> None:
        super().__init__(layout, app)
        self._words = list(ctl)
        self._asked: Optional[subprocess.Popen[bytes]] = None

    def running(self) -> bool:
        return True

    def ask(self) -> None:
        setup = self.setup()
        if setup and self._asked is None:
            self._asked = children.start([*self._words, "status", *programs(setup)], "/", None, subprocess.PIPE)

    def states(self) -> List[State]:
        setup = self.setup()
        if not setup:
            return []
        self.ask()
        assert self._asked is not None
        output, self._asked = children.output(self._asked), None
        matches = [STATUS.match(line) for line in output.splitlines()]
        found = [(m["full"], m["state"], int(m["pid"]) if m["pid"] else None) for m in matches if m]
        if not found and "sudo:" in output:
            raise Failure(
                "this user may not ask Supervisor on the host any more; what was live is still live",
                "run `paasctl setup` for this target again: it writes the sudo rules",
                output,
            )
        if not found:
            raise Failure(
                "Supervisor does not answer on the host",
                "see `systemctl status supervisor` there, then run the same command again",
                output,
                kind="host",
            )
        return found

    def restart(self, process: Process) -> Callable[[], bool]:
        # one command for both: its control program takes as long to begin as many an app
        restarting = children.start([*self._words, "restart", process.full], "/", None, subprocess.DEVNULL)
        deadline = time.monotonic() + self._patience(process.full)
        # it also waits until the new one is called started; whether it is up is the probe's to say
        while restarting.poll() is None and not has_ended(process) and time.monotonic() < deadline:
            time.sleep(0.02)
        return lambda: children.is_over(restarting)

    def apply(self, document: Dict[str, Any]) -> None:
        if self.setup().get("settings") != shape(document["settings"]):
            raise Failure("the host is set up for other processes", "run `paasctl setup` for this target", kind="usage")

    def suit(self, document: Dict[str, Any]) -> Dict[str, Any]:
        """What setup has changed since that release was live must not keep its web processes from coming back."""
        setup, settings = self.setup(), {}
        known = setup.get("settings", {})
        for name, wanted in document["settings"].items():
            if name in known:
                settings[name] = dict(wanted, instances=min(wanted["instances"], known[name]["instances"]))
        extra = {name: each for name, each in known.items() if name not in settings}
        for full in programs(dict(setup, settings=extra)):
            self._stop(full)
        return dict(document, settings=settings)

    def stop(self) -> None:
        for name in programs(self.setup()) if self.setup() else []:
            self._stop(name)

    def setup(self) -> Dict[str, Any]:
        """What setup noted of this app; empty before it ran."""
        return dict(read_json(self._layout.setup, {}))

    def _stop(self, full: str) -> None:
        children.run([*self._words, "stop", full], "/", limit=self._patience(full))

    def _patience(self, full: str) -> float:
        """Seconds in which a process has ended: Supervisor kills it when its ``stop_wait`` is over."""
        setup = self.setup()
        name = full.rpartition(":")[2].rpartition("_")[0][len(prefix(setup)) :]
        return ANSWER + float(setup["settings"].get(name, {}).get("stop_wait", 0))


def has_ended(process: Process) -> bool:
    """Whether nothing is left of a process. One that comes and goes may be back before Supervisor is told."""
    if process.state == "RUNNING":
        return process.pid is not None and not is_alive(process.pid)
    return process.state in ("FATAL", "STOPPED")
