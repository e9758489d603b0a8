"""Whether the hosts of a fleet share a database, so that the release command runs once for all of them."""

from __future__ import annotations

import re

from paasctl import recycle
from paasctl.model import App
from paasctl.rules import sqlite_file
from paasctl.sync import EnvChanges

#: names that say where a database server is, where no URL does: PGHOST, DB_HOST, RDS_HOSTNAME, POSTGRES_SERVER
_SERVER = re.compile(
    r"(?:^|_)(?:PG|DB|DATABASE|POSTGRES|POSTGRESQL|MYSQL|MARIADB|MSSQL|ORACLE|SQL|RDS)_?"
    r"(?:HOST|HOSTADDR|HOSTNAME|SERVER|SERVICE|ADDRESS|ENDPOINT|DSN)$"
)
#: a value as PostgreSQL's own library takes it
_KEYWORDS = re.compile(r"(?:^|\s)(?:host|hostaddr|dbname|service)\s*=")


def each_its_own(app: App, changes: EnvChanges) -> bool:
    """Whether each host has a database of its own: an SQLite file that outlives releases, and no server in the env.

    Where this cannot be told they count as sharing one: two migrations of one database at once can destroy it.
    """
    env = {name: value.reveal() for name, value in changes.result.items()}
    if recycle.databases(changes.result) or any(_names_server(name, value) for name, value in env.items()):
        return False
    return bool(app.databases) or any(sqlite_file(value) for value in env.values())


def _names_server(name: str, value: str) -> bool:
    return bool((value and _SERVER.search(name)) or _KEYWORDS.search(value))
