"""Make a release live without losing a request: try it beside the old one, switch, restart one by one."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any, Callable, Dict, List, Optional

from . import children, database
from .layout import Layout, read_json, remove, write_json
from .probe import Probe, free_port
from .release import Document, Releases
from .supervisor import Process, Supervisor, problems
from .wire import Failure

Say = Callable[[str], None]
#: seconds for the preflight import, and that a worker must stay up to count as started
PREFLIGHT, STAYS_UP = 60, 3
UP = ("RUNNING", "STARTING")


class Rollout:
    """The acts of a push after the release is on the host."""

    def __init__(
        self, layout: Layout, releases: Releases, supervisor: Supervisor, cancelled: Callable[[], bool]
    ) -> None:
        self._layout, self._releases, self._supervisor, self._cancelled = layout, releases, supervisor, cancelled

    def preflight(self, release: str) -> None:
        """Import the app in the new release, in a process of its own."""
        document = self._releases.get(release)
        ended = self._run(document, ["python", "-m", "_paasctl_runtime", "preflight"], PREFLIGHT)
        if ended.status:
            self._releases.mark(release, "failed")
            raise Failure(
                "%s cannot be imported; %s" % (release, self._still()), "mend the app, then push again", ended.output
            )

    def release_command(self, release: str, say: Say) -> None:
        """Run the release command once, after a copy of every SQLite database."""
        document = self._releases.get(release)
        command = document["release_command"]
        for copy in database.back_up(self._layout):
            say("copied the database to %s" % copy)
        write_json(self._layout.path("migrating.json"), {"release": release})
        ended = self._run(document, ["/bin/sh", "-c", command], None, say)
        if ended.status:
            self._releases.mark(release, "failed")
            raise Failure(
                "the release command failed (exit %d); %s%s" % (ended.status, self._still(), self._database()),
                "mend it, then push again: it runs again",
                ended.output,
            )
        success = {"release": release, **{key: document[key] for key in ("tree", "venv", "env", "release_command")}}
        write_json(self._layout.path("released.json"), success)

    def canary(self, release: str) -> None:
        """Start the new release's web process where no visitor comes, and ask it for its health."""
        document = self._releases.get(release)
        where = os.path.join(self._layout.run_folder(), "canary") if document["handover"] else str(free_port(20000))
        remove(where)
        log = self._layout.release(release, "canary.log")
        with open(log, "wb") as output:
            argv = [self._layout.release(release, "start"), "canary", "web", where]
            child = children.start(argv, self._layout.root, None, output)
        probe = self._probe(document, where)
        try:
            healthy = probe.wait(lambda: child.poll() is None, self._cancelled)
        finally:
            children.end(child)
        if not healthy:
            self._releases.mark(release, "failed")
            lines = "\n".join(children.tail(log))
            message = "%s is not healthy: %s; %s%s" % (release, probe.problem, self._still(), self._database())
            raise Failure(message, "mend the app, then push again", lines)

    def switch(self, release: str, undo_to: Optional[str]) -> None:
        """The commit: note what to go back to, and rename the link."""
        write_json(self._layout.path("operation.json"), {"to": release, "from": undo_to})
        self._releases.switch(release)

    def roll(self, release: str, say: Say) -> None:
        """Bring every process to the live release: web one instance after the other, then the workers."""
        document = self._releases.get(release)
        self._supervisor.apply(self._supervisor.sections(document))
        processes = self._wait_for_processes(document)
        for process in [p for p in processes if p.group == "web"]:
            self._web(document, process, say)
        for process in [p for p in processes if p.group != "web"]:
            self._worker(document, process, say)
        self._settle(document)

    def done(self, release: str) -> None:
        """The release is healthy: the operation is over."""
        self._releases.mark(release, "good")
        remove(self._layout.release(release, "failed"))
        remove(self._layout.path("operation.json"))
        remove(self._layout.path("migrating.json"))
        self._sweep(release)

    def undo(self, failed: str, back_to: Optional[str], say: Say) -> None:
        """Switch back to the release before, or to nothing where there was none."""
        self._releases.mark(failed, "failed")
        if back_to is None:
            self._supervisor.stop()
            remove(self._layout.current)
        else:
            self._releases.switch(back_to)
            self.roll(back_to, say)
        remove(self._layout.path("operation.json"))

    def _run(
        self, document: Document, command: List[str], limit: Optional[float], say: Optional[Say] = None
    ) -> children.Ended:
        start = self._layout.release(document["id"], "start")
        return children.run([start, "run", *command], self._layout.root, limit=limit, say=say)

    def _probe(self, document: Document, where: str) -> Probe:
        health = document["health"]
        # without the runtime nobody adds the release's name to the answer; the private socket is proof enough
        named = bool(document["runtime"])
        return Probe(where, health or "/", document["host"], document["id"], bool(health), named)

    def _web(self, document: Document, process: Process, say: Say) -> None:
        run = self._layout.run_folder()
        where = os.path.join(run, "web.%s" % process.instance) if document["handover"] else str(document["port"])
        if process.release != document["id"] or process.state != "RUNNING":
            self._supervisor.restart(process)
        probe = self._probe(document, where)
        if not probe.wait(lambda: self._alive(process), lambda: False):
            raise self._unhealthy(document, process, probe.problem)
        say("%s.%s runs %s" % (process.group, process.instance, document["id"]))

    def _worker(self, document: Document, process: Process, say: Say) -> None:
        if process.release != document["id"] or process.state != "RUNNING":
            self._supervisor.restart(process)
        deadline = time.monotonic() + STAYS_UP
        first = self._now(process)
        while time.monotonic() < deadline:
            time.sleep(0.5)
            now = self._now(process)
            if now is None or now.state not in UP or (first and first.pid and now.pid != first.pid):
                break
        else:
            say("%s.%s runs %s" % (process.group, process.instance, document["id"]))
            return
        if document["settings"].get(process.group, {}).get("optional"):
            say("%s.%s does not stay up (it is optional)" % (process.group, process.instance))
            return
        raise self._unhealthy(document, process, "it does not stay up")

    def _settle(self, document: Document) -> None:
        optional = [name for name, settings in document["settings"].items() if settings.get("optional")]
        left = [p for p in self._supervisor.processes() if p.group not in optional]
        for process in left:
            if process.state in UP and process.release == document["id"]:
                continue
            raise self._unhealthy(document, process, "it is %s" % process.state.lower())

    def _wait_for_processes(self, document: Document) -> List[Process]:
        expected = sum(settings["instances"] for settings in document["settings"].values())
        for _ in range(50):
            found = self._supervisor.processes()
            if len(found) >= expected:
                return found
            time.sleep(0.2)
        raise Failure("Supervisor does not answer", "look into %s" % self._layout.path("logs", "supervisord.log"))

    def _alive(self, process: Process) -> bool:
        now = self._now(process)
        return now is not None and now.state in UP

    def _now(self, process: Process) -> Optional[Process]:
        return next((p for p in self._supervisor.processes() if p.full == process.full), None)

    def _unhealthy(self, document: Document, process: Process, problem: str) -> Failure:
        log = self._layout.path("logs", process.name + ".log")
        name = "%s.%s of %s" % (process.group, process.instance, document["id"])
        message = "%s is not healthy: %s%s" % (name, problem, self._database())
        return Failure(message, "mend the app, then push again", "\n".join(children.tail(log)))

    def _still(self) -> str:
        live = self._layout.live()
        return "%s still serves" % live if live else "nothing was made live"

    def _database(self) -> str:
        """Where the database is, when the release command of an operation that then failed has run."""
        if not os.path.exists(self._layout.path("migrating.json")):
            return ""
        at = ", ".join(database.revisions(self._layout))
        where = " (%s)" % at if at else ""
        return "; the release command had run, so the database%s is ahead of the code that serves" % where

    def _sweep(self, release: str) -> None:
        """End what a killed process of an older release has left behind (Linux tells by /proc)."""
        owned = {p.pid for p in self._supervisor.processes()}
        for pid in [int(name) for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else []:
            found = process_environment(pid)
            if found.get("PAASCTL_ROOT") != self._layout.root or found.get("PAASCTL_RELEASE") == release:
                continue
            if parent(pid) == 1 and pid not in owned and "PAASCTL_PROCESS" in found:
                os.kill(pid, signal.SIGTERM)


def process_environment(pid: int) -> Dict[str, str]:
    """The environment that a process of ours was started with; empty for everybody else's."""
    try:
        with open("/proc/%d/environ" % pid, "rb") as file:
            pairs = (item.partition(b"=") for item in file.read().split(b"\0"))
            return {os.fsdecode(name): os.fsdecode(value) for name, _, value in pairs if name.startswith(b"PAASCTL_")}
    except OSError:
        return {}


def parent(pid: int) -> int:
    try:
        with open("/proc/%d/stat" % pid) as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def unfinished(layout: Layout) -> Optional[Dict[str, Any]]:
    """The push or rollback that was killed after its commit began, if any."""
    found = read_json(layout.path("operation.json"))
    return found if isinstance(found, dict) else None


def python() -> str:
    """The interpreter that has Supervisor: this one."""
    return sys.executable


__all__ = ["Rollout", "problems", "python", "unfinished"]
