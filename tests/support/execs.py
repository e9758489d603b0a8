"""Records the arguments of every process that a command starts, and that those start, by strace."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.cli import Result

# the command's own exit is written to a file: strace itself lives on while a daemon that was started lives
SHELL = 'rc=$1; shift; "$@"; echo $? > "$rc.new"; mv "$rc.new" "$rc"'


def why_not() -> str:
    """Why execs cannot be recorded here; empty when they can."""
    if not shutil.which("strace"):
        return "strace is not installed: the arguments of processes are NOT checked (apt install strace)"
    tried = subprocess.run(["strace", "-f", "-e", "trace=execve", "-o", "/dev/null", "true"], capture_output=True)
    return "" if tried.returncode == 0 else "strace may not trace here: the arguments of processes are NOT checked"


class Recorder:
    """Runs commands under strace; daemons that they leave behind stay recorded until ``stop``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._tracers: list[subprocess.Popen[bytes]] = []

    def run(self, words: Sequence[str], command: Sequence[str], environ: Mapping[str, str], seconds: float) -> Result:
        """Run one command to its end."""
        from support.cli import Result

        base = self.folder / f"{len(self._tracers):03d}"
        names = {kind: base.with_suffix(f".{kind}") for kind in ("execs", "rc", "out", "err")}
        trace = ["strace", "-f", "-qq", "--seccomp-bpf", "-e", "trace=execve,execveat", "-e", "signal=none"]
        trace += ["-s", "1000000", "-o", str(names["execs"]), "--", "sh", "-c", SHELL, "sh", str(names["rc"]), *command]
        with names["out"].open("wb") as out, names["err"].open("wb") as err:
            self._tracers.append(
                subprocess.Popen(trace, env=dict(environ), stdin=subprocess.DEVNULL, stdout=out, stderr=err)
            )
        code = self._wait(names["rc"], seconds)
        out_text, err_text = (names[kind].read_text(errors="replace") for kind in ("out", "err"))
        return Result(tuple(words), code, out_text, err_text)

    def _wait(self, rc: Path, seconds: float) -> int:
        end = time.monotonic() + seconds
        while not rc.exists():
            if time.monotonic() > end or self._tracers[-1].poll() is not None:
                time.sleep(0.2)
                break
            time.sleep(0.05)
        return int(rc.read_text()) if rc.exists() else -1

    def text(self) -> str:
        """Everything recorded so far: one line for each exec, with all its arguments."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.execs")))

    def stop(self) -> None:
        """Let go of every process that is still followed; it goes on running."""
        for tracer in self._tracers:
            if tracer.poll() is None:
                tracer.terminate()
                tracer.wait(10)
