"""The app's Python files: found by a bounded walk, parsed on demand, never imported."""

from __future__ import annotations

import ast
import os
import warnings
from collections import deque
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from paasctl.textfile import is_file, is_folder

#: How many Python files are looked at. An app's own code is far below; a tree above holds something else.
MAX_FILES = 500
MAX_BYTES = 400_000
MAX_TOTAL = 3_000_000
MAX_DEPTH = 6
#: The folder whose modules are imported by their names in it, as if it were the app's own.
SOURCE_FOLDER = "src"

_NEVER = frozenset({
    "__pycache__", "node_modules", "bower_components", "site-packages", "venv", "env", "virtualenv", "build", "dist",
})  # fmt: skip
#: Code that is not what runs on the target: it can name an app, but is no evidence for one.
_ASIDE = frozenset({
    "test", "tests", "testing", "doc", "docs", "example", "examples", "sample", "samples", "migrations", "alembic",
    "versions", "script", "scripts", "tools", "bench", "benchmark", "benchmarks", "notebooks",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file. ``path`` is relative to the app's folder, ``name`` is how it is imported."""

    path: str
    name: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package that relative imports start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    @property
    def folder(self) -> str:
        """The folder that the file is in, ``""`` for the app's own."""
        return self.path.rpartition("/")[0]


@dataclass(frozen=True, slots=True)
class Broken:
    """A file that could not be parsed: where, and the reason in a few words."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}" if self.line else f"{self.path}: {self.reason}"


class Sources:
    """The Python files below a folder, nearest to it first. Files are read at most once."""

    def __init__(self, root: Path, limit: int = MAX_FILES) -> None:
        self.root = root
        self.broken: dict[str, Broken] = {}
        self._parsed: dict[str, Module | None] = {}
        self._bytes: dict[str, bytes] = {}
        self._looked_at: dict[str, bool] = {}
        self._total = 0
        self._parsed_bytes = 0
        self.paths: list[str] = []
        self.cut = False
        for path in _walk(root):
            if len(self.paths) == limit:
                self.cut = True
                break
            self.paths.append(path)

    def find(self, name: str) -> str | None:
        """The file of a module that can be imported from the app's folder or from ``src/`` in it, or None."""
        base = name.replace(".", "/")
        if not base:  # a relative import that goes above the app's folder
            return None
        for top in (base, f"{SOURCE_FOLDER}/{base}"):
            for path in (f"{top}/__init__.py", f"{top}.py"):  # a package wins over a module of the same name
                if is_file(self.root / path):
                    return path
        return None

    def source_folder(self, name: str) -> str:
        """``src`` when a module is only found by its name in that folder, "" otherwise."""
        path = self.find(name) or ""
        top = name.partition(".")[0]
        return SOURCE_FOLDER if path.startswith(f"{SOURCE_FOLDER}/") and top != SOURCE_FOLDER else ""

    def module(self, name: str) -> Module | None:
        """A module by its dotted name; None when it is not in the folder, cannot be parsed, or too much has been."""
        path = self.find(name)
        if path and path not in self._parsed and self._parsed_bytes > MAX_TOTAL:
            self.cut = True
            return None
        module = self.parse(path) if path else None
        return replace(module, name=name) if module else None

    def parse(self, path: str) -> Module | None:
        """Parse one file; None when that is impossible (then ``broken`` says why)."""
        if path not in self._parsed:
            self._parsed[path] = self._parse(path)
        return self._parsed[path]

    def mentioning(self, *words: bytes, also: Container[str] = (), aside: bool = False) -> Iterator[Module]:
        """The parsed files of the app itself that hold one of the words, or whose path or name is in ``also``.

        Nearest first. Tests, documentation, examples and scripts are left out unless ``aside``. Looking for the words
        first keeps it quick.
        """
        for path in self.paths:
            everything = path in also or path.rpartition("/")[2] in also
            if (is_aside(path) and not aside) or not self._mentions(path, (b"",) if everything else words):
                continue
            module = self.parse(path)
            if module:
                yield module

    def _mentions(self, path: str, words: tuple[bytes, ...]) -> bool:
        """Whether a file that is not too large, in a tree that is not too large, holds one of the words."""
        if path not in self._looked_at:
            self._looked_at[path] = False
            size = len(self._read(path))
            self._looked_at[path] = size <= MAX_BYTES and self._total + size <= MAX_TOTAL
            self._total += size
            self.cut = self.cut or not self._looked_at[path]
        return self._looked_at[path] and any(word in self._read(path) for word in words)

    def _read(self, path: str) -> bytes:
        if path not in self._bytes:
            self._bytes[path] = b""
            try:
                self._bytes[path] = (self.root / path).read_bytes()
            except OSError as error:
                self.broken[path] = Broken(path, 0, f"cannot be read: {(error.strerror or 'unknown').lower()}")
        return self._bytes[path]

    def _parse(self, path: str) -> Module | None:
        source = self._read(path)
        self._parsed_bytes += len(source)
        if path in self.broken:
            return None
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # the user's invalid escapes are not ours to report
                tree = ast.parse(source, path)
        except SyntaxError as error:
            encoding = "encod" in error.msg or "decode" in error.msg or "codec" in error.msg
            reason = "not valid UTF-8, and no encoding is declared" if encoding else f"not valid Python: {error.msg}"
            self.broken[path] = Broken(path, _bad_line(source) if encoding else error.lineno or 1, reason)
            return None
        except (ValueError, RecursionError, MemoryError) as error:  # NUL bytes, absurd nesting
            self.broken[path] = Broken(path, 1, f"not valid Python: {type(error).__name__}")
            return None
        return Module(path, module_name(path), tree)


def module_name(path: str) -> str:
    """``blog/wsgi.py`` is ``blog.wsgi``, ``blog/__init__.py`` is ``blog``."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def is_aside(path: str) -> bool:
    """Whether a file is a test, documentation, an example, a migration or a script."""
    *folders, file = path.split("/")
    return any(folder in _ASIDE for folder in folders) or file.startswith("test_") or file == "conftest.py"


def _bad_line(source: bytes) -> int:
    try:
        source.decode("utf-8")
    except UnicodeDecodeError as error:
        return source.count(b"\n", 0, error.start) + 1
    return 1


def _walk(root: Path) -> Iterator[str]:
    """Python files by breadth: near files first, so that a limit cuts what is far away."""
    queue = deque([("", 0)])
    while queue:
        folder, depth = queue.popleft()
        try:
            entries = sorted(os.scandir(root / folder), key=lambda entry: entry.name)
        except OSError:
            continue
        for entry in entries:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir(follow_symlinks=False):
                if depth < MAX_DEPTH and not _is_foreign(entry):
                    queue.append((path, depth + 1))
            elif entry.name.endswith(".py") and entry.name[:-3].isidentifier() and is_file(Path(entry.path)):
                yield path


def _is_foreign(entry: os.DirEntry[str]) -> bool:
    """A folder that does not hold the app's own code: hidden, a virtual environment, an installation, a build."""
    name = entry.name
    if name.startswith(".") or name in _NEVER or name.endswith((".egg-info", ".dist-info")):
        return True
    return is_file(Path(entry.path, "pyvenv.cfg")) or is_folder(Path(entry.path, "conda-meta"))
