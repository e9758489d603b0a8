"""Turn poetry.lock into pinned pip requirements: the main group only, reached from pyproject's dependencies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from paasctl.errors import UsageError
from paasctl.project.requirement_lines import Line, local_path, refuse_credentials

FILE = "poetry.lock"
#: Conditions under which a package is needed: any of these sets, each of whose markers must all hold.
Conditions = set[frozenset[str]]
_MANY = 24
_EXTRA = r"""extra\s*==\s*["']([^"']+)["']"""

Packages = Mapping[str, list[Mapping[str, Any]]]  # by name; several where more than one version is locked
Locked = tuple[str, int]  # one of them: its name and its place in the list


class Edge(NamedTuple):
    """A need of a package, with the extras that are asked of it; no marker and no constraint are ``""``."""

    name: str
    extras: frozenset[str]
    marker: str
    constraint: str


def poetry_lines(lock: Mapping[str, Any], pyproject: Mapping[str, Any]) -> list[Line]:
    """The pinned requirements of the main group.

    Raises:
        UsageError: the lock file is broken, or older than pyproject.toml.
    """
    packages: dict[str, list[Mapping[str, Any]]] = {}
    for package in lock.get("package", []):
        packages.setdefault(canonicalize_name(package["name"]), []).append(package)
    needed = _Walk(packages).reached(_roots(pyproject))
    lines, reached = [], []
    for name, place in sorted(needed):
        package, conditions = packages[name][place], needed[name, place]
        if len(packages[name]) > 1:
            conditions = _own_conditions(package, conditions)
        lines.append(_line(package, _marker(package, conditions)))
        reached.append(package)
    return [*_indexes(reached), *lines]


def specifier(constraint: str) -> str:
    """A constraint of Poetry as a version specifier of the standard, "" when there is none; of several ranges the last
    counts, which people write for the newest versions."""
    return _ranges(constraint)[-1]


def _ranges(constraint: str) -> list[str]:
    """The alternatives of a constraint, each as a version specifier of the standard."""
    return [_range(each) for each in re.split(r"\|\|?", constraint)]


def _range(constraint: str) -> str:
    """Poetry's ``^3.8``, ``~3.8``, ``3.8``, ``>=3.8 <4`` as a version specifier of the standard; "" for any version."""
    parts = []
    for part in re.split(r"\s*,\s*|\s+(?=[<>=!~^])", constraint.strip()):
        match = re.fullmatch(r"([\^~])\s*(\d+(?:\.\d+)*)", part)
        if match:
            numbers = [int(number) for number in match[2].split(".")]
            fixed = 1 if match[1] == "~" and len(numbers) > 1 else next((i for i, n in enumerate(numbers) if n), 0)
            upper = [*numbers[:fixed], numbers[fixed] + 1]
            parts += [f">={match[2]}", f"<{'.'.join(map(str, upper))}"]
        elif part not in ("", "*"):
            parts.append(part if re.match(r"[<>=!~]", part) else f"=={part}")
    return ",".join(parts)


def _roots(pyproject: Mapping[str, Any]) -> Iterator[Edge]:
    for text in pyproject.get("project", {}).get("dependencies", []):
        try:
            parsed = Requirement(text)
        except InvalidRequirement as error:
            raise UsageError("pyproject.toml: a line of dependencies is not a requirement") from error
        marker = str(parsed.marker or "")
        yield Edge(canonicalize_name(parsed.name), frozenset(parsed.extras), marker, str(parsed.specifier))
    for name, said in pyproject.get("tool", {}).get("poetry", {}).get("dependencies", {}).items():
        if name.lower() != "python":
            yield from _edges(name, said, asked=frozenset())


def _edges(name: str, said: Any, asked: frozenset[str]) -> Iterator[Edge]:
    """One entry of a dependency table, which can be a version, a table, or several tables."""
    for each in said if isinstance(said, list) else [said]:
        table: Mapping[str, Any] = each if isinstance(each, Mapping) else {"version": each}
        marker = str(table.get("markers", ""))
        extras = set(re.findall(_EXTRA, marker))
        if table.get("optional") and not extras & asked:
            continue
        limits, constraint = _both(_without_extra(marker), table), str(table.get("version", ""))
        yield Edge(canonicalize_name(name), frozenset(table.get("extras", ())), limits, constraint)


def _both(marker: str, table: Mapping[str, Any]) -> str:
    """The marker, and the limits that Poetry writes as keys of their own."""
    platform = f'sys_platform == "{table["platform"]}"' if table.get("platform") else ""
    limits = [each for each in (marker, platform, _pythons(str(table.get("python", "")))) if each]
    return " and ".join(f"({each})" if " or " in each else each for each in limits)


def _pythons(constraint: str) -> str:
    """A constraint on Python as a marker; "" when one of its alternatives holds for all, or no marker can say it."""
    alternatives = []
    for each in _ranges(constraint):
        limits = re.findall(r"(?:^|,)([<>=!~]+)\s*([\d.]+)(?=,|$)", each)
        alternatives.append(" and ".join(f'python_version {sign} "{version}"' for sign, version in limits))
    return " or ".join(alternatives) if all(alternatives) else ""


def _without_extra(marker: str) -> str:
    """The marker without ``extra == "x"``, which has been decided already."""
    marker = re.sub(rf"\s+and\s+{_EXTRA}|{_EXTRA}\s+and\s+", "", marker)
    return "" if re.search(_EXTRA, marker) else marker.strip()


