"""``active.json``: what this program last made live, and what it refused or failed at. Only this program writes it."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

from .document import Document, check_deploy
from .places import Invalid, Places, read_json, say, write_json
from .release import summary

FAILURES = 5


class State:
    """The state as it was read; ``save`` writes it. A damaged file counts as none.

    It is written readable for its owner alone, from its first byte on: it holds the env.
    """

    def __init__(self, places: Places) -> None:
        self._places = places
        try:
            found = read_json(places.active) or {}
            live = found.get("live")
            self.live: Optional[Document] = check_deploy(live) if isinstance(live, dict) else None
        except Invalid as error:
            say("active.json is damaged and is written anew (%s)" % error)
            found, self.live = {}, None
        self.attempt = str(found.get("attempt") or "")
        env = found.get("env")
        #: What the live release really got: paasctl reads it in one request, with the manifest it belongs to.
        self.env: Dict[str, str] = env if isinstance(env, dict) else {}
        self.intact = found.get("intact") is not False
        self.released = str(found.get("released") or "")
        self.failures: List[Dict[str, Any]] = [f for f in list_of(found.get("failures")) if isinstance(f, dict)]
        refused = found.get("refused")
        self.refused: Optional[Dict[str, Any]] = refused if isinstance(refused, dict) else None

    def save(self) -> None:
        """Write the state.

        Raises:
            OSError: the disk is full, or the like.
        """
        write_json(
            self._places.active,
            {
                "v": 1,
                "live": self.live,
                "attempt": self.attempt,
                "env": self.env,
                "intact": self.intact,
                "released": self.released,
                "failures": self.failures[-FAILURES:],
                "refused": self.refused,
                "saved": int(time.time()),
            },
        )

    def try_to_save(self) -> None:
        """Write the state if that is possible; this process remembers it in any case."""
        try:
            self.save()
        except OSError as error:
            say("active.json could not be written (%s)" % error.strerror)

    def failure(self, id: str) -> Optional[Dict[str, Any]]:
        """What is remembered of a document that could not be made live."""
        return next((f for f in reversed(self.failures) if f.get("deploy") == id), None)

    def fail(self, document: Document, record: Optional[Document], error: str, kind: str) -> None:
        """Remember that a document could not be made live, and why: ``app``, ``files``, ``full`` or ``python``."""
        self.attempt = ""
        known = summary(record) if record else {}
        self.failures = [f for f in self.failures if f.get("deploy") != document["id"]]
        self.failures.append(dict(known, deploy=document["id"], error=error[-8000:], kind=kind, at=int(time.time())))


def list_of(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []
