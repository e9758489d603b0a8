"""Times how a large tree comes to a real host: by paasctl's own transport with each coding, and by tar, zstd and ssh.

Needs what tests/hosts needs (root on Debian). ``python bench/contents.py [--rounds 3] [--mbit 100]``: the tree is the
standard library of this Python; a connection that is kept is used by all. paasctl's time has what tar does not do:
a list of what is missing, digests checked on both sides, contents kept apart for the next push.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(TESTS), str(TESTS / "hosts")]

from hostlab import base  # noqa: E402
from hostlab.fleet import Fleet, Host, sh  # noqa: E402
from support import bundles  # noqa: E402

from paasctl import bundle as bundling  # noqa: E402
from paasctl.model import Bundle  # noqa: E402
from paasctl.target import load  # noqa: E402

ROOM = load("linux").__module__.rpartition(".")[0]
channel, upload = (import_module(f"{ROOM}.{name}") for name in ("channel", "upload"))
OMITTED = shutil.ignore_patterns("__pycache__", "site-packages", "*.so", "*.a")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mbit", type=int, default=0, help="how fast the network is; 0: as fast as this machine")
    options = parser.parse_args()
    if reason := base.why_not():
        sys.exit(reason)
    fleet = Fleet(1)
    try:
        fleet.up()
        measure(Bench(fleet, fleet.hosts[0], options.mbit), options.rounds)
    finally:
        fleet.down()


class Bench:
    """One tree, one host, and the ways from here to there."""

    def __init__(self, fleet: Fleet, host: Host, mbit: int) -> None:
        self.host, self.number = host, 0
        self.tree = fleet.folder / "tree"
        shutil.copytree(sysconfig.get_path("stdlib"), self.tree, ignore=OMITTED)
        app = bundles.app(self.tree)
        self.bundle: Bundle = bundling.build(app, {})
        kept = ["-o", "ControlMaster=auto", "-o", f"ControlPath={fleet.folder}/c", "-o", "ControlPersist=60"]
        self.ssh = ["ssh", "-F", str(fleet.config), *kept, host.name]
        host.ssh("command -v zstd || { apt-get update && apt-get install -y zstd; }")
        if mbit:
            words = f"qdisc add dev {host._link} root tbf rate {mbit}mbit burst 128kb latency 50ms"
            sh("tc", *words.split())

    def cases(self) -> dict[str, Callable[[], None]]:
        return {
            "paasctl, stored": lambda: self.paasctl("stored"),
            "paasctl, zlib -1": lambda: self.paasctl("zlib"),
            "paasctl, zstd -1": lambda: self.paasctl("zstd"),
            "tar | gzip -1 | ssh": lambda: self.tar("gzip -1", "gzip -d"),
            "tar | zstd -1 | ssh": lambda: self.tar("zstd -q -1", "zstd -q -d"),
        }

    def paasctl(self, coding: str) -> None:
        self.number += 1
        hello = {"root": f"/home/deploy/app{self.number}", "name": "bench", "origin": ""}
        argv = [*self.ssh, f"python3 -I -c {shlex.quote(channel.BOOTSTRAP)}"]
        agent = channel.Channel(argv, hello, os.environ, cached=True, codings=(coding,))
        try:
            agent.call("lock", who="bench", what="a push", live=None, last=0, unfinished=None, port=8000)
            upload.upload(agent, self.bundle, [], [], upload.Base(), lambda line: None)
        finally:
            agent.close()

    def tar(self, small: str, large: str) -> None:
        remote = " ".join([*map(shlex.quote, self.ssh), shlex.quote(f"mkdir copy && {large} | tar x -C copy")])
        subprocess.run(f"tar c -C {self.tree} . | {small} | {remote}", shell=True, check=True)

    def clear(self) -> None:
        self.host.ssh("rm -rf ~deploy/app* ~deploy/copy; sync")

    def sent(self) -> int:
        """Bytes that went to the host so far."""
        return int(Path(f"/sys/class/net/{self.host._link}/statistics/tx_bytes").read_text())


def measure(bench: Bench, rounds: int) -> None:
    """Every case once in each round, after a round that is not counted."""
    seconds: dict[str, list[float]] = {}
    sent: dict[str, int] = {}
    for number in range(rounds + 1):
        for name, case in bench.cases().items():
            bench.clear()
            before, began = bench.sent(), time.perf_counter()
            case()
            took, sent[name] = time.perf_counter() - began, bench.sent() - before
            if number:
                seconds.setdefault(name, []).append(took)
    print(f"{len(bench.bundle.files)} files, {upload.size(bench.bundle.size)}")
    for name, each in seconds.items():
        print(f"{name:24} {statistics.median(each):6.2f} s, least {min(each):6.2f} s, {upload.size(sent[name])} sent")


if __name__ == "__main__":
    main()
