"""Make a release live without losing a request: try it beside the old one, switch, restart one by one."""

from __future__ import annotations

import contextlib
import time
from typing import Any, Callable, Dict, List, Optional, Sequence

from . import pieces
from .deputy import AppUser
from .layout import Layout, read_json, remove, write_json
from .release import Document, Releases
from .supervisor import UP, Process, Supervisor
from .wire import Failure

Say = Callable[[str], None]
#: seconds for the preflight import, for a restarted process, and that a worker must stay up to count as started
PREFLIGHT, START, STAYS_UP = 60, 60, 3
#: seconds for one question to a process, and in which one that was started has noted which release it runs
ANSWERS, BEGINS = 2, 20
#: a `stop_wait` of more seconds than this is announced
PATIENCE = 60


class Rollout:
    """The acts of a push after the release is on the host.

    Args:
        cancelled: whether the user wants it to end (Ctrl-C).
    """

    def __init__(
        self,
        layout: Layout,
        releases: Releases,
        supervisor: Supervisor,
        app: AppUser,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._layout, self._releases, self._supervisor, self._app = layout, releases, supervisor, app
        self._cancelled = cancelled

    def preflight(self, release: str) -> None:
        """Import the app in the new release, in a process of its own."""
        command = ["python", "-m", "_paasctl_runtime", "preflight"]
        ended = self._app.call("run", release=release, command=command, limit=PREFLIGHT)
        if ended["status"]:
            self._releases.mark(release, "failed")
            problem = "%s cannot be imported" % release
            if ended["stopped"]:
                problem = "importing %s did not finish within %d s" % (release, PREFLIGHT)
            message = "%s; %s" % (problem, self._still())
            raise Failure(message, "mend the app, then push again", ended["output"])

    def collect(self, release: str, say: Say) -> None:
        """Collect a Django app's static files into the folder that is linked into the release."""
        command = ["python", "-m", "_paasctl_runtime", "python", "manage.py", "collectstatic", "--noinput"]
        ended = self._app.call("run", release=release, command=command, limit=600, say=True)
        if ended["status"]:
            self._releases.mark(release, "failed")
            message = "the static files could not be collected (exit %d); %s" % (ended["status"], self._still())
            raise Failure(message, "mend the app, then push again")
        if self._layout.public:
            tree = self._releases.get(release)["tree"]
            pieces.write(self._layout.path("collected", tree), self._app.items("collected", tree=tree))

    def release_command(self, release: str, say: Say) -> None:
        """Run the release command once, after a copy of every SQLite database."""
        document = self._releases.get(release)
        # a push that failed before may have migrated already: the code that serves is of the revision before that, and
        # the copies from before that stay
        begun = read_json(self._layout.path("migrating.json"), {})
        copies = self._app.call("back_up", keep=begun.get("copies", []))
        for copy in copies:
            say("copied the database to %s" % copy)
        begun = {"at": begun.get("at") or self._app.call("revisions"), "copies": begun.get("copies") or copies}
        write_json(self._layout.path("migrating.json"), dict(begun, release=release))
        command = ["/bin/sh", "-c", document["release_command"]]
        ended = self._app.call("run", release=release, command=command, say=True)
        if ended["status"]:
            self._releases.mark(release, "failed")
            message = "the release command failed (exit %d); %s" % (ended["status"], self._still())
            message += "; what it did to the database before that is done"
            # its words are not repeated: they were said while it ran
            raise Failure(message, "mend it, then push again: it runs again" + _from_before(begun["copies"]))
        success = {"release": release, **{key: document[key] for key in ("tree", "env", "release_command")}}
        success["venv"] = document["venv_name"]
        write_json(self._layout.path("released.json"), success)

    def canary(self, release: str) -> None:
        """Start the new release's web process where no visitor comes, and ask it for its health."""
        found = self._app.call("canary", document=self._releases.get(release))
        if found["problem"]:
            self._releases.mark(release, "failed")
            message = "%s is not healthy: %s; %s%s" % (
                release,
                found["problem"],
                self._still(),
                self._database(release),
            )
            raise Failure(message, "mend the app, then push again", found["output"])

    def switch(self, release: str, undo_to: Optional[str]) -> None:
        """The commit: note what to go back to, publish the static files, and rename the link."""
        back = self._releases.was_good(release)  # it goes back to it: what a push brings has been seen by nobody yet
        write_json(self._layout.path("operation.json"), {"to": release, "from": undo_to, "back": back})
        self._releases.publish(release)
        self._releases.switch(release)

    def roll(self, release: str, say: Say, anew: bool = False) -> List[Process]:
        """Bring every process to the live release: web one instance after the other, then the workers.

        Args:
            anew: also those that run it already.

        Returns:
            The processes, as Supervisor says them in the end.

        Raises:
            Failure: a process is not healthy, or the user wants this to end.
        """
        document = self._releases.get(release)
        self._supervisor.apply(document)
        return self._bring(document, say, anew)

    def _bring(self, document: Document, say: Say, anew: bool = False) -> List[Process]:
        processes = self._of_another_release(document) or self._wait_for_processes(document)
        if anew:
            for process in processes:
                process.release = None
        for process in [p for p in processes if p.name == "web"]:
            self._web(document, process, say)
        self._workers(document, [p for p in processes if p.name != "web"], say)
        return self._settle(document)

    def serving(self, release: str) -> List[str]:
        """The web processes that are healthy now, as people call them."""
        document = self._releases.get(release)
        web = [p for p in self._supervisor.processes() if p.name == "web" and p.state in UP]
        return [p.label for p in web if not self._ask(document, p)]

    def done(self, release: str, processes: Sequence[Process]) -> None:
        """The release is healthy: the operation is over."""
        self._releases.mark(release, "good")
        remove(self._layout.release(release, "failed"))
        remove(self._layout.path("operation.json"))
        remove(self._layout.path("migrating.json"))
        forget_remade(self._layout)
        self._app.call("sweep", release=release, owned=[p.pid for p in processes])

    def undo(self, failed: str, back_to: Optional[str], say: Say) -> None:
        """Switch back to the release before, or to nothing where there was none."""
        self._cancelled = lambda: False  # a second Ctrl-C must not leave it half undone
        with contextlib.suppress(Failure):  # a full disk must not keep the old release from coming back
            self._releases.mark(failed, "failed")
        if back_to is None:
            self._supervisor.stop()
            remove(self._layout.current)
        else:
            if self._layout.live() != back_to:
                self._releases.switch(back_to)
            try:  # whatever is live: the static files may be the failed release's already
                self._releases.publish(back_to)
            finally:
                self._bring(self._supervisor.suit(self._releases.get(back_to)), say)
        remove(self._layout.path("operation.json"))

    def _web(self, document: Document, process: Process, say: Say) -> None:
        begun = self._restart(document, process, say)
        deadline, problem = time.monotonic() + START, "it does not answer"
        pid: Optional[int] = None
        while problem and time.monotonic() < deadline:
            self._heed()
            problem = self._ask(document, process)
            if not problem or problem.startswith("it answers"):
                break
            if begun():  # until then what is seen may be what Supervisor has been told to end
                now = self._now(document, process)
                if now is None or not same(now, pid):
                    problem = "it ended while it started"
                    break
                pid = now.pid
        if problem:
            raise self._unhealthy(document, process, problem)
        say("%s runs %s" % (process.label, document["id"]))

    def _ask(self, document: Document, process: Process) -> str:
        """What is wrong with one web process; nothing when it is healthy."""
        return str(self._app.call("probe", document=document, instance=process.instance, limit=ANSWERS))

    def _workers(self, document: Document, workers: List[Process], say: Say) -> None:
        """Restart the workers that run something else, and see whether they stay up; all at once, for it takes long."""
        begun = {process.full: self._restart(document, process, say) for process in workers}
        standing = self._that_stay_up(begun) if workers else []
        for process in workers:
            if process.full in standing:
                say("%s runs %s" % (process.label, document["id"]))
            elif document["settings"].get(process.name, {}).get("optional"):
                say("%s does not stay up (it is optional)" % process.label)
            else:
                raise self._unhealthy(document, process, "it does not stay up")

    def _restart(self, document: Document, process: Process, say: Say) -> Callable[[], bool]:
        """Restart a process that runs something else; see :meth:`Supervisor.restart`."""
        if process.release == document["id"] and process.state in UP:
            return lambda: True
        self._heed()
        stop_wait = document["settings"].get(process.name, {}).get("stop_wait", 0)
        if stop_wait > PATIENCE and process.state in UP:
            say("%s gets up to %d s to end" % (process.label, stop_wait))
        return self._supervisor.restart(process)

    def _that_stay_up(self, begun: Dict[str, Callable[[], bool]]) -> List[str]:
        """Those of the processes that are the same for some seconds, counted from when their programs have begun."""
        before: Dict[str, int] = {}
        deadline = time.monotonic() + BEGINS
        # until then one may be seen that crashes, and that Supervisor has been told to end
        while not all(over() for over in begun.values()) and time.monotonic() < deadline:
            self._heed()
            time.sleep(0.1)
        while True:
            self._heed()
            found = [p for p in self._supervisor.processes() if p.full in begun]
            for process in [p for p in found if p.state in UP and p.pid]:
                before.setdefault(process.full, process.pid or 0)
            if all(settled(p, before.get(p.full)) for p in found) or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        deadline = time.monotonic() + STAYS_UP
        while time.monotonic() < deadline:
            self._heed()
            time.sleep(0.5)
        return [p.full for p in self._supervisor.processes() if p.state in UP and before.get(p.full) == p.pid]

    def _settle(self, document: Document) -> List[Process]:
        optional = [name for name, settings in document["settings"].items() if settings.get("optional")]
        processes = self._wait_for_processes(document)
        for process in [p for p in processes if p.name not in optional]:
            if process.state not in UP:
                raise self._unhealthy(document, process, "it is %s" % process.state.lower())
            if process.release != document["id"]:
                problem = "it runs and could not note its release (is the disk full?)"
                raise self._unhealthy(document, process, problem)
        return processes

    def _of_another_release(self, document: Document) -> List[Process]:
        """Every process, when each is known to run another release: all are restarted, whatever Supervisor says."""
        expected = {"%s.%d" % (n, i) for n, s in document["settings"].items() for i in range(s["instances"])}
        found = self._supervisor.noted()
        other = {p.label for p in found if p.release not in (None, document["id"])}
        return found if other == expected == {p.label for p in found} else []

    def _wait_for_processes(self, document: Document) -> List[Process]:
        """Every process; what Supervisor has just started gets the time to note which release it runs."""
        expected = sum(settings["instances"] for settings in document["settings"].values())
        deadline, found = time.monotonic() + BEGINS, self._processes(document)
        while time.monotonic() < deadline:
            if len(found) >= expected and all(p.release or p.state not in UP for p in found):
                break
            self._heed()
            time.sleep(0.2)
            found = self._processes(document)
        if len(found) >= expected:
            return found
        raise Failure("Supervisor does not answer", "look into its log in %s" % self._layout.logs)

    def _processes(self, document: Document) -> List[Process]:
        return [process for process in self._supervisor.processes() if process.name in document["settings"]]

    def _heed(self) -> None:
        """End at once when the user wants it: what was done is undone by who asked for it."""
        if self._cancelled():
            raise Failure("interrupted while the processes were restarted", "run the same command again")

    def _now(self, document: Document, process: Process) -> Optional[Process]:
        """A process as it is now; Supervisor is asked when what it noted does not say that it lives."""
        for found in self._supervisor.noted():
            if found.full == process.full and found.release == document["id"]:
                return found
        return next((p for p in self._supervisor.processes() if p.full == process.full), None)

    def _unhealthy(self, document: Document, process: Process, problem: str) -> Failure:
        message = "%s of %s is not healthy: %s%s" % (
            process.label,
            document["id"],
            problem,
            self._database(document["id"]),
        )
        return Failure(message, "mend the app, then push again", self._app.call("tail", log=process.log))

    def _still(self) -> str:
        live = self._layout.live()
        return "%s still serves" % live if live else "nothing was made live"

    def _database(self, release: str) -> str:
        """Where the database is, when the release command of an operation that then failed has run."""
        before = read_json(self._layout.path("migrating.json"))
        if before is None:
            return ""
        revisions = self._app.call("revisions")
        where = " (%s)" % ", ".join(revisions) if revisions else ""
        if self._same_code(release) or (revisions and revisions == before.get("at")):
            return "; the release command had run%s" % where
        return "; the release command had run, so the database%s is ahead of the code that serves" % where

    def _same_code(self, release: str) -> bool:
        """Whether the release that serves instead of a failed one has its very code, or none serves."""
        live = self._layout.live()
        if live == release:  # it has been made live, and is given up for the one before
            live = (unfinished(self._layout) or {}).get("from")
        return live is None or self._releases.get(live)["tree"] == self._releases.get(release)["tree"]


def _from_before(copies: Sequence[str]) -> str:
    """Where the databases are as they were before a release command: some of it may be done, and fail the next time."""
    return "; as the database was before: %s" % ", ".join(copies) if copies else ""


def same(now: Process, pid: Optional[int]) -> bool:
    """Whether a process runs, and is the one that had this id, where it was known."""
    return now.state in UP and pid in (None, now.pid)


def settled(now: Process, pid: Optional[int]) -> bool:
    """Whether a process has noted its release, or is another than the one with this id, or did not come up."""
    return now.state not in UP or bool(now.release or now.pid != pid)


def unfinished(layout: Layout) -> Optional[Dict[str, Any]]:
    """The push or rollback that was killed after its commit began, if any."""
    found = read_json(layout.path("operation.json"))
    return found if isinstance(found, dict) else None


def remade(layout: Layout, tree: str) -> bool:
    """Whether a tree was made anew under processes that have not been restarted since."""
    return bool(read_json(layout.path("remade.json")) == {"tree": tree})


def note_remade(layout: Layout, tree: str) -> None:
    """Remember it: the command that makes a tree anew may die before it restarts anything."""
    write_json(layout.path("remade.json"), {"tree": tree})


def forget_remade(layout: Layout) -> None:
    remove(layout.path("remade.json"))
