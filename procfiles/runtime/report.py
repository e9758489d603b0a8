"""What is in force, after the app was imported: names and switches, never a value of the env."""

from __future__ import annotations

import logging
import os
import sys

from .base import guard, in_force
from .handlers import kind_of
from .wrap import application

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def report() -> int:
    """Print as JSON what the runtime does in a process of this release."""
    import json

    out, sys.stdout = sys.stdout, sys.stderr  # what the app prints while it is imported is no part of the report
    try:
        app = imported() if os.environ.get("PAASCTL_ENTRY") else "not imported: PAASCTL_ENTRY is not set"
    finally:
        sys.stdout = out
    facts = {
        "python": sys.version.split()[0],
        "app": app,
        "in force": {part: text for part, text in in_force.items() if part != "installed"},
        "handlers": handlers(),
        "connection pools": pools(),
        "env": sorted(os.environ),
    }
    print(json.dumps(facts, indent=2))
    return 0


def imported() -> str:
    try:
        return "imported, wrapped as " + type(application()).__name__
    except BaseException as error:
        return "cannot be imported: " + type(error).__name__


def handlers() -> list[str]:
    """Every handler of a logger, with what becomes of it."""
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    return [
        "%s: %s (%s)" % (logger.name, type(handler).__name__, kind_of(handler))
        for logger in loggers
        if isinstance(logger, logging.Logger)
        for handler in logger.handlers
    ]


def pools() -> list[dict[str, Any]]:
    """The connection pools that exist by now: SQLAlchemy's, and Django's connections."""
    found: list[dict[str, Any]] = []
    with guard("the report on SQLAlchemy"):
        base = sys.modules.get("sqlalchemy.pool.base")
        if base is not None:
            import gc

            for pool in (each for each in gc.get_objects() if isinstance(each, base.Pool)):
                name = getattr(getattr(pool, "_dialect", None), "name", "")
                found.append({"database": name, "recycle": pool._recycle, "pre-ping": bool(pool._pre_ping)})
    with guard("the report on Django"):
        django = sys.modules.get("django.db")
        if django is not None and os.environ.get("DJANGO_SETTINGS_MODULE"):
            for alias in django.connections:
                kept = django.connections[alias].settings_dict
                age, ping = kept.get("CONN_MAX_AGE"), kept.get("CONN_HEALTH_CHECKS", False)
                found.append({"database": django.connections[alias].vendor, "recycle": age, "pre-ping": ping})
    return found
