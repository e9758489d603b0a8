"""The files of one account, on this machine's disk, under the absolute names that the account has for them."""

from __future__ import annotations

import json
import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


class Full(Exception):
    """The disk quota is exceeded."""


@dataclass
class Account:
    """A user, a token, some disk, and what the platform knows of web apps. ``quota`` is in bytes."""

    root: Path
    username: str = "eric"
    token: str = "t0k3n-of-the-account-xyz"
    quota: int = 512 * 1024 * 1024
    free: bool = True
    pythons: tuple[str, ...] = ()
    webapps: dict[str, dict[str, Any]] = field(default_factory=dict)
    static: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    last_id: int = 100

    def __post_init__(self) -> None:
        for name in (f"home/{self.username}", "var/www", "var/log", "tmp"):
            (self.root / name).mkdir(parents=True, exist_ok=True)

    def own(self, path: str) -> bool:
        """Is an absolute name of the account's one that its user may write?"""
        clean = os.path.normpath(path)
        return clean == path.rstrip("/") and clean.startswith(
            (f"/home/{self.username}/", "/var/www/", "/var/log/", "/tmp/")
        )

    def real(self, path: str) -> Path:
        """Where an absolute name of the account's lies on this machine."""
        return self.root / path.lstrip("/")

    def used(self) -> int:
        """Bytes under the home folder; a file with several names counts once."""
        seen: dict[tuple[int, int], int] = {}
        for folder, _, names in os.walk(self.root / "home"):
            for name in names:
                found = Path(folder, name).lstat()
                seen[found.st_dev, found.st_ino] = found.st_size
        return sum(seen.values())

    def write(self, path: str, content: bytes, cut: int | None = None) -> bool:
        """Create or overwrite a file the way the Files API does: with the usual modes. True when it is new.

        Raises:
            Full: it does not fit.
        """
        real = self.real(path)
        old = real.stat().st_size if real.exists() else 0
        if self.used() - old + len(content) > self.quota:
            raise Full
        new = not real.exists()
        before = os.umask(0o022)
        try:
            real.parent.mkdir(parents=True, exist_ok=True)
            real.write_bytes(content if cut is None else content[:cut])
        finally:
            os.umask(before)
        return new

    def remove(self, path: str) -> bool:
        """Delete a file or a whole folder."""
        real = self.real(path)
        if real.is_dir() and not real.is_symlink():
            shutil.rmtree(real)
            return True
        if not os.path.lexists(real):
            return False
        real.unlink()
        return True

    def read(self, path: str) -> str:
        """A file's text, for tests."""
        return self.real(path).read_text("utf-8", "replace")

    def document(self, path: str) -> dict[str, Any]:
        """A JSON file, for tests."""
        found: dict[str, Any] = json.loads(self.read(path))
        return found

    def readable_by_others(self) -> list[tuple[str, bytes]]:
        """Every file that another user of the machine could read, with its content."""
        found = []
        for folder, folders, names in os.walk(self.root / "home"):
            folders[:] = [n for n in folders if Path(folder, n).lstat().st_mode & stat.S_IXOTH]
            for name in names:
                path = Path(folder, name)
                mode = path.lstat().st_mode
                if stat.S_ISREG(mode) and mode & stat.S_IROTH:
                    found.append((str(path), path.read_bytes()))
        return found
