"""Before a release command changes a SQLite database: a copy of it, made so that it is whole."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import stat
import time
from typing import List, Sequence

from .layout import Layout, remove
from .wire import Failure

MAGIC = b"SQLite format 3\0"
#: copies of each database that stay
KEPT = 3
#: what SQLite says while somebody else keeps a database locked, and the seconds for which that is waited for
BUSY, PATIENCE = (5, 6), 30


def databases(layout: Layout) -> List[str]:
    """The SQLite files among the persist paths, relative to ``shared/``."""
    shared, found = layout.path("shared"), []
    for folder, _, files in os.walk(shared):
        for name in files:
            path = os.path.join(folder, name)
            if is_sqlite(path):
                found.append(os.path.relpath(path, shared))
    return sorted(found)


def is_sqlite(path: str) -> bool:
    """Whether a file is a SQLite database; a pipe or a device is not opened, since that could wait for ever."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return False
        with open(path, "rb") as file:
            return file.read(16) == MAGIC
    except OSError:
        return False


def back_up(layout: Layout, keep: Sequence[str] = ()) -> List[str]:
    """Copy every database by SQLite's backup API; returns the names of the copies.

    Args:
        keep: copies that stay, however many there are.

    Raises:
        Failure: a database could not be copied.
    """
    made = []
    os.makedirs(layout.path("backups"), mode=0o700, exist_ok=True)
    for name in databases(layout):
        # two databases can have one name once the folders are joined with "_"
        stem = "%s-%s" % (name.replace(os.sep, "_"), hashlib.sha256(os.fsencode(name)).hexdigest()[:8])
        copy = layout.path("backups", "%s.%s" % (stem, time.strftime("%Y%m%d-%H%M%S")))
        copy_database(layout.path("shared", name), copy)
        made.append(copy)
        others = [layout.path("backups", n) for n in os.listdir(layout.path("backups")) if n.startswith(stem + ".")]
        remove_old(copy, [path for path in others if path != copy], keep)
    return made


def remove_old(newest: str, others: List[str], keep: Sequence[str]) -> None:
    """Remove all copies but the last ones. They are told by their times, which here only go up: clocks are set back."""
    times = {path: os.path.getmtime(path) for path in others}
    moment = max([time.time(), *(each + 1 for each in times.values())])
    os.utime(newest, (moment, moment))
    for old in sorted((path for path in others if path not in keep), key=times.__getitem__)[: 1 - KEPT]:
        remove(old)


def copy_database(path: str, copy: str) -> None:
    """Copy one database as a whole, for this user alone.

    Raises:
        Failure: it is damaged, or somebody keeps it locked.
    """
    os.close(os.open(copy, os.O_CREAT | os.O_WRONLY, 0o600))
    deadline = time.monotonic() + PATIENCE

    def heed(status: int, remaining: int, total: int) -> None:
        if status in BUSY and time.monotonic() > deadline:  # else it is tried again for ever
            raise sqlite3.OperationalError("another program has kept it locked for %d s" % PATIENCE)

    source, target = sqlite3.connect(path, timeout=0), sqlite3.connect(copy)
    try:
        source.backup(target, progress=heed)
    except sqlite3.Error as error:
        remove(copy)
        message = "the database %s could not be copied before the release command (%s)" % (path, error)
        hint = "make room" if "disk is full" in str(error) else "mend or move that file"
        if "kept it locked" in str(error):
            hint = "end what keeps it locked"
        raise Failure(message, hint + ", then push again", kind="host") from error
    finally:
        source.close()
        target.close()


def revisions(layout: Layout) -> List[str]:
    """The Alembic revision that each SQLite database is at, as ``name: revision``."""
    found = []
    for name in databases(layout):
        connection = sqlite3.connect("file:%s?mode=ro" % layout.path("shared", name).replace("?", "%3f"), uri=True)
        try:
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall()
            found += ["%s: revision %s" % (name, row[0]) for row in rows]
        except sqlite3.Error:
            pass
        finally:
            connection.close()
    return found
