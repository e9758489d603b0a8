"""Sentences beside a plan for a host: what visitors will notice, what becomes of data, who serves static files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from paasctl.model import Desired

from .spec import EDITABLE
from .state import HostState

_WHITENOISE = re.compile(r"^whitenoise\b", re.IGNORECASE | re.MULTILINE)

CHANGED = "files of the live release were changed on the host; they are written anew"

REMADE = "files of the live release were written anew before, under processes that still run; each is restarted"

#: what to do about an answer that is an error
ANOTHER_PATH = 'a path that answers, as health = "/..." under [app] in paasctl.toml, makes a push look at that one'
UNKNOWN_HOST = "a Django app answers so where ALLOWED_HOSTS lacks the site's name; `paasctl logs` says why"


def serves(release: str | None) -> str:
    """What serves after an undo."""
    return f"{release} serves again" if release else "nothing is live"


def refused(report: Mapping[str, Any]) -> str:
    """How the live release answers, when that is an error although it counts as healthy."""
    if not report["healthy"] or (report["answer"] or 0) < 400:
        return ""
    return f"it answers {report['answer']} at {report['path']}"


def unserved(desired: Desired, state: HostState) -> list[str]:
    """The static files that nobody serves: on a host without a web server in front only the app itself can.

    Flask serves its own folders; Django serves none without WhiteNoise.
    """
    app = desired.app
    if state.setup is not None or desired.bundle is None or _WHITENOISE.search(app.dependencies.requirements):
        return []
    said = [url for url in app.static if app.framework != "flask" or not _in_code(app.origins.get(f"static:{url}", ""))]
    if not said:
        return []
    where = ", ".join(sorted(said))
    return [f"no web server is in front here, so {where} is served only if the app does it itself (with WhiteNoise)"]


def _in_code(origin: str) -> bool:
    """Whether a static folder is one that the app's code names, rather than the configuration."""
    return origin.rpartition(":")[0].endswith(".py")


def gaps(document: Mapping[str, Any], state: HostState) -> list[str]:
    """What visitors would notice of the restart, said before it happens."""
    if state.live is None or "web" not in document["settings"]:
        return []
    if not document["handover"]:
        return ["the web line cannot take over a socket, so requests are refused for a moment while it restarts"]
    if document["settings"]["web"]["instances"] == 1:
        return ["web has one instance, so requests are refused for a moment while it restarts"]
    if state.setup is not None:
        return []  # setup has changed them already, the new ones beside the old
    moved = any(document[key] != state.live[key] for key in ("port", "handover"))
    if moved or before(state) != document["settings"]["web"]["instances"]:
        return ["the port or the number of web instances changes, so requests are refused for a moment"]
    return []


def before(state: HostState) -> int:
    return int(state.live["settings"]["web"]["instances"]) if state.live else 0


def ahead(document: Mapping[str, Any], state: HostState) -> list[str]:
    """The migrations that the database has and an older release does not know."""
    newer = sorted(set(state.live["migrations"]) - set(document["migrations"])) if state.live else []
    if not newer:
        return []
    return [f"the database stays ahead of {document['id']}: it has {', '.join(newer)}"]


def interrupted(state: HostState) -> list[str]:
    if not state.unfinished or state.busy:  # what a living command has not finished is not interrupted
        return []
    what, release = "rollback" if state.half_back else "push", state.unfinished["to"]
    return [f"the last {what} was interrupted after it made {release} current; this one brings it to an end"]


def copied(desired: Desired) -> list[str]:
    """What becomes of editable lines."""
    needs = desired.app.dependencies
    folders = EDITABLE.findall(needs.requirements) if desired.bundle else []
    if not folders:
        return []
    return [f"{needs.file}: {', '.join(folders)} is installed as a copy here, not editable; each push renews it"]
