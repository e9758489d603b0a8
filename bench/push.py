"""Times pushes to a real host against what else one could type, in one interleaved run, and prints ratios.

Needs what tests/hosts needs (root on Debian). ``python bench/push.py [--rounds 5] [--files 2000]``; rsync, fabric and
ansible-core take part where they are installed (the latter two beside paasctl).
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import statistics
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "hosts")]

from hostlab import base  # noqa: E402
from hostlab.apps import HostApp  # noqa: E402
from hostlab.fleet import Fleet  # noqa: E402

Case = Callable[[], object]
#: a case and what must be so before it, which is not timed
Cases = dict[str, tuple[Case, Case]]
LIMIT, ONE = "ssh HOST true", "data/00/0000.txt"
ORDER = [LIMIT, "no change", "one file", "first"]
FABRIC = (
    "import sys, fabric\n"
    "host, config, source, target, command = sys.argv[1:]\n"
    "settings = fabric.Config(runtime_ssh_path=config)\n"
    "with fabric.Connection(host, config=settings) as connection:\n"
    "    if source:\n"
    "        connection.put(source, target)\n"
    "    connection.run(command, hide=True)\n"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=2000)
    options = parser.parse_args()
    if reason := base.why_not():
        sys.exit(reason)
    fleet = Fleet(1)
    try:
        fleet.up()
        app = HostApp(fleet, fleet.hosts, "plain_wsgi", "bench")
        try:
            prepare(app, options.files)
            measure(Bench(app), options.rounds)
            for pause in (0, 4):
                print(f"a code-only push, import {pause} s, 2 instances: {live(app, pause)}")
        finally:
            app.close()
    finally:
        fleet.down()


def prepare(app: HostApp, files: int) -> None:
    """An app of many files on a host that setup has prepared."""
    for number in range(files):
        app.project.write(f"data/{number % 40:02d}/{number:04d}.txt", f"{number}\n" * 40)
    app.project.commit("many files")
    app.project.env(SECRET_KEY="k1-Vn4tXq9bRw2LzJ7cMd5pHs8f")
    app.setup()
    app.push()


def measure(bench: Bench, rounds: int) -> None:
    """Every case once in each round, after a round that is not counted."""
    seconds: dict[str, list[float]] = {}
    for number in range(rounds + 1):
        for name, (before, case) in bench.cases().items():
            before()
            took = timed(case)
            if number:
                seconds.setdefault(name, []).append(took)
    report(seconds)


class Bench:
    """What is timed. Those that send files send the same tree to the same host, on a connection that is kept."""

    def __init__(self, app: HostApp) -> None:
        self.app, self.host, self.config = app, app.host.name, str(app.config)
        kept = ["-o", "ControlMaster=auto", "-o", f"ControlPath={app.folder}/c", "-o", "ControlPersist=60"]
        self.ssh = ["ssh", "-F", self.config, *kept]
        # a copy: what the others send must not be a change of the app
        self.tree, self.tar = app.folder / "tree", str(app.folder / "tree.tar.gz")
        shutil.copytree(app.project.root, self.tree, ignore=shutil.ignore_patterns(".git"))
        with tarfile.open(self.tar, "w:gz", compresslevel=1) as tar:
            tar.add(self.tree, ".")

    def cases(self) -> Cases:
        """By name; those of one task are beside each other."""
        app, nothing = self.app, lambda: None
        found: Cases = {
            LIMIT: (nothing, lambda: run(*self.ssh, self.host, "true")),
            "no change: paasctl push": (nothing, app.push),
            "no change: paasctl push, cold": (app.disconnect, app.push),
            "no change: rsync -a": (nothing, self.rsync),
            "one file: paasctl push (tried, rolled, checked)": (app.project.bump, app.push),
            "one file: rsync -a (restarts nothing)": (self.touch, self.rsync),
            "first: paasctl push (environment made, checked)": (self.down, app.push),
            "first: rsync -a (files alone)": (self.clear, self.rsync),
        }
        if importlib.util.find_spec("fabric"):
            found |= {
                "no change: fabric, true": (nothing, lambda: self.fabric("true")),
                "one file: fabric put (restarts nothing)": (nothing, self.fabric_one),
                "first: fabric put, tar (files alone)": (nothing, self.fabric_all),
            }
        if Path(sys.executable).with_name("ansible").exists():
            found |= {
                "no change: ansible ping": (nothing, lambda: self.ansible("ping")),
                "one file: ansible copy (restarts nothing)": (self.touch, self.ansible_one),
                "first: ansible unarchive (files alone)": (self.clear, self.ansible_all),
            }
        return dict(sorted(found.items(), key=lambda item: ORDER.index(item[0].split(":")[0])))

    def rsync(self) -> None:
        if not shutil.which("rsync"):
            sys.exit("rsync is not installed")
        shell = " ".join(self.ssh)
        run("rsync", "-a", "--delete", "-e", shell, f"{self.tree}/", f"{self.host}:copy/")

    def fabric(self, command: str, source: str = "", target: str = "") -> None:
        run(sys.executable, "-c", FABRIC, self.host, self.config, source, target, command)

    def fabric_one(self) -> None:
        self.fabric("true", str(self.touch()), "copy/0000.txt")

    def fabric_all(self) -> None:
        self.fabric("rm -rf copy; mkdir copy; tar xzf tree.tar.gz -C copy", self.tar, "tree.tar.gz")

    def ansible_one(self) -> None:
        self.ansible("copy", f"src={self.tree}/{ONE} dest=copy/")

    def ansible_all(self) -> None:
        self.ansible("unarchive", f"src={self.tar} dest=copy")

    def ansible(self, module: str, arguments: str = "") -> None:
        program = str(Path(sys.executable).with_name("ansible"))
        words = ["all", "-i", f"{self.host},", "-u", "deploy", "--ssh-common-args", f"-F {self.config}", "-m", module]
        run(program, *words, *(["-a", arguments] if arguments else []))

    def touch(self) -> Path:
        path = self.tree / ONE
        path.write_text(str(time.time_ns()))
        return path

    def down(self) -> None:
        self.app.run("down", "linux", "--yes")
        self.app.setup()

    def clear(self) -> None:
        run(*self.ssh, self.host, "rm -rf copy; mkdir copy")


def live(app: HostApp, pause: int) -> str:
    """When a push of a new version begins to be served, and when nothing else is any more; in seconds."""
    if pause:
        path = app.project.root / "wsgi.py"
        path.write_text(f"import time\n\ntime.sleep({pause})\n" + path.read_text())
        app.project.commit("a slow import")
        app.push()
    seen: list[tuple[float, str]] = []
    new, stop = app.project.bump(), threading.Event()
    thread = threading.Thread(target=watch, args=(app, seen, stop))
    began = time.monotonic()
    thread.start()
    app.push()
    ended = time.monotonic()
    stop.set()
    thread.join()
    first = next(when for when, version in seen if version == new)
    last = max(when for when, version in seen if version != new)
    seconds = [when - began for when in (first, last, ended)]
    return "first served after {:.1f} s, nothing else after {:.1f} s, push ended after {:.1f} s".format(*seconds)


def watch(app: HostApp, seen: list[tuple[float, str]], stop: threading.Event) -> None:
    while not stop.is_set():
        seen.append((time.monotonic(), app.serves()))
        time.sleep(0.02)


def report(seconds: dict[str, list[float]]) -> None:
    """A line for each case: median, least, and the ratio to the limit."""
    limit = statistics.median(seconds[LIMIT])
    print(f"{'case':50} {'median':>8} {'least':>8} {'ratio':>7}")
    for name, each in seconds.items():
        median = statistics.median(each)
        print(f"{name:50} {median:7.2f}s {min(each):7.2f}s {median / limit:6.1f}x", flush=True)


def timed(case: Case) -> float:
    began = time.perf_counter()
    case()
    return time.perf_counter() - began


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    main()
