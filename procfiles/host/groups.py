"""An app's groups of processes in the host's Supervisor, as root: new web processes start beside the old ones."""

from __future__ import annotations

import os
import time
from typing import Any, Dict, List, Optional

from . import children, texts
from .deputy import AppUser
from .layout import Layout, point, read_json, remove, write_file
from .wire import Failure

Config = Dict[str, Any]
#: what the kernel lists: every unix socket, its state (02: waits to be accepted, 03: connected) and path; see proc(5)
UNIX_SOCKETS, CONNECTED = "/proc/net/unix", ("02", "03")
#: seconds that a new web process may take to be healthy, and that the old socket must have been without a connection
START, QUIET = 60, 1.0


class Groups:
    """The groups of one app.

    Supervisor cannot change a group that runs, so that another number of web processes is another group, on a socket
    of its own (``generation``). nginx asks a link to the socket; it is moved when the new processes are healthy, and
    nginx is not reloaded, which would close every idle connection.

    Args:
        app: the app's user, who may ask its processes for their health.
    """

    def __init__(self, layout: Layout, app: AppUser) -> None:
        self._layout, self._app = layout, app

    def begin(self, known: Config, config: Config) -> None:
        """Start the new web processes beside the old ones, which still serve.

        Raises:
            Failure: they are not healthy; they are gone again.
        """
        self._write(config, texts.supervisor(known) + "\n" + texts.supervisor(config))
        if "web" not in config["settings"]:
            return
        self._drop([texts.prefix(config) + "web"])  # of a setup that was interrupted
        ctl("add", texts.prefix(config) + "web")
        problem = self._problem(config)
        if problem:
            self.abandon(known, config)
            raise Failure(
                "the new web processes are not healthy: %s; the old ones serve" % problem,
                "take the change of [targets.*.processes.web] back and push a healthy release, then run setup again",
            )

    def abandon(self, known: Config, config: Config) -> None:
        """Take away what :meth:`begin` started."""
        self._drop([texts.prefix(config) + "web"])
        self._write(known, texts.supervisor(known))

    def settle(self, known: Config, config: Config) -> None:
        """Send requests to the new web processes, end what is of the past, start what is new."""
        if config["handover"]:
            point(texts.link_path(config), os.path.basename(texts.socket_path(config)))
        if known.get("generation", config["generation"]) != config["generation"] and "web" in known["settings"]:
            self._drain(known)
        if known:
            self._drop(self._stale(known, config))
        self._write(config, texts.supervisor(config))
        for name in sorted(config["settings"]):
            ctl("add", texts.prefix(config) + name)

    def remove(self, config: Config) -> None:
        """End every process and forget the groups."""
        self._drop([texts.prefix(config) + name for name in config["settings"]])
        remove(path(config))
        ctl("reread")

    def _stale(self, known: Config, config: Config) -> List[str]:
        """The groups of either generation that are not wanted, or not as they are wanted."""
        before, wanted = known.get("settings", {}), config["settings"]
        names = sorted({*before, *wanted})
        other = dict(config, generation="a" if config["generation"] == "b" else "b")
        stale = [texts.prefix(other) + name for name in names]
        changed = known.get("generation") == config["generation"]
        return stale + [
            texts.prefix(config) + name
            for name in names
            if name not in wanted or (changed and name in before and before[name] != wanted[name])
        ]

    def _drop(self, groups: List[str]) -> None:
        for group in groups:
            if "%s:%s_" % (group, group) in ctl("status", group + ":*").output:
                ctl("stop", group + ":*")
                ctl("remove", group)

    def _write(self, config: Config, text: str) -> None:
        write_file(path(config), text.encode("utf-8"), 0o644)
        ctl("reread")

    def _problem(self, config: Config) -> str:
        """What is wrong with the new web processes; nothing where nothing is live yet, or it starts in another way."""
        live: Optional[str] = self._layout.live()
        document = read_json(self._layout.release(live, "release.json")) if live else None
        if not document or document["handover"] != config["handover"] or not config["handover"]:
            return ""
        for number in range(config["settings"]["web"]["instances"]):
            problem = self._app.call("probe", document=document, instance=str(number), limit=START)
            if problem:
                return "web.%d: %s" % (number, problem)
        return ""

    def _drain(self, known: Config) -> None:
        """Wait until the old web processes have answered what nginx gave them, at most their ``stop_wait``."""
        quiet_since = None
        end = time.monotonic() + known["settings"]["web"]["stop_wait"]
        while time.monotonic() < end:
            if known["handover"] and connections(texts.socket_path(known)):
                quiet_since = None
            elif quiet_since is None:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > QUIET:
                return
            time.sleep(0.05)


def path(config: Config) -> str:
    """Supervisor's file of the app."""
    return "/etc/supervisor/conf.d/paasctl-%s.conf" % config["app"]


def connections(socket: str) -> int:
    """The connections to a listening unix socket, those that nobody has accepted yet included."""
    with open(UNIX_SOCKETS) as file:
        rows = [line.split() for line in file]
    return sum(len(row) > 7 and row[5] in CONNECTED and row[7] == socket for row in rows)


def ctl(*words: str) -> children.Ended:
    """Supervisor's control program, as root."""
    return children.run([*texts.CTL.split(), *words], "/", limit=120)
