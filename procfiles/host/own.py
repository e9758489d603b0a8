"""A supervisord of the app's own, run by the user, with its own configuration file."""

from __future__ import annotations

import contextlib
import os
import re
import time
from typing import Any, Callable, Dict, List

from . import children
from .deputy import AppUser
from .layout import Layout, remove, write_file
from .rpc import (
    ALREADY_ADDED,
    ALREADY_STARTED,
    BAD_NAME,
    FAILED,
    NOT_RUNNING,
    SHUTDOWN_STATE,
    SPAWN_ERROR,
    STILL_RUNNING,
    NoAnswer,
    Refused,
    Rpc,
    fine,
)
from .sections import START, escape, section
from .supervisor import Process, State, Supervisor, is_alive
from .wire import Failure

HEAD = """\
; written by paasctl; a push does not change it unless the Procfile's processes change
[supervisord]
logfile={root}/logs/supervisord.log
logfile_maxbytes=1MB
logfile_backups=1
pidfile={run}/supervisord.pid
directory={root}

[unix_http_server]
file={run}/supervisor
chmod=0700

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl=unix://{run}/supervisor
"""

SOCKET = "socket=tcp://127.0.0.1:{port}\nsocket_backlog=1024\n"
#: the folder of the configuration file, put in once that is parsed: no `;`, `#`, `%` or quote in it means anything
HERE = "%(here)s"
#: seconds beyond its `stopwaitsecs` in which a process is gone, because Supervisor has killed it
MARGIN = 30
#: seconds in which supervisord itself is gone after its last answer
LAST = 2
STOPPED = ("STOPPED", "EXITED", "FATAL", "UNKNOWN")


class OwnSupervisor(Supervisor):
    """Spoken to over its own socket; its configuration changes only when the app's processes do."""

    own = True

    def __init__(self, layout: Layout, python: str, app: AppUser) -> None:
        super().__init__(layout, app)
        self._python, self._conf = python, layout.path("supervisord.conf")
        self._rpc = Rpc(os.path.join(layout.run_folder_path(), "supervisor"))

    @property
    def prefix(self) -> str:
        return ""

    def running(self) -> bool:
        return self._mood() == "RUNNING"

    def finish_ending(self) -> None:
        self._until(lambda: self._mood() != "SHUTDOWN", self._patience(), "its processes do not end")

    def states(self) -> List[State]:
        if not self.running():
            return []
        return [("%s:%s" % (p["group"], p["name"]), state(p), p["pid"] or None) for p in self._all()]

    def restart(self, process: Process) -> Callable[[], bool]:
        with fine(NOT_RUNNING, FAILED):  # it ended by itself
            self._rpc.call("stopProcess", process.full, False)
        stopped = "%s does not end" % process.label
        self._until(lambda: self._state_of(process.full) in STOPPED, self._patience(), stopped)
        with fine(ALREADY_STARTED, SPAWN_ERROR, FAILED):  # whether it is up is the probe's to say
            self._rpc.call("startProcess", process.full, False)
        return lambda: True

    def apply(self, document: Dict[str, Any]) -> None:
        self.finish_ending()
        patience = self._patience()  # of the processes that run now
        self._write(self._sections(document))
        if not self.running():
            self._start()
            return
        # compared with what supervisord really has: a command may have been killed before it told supervisord
        ((added, changed, removed),) = self._rpc.call("reloadConfig")
        for name in [*changed, *removed]:
            with fine(BAD_NAME):
                self._rpc.call("stopProcessGroup", name, False)
        deadline = time.monotonic() + patience
        for name in [*changed, *removed]:
            self._remove(name, deadline)
        for name in [*added, *changed]:
            with fine(ALREADY_ADDED):
                self._rpc.call("addProcessGroup", name)

    def stop(self) -> None:
        pid = None
        if self.running():
            with fine(SHUTDOWN_STATE):
                pid = int(self._rpc.call("getPID"))
                # all at once: the shutdown alone would end one group after the other
                self._rpc.call("stopAllProcesses", False)
                self._rpc.call("shutdown")
        self.finish_ending()
        end = time.monotonic() + LAST
        while is_alive(pid) and time.monotonic() < end:  # it answers no more, and has a few things to tidy up
            time.sleep(0.03)
        remove(self._conf)

    def _mood(self) -> str:
        """``RUNNING``; ``SHUTDOWN`` while it ends its processes; nothing when it is not there.

        Raises:
            NoAnswer: it is there, and hangs.
        """
        try:
            return str(self._rpc.call("getState")["statename"])
        except NoAnswer as error:
            if not error.gone:
                raise
            return ""
        except Refused as refusal:
            if refusal.code != SHUTDOWN_STATE:
                raise
            return "SHUTDOWN"

    def _all(self) -> List[Dict[str, Any]]:
        return list(self._rpc.call("getAllProcessInfo"))

    def _state_of(self, full: str) -> str:
        with fine(BAD_NAME):
            return str(self._rpc.call("getProcessInfo", full)["statename"])
        return "STOPPED"

    def _remove(self, name: str, deadline: float) -> None:
        """Stop a group and take it away; one that crashes just now may start once more meanwhile."""
        while True:
            with fine(BAD_NAME):
                self._rpc.call("stopProcessGroup", name, False)
            try:
                with fine(BAD_NAME):
                    self._rpc.call("removeProcessGroup", name)
                return
            except Refused as refusal:
                if refusal.code != STILL_RUNNING or time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    def _patience(self) -> float:
        """Seconds in which all processes have ended, even one after the other: then Supervisor kills them."""
        with contextlib.suppress(OSError), open(self._conf, encoding="utf-8") as file:
            return MARGIN + sum(int(number) for number in re.findall(r"^stopwaitsecs=(\d+)$", file.read(), re.M))
        return MARGIN

    def _until(self, condition: Callable[[], bool], limit: float, problem: str) -> None:
        deadline = time.monotonic() + limit
        while not condition():
            if time.monotonic() > deadline:
                message = "the app's Supervisor was asked to end a process, but %s" % problem
                raise Failure(message, "end it by hand, then run the same command again")
            time.sleep(0.03)

    def _sections(self, document: Dict[str, Any]) -> Dict[str, str]:
        # a log's name is expanded twice, so it is told from the folder in which supervisord runs
        place = {"root": HERE, "logs": "logs", "prefix": "", "user": ""}
        place["socket"] = SOCKET.format(port=document["port"])
        settings = document["settings"]
        return {n: section(n, settings[n], n == "web" and document["handover"], place) for n in document["processes"]}

    def _write(self, sections: Dict[str, str]) -> None:
        run = self._layout.run_folder()
        near = os.path.dirname(run) == self._layout.root
        head = HEAD.format(root=HERE, run=HERE + "/run" if near else escape(run))
        write_file(self._layout.path("start"), START.encode("ascii"), 0o755)
        write_file(self._conf, "\n".join([head, *(sections[name] for name in sorted(sections))]).encode("utf-8"), 0o600)

    def _start(self) -> None:
        argv = [self._python, "-m", "supervisor.supervisord", "-c", self._conf]
        started = children.run(argv, self._layout.root, limit=30, leaves_a_daemon=True)
        children.check(started, "Supervisor could not be started", "its own words are above")
        for _ in range(100):
            if self.running():
                return
            time.sleep(0.1)


def state(info: Dict[str, Any]) -> str:
    """A process's state; one that was just made known and starts by itself in a moment is starting already."""
    name = str(info["statename"])
    return "STARTING" if name == "STOPPED" and not info["start"] else name
