"""Every program that starts on a host, with all its arguments: strace follows, from outside, all that runs there."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from hostlab.fleet import Host

TRACE = ["strace", "-f", "-qq", "-e", "trace=execve,execveat", "-e", "signal=none", "-s", "1000000"]
#: seconds until all of a host's processes are followed
PATIENCE = 30


class Execs:
    """Follows a host's processes, and whatever they start, until it is closed."""

    def __init__(self, host: Host, file: Path) -> None:
        self._file, self._first = file, host.init()
        words = [*TRACE, "-o", str(file)]
        for pid in self._processes():
            words += ["-p", str(pid)]
        self._strace = subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while missed := [pid for pid in self._processes() if not self._follows(pid)]:
            assert self._strace.poll() is None, "strace has ended"
            assert time.monotonic() < end, f"not followed: {missed}"
            time.sleep(0.1)

    def _processes(self) -> list[int]:
        """All processes of the host, which has numbers of its own for them."""
        mine = _space(self._first)
        pids = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        return [pid for pid in pids if _space(pid) == mine]

    def _follows(self, pid: int) -> bool:
        try:
            status = Path(f"/proc/{pid}/status").read_text()
        except OSError:
            return True  # it has ended
        return f"\nTracerPid:\t{self._strace.pid}\n" in status

    def text(self) -> str:
        """What was started so far, a line each."""
        return self._file.read_text(errors="replace")

    def close(self) -> None:
        """Let go of every process; it goes on running."""
        self._strace.terminate()
        self._strace.wait(30)


def _space(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return ""
