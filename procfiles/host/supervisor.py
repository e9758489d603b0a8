"""Supervisor: its configuration, which stays the same from release to release, and its control program."""

from __future__ import annotations

import os
import re
import time
from typing import Any, Dict, List, Optional, Sequence

from . import children
from .layout import Layout, read_json, write_file, write_json

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

SECTION = """\
[{kind}:{name}]
{socket}process_name=%(program_name)s_%(process_num)d
numprocs={instances}
command=/bin/sh "{root}/start" process {name} %(process_num)d
directory={root}
autorestart=true
startsecs={startsecs}
startretries=3
stopsignal=TERM
stopwaitsecs={stop_wait}
stopasgroup={stop_group}
killasgroup=true
redirect_stderr=true
stdout_logfile={root}/logs/{name}_%(process_num)d.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=10
"""

SOCKET = "socket=tcp://127.0.0.1:{port}\nsocket_backlog=1024\n"

START = """\
#!/bin/sh
# the release that `current` names now says how its processes start
cd "$(dirname "$0")" || exit 1
release=$(readlink current) || exit 1
exec "$release/start" "$@"
"""

STATUS = re.compile(r"^(?P<group>[^:\s]+):(?P<name>\S+)\s+(?P<state>[A-Z]+)\s+(?:pid (?P<pid>\d+))?")


class Process:
    """One process as Supervisor knows it: ``web:web_0``, its state, its process id, the release that it runs."""

    def __init__(self, group: str, name: str, state: str, pid: Optional[int], release: Optional[str]) -> None:
        self.group, self.name, self.state, self.pid, self.release = group, name, state, pid, release

    @property
    def full(self) -> str:
        return self.group + ":" + self.name

    @property
    def instance(self) -> str:
        return self.name.rsplit("_", 1)[1]

    def document(self) -> Dict[str, Any]:
        return {"group": self.group, "name": self.name, "state": self.state, "pid": self.pid, "release": self.release}


class Supervisor:
    """The supervisord of one app, run by the user, with its own configuration file."""

    def __init__(self, layout: Layout, python: str) -> None:
        self._layout, self._python = layout, python
        self._conf = layout.path("supervisord.conf")

    def running(self) -> bool:
        """Whether its supervisord is there and answers."""
        return os.path.exists(self._conf) and os.path.exists(self._socket()) and self._ctl("pid").status == 0

    def processes(self) -> List[Process]:
        """What runs now; empty when supervisord does not."""
        if not os.path.exists(self._conf) or not os.path.exists(self._socket()):
            return []
        found = []
        for line in self._ctl("status").output.splitlines():
            match = STATUS.match(line)
            if match:
                pid = int(match["pid"]) if match["pid"] else None
                release = self._release(match["name"], pid)
                found.append(Process(match["group"], match["name"], match["state"], pid, release))
        return found

    def sections(self, release: Dict[str, Any]) -> Dict[str, str]:
        """The section of each process of a release. It names neither the release nor its settings."""
        return {name: section(self._layout.root, release, name) for name in release["processes"]}

    def changes(self, sections: Dict[str, str]) -> Dict[str, List[str]]:
        """Which process groups must be added, removed or made anew to run these sections."""
        known = read_json(self._layout.path("processes.json"), {})
        return {
            "added": sorted(set(sections) - set(known)),
            "removed": sorted(set(known) - set(sections)),
            "changed": sorted(name for name in sections if name in known and known[name] != sections[name]),
        }

    def apply(self, sections: Dict[str, str]) -> None:
        """Make supervisord run these sections; groups whose section is the same are not touched."""
        changes = self.changes(sections)
        up = self.running()
        if up and not any(changes.values()):
            return
        self._write(sections)
        if not up:
            self._start()
            return
        self._ctl("reread")
        for name in changes["removed"] + changes["changed"]:
            self._ctl("stop", name + ":*")
            self._ctl("remove", name)
        for name in changes["added"] + changes["changed"]:
            self._ctl("add", name)

    def restart(self, process: Process) -> None:
        """Stop one process, wait for its end, and start it from what `current` names."""
        self._ctl("stop", process.full)
        self._ctl("start", process.full)

    def stop(self) -> None:
        """End supervisord and all that it runs, and wait until they are gone."""
        if self.running():
            self._ctl("shutdown")
            for _ in range(600):
                if not os.path.exists(self._socket()):
                    break
                time.sleep(0.1)
        for path in (self._conf, self._layout.path("processes.json")):
            if os.path.exists(path):
                os.unlink(path)

    def _socket(self) -> str:
        return os.path.join(self._layout.run_folder_path(), "supervisor")

    def _write(self, sections: Dict[str, str]) -> None:
        head = HEAD.format(root=escape(self._layout.root), run=escape(self._layout.run_folder()))
        write_file(self._layout.path("start"), START.encode("ascii"), 0o700)
        write_file(self._conf, "\n".join([head, *(sections[name] for name in sorted(sections))]).encode("utf-8"), 0o600)
        write_json(self._layout.path("processes.json"), sections)

    def _start(self) -> None:
        argv = [self._python, "-m", "supervisor.supervisord", "-c", self._conf]
        started = children.run(argv, self._layout.root, limit=30, leaves_a_daemon=True)
        children.check(started, "Supervisor could not be started", "its own words are above")

    def _ctl(self, *words: str) -> children.Ended:
        argv = [self._python, "-m", "supervisor.supervisorctl", "-c", self._conf, *words]
        return children.run(argv, self._layout.root, limit=120)

    def _release(self, name: str, pid: Optional[int]) -> Optional[str]:
        process, _, instance = name.rpartition("_")
        path = os.path.join(self._layout.run_folder_path(), "%s.%s.json" % (process, instance))
        note = read_json(path, {})
        return note.get("release") if pid and note.get("pid") == pid else None


def section(root: str, release: Dict[str, Any], name: str) -> str:
    """One process's section; only what Supervisor itself must know."""
    settings = release["settings"].get(name, {})
    shared = name == "web" and release["handover"]
    return SECTION.format(
        kind="fcgi-program" if shared else "program",
        name=name,
        socket=SOCKET.format(port=release["port"]) if shared else "",
        instances=settings["instances"],
        root=escape(root),
        startsecs=1 if name == "web" else 2,
        stop_wait=settings["stop_wait"],
        # a shell between Supervisor and the program would keep the signal for itself
        stop_group="false" if shared else "true",
    )


def escape(path: str) -> str:
    """A path as Supervisor's configuration wants it; a per cent sign would begin an expansion."""
    return path.replace("%", "%%")


def problems(processes: Sequence[Process], release: str) -> List[str]:
    """Processes that do not run, or run another release."""
    return [p.full for p in processes if p.state != "RUNNING" or p.release != release]
