"""Pool recycle: how old a database connection may grow, from the idle limit of what stands in between."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from paasctl.secret import Secret

CAP = 3600  # an hour; beyond it a recycle protects from nothing that pre-ping does not

_DIALECTS = {
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "postgis": "postgresql",
    "pgsql": "postgresql",
    "cockroachdb": "postgresql",
    "mysql": "mysql",
    "mysql2": "mysql",
    "mysqlgis": "mysql",
    "mariadb": "mysql",
    "mssql": "mssql",
    "mssqlms": "mssql",
    "oracle": "oracle",
}

#: A distribution that connects to a network database, in requirement lines.
_DRIVER = re.compile(
    r"^[\w.-]*(mysql|mariadb|asyncmy|psycopg|asyncpg|aiopg|pg8000|mssql|odbc|oracle)", re.IGNORECASE | re.MULTILINE
)


def recycle(limit: int) -> int:
    """Seconds after which to renew a connection that is cut after ``limit`` idle seconds: 300 gives 280, 90 gives 80.

    ``floor(limit * 14 / 15)`` to tens, at most an hour; below 30 seconds, one second less than the limit.
    """
    if limit < 30:
        return max(limit - 1, 1)
    return min(limit * 14 // 15 // 10 * 10, CAP)


def database(url: str) -> tuple[str, str] | None:
    """The kind and the host of a network database's URL: ``("mysql", "db.example.com")``; None for any other text.

    Spellings and drivers are made one (``postgres``, ``mariadb+pymysql``); a socket's host is ``""``.
    """
    scheme, separator, _ = url.partition("://")
    if not separator:
        return None
    kinds = [_DIALECTS[part] for part in scheme.lower().split("+") if part in _DIALECTS]
    if not kinds:
        return None
    try:
        host = urlsplit(url).hostname
    except ValueError:  # a bracket in the password
        host = None
    return kinds[0], host or ""


def databases(env: Mapping[str, Secret]) -> dict[str, tuple[str, str]]:
    """Every name of an env whose value is a network database's URL, with its kind and host."""
    found = {name: database(value.reveal()) for name, value in sorted(env.items())}
    return {name: known for name, known in found.items() if known is not None}


def has_driver(requirements: str) -> bool:
    """Whether requirement lines bring a network database's driver: an app without any has no connections to renew."""
    return _DRIVER.search(requirements) is not None


def under(host: str, *domains: str) -> bool:
    """Whether a host is one of these domains or below one of them."""
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def usual(kind: str, host: str) -> tuple[int, str]:
    """Seconds and the reason for a database wherever the app runs; an adapter asks this after its own facts.

    What a network cuts, it cuts for every kind of database, and often in silence: trying such a connection takes long.
    """
    if under(host, "cleardb.net", "cleardb.com"):
        return recycle(90), "ClearDB closes idle connections after 90 s"
    if under(host, "mysql.pythonanywhere-services.com"):
        return recycle(300), "PythonAnywhere closes idle MySQL connections after 300 s"
    return 280, "below the idle limits of common networks and database hosts (350 s)"


def strictest(found: Iterable[tuple[int, str] | None]) -> tuple[int, str] | None:
    """The smallest of several recycle times: renewing a connection early is always safe."""
    return min((each for each in found if each is not None), key=lambda each: each[0], default=None)
