"""A supervisord of the app's own, run by the user, with its own configuration file."""

from __future__ import annotations

import contextlib
import http.client
import os
import time
import xmlrpc.client
from typing import Any, Callable, Dict, List

from . import children
from .deputy import AppUser
from .layout import Layout, read_json, remove, write_file, write_json
from .rpc import Rpc
from .sections import START, escape, section
from .supervisor import Process, State, Supervisor

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
#: seconds that a supervisord may take to end all its processes
END = 120


class OwnSupervisor(Supervisor):
    """Spoken to over its own socket; its configuration changes only when the app's processes do."""

    def __init__(self, layout: Layout, python: str, app: AppUser) -> None:
        super().__init__(layout, app)
        self._python, self._conf = python, layout.path("supervisord.conf")
        self._rpc = Rpc(os.path.join(layout.run_folder_path(), "supervisor"))

    @property
    def prefix(self) -> str:
        return ""

    def running(self) -> bool:
        try:
            return bool(self._rpc.call("getState")["statename"] == "RUNNING")
        except (OSError, http.client.HTTPException):
            return False

    def states(self) -> List[State]:
        if not self.running():
            return []
        found = self._rpc.call("getAllProcessInfo")
        return [("%s:%s" % (p["group"], p["name"]), p["statename"], p["pid"] or None) for p in found]

    def restart(self, process: Process) -> Callable[[], bool]:
        with contextlib.suppress(xmlrpc.client.Fault):  # it does not run
            self._rpc.call("stopProcess", process.full, True)
        with contextlib.suppress(xmlrpc.client.Fault):  # whether it is up is the probe's to say
            self._rpc.call("startProcess", process.full, False)
        return lambda: True

    def apply(self, document: Dict[str, Any]) -> None:
        sections = self._sections(document)
        known, up = read_json(self._layout.path("processes.json"), {}), self.running()
        if up and known == sections:
            return
        self._write(sections)
        if not up:
            self._start()
            return
        self._rpc.call("reloadConfig")
        for name in [name for name in known if known[name] != sections.get(name)]:
            self._rpc.call("stopProcessGroup", name, True)
            self._rpc.call("removeProcessGroup", name)
        for name in [name for name in sections if known.get(name) != sections[name]]:
            self._rpc.call("addProcessGroup", name)

    def stop(self) -> None:
        if self.running():
            self._rpc.call("shutdown")
            for _ in range(END * 10):
                if not os.path.exists(os.path.join(self._layout.run_folder_path(), "supervisor")):
                    break
                time.sleep(0.1)
        remove(self._conf)
        remove(self._layout.path("processes.json"))

    def _sections(self, document: Dict[str, Any]) -> Dict[str, str]:
        place = {"root": self._layout.root, "logs": self._layout.logs, "prefix": "", "user": ""}
        place["socket"] = SOCKET.format(port=document["port"])
        settings = document["settings"]
        return {n: section(n, settings[n], n == "web" and document["handover"], place) for n in document["processes"]}

    def _write(self, sections: Dict[str, str]) -> None:
        head = HEAD.format(root=escape(self._layout.root), run=escape(self._layout.run_folder()))
        write_file(self._layout.path("start"), START.encode("ascii"), 0o755)
        write_file(self._conf, "\n".join([head, *(sections[name] for name in sorted(sections))]).encode("utf-8"), 0o600)
        write_json(self._layout.path("processes.json"), sections)

    def _start(self) -> None:
        argv = [self._python, "-m", "supervisor.supervisord", "-c", self._conf]
        started = children.run(argv, self._layout.root, limit=30, leaves_a_daemon=True)
        children.check(started, "Supervisor could not be started", "its own words are above")
        for _ in range(100):
            if self.running():
                return
            time.sleep(0.1)
