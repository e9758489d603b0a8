"""What every Supervisor can be asked: which processes run, which release each runs, and the restart of one."""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Dict, List, Optional, Tuple

from .deputy import AppUser
from .layout import Layout

#: group and process, state, and process id or None, as Supervisor says them
State = Tuple[str, str, Optional[int]]
UP = ("RUNNING", "STARTING")
NAME = re.compile(r"^[^:]+:(?P<name>\S+)_(?P<instance>\d+)$")


class Process:
    """One process: ``web`` and its instance, its name in Supervisor, its state, id, and the release that it runs."""

    def __init__(
        self, name: str, instance: str, full: str, state: str, pid: Optional[int], release: Optional[str]
    ) -> None:
        self.name, self.instance, self.full = name, instance, full
        self.state, self.pid, self.release = state, pid, release

    @property
    def label(self) -> str:
        return "%s.%s" % (self.name, self.instance)

    @property
    def log(self) -> str:
        """The name of its log file, without its ending."""
        return self.full.partition(":")[2]

    def document(self) -> Dict[str, Any]:
        return {k: getattr(self, k) for k in ("name", "instance", "state", "pid", "release")}


class Supervisor:
    """A supervisord.

    Args:
        app: who can read what the processes noted when they started.
    """

    #: whether it is the app's own, which ends with the app
    own = False

    def __init__(self, layout: Layout, app: AppUser) -> None:
        self._layout, self._app = layout, app

    @property
    def prefix(self) -> str:
        """What stands before the app's process names."""
        raise NotImplementedError

    def running(self) -> bool:
        """Whether supervisord is there and answers."""
        raise NotImplementedError

    def finish_ending(self) -> None:
        """Wait until a supervisord that was told to end has ended.

        Raises:
            Failure: its processes take longer than they may.
        """

    def apply(self, document: Dict[str, Any]) -> None:
        """Make supervisord know the processes of a release; those that it knows are not touched."""
        raise NotImplementedError

    def suit(self, document: Dict[str, Any]) -> Dict[str, Any]:
        """Make supervisord ready for a release that comes back; its document with the processes that can come back."""
        self.apply(document)
        return document

    def stop(self) -> None:
        """End every process of the app, and wait until they are gone."""
        raise NotImplementedError

    def restart(self, process: Process) -> Callable[[], bool]:
        """Stop one process, wait for its end, and have it started from what `current` names.

        The result says whether Supervisor has begun: before, its state is that of what was there.
        """
        raise NotImplementedError

    def noted(self) -> List[Process]:
        """The processes that live, by what each noted when it started: known at once, where asking takes a while."""
        found = []
        for label, note in sorted(self._app.call("notes").items()):
            name, _, instance = label.rpartition(".")
            if is_alive(note.get("pid")):
                full = "{0}:{0}_{1}".format(self.prefix + name, instance)
                found.append(Process(name, instance, full, "RUNNING", note["pid"], note.get("release")))
        return found

    def ask(self) -> None:
        """Begin to ask for the states, where that takes a while; the next :meth:`states` gives the answer."""

    def states(self) -> List[State]:
        """What Supervisor says of every process of the app; empty when supervisord does not run."""
        raise NotImplementedError

    def processes(self) -> List[Process]:
        """Every process of the app and the release that it runs."""
        states = self.states()
        notes = self._app.call("notes") if states else {}
        found = []
        for full, state, pid in states:
            match = NAME.match(full)
            if match and match["name"].startswith(self.prefix):
                name, instance = match["name"][len(self.prefix) :], match["instance"]
                note = notes.get("%s.%s" % (name, instance)) or {}
                if state == "STARTING" and not pid and is_alive(note.get("pid")):
                    pid = note["pid"]  # the control program does not say it yet
                release = note.get("release") if pid and note.get("pid") == pid else None
                found.append(Process(name, instance, full, state, pid, release))
        return found


def is_alive(pid: Optional[int]) -> bool:
    """Whether there is a process of that id, whosever it is (a host may hide others' processes in /proc)."""
    if not pid:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def shape(settings: Dict[str, Any]) -> Dict[str, Any]:
    """What Supervisor itself must know of the processes; the rest comes from each release."""
    return {name: {k: each[k] for k in ("instances", "stop_wait")} for name, each in settings.items()}
