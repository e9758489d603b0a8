"""Supervisor's control program: what runs, and the restart of one process."""

from __future__ import annotations

import os
import re
import time
from typing import Any, Dict, List, Optional, Sequence

from . import children
from .deputy import AppUser
from .layout import Layout, read_json, write_file, write_json
from .sections import START, escape, section
from .texts import prefix, programs
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
STATUS = re.compile(r"^(?P<full>[^:\s]+:(?P<name>\S+)_(?P<instance>\d+))\s+(?P<state>[A-Z]+)\s+(?:pid (?P<pid>\d+))?")


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
    """A supervisord, spoken to through its control program.

    Args:
        ctl: the words of the control program.
        prefix: what stands before the app's process names there.
        app: who can read what the processes noted when they started.
    """

    def __init__(self, layout: Layout, ctl: Sequence[str], prefix: str, app: AppUser) -> None:
        self._layout, self._words, self._prefix, self._app = layout, list(ctl), prefix, app

    @property
    def prefix(self) -> str:
        """What stands before the app's process names."""
        return self._prefix

    def running(self) -> bool:
        """Whether supervisord is there and answers."""
        raise NotImplementedError

    def apply(self, document: Dict[str, Any]) -> None:
        """Make supervisord know the processes of a release; those that it knows are not touched."""
        raise NotImplementedError

    def stop(self, document: Optional[Dict[str, Any]]) -> None:
        """End every process of the app, and wait until they are gone."""
        raise NotImplementedError

    def asked(self) -> List[str]:
        """The names to ask for; none means all."""
        return []

    def processes(self) -> List[Process]:
        """What runs now; empty when supervisord does not."""
        if not self.running():
            return []
        matches = [STATUS.match(line) for line in self.ctl("status", *self.asked()).output.splitlines()]
        notes = self._app.call("notes")
        found = []
        for match in matches:
            if match and match["name"].startswith(self.prefix):
                name, instance = match["name"][len(self.prefix) :], match["instance"]
                pid = int(match["pid"]) if match["pid"] else None
                note = notes.get("%s.%s" % (name, instance)) or {}
                release = note.get("release") if pid and note.get("pid") == pid else None
                found.append(Process(name, instance, match["full"], match["state"], pid, release))
        return found

    def restart(self, process: Process) -> None:
        """Stop one process, wait for its end, and start it from what `current` names."""
        self.ctl("stop", process.full)
        self.ctl("start", process.full)

    def ctl(self, *words: str) -> children.Ended:
        return children.run([*self._words, *words], "/", limit=120)


class OwnSupervisor(Supervisor):
    """A supervisord of the app's own, run by the user, with its own configuration file."""

    def __init__(self, layout: Layout, python: str, app: AppUser) -> None:
        self._python, self._conf = python, layout.path("supervisord.conf")
        super().__init__(layout, [python, "-m", "supervisor.supervisorctl", "-c", self._conf], "", app)

    def running(self) -> bool:
        return os.path.exists(self._conf) and os.path.exists(self._socket()) and self.ctl("pid").status == 0

    def apply(self, document: Dict[str, Any]) -> None:
        sections = self._sections(document)
        known, up = read_json(self._layout.path("processes.json"), {}), self.running()
        if up and known == sections:
            return
        self._write(sections)
        if not up:
            self._start()
            return
        self.ctl("reread")
        for name in [name for name in known if known[name] != sections.get(name)]:
            self.ctl("stop", name + ":*")
            self.ctl("remove", name)
        for name in [name for name in sections if known.get(name) != sections[name]]:
            self.ctl("add", name)

    def stop(self, document: Optional[Dict[str, Any]]) -> None:
        if self.running():
            self.ctl("shutdown")
            for _ in range(600):
                if not os.path.exists(self._socket()):
                    break
                time.sleep(0.1)
        for path in (self._conf, self._layout.path("processes.json")):
            if os.path.exists(path):
                os.unlink(path)

    def _sections(self, document: Dict[str, Any]) -> Dict[str, str]:
        place = {"root": self._layout.root, "logs": self._layout.logs, "prefix": "", "user": ""}
        place["socket"] = SOCKET.format(port=document["port"])
        settings = document["settings"]
        return {n: section(n, settings[n], n == "web" and document["handover"], place) for n in document["processes"]}

    def _socket(self) -> str:
        return os.path.join(self._layout.run_folder_path(), "supervisor")

    def _write(self, sections: Dict[str, str]) -> None:
        head = HEAD.format(root=escape(self._layout.root), run=escape(self._layout.run_folder()))
        write_file(self._layout.path("start"), START.encode("ascii"), 0o755)
        write_file(self._conf, "\n".join([head, *(sections[name] for name in sorted(sections))]).encode("utf-8"), 0o600)
        write_json(self._layout.path("processes.json"), sections)

    def _start(self) -> None:
        argv = [self._python, "-m", "supervisor.supervisord", "-c", self._conf]
        started = children.run(argv, self._layout.root, limit=30, leaves_a_daemon=True)
        children.check(started, "Supervisor could not be started", "its own words are above")


class SystemSupervisor(Supervisor):
    """The host's Supervisor, through exactly the sudo lines that setup wrote for this app."""

    @property
    def prefix(self) -> str:
        setup = self.setup()
        return prefix(setup) if setup else self._prefix

    def running(self) -> bool:
        return True

    def asked(self) -> List[str]:
        setup = self.setup()
        return programs(setup) if setup else []

    def processes(self) -> List[Process]:
        setup = self.setup()
        if not setup:
            return []
        found = super().processes()
        if not found:
            ended = self.ctl("status", *self.asked())
            raise Failure(
                "Supervisor does not answer on the host; what was live is still live",
                "see `systemctl status supervisor` there, then run the same command again",
                ended.output,
            )
        return found

    def apply(self, document: Dict[str, Any]) -> None:
        if self.setup().get("settings") != shape(document["settings"]):
            raise Failure("the host is set up for other processes", "run `paasctl setup` for this target", kind="usage")

    def stop(self, document: Optional[Dict[str, Any]]) -> None:
        for name in self.asked():
            self.ctl("stop", name)

    def setup(self) -> Dict[str, Any]:
        """What setup noted of this app; empty before it ran."""
        return dict(read_json(self._layout.setup, {}))


def shape(settings: Dict[str, Any]) -> Dict[str, Any]:
    """What Supervisor itself must know of the processes; the rest comes from each release."""
    return {name: {k: each[k] for k in ("instances", "stop_wait")} for name, each in settings.items()}
