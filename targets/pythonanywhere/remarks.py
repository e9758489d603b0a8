"""What a plan says besides its steps: notes and warnings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from paasctl.model import Desired
from paasctl.secret import Secret

from .checking import persistent
from .documents import Deploy, Record

#: Where PythonAnywhere's own MySQL servers are.
MYSQL = re.compile(r"\.mysql\.(eu\.)?pythonanywhere-services\.com", re.IGNORECASE)


def is_free(webapp: Mapping[str, Any] | None) -> bool | None:
    """Is the account a free one? Only a free one's web app expires; None where no web app was looked at."""
    return None if webapp is None or "expiry" not in webapp else bool(webapp["expiry"])


def waiting(free: bool | None) -> str:
    """A note for a push that runs a release command."""
    if free:
        return "while the release command runs, visitors wait: a free account has one worker"
    return "the release command keeps one of the site's workers busy; where it is the only one, visitors wait"


def databases(values: Mapping[str, Secret], free: bool | None) -> tuple[str, ...]:
    """A note for values that this push sets and that lead to PythonAnywhere's MySQL."""
    found = sorted(name for name, value in values.items() if MYSQL.search(value.reveal()))
    if free is False or not found:
        return ()
    verb = "leads" if len(found) == 1 else "lead"
    missing = "free accounts made since January 2026 have none: use SQLite there, or a paid account"
    return (f"{', '.join(found)} {verb} to PythonAnywhere's MySQL; {missing}",)


def left_to_the_app(desired: Desired) -> tuple[str, ...]:
    """Notes for static URLs that PythonAnywhere does not serve."""
    if desired.bundle is None:
        return ()
    found = ((url, persistent(folder, desired.app)) for url, folder in sorted(desired.app.static.items()))
    return tuple(f"{url} is left to the app: {path} outlives releases" for url, path in found if path)


def warnings(desired: Desired) -> tuple[str, ...]:
    """What of the app will not run there."""
    others = [name for name in desired.app.processes if name != "web"]
    if not others or desired.bundle is None:
        return ()
    names = ", ".join(others)
    return (f"{names}: not started; PythonAnywhere's web apps run the web process only (paid: always-on tasks)",)


def refused(answer: int, record: Record, domain: str, framework: str = "") -> tuple[str, ...]:
    """A warning for a release whose page answers an error and that counts as healthy all the same.

    Args:
        framework: the app's; "" where it is not known.
    """
    if answer < 400:
        return ()
    if answer == 400 and framework == "django":
        hint = f"Django does so for hosts that ALLOWED_HOSTS does not name: add {domain}"
    else:
        hint = 'a path that answers, as health = "/..." under [app] in paasctl.toml, makes a push look at that one'
    return (f"it answers {answer} at {record.health}; {hint}",)


def ahead(live: Deploy, record: Record) -> tuple[str, ...]:
    """A note where the database may be ahead of the code after a rollback."""
    if not live.record or not live.record.command or live.record.digest == record.digest:
        return ()
    return (f"migrations that {live.record.id} ran are not undone; the database may be ahead of {record.id}'s code",)
