"""Programs that the agent starts: each in its own process group, with a limit, its last lines kept."""

from __future__ import annotations

import collections
import contextlib
import os
import signal
import subprocess
import threading
import time
from typing import IO, Callable, Deque, Dict, List, Optional, Sequence, Set, Union

from .layout import open_regular
from .wire import Failure

LINES_KEPT = 60
#: lines that are looked at to find out where a traceback begins
LINES_READ = 600
TRACEBACK = "Traceback (most recent call last):"
#: process groups that run now; ended when the conversation ends
running: Set[int] = set()
#: held while one is started, so that none is missed by :func:`end_all`
_starting = threading.RLock()


class Ended:
    """How a program ended: its exit status, the last lines that it printed, and whether its time was over."""

    def __init__(self, status: int, output: str, stopped: bool = False) -> None:
        self.status, self.output, self.stopped = status, output, stopped


def run(
    argv: Sequence[str],
    cwd: str,
    env: Optional[Dict[str, str]] = None,
    limit: Optional[float] = None,
    say: Optional[Callable[[str], None]] = None,
    leaves_a_daemon: bool = False,
) -> Ended:
    """Run a program to its end and keep the last lines of what it prints.

    Args:
        limit: seconds after which it and all that it started are killed; its status is then -9.
        say: told every line while the program runs.
        leaves_a_daemon: what it leaves behind in its process group is meant to stay.
    """
    try:
        child = start(argv, cwd, env, subprocess.PIPE)
    except OSError as error:
        return Ended(127, "%s: %s" % (argv[0], error.strerror))
    lines: Deque[str] = collections.deque(maxlen=LINES_READ)
    reader = threading.Thread(target=_read, args=(child, lines, say), daemon=True)
    reader.start()
    stopped = False
    try:
        child.wait(limit)
    except subprocess.TimeoutExpired:
        stopped = True
        lines.append("(stopped after %d s)" % (limit or 0))
        end(child, grace=0)
    if leaves_a_daemon:
        running.discard(child.pid)
    else:
        end(child, grace=0)
    reader.join(2)
    return Ended(child.returncode, "\n".join(last(list(lines))), stopped)


def start(
    argv: Sequence[str], cwd: str, env: Optional[Dict[str, str]], output: Union[int, IO[bytes]]
) -> "subprocess.Popen[bytes]":
    """Start a program in a process group of its own; stdin is empty, stderr goes where stdout goes."""
    with _starting:
        child = subprocess.Popen(
            list(argv),
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        running.add(child.pid)
    return child


def start_filter(argv: Sequence[str]) -> "subprocess.Popen[bytes]":
    """Start a program that makes of what it is given what it says; what it complains of is lost.

    Raises:
        OSError: it cannot be started.
    """
    with _starting:
        child = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        running.add(child.pid)
    return child


def output(child: "subprocess.Popen[bytes]") -> str:
    """Wait for the end of a program that was started with a pipe; all that it printed."""
    data, _ = child.communicate()
    running.discard(child.pid)
    return data.decode("utf-8", "replace")


def end(child: "subprocess.Popen[bytes]", grace: float = 5) -> None:
    """End a program and all that is left of its process group: asked first, killed after ``grace`` seconds."""
    if grace and child.poll() is None:
        signal_group(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while child.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
    signal_group(child.pid, signal.SIGKILL)
    child.wait()
    running.discard(child.pid)


def is_over(child: "subprocess.Popen[bytes]") -> bool:
    """Whether a program has ended that nobody waited for."""
    if child.poll() is None:
        return False
    running.discard(child.pid)
    return True


def end_beside(child: "subprocess.Popen[bytes]") -> None:
    """As :func:`end`, while this program goes on; it does not end before."""
    threading.Thread(target=end, args=(child,), name="end").start()


def end_all() -> None:
    """Kill everything that runs; the conversation is over."""
    with _starting:
        for group in list(running):
            signal_group(group, signal.SIGKILL)


def signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _read(child: "subprocess.Popen[bytes]", lines: Deque[str], say: Optional[Callable[[str], None]]) -> None:
    assert child.stdout is not None
    for raw in child.stdout:
        line = raw.decode("utf-8", "replace").rstrip()
        lines.append(line)
        if say:
            say(line)


def check(ended: Ended, message: str, hint: str = "") -> None:
    """Turn a program that failed into a failure with its output."""
    if ended.status:
        raise Failure(message, hint, ended.output)


def last(lines: List[str], count: int = LINES_KEPT) -> List[str]:
    """The last of some lines. None begins in the middle of a traceback: it is left out, or its inner part kept."""
    cut = len(lines) - count
    if cut <= 0:
        return lines
    begin = cut
    while begin > 0 and lines[begin].startswith(" "):
        begin -= 1
    if begin == cut or lines[begin] != TRACEBACK:
        return lines[cut:]
    for number in range(cut, len(lines)):
        if lines[number] == TRACEBACK:
            return lines[number:]
    return [TRACEBACK, "  ...", *lines[cut + 2 :]]


def tail(path: str, lines: int = LINES_KEPT, size: int = 64000) -> List[str]:
    """The last lines of a file, as :func:`last` gives them; an empty list when there is none."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size))
            return last(file.read().decode("utf-8", "replace").splitlines(), lines)
    except OSError:
        return []
