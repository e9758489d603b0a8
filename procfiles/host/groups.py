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
#: seconds that Supervisor's control program may take, beyond what it waits for
CTL = 120
ADVICE = "see `supervisorctl status` on the host, then run the same command again"


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
        web = texts.prefix(config) + "web"
        self._drop([web], config)  # of a setup that was interrupted
        ctl("add", web)
        problem = self._problem(config)
        if problem:
            self.abandon(known, config)
            raise Failure(
                "the new web processes are not healthy: %s; the old ones serve" % problem,
                "take the change of [targets.*.processes.web] back and push a healthy release, then run setup again",
            )

    def abandon(self, known: Config, config: Config) -> None:
        """Take away what :meth:`begin` started."""
        self._drop([texts.prefix(config) + "web"], config)
        self._write(known, texts.supervisor(known))

    def settle(self, known: Config, config: Config, begun: Config) -> None:
        """Send requests to the new web processes, end what is of the past, start what is new.

        Args:
            begun: what a setup noted that did not come to its end: which of its changes are done is not known then.

        Raises:
            Failure: Supervisor does not end, or does not start, a process.
        """
        if config["handover"]:
            point(texts.link_path(config), os.path.basename(texts.socket_path(config)))
        if known.get("generation", config["generation"]) != config["generation"] and "web" in known["settings"]:
            self._drain(known)
        self._drop(stale(known, config, begun), known, config, begun)
        self._write(config, texts.supervisor(config))
        for name in sorted(config["settings"]):
            group = texts.prefix(config) + name
            if not is_known(group):
                children.check(ctl("add", group), "Supervisor does not start %s" % group, ADVICE)

    def remove(self, *configs: Config) -> None:
        """End every process of some configurations and forget the groups.

        Raises:
            Failure: Supervisor does not end a process.
        """
        self._drop(both_generations(*configs), *configs)
        remove(path(configs[0]))
        ctl("reread")

    def _drop(self, groups: List[str], *configs: Config) -> None:
        """End groups, each within the longest ``stop_wait`` of the configurations."""
        waits = [each["stop_wait"] for config in configs for each in config.get("settings", {}).values()]
        for group in groups:
            if is_known(group):
                drop(group, CTL + max(waits, default=0))

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


def stale(known: Config, config: Config, begun: Config) -> List[str]:
    """The groups of either generation that are not wanted, or not as they are wanted."""
    other = dict(config, generation="a" if config["generation"] == "b" else "b")
    found = []
    for name in names(known, config, begun):
        found.append(texts.prefix(other) + name)
        before, wanted = known.get("settings", {}).get(name), config["settings"].get(name)
        same = known.get("generation") == config["generation"]
        # the web group of a generation never changes
        if wanted is None or (same and before != wanted) or (begun and name != "web"):
            found.append(texts.prefix(config) + name)
    return found


def both_generations(*configs: Config) -> List[str]:
    """The groups of either generation of everything that was ever asked for."""
    return [
        texts.prefix(dict(configs[0], generation=generation)) + name for generation in "ab" for name in names(*configs)
    ]


def names(*configs: Config) -> List[str]:
    """The names of the processes of some configurations, and of those that they came after."""
    return sorted({name for each in configs for name in (*each.get("settings", {}), *each.get("names", ()))})


def is_known(group: str) -> bool:
    """Whether supervisord has a group."""
    return "%s:%s_" % (group, group) in ctl("status", group + ":*").output


def drop(group: str, limit: float) -> None:
    """End a group's processes, also those that somebody else has told to end, and forget it.

    Raises:
        Failure: they have not ended in so many seconds.
    """
    end = time.monotonic() + limit
    ctl("stop", group + ":*", limit=limit)
    removed = ctl("remove", group)
    while removed.status and is_known(group) and time.monotonic() < end:
        time.sleep(0.5)
        removed = ctl("remove", group)
    if removed.status and is_known(group):
        raise Failure("Supervisor does not end %s" % group, ADVICE, removed.output)


def path(config: Config) -> str:
    """Supervisor's file of the app."""
    return "/etc/supervisor/conf.d/paasctl-%s.conf" % config["app"]


def connections(socket: str) -> int:
    """The connections to a listening unix socket, those that nobody has accepted yet included."""
    with open(UNIX_SOCKETS) as file:
        rows = [line.split() for line in file]
    return sum(len(row) > 7 and row[5] in CONNECTED and row[7] == socket for row in rows)


def ctl(*words: str, limit: float = CTL) -> children.Ended:
    """Supervisor's control program, as root."""
    return children.run([*texts.CTL.split(), *words], "/", limit=limit)
