"""The processes' logs: their last lines, and each new one as it comes."""

from __future__ import annotations

import datetime
import os
import re
import time
from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from .layout import open_regular

#: A moment as log formats write it: ISO 8601, Python's logging, gunicorn.
MOMENT = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[ T](?P<time>\d\d:\d\d:\d\d)(?:[.,](?P<fraction>\d{1,9}))?"
    r"\s?(?P<zone>Z|[+-]\d\d:?\d\d)?"
)
#: lines before the last ones in which a line's moment is looked for
CONTEXT = 500


def lines(folder: str, prefix: str, process: Optional[str], count: int, follow: bool) -> Iterator[List[str]]:
    """Give (process, line) of the last lines of all logs together, and then (``follow``) each new line for ever.

    ``prefix`` is what stands before the process's name in the names of the files.
    """
    tails: Dict[str, _Tail] = {}
    last: List[Tuple[float, str, str]] = []
    for name in _log_names(folder, prefix, process):
        tails[name] = _Tail(os.path.join(folder, name + ".log"))
        # a long traceback's moment is in the line above it
        found = dated(tails[name].last(count + CONTEXT if count else 0))
        last += [(moment, name, line) for moment, line in found[-count:]]
    last.sort(key=lambda each: each[0])  # lines of one file stay in their order
    for _, name, line in last[-count:] if count else []:
        yield [label(name[len(prefix) :]), line]
    while follow:
        for name in _log_names(folder, prefix, process):
            tail = tails.setdefault(name, _Tail(os.path.join(folder, name + ".log")))
            for line in tail.new():
                yield [label(name[len(prefix) :]), line]
        time.sleep(0.2)


def dated(lines: Sequence[str]) -> List[Tuple[float, str]]:
    """Each line with the moment (seconds since the epoch) that it names near its beginning, or that the one before it
    named: a traceback belongs to the line above it. What comes before the first moment counts as old."""
    found, moment, future = [], 0.0, time.time() + 3600
    for line in lines:
        named = _moment(line)
        if named is not None and moment < named < future:  # else it is not about when the line was written
            moment = named
        found.append((moment, line))
    return found


def _moment(line: str) -> Optional[float]:
    match = MOMENT.search(line[:40])
    if match is None:
        return None
    try:
        moment = datetime.datetime.strptime("%s %s" % match.group("day", "time"), "%Y-%m-%d %H:%M:%S")
        zone = match["zone"]
        if zone:
            digits = "0000" if zone == "Z" else zone[1:].replace(":", "")
            offset = datetime.timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
            zoned = moment.replace(tzinfo=datetime.timezone(-offset if zone[0] == "-" else offset))
            seconds = zoned.timestamp()
        else:
            seconds = moment.timestamp()
        return seconds + float("0." + (match["fraction"] or "0"))
    except (ValueError, OverflowError, OSError):
        return None


class _Tail:
    """The end of one log file, across its rotation."""

    def __init__(self, path: str) -> None:
        self._path, self._place, self._inode, self._rest = path, 0, -1, b""

    def last(self, lines: int) -> List[str]:
        """The last lines of what is there now; older, rotated files are used when this one is short."""
        data = b""
        for path in [self._path, *("%s.%d" % (self._path, number) for number in range(1, 11))]:
            if data.count(b"\n") > lines:
                break
            data = _read(path) + data
        self._remember()
        return data.decode("utf-8", "replace").splitlines()[-lines:] if lines else []

    def new(self) -> List[str]:
        """The whole lines that came since the last call."""
        try:
            with open_regular(self._path) as file:
                found = os.fstat(file.fileno())
                if found.st_ino != self._inode or found.st_size < self._place:
                    self._inode, self._place = found.st_ino, 0
                file.seek(self._place)
                data = file.read()
        except OSError:
            return []
        self._place += len(data)
        whole, _, self._rest = (self._rest + data).rpartition(b"\n")
        return whole.decode("utf-8", "replace").splitlines()

    def _remember(self) -> None:
        try:
            found = os.stat(self._path)
            self._inode, self._place = found.st_ino, found.st_size
        except OSError:
            pass


def label(name: str) -> str:
    """``web_0`` as people say it: ``web.0``."""
    process, _, instance = name.rpartition("_")
    return "%s.%s" % (process, instance)


def _log_names(folder: str, prefix: str, process: Optional[str]) -> List[str]:
    names = [name[:-4] for name in os.listdir(folder) if name.endswith(".log")] if os.path.isdir(folder) else []
    ours = [n for n in names if n.startswith(prefix) and n != "supervisord"]
    return sorted(n for n in ours if process in (None, n[len(prefix) :].rpartition("_")[0], label(n[len(prefix) :])))


def _read(path: str) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read()
    except OSError:
        return b""
