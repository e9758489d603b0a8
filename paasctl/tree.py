"""The files of the app's folder that are to be pushed, found by git or by a walk, and what they weigh."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from paasctl import git
from paasctl.errors import UsageError
from paasctl.gitignore import Patterns
from paasctl.ignore import Rules, encode, in_tree, on_disk, read_patterns, shown, unreadable
from paasctl.model import App

#: A bundle larger than this many bytes is refused. It is read at each build, so that a test can lower it.
MAX_BYTES = 1 << 30
DOMINATES = 0.9
KINDS = {stat.S_IFSOCK: "a socket", stat.S_IFIFO: "a pipe", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}


@dataclass(frozen=True, slots=True)
class Found:
    """One file or link on disk; ``path`` is relative to the app's folder."""

    path: str
    source: Path
    stat: os.stat_result

    @property
    def is_link(self) -> bool:
        return stat.S_ISLNK(self.stat.st_mode)


def find(app: App) -> list[Found]:
    """The app's files, sorted by the bytes of their paths.

    Raises:
        UsageError: something in the folder cannot be read, is neither file nor link, or all of it is too large.
    """
    rules = Rules.of(app)
    paths = git.listing(app.root, rules)
    if paths is None:
        paths = list(_walk_folder(app.root, "", _layers_above(app.root.absolute()), rules))
    found = [entry for path in sorted(paths, key=encode) if (entry := _look(app.root, path, rules)) is not None]
    linked = {entry.path for entry in found if entry.is_link}
    found = [entry for entry in found if linked.isdisjoint(_parents(entry.path))]
    _refuse_large(app, found)
    return found


def _parents(path: str) -> Iterator[str]:
    """The folders above a path, the nearest first."""
    while path := path.rpartition("/")[0]:
        yield path


def _look(root: Path, path: str, rules: Rules) -> Found | None:
    if rules.excludes(path):
        return None
    source = on_disk(root, path)
    try:
        status = source.lstat()
    except (FileNotFoundError, NotADirectoryError):  # tracked by git and deleted here
        return None
    except OSError as error:
        raise unreadable(path, error) from error
    if stat.S_ISDIR(status.st_mode):
        return None
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode)):
        kind = KINDS.get(stat.S_IFMT(status.st_mode), "no file")
        raise UsageError(
            f"{shown(path)} is {kind}, which cannot be pushed", hint=f"delete it, or add {toml([path])} to exclude"
        )
    return Found(path, source, status)


# -------------------------------------------------------------------------------------------- where there is no git


@dataclass(frozen=True, slots=True)
class _Layer:
    """One ignore file. A path below the app's folder is, seen from it, ``above + path[below:]``."""

    patterns: Patterns
    above: str = ""
    below: int = 0

    def say(self, path: str, folder: bool) -> bool | None:
        return self.patterns.say(self.above + path[self.below :], folder=folder)


def _layers_above(root: Path) -> tuple[_Layer, ...]:
    """The ignore files that count although they lie above the app's folder: those of the repository around it."""
    top = next((folder for folder in (root, *root.parents) if (folder / ".git").exists()), root)
    folders = [folder for folder in reversed(root.parents) if folder.is_relative_to(top)]
    files = [(top, top / ".git" / "info" / "exclude"), *((folder, folder / ".gitignore") for folder in folders)]
    layers = []
    for base, file in files:
        if patterns := read_patterns(file):
            above = os.path.relpath(root, base)
            layers.append(_Layer(patterns, "" if above == "." else in_tree(above) + "/"))
    return tuple(layers)


def _walk_folder(root: Path, folder: str, layers: tuple[_Layer, ...], rules: Rules) -> Iterator[str]:
    """What git would list if nothing were tracked. ``folder`` is empty or ends in ``/``."""
    here = on_disk(root, folder)
    try:
        entries = list(os.scandir(here))
    except OSError as error:
        raise unreadable(folder or ".", error) from error
    if own := read_patterns(here / ".gitignore"):
        layers = (*layers, _Layer(own, below=len(folder)))
    for entry in entries:
        path = folder + in_tree(entry.name)
        if entry.is_dir(follow_symlinks=False):
            if not rules.excludes(path, folder=True) and not _ignored(path, layers, folder=True):
                yield from _walk_folder(root, path + "/", layers, rules)
        elif not _ignored(path, layers, folder=False):
            yield path


def _ignored(path: str, layers: tuple[_Layer, ...], *, folder: bool) -> bool:
    """The ignore file nearest to a path that has an opinion decides."""
    return next((bool(said) for layer in reversed(layers) if (said := layer.say(path, folder)) is not None), False)


# ------------------------------------------------------------------------------------------------------------ weight


def _refuse_large(app: App, found: Sequence[Found]) -> None:
    total = sum(entry.stat.st_size for entry in found)
    if total <= MAX_BYTES:
        return
    heavy = _heaviest({entry.path: entry.stat.st_size for entry in found}, total - MAX_BYTES)
    listed = ", ".join(f"{shown(path)} ({size_text(size)})" for path, size in heavy)
    lines = [*app.exclude, *(pattern(path) for path, _ in heavy)]
    raise UsageError(
        f"the app's files are {size_text(total)} together and {size_text(MAX_BYTES)} is the limit; "
        f"the largest are {listed}",
        hint=f"under [app] in paasctl.toml: exclude = {toml(lines)}",
    )


def _heaviest(sizes: dict[str, int], excess: int, count: int = 3) -> list[tuple[str, int]]:
    """The largest files and folders of the top, with their sizes, until they weigh ``excess``; folders end in ``/``.

    Where one folder inside a folder has nearly all of its weight, that one is named instead.
    """
    weights: Counter[str] = Counter()
    inside: dict[str, set[str]] = {"": set()}
    for path, size in sizes.items():
        child = path
        weights[child] += size
        for folder in (*(f"{parent}/" for parent in _parents(path)), ""):
            inside.setdefault(folder, set()).add(child)
            child = folder
            weights[child] += size
    named: list[tuple[str, int]] = []
    for path in sorted(inside[""], key=lambda path: (-weights[path], path))[:count]:
        if sum(weight for _, weight in named) >= excess:
            break
        deepest = _deepest(path, weights, inside)
        named.append((deepest, weights[deepest]))
    return named


def _deepest(path: str, weights: Counter[str], inside: dict[str, set[str]]) -> str:
    for child in inside.get(path, ()):
        if child.endswith("/") and weights[child] > DOMINATES * weights[path]:
            return _deepest(child, weights, inside)
    return path


def pattern(path: str) -> str:
    """The gitignore pattern that matches exactly this path."""
    return "/" + "".join(f"\\{letter}" if letter in "\\*?[]" else letter for letter in path)


def toml(values: Iterable[str]) -> str:
    """A list of strings as TOML writes it."""
    return json.dumps([encode(value).decode("utf-8", "replace") for value in values], ensure_ascii=False)


def size_text(size: int) -> str:
    """A number of bytes for people: ``1.5 GB`` (powers of 1024)."""
    value = float(size)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1024 or unit == "GB":
            break
        value /= 1024
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