class _Walk:
    """From the roots to every locked package, with the conditions under which they lead there."""

    def __init__(self, packages: Packages) -> None:
        self._packages = packages
        #: the conditions of those who want this version, and of those who would take any other as well
        self._chosen: dict[Locked, Conditions] = {}
        self._shared: dict[Locked, Conditions] = {}
        #: those under which what a version needs, with these extras, has been asked for
        self._walked: dict[tuple[Locked, frozenset[str]], Conditions] = {}
        self._queue: list[tuple[Edge, frozenset[str]]] = []
        self._open: list[tuple[Edge, frozenset[str]]] = []
        self._seen: set[tuple[Edge, frozenset[str]]] = set()

    def reached(self, roots: Iterable[Edge]) -> dict[Locked, Conditions]:
        self._ask(roots, frozenset())
        while self._queue or self._open:
            # those who would take any version come last: they get what the others have chosen
            if self._queue:
                self._follow(*self._queue.pop())
            else:
                self._share(*self._open.pop())
        return {**self._shared, **self._chosen}

    def _ask(self, edges: Iterable[Edge], path: frozenset[str]) -> None:
        """Put needs into the queue, each with the markers on the way to it."""
        for edge in edges:
            asked = (edge, path | {edge.marker} if edge.marker else path)
            if asked not in self._seen:
                self._seen.add(asked)
                self._queue.append(asked)

    def _follow(self, edge: Edge, path: frozenset[str]) -> None:
        meant = _meant(self._packages, edge)
        if 1 < len(meant) == len(self._packages[edge.name]):
            self._open.append((edge, path))
            return
        for locked in meant:
            self._need(locked, self._chosen, edge, path)

    def _share(self, edge: Edge, path: frozenset[str]) -> None:
        """A need that any locked version meets: each under the conditions of those who have chosen it."""
        for locked in _meant(self._packages, edge):
            needed = self._chosen if locked in self._chosen else self._shared
            for choice in list(self._chosen.get(locked, [frozenset()])):
                self._need(locked, needed, edge, path | choice)

    def _need(self, locked: Locked, needed: dict[Locked, Conditions], edge: Edge, path: frozenset[str]) -> None:
        conditions = needed.setdefault(locked, set())
        # too many ways lead here to tell them apart: always needed
        here = frozenset() if len(conditions) >= _MANY else path
        _add(conditions, here)
        if not _add(self._walked.setdefault((locked, edge.extras), set()), here):
            return
        name, place = locked
        for child, said in self._packages[name][place].get("dependencies", {}).items():
            self._ask(_edges(child, said, edge.extras), here)


def _meant(packages: Packages, edge: Edge) -> list[Locked]:
    """The locked versions that a need is about: all of them where its constraint tells none apart.

    Raises:
        UsageError: none is locked.
    """
    name = edge.name
    if name not in packages:
        raise UsageError(f"{FILE} does not hold {name}, which is needed", hint="run `poetry lock` and push again")
    all_of_it = [(name, place) for place in range(len(packages[name]))]
    return [each for each in all_of_it if _fits(packages[name][each[1]]["version"], edge.constraint)] or all_of_it


def _fits(version: str, constraint: str) -> bool:
    try:
        return any(SpecifierSet(each).contains(version, prereleases=True) for each in _ranges(constraint))
    except InvalidSpecifier:  # a form of Poetry's own that is not known here
        return True


def _add(conditions: Conditions, condition: frozenset[str]) -> bool:
    """Add a condition unless a weaker one is there; drop those that it makes pointless. Whether it was added."""
    if any(other <= condition for other in conditions):
        return False
    conditions.difference_update([other for other in conditions if condition < other])
    conditions.add(condition)
    return True


def _own_conditions(package: Mapping[str, Any], conditions: Conditions) -> Conditions:
    """One of several locked versions of a package: what tells them apart is the range of Pythons."""
    own = _both("", {"python": package.get("python-versions", "")}) if not package.get("markers") else ""
    return {condition | {own} if own else condition for condition in conditions}


def _marker(package: Mapping[str, Any], conditions: Conditions) -> str:
    said = package.get("markers")  # since Poetry 2 the lock file says it itself
    if isinstance(said, Mapping):
        said = said.get("main")
    if isinstance(said, str) and said:
        return said
    if frozenset() in conditions:
        return ""
    each = (" and ".join(f"({marker})" for marker in sorted(condition)) for condition in conditions)
    text = " or ".join(sorted(f"({part})" for part in each))
    try:
        return str(Marker(text))
    except InvalidMarker as error:
        raise UsageError(f"{FILE} holds a marker that is not valid", hint="run `poetry lock` and push again") from error


def _line(package: Mapping[str, Any], marker: str) -> Line:
    name, version = canonicalize_name(package["name"]), package["version"]
    source = package.get("source", {})
    kind, url = source.get("type", ""), str(source.get("url", ""))
    end = f" ; {marker}" if marker else ""
    refuse_credentials(url, FILE)
    if kind in ("directory", "file"):
        return Line(f"{local_path(url, FILE)}{end}", name, local=True)
    if kind == "git":
        below = f"#subdirectory={source['subdirectory']}" if source.get("subdirectory") else ""
        return Line(f"{name} @ git+{url}@{source.get('resolved_reference', 'HEAD')}{below}{end}", name)
    if kind == "url":
        return Line(f"{name} @ {url}{end}", name)
    return Line(f"{name}=={version}{end}", name)


def _indexes(reached: list[Mapping[str, Any]]) -> list[Line]:
    sources = [package.get("source", {}) for package in reached]
    urls = {str(source.get("url", "")) for source in sources if source.get("type") == "legacy"}
    for url in urls:
        refuse_credentials(url, FILE)
    return [Line(f"--extra-index-url {url}") for url in sorted(urls) if url]
