"""One app's folder on a host, and every request that paasctl can make about it."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Tuple

from . import bytecode, children, operations, rollout, static
from .deputy import AppUser, Deputy, Direct
from .expand import Expanded, codings
from .layout import Layout, begun_path, read_json, write_json
from .lock import Lock
from .probe import first_port, free_port, port_is_free
from .release import Releases
from .rollout import Rollout
from .supervisor import Supervisor
from .tree import Trees, alike
from .venv import Venvs
from .wire import Failure, Stream, Wire

Arguments = Dict[str, Any]
Modules = Dict[str, str]


class Agent:
    """One app's folder, and every request that can be made about it. A method ``do_X`` answers the request X."""

    def __init__(self, wire: Wire, hello: Arguments, modules: Modules) -> None:
        self.wire, self.hello = wire, hello
        self.name, self.origin = hello["name"], hello["origin"]
        self.layout = Layout.of(hello)
        self.app = app_user(wire, hello, self.layout, modules)
        self.lock = Lock(self.layout)
        self.trees = Trees(self.layout)
        self.venvs = Venvs(self.layout, hello.get("uv"), self.app)
        self.releases = Releases(self.layout, modules["paasctl_host.launch"], self.app)
        self.supervisor = supervisor(hello, self.layout, self.app)
        self.rollout = Rollout(self.layout, self.releases, self.supervisor, self.app, wire.cancelled.is_set)
        self._build: Callable[[], None] = lambda: None
        #: the release that was made current, and what to go back to, until every process runs it
        self._committed: Optional[Tuple[str, Optional[str]]] = None
        self._failed = False
        #: what brings to the disk all that was written before the release was tried out
        self._writing: Optional[threading.Thread] = None

    @property
    def own(self) -> bool:
        """Whether this app has a Supervisor of its own."""
        return self.supervisor.own

    # ------------------------------------------------------------------------------------------------ reading

    def do_observe(self, args: Arguments, stream: Optional[Stream]) -> Arguments:
        """Everything that a plan is made from; changes nothing."""
        document = read_json(self.layout.path("app.json"), {})
        live = self.layout.live()
        self._refuse_another_project()
        everything = self.releases.all()
        current = next((d for d in everything if d["id"] == live), None)
        if current:  # both begin beside each other, and beside the look at the tree
            self.supervisor.ask()
            self.app.begin()
        whole = current is None or not self.trees.damaged(current["tree"], alike)
        env, lost = self._env(current)
        setup = None if self.own else read_json(self.layout.setup, {})
        port = (
            args["port"]
            or document.get("port")
            or (free_port(first_port(self.layout.root)) if setup is None else setup.get("port", 0))
        )
        return {
            "exists": current is not None,
            "releases": everything,
            "env": env["env"],
            "manifest": env["manifest"],
            "other_envs": self.app.call("other_envs", but=current["env"] if current else None) if everything else [],
            "lost": lost,
            "last": self.releases.last_number(),
            "port": port,
            "begun": self.layout.begun(),
            "setup": setup,
            "half_set_up": setup == {} and os.path.exists(begun_path(self.layout)),
            "supervised": self.supervisor.running() if current else False,
            "processes": [p.document() for p in self.supervisor.processes()] if current else [],
            "venvs": self.venvs.names(),
            "released": read_json(self.layout.path("released.json")),
            "unfinished": rollout.unfinished(self.layout),
            "locked": self.lock.owner(),
            "whole": whole,
            "remade": bool(current and rollout.remade(self.layout, current["tree"])),
        }

    def _env(self, current: Optional[Arguments]) -> Tuple[Arguments, str]:
        """The env of the live release, and what is wrong with it: a damaged one must not lock the user out."""
        empty = {"env": {}, "manifest": ""}
        if current is None:
            return empty, ""
        try:
            return self.releases.env(current), ""
        except Failure as failure:
            return empty, failure.message

    def do_status(self, args: Arguments, stream: Optional[Stream]) -> Arguments:
        return dict(self.do_observe(args, stream), **operations.status(self))

    def do_answer(self, args: Arguments, stream: Optional[Stream]) -> Arguments:
        """How the live release answers a visitor, and nothing else."""
        return operations.status(self)

    def do_logs(self, args: Arguments, stream: Optional[Stream]) -> None:
        for item in self.app.items("logs", prefix=self.supervisor.prefix, **args):
            self.wire.give(item)

    def do_command(self, args: Arguments, stream: Optional[Stream]) -> List[str]:
        """The words that run something in the live release."""
        live = self.layout.live()
        if live is None:
            raise Failure("nothing is live here yet", "push first", kind="usage")
        return [self.layout.release(live, "start"), "run"]

    # ---------------------------------------------------------------------------------------------- preparing

    def do_lock(self, args: Arguments, stream: Optional[Stream]) -> Arguments:
        """Take the lock, and refuse when the app is not as it was when the plan was made."""
        self._refuse_another_project()
        self.layout.make()
        self.app.call("make_folders")
        self.lock.take(args["who"], args["what"])
        self.supervisor.finish_ending()
        self._refuse_another_state(args["live"], args["last"], args["unfinished"])
        runs = self.supervisor.running()
        if not runs:
            self.app.call("end_orphans")
        if args["port"] is not None:  # what takes the app away needs none
            self._claim(args["port"], runs)
        return {"port": args["port"]}

    def do_tree(self, args: Arguments, stream: Optional[Stream]) -> Arguments:
        """Learn which files a tree has; answers with the digests of what is missing here."""
        entries = self.trees.describe(args["digest"], args["base"], args["changed"], args["removed"])
        self.app.call("make_persist", paths=args["persist"], tree=args["tree"], built=args["built"])
        self._build = lambda: self._make_tree(args, entries)
        missing = self.trees.missing(entries)
        if not missing:
            self._build()
        return {"missing": missing, "codings": codings()}

    def do_objects(self, args: Arguments, stream: Optional[Stream]) -> None:
        """Store contents that arrive on the stream, and make the tree that waits for them."""
        assert stream is not None
        with Expanded(stream, args["coding"]) as contents:
            self.trees.receive(contents)
        self._build()

    def do_venv(self, args: Arguments, stream: Optional[Stream]) -> str:
        folder = self.layout.path("code", args["tree"])
        lists = {"-r": args["requirements"], "-c": args["constraints"]}
        self.venvs.make(args["venv"], args["python"], lists, folder, args["local"], self.wire.say)
        return self.venvs.path(args["venv"])

    def do_release(self, args: Arguments, stream: Optional[Stream]) -> None:
        document = dict(args["document"])
        document.update(
            code=self.layout.path("code", document["tree"]),
            venv_name=document["venv"],
            venv=self.venvs.path(document["venv"]),
            run=self.layout.run_folder_path(),
        )
        document["environment"] = dict(
            document["environment"],
            PAASCTL_ROOT=self.layout.root,
            PAASCTL_ENV_FILE=self.layout.path("env", document["env"] + ".json"),
            VIRTUAL_ENV=document["venv"],
        )
        self.releases.make(document, args["env"], args["manifest"])
        self._compile(document)

    def do_repair(self, args: Arguments, stream: Optional[Stream]) -> None:
        """Before an old release becomes live again: its tree as it was pushed, its environment there."""
        document = self.releases.get(args["release"])
        entries = self.trees.manifest(document["tree"])
        if entries is None or not self.venvs.complete(document["venv_name"]):
            message = "%s is not whole any more; nothing was changed" % document["id"]
            raise Failure(message, "push: it writes what is missing anew")
        self._make_tree(document, entries)
        self.releases.env(document)

    def do_collect(self, args: Arguments, stream: Optional[Stream]) -> None:
        self.rollout.collect(args["release"], self.wire.say)

    def do_preflight(self, args: Arguments, stream: Optional[Stream]) -> None:
        self.rollout.preflight(args["release"])

    def do_release_command(self, args: Arguments, stream: Optional[Stream]) -> None:
        self.rollout.release_command(args["release"], self.wire.say)

    def do_canary(self, args: Arguments, stream: Optional[Stream]) -> None:
        # a release's files are not fsynced one by one: they are all on the disk before it can be live
        self._writing = threading.Thread(target=os.sync, daemon=True, name="sync")
        self._writing.start()
        self.rollout.canary(args["release"])

    # --------------------------------------------------------------------------------- commit, verify, finish

    def do_switch(self, args: Arguments, stream: Optional[Stream]) -> None:
        if self._writing is None:
            os.sync()
        else:
            self._writing.join()
        self._committed, self._failed = (args["release"], args["undo_to"]), False
        self.rollout.switch(args["release"], args["undo_to"])

    def do_roll(self, args: Arguments, stream: Optional[Stream]) -> None:
        try:
            anew = rollout.remade(self.layout, self.releases.get(args["release"])["tree"])
            processes = self.rollout.roll(args["release"], self.wire.say, anew=anew)
            self.rollout.done(args["release"], processes)
        except BaseException:
            self._failed = True
            raise
        self._committed = None

    def do_undo(self, args: Arguments, stream: Optional[Stream]) -> None:
        self.rollout.undo(args["release"], args["undo_to"], self.wire.say)
        self._committed = None

    @property
    def committed(self) -> bool:
        """Whether a release was made current and not every process runs it yet."""
        return self._committed is not None

    def settle(self) -> None:
        """The user's paasctl is gone in the middle of a commit: bring that to its end, or back."""
        assert self._committed is not None
        release, undo_to = self._committed
        self.wire.cancelled.clear()
        if not self._failed:
            with contextlib.suppress(Failure, OSError):
                self.do_roll({"release": release}, None)
                return
        self.do_undo({"release": release, "undo_to": undo_to}, None)

    def still(self) -> str:
        """What is live, for the end of a sentence about a failure."""
        live = self.layout.live()
        return "%s is still live" % live if live else "nothing is live"

    def do_prune(self, args: Arguments, stream: Optional[Stream]) -> None:
        kept = self.releases.prune()
        self.trees.prune([d["tree"] for d in kept])
        self.app.call("prune_built", keep=[d["tree"] for d in kept])
        if self.layout.public:
            static.prune(self.layout.public, [d["tree"] for d in kept])
            static.prune(self.layout.path("collected"), [d["tree"] for d in kept])
        self.venvs.prune([d["venv_name"] for d in kept])

    # --------------------------------------------------------------------------------------------- operations

    def do_restart(self, args: Arguments, stream: Optional[Stream]) -> None:
        self.do_repair({"release": self.layout.live()}, None)
        operations.restart(self)

    def do_down(self, args: Arguments, stream: Optional[Stream]) -> None:
        operations.down(self, args["purge"])

    def do_unlock(self, args: Arguments, stream: Optional[Stream]) -> Optional[Arguments]:
        return self.lock.break_()

    # ------------------------------------------------------------------------------------------------ helping

    def _make_tree(self, document: Arguments, entries: List[Any]) -> None:
        """Make a tree; processes whose code was made anew under them are restarted by the next roll, whosever it is."""
        live = self.layout.live()
        like = str(read_json(self.layout.release(live, "release.json"), {}).get("tree", "")) if live else ""
        # two trees share a file only where the app is another user: its owner could write to both at once
        shared = like if self.hello.get("app_user") else ""
        note = functools.partial(rollout.note_remade, self.layout, like) if like == document["tree"] else None
        self.trees.build(document["tree"], entries, document["persist"], document["built"], shared, note)

    def _refuse_another_project(self) -> None:
        origin = read_json(self.layout.path("app.json"), {}).get("origin")
        if origin and origin != self.origin and os.path.isdir(origin):
            raise Failure(
                "another project (%s) is already pushed here as %s; nothing was changed" % (origin, self.name),
                "give this one another name in paasctl.toml: [app] name",
                kind="usage",
            )

    def _refuse_another_state(self, live: Optional[str], last: int, begun: Any) -> None:
        """The plan was made for another state than the one that the lock now keeps still."""
        now = self.layout.live()
        if (now, self.releases.last_number(), rollout.unfinished(self.layout)) == (live, last, begun):
            return
        what = "somebody else's push came to its end"
        if now != live:
            what = "%s by %s was made live" % (now, self.releases.get(now)["who"]) if now else "the app was taken down"
        message = "%s meanwhile; this command changed nothing" % what
        raise Failure(message, "run it again: it compares with what is there now", kind="conflict")

    def _claim(self, port: int, runs: bool) -> None:
        """Note the app's port, which must be free unless this app's own processes have it."""
        path = self.layout.path("app.json")
        before = read_json(path, {})
        if self.own and (port != before.get("port") or not runs) and not port_is_free(port):
            raise Failure(
                "port %d is in use by another program; nothing was changed" % port,
                "end that program, or name another port in paasctl.toml: [targets.local] port",
            )
        after = dict(before, name=self.name, origin=self.origin, port=port)
        if after != before:
            write_json(path, after)

    def _compile(self, document: Arguments) -> None:
        """Give every module its byte-code; see :data:`bytecode.COMPILE`."""
        root = document["code"]
        python = os.path.join(document["venv"], "bin", "python")
        folders = [folder for folder, _, files in os.walk(root) if any(name.endswith(".py") for name in files)]
        for folder in folders:
            os.chmod(folder, 0o755)
        try:
            # -S: what installed packages have every Python start with is not for this user
            children.run([python, "-I", "-S", "-c", bytecode.COMPILE, root], self.layout.root, limit=300)
        finally:
            for folder in folders:
                os.chmod(folder, 0o555)


def app_user(wire: Wire, hello: Arguments, layout: Layout, modules: Modules) -> AppUser:
    """The app's user: this one, or the one that ``hello["app_user"]`` gives the words to become."""
    if not hello.get("app_user"):
        from .appside import AppSide

        return Direct(AppSide(layout, wire.say, wire.cancelled.is_set))
    return Deputy(wire, hello["app_user"], dict(hello, role="app"), modules)


def supervisor(hello: Arguments, layout: Layout, app: AppUser) -> Supervisor:
    """The app's own Supervisor, or the host's."""
    if hello.get("supervisorctl"):
        from .system import SystemSupervisor

        return SystemSupervisor(layout, hello["supervisorctl"], app)
    from .own import OwnSupervisor  # with XML-RPC, which takes a while to import

    return OwnSupervisor(layout, sys.executable, app)
