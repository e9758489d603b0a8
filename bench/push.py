"""Times pushes to a real host against what else one could type, in one interleaved run, and prints ratios.

Needs what tests/hosts needs (root on Debian). ``python bench/push.py [--rounds 5] [--files 2000]``; fabric and
ansible-core take part where they are installed beside paasctl.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "hosts")]

from hostlab import base  # noqa: E402
from hostlab.apps import HostApp  # noqa: E402
from hostlab.fleet import Fleet  # noqa: E402

Case = Callable[[], None]
LIMIT = "ssh HOST true"


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
            measure(app, options.rounds, options.files)
        finally:
            app.close()
    finally:
        fleet.down()


def measure(app: HostApp, rounds: int, files: int) -> None:
    """The first push, then every case once in each round."""
    for number in range(files):
        app.project.write(f"data/{number % 40:02d}/{number:04d}.txt", f"{number}\n" * 40)
    app.project.commit("many files")
    app.project.env(SECRET_KEY="k1-Vn4tXq9bRw2LzJ7cMd5pHs8f")
    app.setup()
    print(f"first push of {files} files, virtual environment made: {timed(app.push):.1f} s")
    everything = cases(app)
    for case in everything.values():
        case()  # warm
    seconds: dict[str, list[float]] = {name: [] for name in everything}
    for _ in range(rounds):
        for name, case in everything.items():
            seconds[name].append(timed(case))
    report(seconds)


def cases(app: HostApp) -> dict[str, Case]:
    """What is timed, by name. Those that send files send the same tree."""
    host, config = app.host.name, str(app.config)
    kept = ["-o", "ControlMaster=auto", "-o", f"ControlPath={app.folder}/c", "-o", "ControlPersist=60"]
    ssh = ["ssh", "-F", config, *kept]
    rsync = ["rsync", "-a", "--delete", "-e", " ".join(ssh), f"{app.project.root}/", f"{host}:copy/"]

    def one_file() -> None:
        app.project.bump()
        app.push()

    def rsync_one_file() -> None:
        app.project.write("data/00/0000.txt", str(time.time_ns()))
        run(*rsync)

    found: dict[str, Case] = {
        LIMIT: lambda: run(*ssh, host, "true"),
        "paasctl push, no change": lambda: ignore(app.push()),
        "paasctl push, one file (tried out, rolled, checked)": one_file,
        "rsync -a, no change": lambda: run(*rsync),
        "rsync -a, one file (nothing restarted)": rsync_one_file,
    }
    if importlib.util.find_spec("fabric"):
        fabric = [sys.executable, "-m", "fabric", "-S", config, "-H", host, "--", "true"]
        found["fab -- true"] = lambda: run(*fabric)
    if shutil.which("ansible"):
        ansible = [
            "ansible",
            "all",
            "-i",
            f"{host},",
            "-u",
            "deploy",
            "--ssh-common-args",
            f"-F {config}",
            "-m",
            "ping",
        ]
        found["ansible -m ping"] = lambda: run(*ansible)
    return found


def report(seconds: dict[str, list[float]]) -> None:
    """A line for each case: median, least, and the ratio to the limit."""
    limit = statistics.median(seconds[LIMIT])
    print(f"{'case':55} {'median':>8} {'least':>8} {'ratio':>7}")
    for name, each in seconds.items():
        median = statistics.median(each)
        print(f"{name:55} {median:7.2f}s {min(each):7.2f}s {median / limit:6.1f}x")


def timed(case: Callable[[], object]) -> float:
    began = time.perf_counter()
    case()
    return time.perf_counter() - began


def run(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True, stdin=subprocess.DEVNULL)


def ignore(_: object) -> None:
    """Only the time matters."""


if __name__ == "__main__":
    main()
