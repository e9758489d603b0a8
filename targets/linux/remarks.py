"""Sentences beside a plan for a host: who serves the static files, and what a visitor meets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from paasctl.model import Desired

from .state import HostState

_WHITENOISE = re.compile(r"^whitenoise\b", re.IGNORECASE | re.MULTILINE)


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
