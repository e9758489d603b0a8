"""What this machine remembers of an app, to ask Heroku less. It may be lost or wrong without harm."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Hints:
    """The address of one app, in a file of the cache folder."""

    file: Path

    @classmethod
    def of(cls, cache: Path, api: str, app: str) -> Hints:
        """The hints about ``app`` at the API with the address ``api``."""
        key = hashlib.sha256(f"{api} {app}".encode()).hexdigest()[:32]
        return cls(cache / "heroku" / f"{key}.json")

    def url(self) -> str:
        """The app's address; empty when it is not known."""
        try:
            found = json.loads(self.file.read_text("utf-8"))["url"]
        except (OSError, ValueError, KeyError, TypeError):
            return ""
        return found if isinstance(found, str) else ""

    def remember(self, url: str) -> None:
        """Note the address. A folder that cannot be written is no failure."""
        with contextlib.suppress(OSError):
            self.file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.file.write_text(json.dumps({"url": url}), "utf-8")

    def forget(self) -> None:
        """The app is gone."""
        with contextlib.suppress(OSError):
            self.file.unlink()
