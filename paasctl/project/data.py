"""Find what an app writes into its own folder and must outlive a release: SQLite files, uploads, logs."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from paasctl.project.bindings import Binding, Called, walk
from paasctl.project.envfiles import EnvValue
from paasctl.project.literals import Literals
from paasctl.project.sources import Module, Sources

_DATABASE_ENV = ("DATABASE_URL", "SQLALCHEMY_DATABASE_URI", "SQLALCHEMY_DATABASE_URL")
_DATABASE_KEY = re.compile(r"DATABASE|(?:^|_)DB(?:_|$)|SQLITE", re.IGNORECASE)
_UPLOAD_KEY = re.compile(r"(?:^|_)UPLOAD(?:S|ED)?(?:_\w+)?_(?:FOLDER|PATH|DIR|DIRECTORY|DEST|ROOT)$|^MEDIA_ROOT$")
_LOG_KEY = re.compile(r"(?:^|_)LOG_?(?:FILE|PATH|FILENAME|FILE_PATH)$|^filename$")
_SQLITE_FILE = re.compile(r"\.(?:db|db3|sqlite|sqlite3)$")
_SQLITE_URL = re.compile(r"sqlite(?:\+\w+)?://(?P<path>/.*)?", re.DOTALL)
_CONNECTS = re.compile(r"(?:^|\.)(?:create_engine|create_async_engine|SqliteDatabase|SqliteExtDatabase)$")
_OPENS = ("sqlite3.connect", "aiosqlite.connect")
_FILE_HANDLER = re.compile(r"FileHandler$")
_WORDS = (
    b"UPLOAD", b"MEDIA_ROOT", b"sqlite", b"Sqlite", b"DATABASE", b"DB", b"database_url", b"create_engine",
    b"create_async_engine", b"FileHandler", b"basicConfig", b"LOG_", b"LOGFILE",
)  # fmt: skip
_CODE = (".py", ".html", ".css", ".js")


@dataclass(frozen=True, slots=True)
class Data:
    """One thing that the app writes. ``path`` is relative to the app's folder, None when it is outside of it.

    ``in_env`` is true when an env file names it, so that the target's app will certainly use it.
    """

    kind: str
    path: str | None
    origin: str
    in_env: bool = False


@dataclass(frozen=True, slots=True)
class Persistence:
    """What should outlive a release, by path with where it was found (``in_env``: in an env file); what will not."""

    paths: Mapping[str, str]
    warnings: tuple[str, ...]
    in_env: frozenset[str]


def find(
    literals: Literals, sources: Sources, env: Mapping[str, EnvValue], instance: str, instance_urls: bool
) -> list[Data]:
    """Everything that the app's env files and code say it writes.

    Args:
        literals: evaluates what the code writes down.
        sources: the app's code.
        env: the values of its env files.
        instance: the ``instance`` folder of a Flask app, which it may have; empty for others.
        instance_urls: whether relative SQLite URLs mean the instance folder (Flask-SQLAlchemy 3).
    """
    here = f"{literals.root}/"
    # a path in this checkout is never one in a release, whichever code reads it
    fixed = frozenset(text for each in env.values() if here in (text := each.value.reveal()))
    search = _Search(literals, instance if instance_urls else "", fixed)
    found = [data for name in _DATABASE_ENV if name in env for data in search.env(name, env[name])]
    for module in sources.mentioning(*_WORDS):
        found.extend(search.module(module))
    if instance and (sources.root / instance).is_dir():
        found.append(Data("instance", f"{instance}/", "the folder exists"))
    return list(dict.fromkeys(found))


def persistence(root: Path, found: Iterable[Data], instance: str) -> Persistence:
    """Which paths outlive a release by default, and what will be lost; ``instance`` as for :func:`find`."""
    paths: dict[str, str] = {}
    warnings: list[str] = []
    in_env: set[str] = set()
    for data in found:
        path = f"{instance}/" if instance and data.path and data.path.startswith(f"{instance}/") else data.path
        lost = _lost(root, data.kind, path)
        if lost or path is None:
            warnings.append(f"{data.origin}: {lost}")
            continue
        paths.setdefault(path, data.origin)
        if data.in_env:
            in_env.add(path)
    return Persistence(_outermost(paths), tuple(dict.fromkeys(warnings)), frozenset(in_env))


def covers(persist: Iterable[str], path: str) -> bool:
    """Whether a path is one of the persistent ones or inside of one."""
    return any(path.rstrip("/") == each.rstrip("/") or path.startswith(f"{each.rstrip('/')}/") for each in persist)


def databases(persist: Iterable[str], found: Iterable[Data]) -> tuple[str, ...]:
    """The SQLite files among the persistent paths: those that the app names there, and those that are called so."""
    kept = list(persist)
    named = {data.path for data in found if data.kind == "sqlite" and data.path and covers(kept, data.path)}
    return tuple(sorted(named | {path for path in kept if _SQLITE_FILE.search(path)}))


def _lost(root: Path, kind: str, path: str | None) -> str:
    """Why something that the app writes will not survive; "" when it will."""
    what = {"sqlite": "an SQLite file", "upload": "an upload folder", "log": "a log file"}.get(kind, "a folder")
    if path is None:
        return f"{what} outside the app's folder; it is not part of a release and is left to the target"
    if kind == "log" and not path.endswith("/"):
        return (
            "a log file directly in the app's folder does not survive a release, unless the runtime moves it; "
            "log into a folder of its own (logs/app.log), or put it under persist in paasctl.toml"
        )
    if path.endswith("/") and _holds_code(root / path):
        return (
            f"{what} in {path}, which also holds the app's own files, does not survive a release; "
            "use a folder of its own"
        )
    return ""


def _holds_code(folder: Path) -> bool:
    try:
        return any(entry.name.endswith(_CODE) for entry in folder.iterdir())
    except OSError:
        return False


def _outermost(paths: Mapping[str, str]) -> dict[str, str]:
    return {
        path: origin
        for path, origin in paths.items()
        if not covers([other for other in paths if other != path and other.endswith("/")], path)
    }


class _Search:
    """Looks at bindings and calls.

    ``instance`` is where relative SQLite URLs of the configuration lead to, ``fixed`` are values that are passed over.
    """

    def __init__(self, literals: Literals, instance: str, fixed: frozenset[str]) -> None:
        self._literals, self._instance, self._fixed = literals, instance, fixed

    def env(self, name: str, value: EnvValue) -> Iterator[Data]:
        path = _sqlite_path(value.value.reveal())
        if path and value.value.reveal() not in self._fixed:
            yield Data("sqlite", self._inside(path, self._instance), f"{name} in {value.origin}", in_env=True)

    def module(self, module: Module) -> Iterator[Data]:
        for each in walk(module):
            if isinstance(each, Called):
                yield from self._call(each)
            else:
                yield from self._binding(each)

    def _binding(self, binding: Binding) -> Iterator[Data]:
        if _UPLOAD_KEY.search(binding.key):
            for value in self._values(binding, binding.value):
                if value:  # Django's MEDIA_ROOT = "" means that there is none
                    yield Data("upload", _as_folder(self._inside(value)), binding.origin)
        elif _LOG_KEY.search(binding.key) or _DATABASE_KEY.search(binding.key) or binding.key == "NAME":
            for value in self._values(binding, binding.value):
                yield from self._database(binding, value)

    def _database(self, binding: Binding, value: str) -> Iterator[Data]:
        if _LOG_KEY.search(binding.key):
            if value.endswith(".log") or "log" in posixpath.dirname(value):  # dictConfig, basicConfig, a setting
                yield self._log(value, binding.origin)
            return
        path = _sqlite_path(value)
        if path:
            yield Data("sqlite", self._inside(path, self._instance), binding.origin)
        elif _SQLITE_FILE.search(value) and "://" not in value:
            yield Data("sqlite", self._inside(value), binding.origin)

    def _call(self, call: Called) -> Iterator[Data]:
        full = self._literals.full_name(call.module, call.node.func)
        if _FILE_HANDLER.search(full):
            for value in self._values(call, call.argument(0, "filename")):
                yield self._log(value, call.origin)
        elif _CONNECTS.search(full) or full in _OPENS:
            for value in self._values(call, call.argument(0, "database")):
                path = _sqlite_path(value) if "://" in value else value
                if path and path != ":memory:" and not path.startswith("file:"):
                    yield Data("sqlite", self._inside(path), call.origin)

    def _log(self, value: str, origin: str) -> Data:
        path = self._inside(value)
        folder = posixpath.dirname(path) if path else ""
        return Data("log", f"{folder}/" if folder else path, origin)

    def _values(self, at: Binding | Called, node: ast.expr | None) -> list[str]:
        found = self._literals.values(at.module, node, at.near) if node is not None else []
        return [value for value in found if value not in self._fixed]

    def _inside(self, path: str, base: str = "") -> str | None:
        """A path relative to the app's folder; None when it leads out of it."""
        root = self._literals.root
        absolute = posixpath.normpath(posixpath.join(root, base, path))
        absolute = f"/{absolute.lstrip('/')}"
        relative = posixpath.relpath(absolute, root)
        return None if relative.startswith("..") or relative == "." else relative


def _as_folder(path: str | None) -> str | None:
    return f"{path}/" if path else None


def _sqlite_path(value: str) -> str | None:
    """The file of an SQLite URL; None for other URLs and databases in memory."""
    match = _SQLITE_URL.fullmatch(value)
    path = (match["path"] or "")[1:].partition("?")[0] if match else ""
    return None if not path or path == ":memory:" or path.startswith("file:") else path
