"""Which files of the app's folder never go to a target, and which ones the user leaves out."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from paasctl.errors import UsageError
from paasctl.gitignore import Patterns, means_something
from paasctl.model import App

#: Left out in every folder, whatever git says: secrets, version control, paasctl's own notes, caches.
NEVER = (
    *(".git", ".env*", ".flaskenv", ".paasctl"),
    *("__pycache__", "*.pyc", "*.pyo", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".tox", ".nox"),
    *("node_modules", "*.egg-info", ".DS_Store"),
)
ALWAYS = frozenset({".env.example"})
#: Env files that hold no values but show which ones there are.
TEMPLATES = frozenset({*ALWAYS, ".env.sample", ".env.template", ".env.dist"})
VENV_MARK = "pyvenv.cfg"
IGNORE_FILE = ".paasctlignore"
#: What paasctl makes beside a file while it edits it has this behind the file's name.
EDIT_MARK = ".paasctl-"
#: SQLite keeps these beside a database; they belong to it
SQLITE_COMPANIONS = ("-journal", "-wal", "-shm")

_never = re.compile("|".join(fnmatch.translate(pattern) for pattern in NEVER)).match
_unprintable = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def decode(raw: bytes) -> str:
    """A path's bytes as paasctl holds them: UTF-8, whatever the locale says, and lossless for what is not UTF-8."""
    return raw.decode("utf-8", "surrogateescape")


def encode(path: str) -> bytes:
    """The inverse of :func:`decode`."""
    return path.encode("utf-8", "surrogateescape")


def on_disk(root: Path, path: str) -> Path:
    """Where a path lies, in the spelling that this process's locale has for its bytes."""
    return root / os.fsdecode(encode(path))


def in_tree(name: str) -> str:
    """A name as the operating system's functions give it, as paasctl holds it."""
    return decode(os.fsencode(name))


def shown(path: str) -> str:
    """A path for a message: on one line, and printable even when the name is not."""
    return _unprintable.sub(lambda match: ascii(match[0])[1:-1], path)


def _checked(lines: Iterable[str]) -> Iterator[str]:
    for line in lines:
        if not means_something(line):
            raise UsageError(f"exclude: {shown(line)!r} is not a pattern", hint="the syntax is that of .gitignore")
        yield line


def _lines_of(file: Path) -> list[str]:
    """The patterns of an ignore file, read as git reads it: without byte-order mark, CR and what means nothing."""
    try:
        text = decode(file.read_bytes()).removeprefix("\ufeff")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return []
    except OSError as error:
        raise unreadable(in_tree(str(file)), error) from error
    return [line for raw in text.split("\n") if means_something(line := raw.removesuffix("\r"))]


def read_patterns(file: Path) -> Patterns | None:
    """The patterns of a ``.gitignore``; None where there are none.

    Raises:
        UsageError: it cannot be read.
    """
    return Patterns.of(_lines_of(file)) or None


def unreadable(path: str, error: OSError) -> UsageError:
    """The error for a file or folder that cannot be read."""
    why = (error.strerror or type(error).__name__).lower()
    return UsageError(f"{shown(path)} cannot be read: {why}", hint="make it readable, or exclude it")


@dataclass(frozen=True, slots=True)
class Rules:
    """What is left out of a bundle, besides what git ignores.

    ``root`` lets virtual environments be recognised; ``persist`` are paths without a trailing slash; ``private`` are
    env files of any name.
    """

    root: Path | None = None
    persist: frozenset[str] = frozenset()
    private: frozenset[str] = frozenset()
    excluded: Patterns = field(default_factory=Patterns)
    _folders: dict[str, bool] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, app: App) -> Rules:
        """The rules of an app: its ``persist`` and ``exclude`` settings, env files and ``.paasctlignore``.

        Raises:
            UsageError: a pattern of ``exclude`` means nothing.
        """
        lines = [*_lines_of(app.root / IGNORE_FILE), *_checked(app.exclude)]
        private = frozenset(_private(app.root, (*app.private, *_linked_env(app.root))))
        return cls(app.root, frozenset(_persisted(app.persist)), private, Patterns.of(lines))

    def excludes(self, path: str, *, folder: bool = False) -> bool:
        """Whether a path relative to the root, or a folder above it, is left out."""
        parent, _, name = path.rpartition("/")
        if parent and self._excludes_folder(parent):
            return True
        return self._excludes_folder(path) if folder else self._matches(path, name, folder=False)

    def persists(self, path: str) -> bool:
        """Whether a path, or a folder above it, outlives releases."""
        return path in self.persist or any(path.startswith(f"{kept}/") for kept in self.persist)

    def _excludes_folder(self, path: str) -> bool:
        known = self._folders.get(path)
        if known is None:
            parent, _, name = path.rpartition("/")
            known = bool(parent and self._excludes_folder(parent)) or self._matches(path, name, folder=True)
            self._folders[path] = known
        return known

    def _is_private(self, path: str) -> bool:
        # also what an interrupted edit of an env file left beside it (paasctl.envstore)
        return path.partition(EDIT_MARK)[0] in self.private

    def _matches(self, path: str, name: str, *, folder: bool) -> bool:
        if self._is_private(path):
            return True
        if (_never(name) and name not in ALWAYS) or path in self.persist:
            return True
        if folder and self._is_venv(path):
            return True
        return bool(self.excluded.say(path, folder=folder))

    def _is_venv(self, path: str) -> bool:
        # not Path.exists, which fails in a folder that may not be entered
        return self.root is not None and os.path.exists(on_disk(self.root, path) / VENV_MARK)  # noqa: PTH110


def _private(root: Path, files: Iterable[str | Path]) -> Iterator[str]:
    """Env files as paths in the app's folder, under the name that is configured and where a link leads."""
    base = os.path.realpath(root)
    for file in files:
        given = os.path.normpath(root / file)
        yield in_tree(os.path.relpath(given, root))
        yield in_tree(os.path.relpath(os.path.realpath(given), base))


def _linked_env(root: Path) -> Iterator[Path]:
    """What env files that are links lead to: their own names are never pushed, but those of their targets may be."""
    for path in (*root.glob(".env*"), root / ".flaskenv"):
        # not Path.is_file, which fails where the target may not be seen
        while path.name not in TEMPLATES and path.is_symlink() and os.path.isfile(path):  # noqa: PTH113
            path = path.parent / path.readlink()  # one link at a time: those between are left out too
            yield path


def _persisted(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        plain = os.path.normpath(path)
        yield plain
        if not path.endswith("/"):
            yield from (plain + companion for companion in SQLITE_COMPANIONS)
