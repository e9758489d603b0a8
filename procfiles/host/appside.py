"""What the app's own user does: keep the env, run the app's code, ask its processes, read its logs."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import Any, Callable, Dict, Iterator, List, Optional

from . import children, pieces
from .layout import APPS, DATA, Layout, has_files, read_json, remove, remove_contents, writable_copy, write_json
from .probe import Probe, free_port
from .wire import Failure, Stream

Arguments = Dict[str, Any]
#: seconds that an installation may take
INSTALL = 1800
#: bytes of a JSON file of the app's that are read: no env is larger, for no program could be started with it
LARGEST = 1 << 24


class AppSide:
    """Answers the agent's requests as the app's user. A method ``do_X`` answers the request X."""

    def __init__(self, layout: Layout, say: Callable[[str], None], cancelled: Callable[[], bool]) -> None:
        self.layout, self._say, self._cancelled = layout, say, cancelled

    def do_make_folders(self, args: Arguments, stream: Optional[Stream]) -> None:
        self.layout.make_apps()
        self.layout.run_folder()

    # ------------------------------------------------------------------------------------------------ the env

    def do_write_env(self, args: Arguments, stream: Optional[Stream]) -> None:
        """Write an env and its manifest as one file, so that they can never disagree."""
        os.makedirs(self.layout.path("env"), mode=0o700, exist_ok=True)
        write_json(self.layout.env_file(args["id"]), {"env": args["env"], "manifest": args["manifest"]}, 0o600)

    def do_read_env(self, args: Arguments, stream: Optional[Stream]) -> Arguments:
        found = read_env(self.layout.env_file(args["id"]))
        if found is None:
            raise Failure(
                "the env of the live release is missing or damaged", "push again with --force to write it anew"
            )
        return found

    def do_other_envs(self, args: Arguments, stream: Optional[Stream]) -> List[Dict[str, str]]:
        """The envs of releases that are not live, so that paasctl masks their values too; a damaged one has none."""
        folder, live = self.layout.path("env"), self.layout.env_file(args["but"] or "")
        paths = [os.path.join(folder, name) for name in (os.listdir(folder) if os.path.isdir(folder) else [])]
        found = [read_env(path) for path in paths if path.endswith(".json") and path != live]
        return [document["env"] for document in found if document]

    def do_prune_env(self, args: Arguments, stream: Optional[Stream]) -> None:
        folder = self.layout.path("env")
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name.split(".")[0] not in args["keep"]:
                remove(os.path.join(folder, name))

    def do_make_persist(self, args: Arguments, stream: Optional[Stream]) -> None:
        """Make the folders that persist paths lie in; ``name/`` is itself a folder."""
        for name in args["paths"]:
            kept = self.layout.path("shared", name.rstrip("/"))
            os.makedirs(kept if name.endswith("/") else os.path.dirname(kept), exist_ok=True)
        for name in args["built"]:
            os.makedirs(os.path.join(self.layout.built(args["tree"]), name.rstrip("/")), exist_ok=True)

    def items_collected(self, args: Arguments) -> Iterator[Dict[str, str]]:
        """The files that were built for a tree."""
        return pieces.read(self.layout.built(args["tree"]))

    def do_prune_built(self, args: Arguments, stream: Optional[Stream]) -> None:
        """Remove what was built for trees that are gone."""
        folder = os.path.dirname(self.layout.built("any"))
        for name in os.listdir(folder) if os.path.isdir(folder) else []:
            if name not in args["keep"]:
                remove(os.path.join(folder, name))

    def do_clear(self, args: Arguments, stream: Optional[Stream]) -> None:
        """Empty the folders that the app's user owns; those of data only with ``purge``."""
        remove_contents(self.layout.run_folder_path())
        remove(os.path.dirname(self.layout.built("any")))
        for name in APPS:
            folder = self.layout.path(name)
            if args["purge"] or name not in DATA or not has_files(folder):
                remove_contents(folder)

    def do_build_wheels(self, args: Arguments, stream: Optional[Stream]) -> Arguments:
        """Build what has no wheel: its code runs here, as the app's user and never as the one who deploys."""
        folder = self.layout.path("run", "wheels")
        remove(folder)
        os.makedirs(folder)
        # isolated: the app's own modules are no part of pip. An old project, without a pyproject.toml, is built as a
        # new one is: what it takes is fetched, for no environment has all of it
        argv = [args["python"], "-I", "-m", "pip", "wheel", "--use-pep517", "--no-input", "--disable-pip-version-check"]
        argv += ["--src", os.path.join(folder, "checkouts"), "-w", os.path.join(folder, "ready")]
        env = dict(os.environ, HOME=folder, PIP_CACHE_DIR=os.path.join(folder, "cache"))
        source = args["folder"]
        if args["local"]:
            source = os.path.join(folder, "source")
            writable_copy(args["folder"], source)
        ended = children.run([*argv, *args["lists"]], source, env, INSTALL, self._say)
        return {"status": ended.status, "output": ended.output}

    def items_wheels(self, args: Arguments) -> Iterator[Dict[str, str]]:
        """The wheels that were built, and those of all that they need."""
        return pieces.read(self.layout.path("run", "wheels", "ready"))

    def do_remove_wheels(self, args: Arguments, stream: Optional[Stream]) -> None:
        """Remove the scratch folder of a build."""
        remove(self.layout.path("run", "wheels"))

    # ---------------------------------------------------------------------------------------- running the app

    def do_run(self, args: Arguments, stream: Optional[Stream]) -> Arguments:
        """Run a command in a release and answer with its status and last lines."""
        argv = [self.layout.release(args["release"], "start"), "run", *args["command"]]
        say = self._say if args.get("say") else None
        ended = children.run(argv, self.layout.root, limit=args.get("limit"), say=say)
        return {"status": ended.status, "output": ended.output, "stopped": ended.stopped}

    def do_canary(self, args: Arguments, stream: Optional[Stream]) -> Arguments:
        """Start a release's web process where no visitor comes, and ask it for its health."""
        document = args["document"]
        run = self.layout.run_folder()
        where = os.path.join(run, "canary") if document["handover"] else str(free_port(20000))
        remove(where)
        log = os.path.join(run, "canary.log")
        remove(log)  # whatever the app has put there
        with open(log, "xb") as output:
            argv = [self.layout.release(document["id"], "start"), "canary", "web", where]
            child = children.start(argv, self.layout.root, None, output)
        probe = Probe.of(document, where)
        healthy = False
        try:
            healthy = probe.wait(lambda: child.poll() is None, self._cancelled)
        finally:
            if healthy:
                children.end_beside(child)  # nobody waits for its end: what comes next does not need it
            else:
                children.end(child)
        return {"problem": "" if healthy else probe.problem, "output": "\n".join(children.tail(log))}

    def do_probe(self, args: Arguments, stream: Optional[Stream]) -> str:
        """Ask one web process until it is healthy, for at most ``limit`` seconds; answers with what is wrong."""
        document = args["document"]
        run = self.layout.run_folder()
        where = os.path.join(run, "web.%s" % args["instance"]) if document["handover"] else str(document["port"])
        probe = Probe.of(document, where)
        # who asks heeds Ctrl-C, between two questions: an undo goes on to its end
        return "" if probe.wait(lambda: True, lambda: False, args["limit"]) else probe.problem

    def do_notes(self, args: Arguments, stream: Optional[Stream]) -> Arguments:
        """What each process wrote when it started: its process id and release, by ``name.instance``."""
        folder = self.layout.run_folder_path()
        names = [n for n in (os.listdir(folder) if os.path.isdir(folder) else []) if n.endswith(".json")]
        found = {name[:-5]: read_json(os.path.join(folder, name), most=LARGEST) for name in names}
        return {label: note for label, note in found.items() if is_note(note)}

    def do_sweep(self, args: Arguments, stream: Optional[Stream]) -> None:
        """End what a killed process of another release has left behind (Linux tells by /proc)."""
        for pid in process_ids():
            found = process_environment(pid)
            if not self._is_ours(found) or found.get("PAASCTL_RELEASE") == args["release"]:
                continue
            if parent(pid) == 1 and pid not in args["owned"]:
                with contextlib.suppress(OSError):  # it ended by itself
                    os.kill(pid, signal.SIGTERM)

    def do_end_orphans(self, args: Arguments, stream: Optional[Stream]) -> None:
        """End the processes that a killed supervisord has left behind: they hold the port."""
        for _ in range(100):
            ours = [pid for pid in process_ids() if self._is_ours(process_environment(pid))]
            if not ours:
                return
            for pid in ours:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGTERM)
            time.sleep(0.1)

    def _is_ours(self, environment: Dict[str, str]) -> bool:
        return environment.get("PAASCTL_ROOT") == self.layout.root and "PAASCTL_PROCESS" in environment

    # ------------------------------------------------------------------------------------------ data and logs

    def do_back_up(self, args: Arguments, stream: Optional[Stream]) -> List[str]:
        from . import database  # with SQLite, which most commands do without

        return database.back_up(self.layout, args["keep"])

    def do_revisions(self, args: Arguments, stream: Optional[Stream]) -> List[str]:
        from . import database

        return database.revisions(self.layout)

    def do_tail(self, args: Arguments, stream: Optional[Stream]) -> str:
        return "\n".join(children.tail(os.path.join(self.layout.logs, args["log"] + ".log")))

    def items_logs(self, args: Arguments) -> Iterator[Any]:
        """The lines of the processes' logs; see :func:`logfiles.lines`."""
        from . import logfiles

        return logfiles.lines(self.layout.logs, args["prefix"], args["process"], args["lines"], args["follow"])


def read_env(path: str) -> Optional[Arguments]:
    """An env and its manifest, or None where there is none that is whole."""
    found = read_json(path, most=LARGEST)
    if not isinstance(found, dict) or not isinstance(found.get("manifest"), str):
        return None
    env = found.get("env")
    return found if isinstance(env, dict) and all(isinstance(value, str) for value in env.values()) else None


def is_note(note: Any) -> bool:
    """Whether this is what a process writes when it starts; the app can write anything else in its place."""
    if not isinstance(note, dict) or not isinstance(note.get("release"), str):
        return False
    pid = note.get("pid")
    return isinstance(pid, int) and 0 < pid < 1 << 31


def process_ids() -> List[int]:
    """Every process of the machine, where /proc tells."""
    return [int(name) for name in os.listdir("/proc") if name.isdigit()] if os.path.isdir("/proc") else []


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
