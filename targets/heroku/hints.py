"""What this machine remembers of an app: to ask Heroku less, and to go on where a command broke off.

It may be lost or wrong without harm: it is held against what Heroku says.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

#: ``url``: the app's address. ``unproven``: ``DIGEST ID``, a bundle that was sent and not seen healthy since, and the
#: release from which its push began.
#: ``written``: the digest of a manifest that was sent with the env alone and not seen healthy since.
#: ``rollback``: ``ID VERSION``, the release that was live and the version that a rollback was to bring back.
What = Literal["url", "unproven", "written", "rollback"]


@dataclass(frozen=True, slots=True)
class Hints:
    """Notes about one app, in a file of the cache folder."""

    file: Path

    @classmethod
    def of(cls, cache: Path, api: str, app: str) -> Hints:
        """The hints about ``app`` at the API with the address ``api``."""
        key = hashlib.sha256(f"{api} {app}".encode()).hexdigest()[:32]
        return cls(cache / "heroku" / f"{key}.json")

    def get(self, what: What) -> str:
        """One note; empty when there is none."""
        return self._read().get(what, "")

    def note(self, what: What, text: str) -> None:
        """Write one note; empty takes it out. A folder that cannot be written is no failure."""
        known = self._read()
        if known.get(what, "") == text:
            return
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.file.write_text(json.dumps({**known, what: text}), "utf-8")

    def forget(self) -> None:
        """The app is gone."""
        with contextlib.suppress(OSError):
            self.file.unlink()

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self.file.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return {k: v for k, v in found.items() if isinstance(v, str)} if isinstance(found, dict) else {}
