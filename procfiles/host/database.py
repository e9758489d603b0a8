"""Before a release command changes a SQLite database: a copy of it, made so that it is whole."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import List

from .layout import Layout, remove

MAGIC = b"SQLite format 3\0"
#: copies of each database that stay
KEPT = 3


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
    try:
        with open(path, "rb") as file:
            return file.read(16) == MAGIC
    except OSError:
        return False


def back_up(layout: Layout) -> List[str]:
    """Copy every database by SQLite's backup API; returns the names of the copies."""
    made = []
    os.makedirs(layout.path("backups"), mode=0o700, exist_ok=True)
    for name in databases(layout):
        stem = name.replace(os.sep, "_")
        copy = layout.path("backups", "%s.%s" % (stem, time.strftime("%Y%m%d-%H%M%S")))
        source, target = sqlite3.connect(layout.path("shared", name)), sqlite3.connect(copy)
        try:
            source.backup(target)
        finally:
            source.close()
            target.close()
        os.chmod(copy, 0o600)
        made.append(copy)
        older = sorted(n for n in os.listdir(layout.path("backups")) if n.startswith(stem + "."))
        for old in older[:-KEPT]:
            remove(layout.path("backups", old))
    return made


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
