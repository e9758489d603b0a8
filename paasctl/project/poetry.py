"""Turn poetry.lock into pinned pip requirements: the main group only, reached from pyproject's dependencies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from paasctl.errors import UsageError
from paasctl.project.requirement_lines import Line, local_path, refuse_credentials

FILE = "poetry.lock"
#: Conditions under which a package is needed: any of these sets, each of whose markers must all hold.
Conditions = set[frozenset[str]]
_MANY = 24
_EXTRA = r"""extra\s*==\s*["']([^"']+)["']"""

Edge = tuple[str, frozenset[str], str]  # the package, the extras that are asked of it, the marker ("" for none)


def poetry_lines(lock: Mapping[str, Any], pyproject: Mapping[str, Any]) -> list[Line]:
    """The pinned requirements of the main group.

    Raises:
        UsageError: the lock file is broken, or older than pyproject.toml.
    """
    packages: dict[str, list[Mapping[str, Any]]] = {}
    for package in lock.get("package", []):
        packages.setdefault(canonicalize_name(package["name"]), []).append(package)
    needed = _reached(packages, list(_roots(pyproject)))
    lines = []
    for name in sorted(needed):
        for package in packages[name]:
            conditions = needed[name] if len(packages[name]) == 1 else _own_conditions(package, needed[name])
            lines.append(_line(package, _marker(package, conditions)))
    return [*_indexes(packages, needed), *lines]


def specifier(constraint: str) -> str:
    """Poetry's ``^3.8``, ``~3.8``, ``3.8`` as a version specifier of the standard; "" when there is none."""
    parts = []
    for part in (each.strip() for each in constraint.split("||")[0].split(",")):
        match = re.fullmatch(r"([\^~])\s*(\d+(?:\.\d+)*)", part)
        if match:
            numbers = [int(number) for number in match[2].split(".")]
            fixed = 1 if match[1] == "~" and len(numbers) > 1 else next((i for i, n in enumerate(numbers) if n), 0)
            upper = [*numbers[:fixed], numbers[fixed] + 1]
            parts += [f">={match[2]}", f"<{'.'.join(map(str, upper))}"]
        elif part != "*":
            parts.append(part if re.match(r"[<>=!~]", part) else f"=={part}")
    return ",".join(parts)


def _roots(pyproject: Mapping[str, Any]) -> Iterator[Edge]:
    for text in pyproject.get("project", {}).get("dependencies", []):
        try:
            parsed = Requirement(text)
        except InvalidRequirement as error:
            raise UsageError("pyproject.toml: a line of dependencies is not a requirement") from error
        yield canonicalize_name(parsed.name), frozenset(parsed.extras), str(parsed.marker or "")
    for name, said in pyproject.get("tool", {}).get("poetry", {}).get("dependencies", {}).items():
        if name.lower() != "python":
            yield from _edges(name, said, asked=frozenset())


def _edges(name: str, said: Any, asked: frozenset[str]) -> Iterator[Edge]:
    """One entry of a dependency table, which can be a version, a table, or several tables."""
    for each in said if isinstance(said, list) else [said]:
        table: Mapping[str, Any] = each if isinstance(each, Mapping) else {}
        marker = str(table.get("markers", ""))
        extras = set(re.findall(_EXTRA, marker))
        if table.get("optional") and not extras & asked:
            continue
        yield canonicalize_name(name), frozenset(table.get("extras", ())), _both(_without_extra(marker), table)


def _both(marker: str, table: Mapping[str, Any]) -> str:
    """The marker, and the limits that Poetry writes as keys of their own."""
    limits = [f"({marker})" if " or " in marker else marker] if marker else []
    if table.get("platform"):
        limits.append(f'sys_platform == "{table["platform"]}"')
    for each in specifier(str(table.get("python", ""))).split(","):
        match = re.fullmatch(r"([<>=!~]+)\s*([\d.]+)", each)
        if match:
            limits.append(f'python_version {match[1]} "{match[2]}"')
    return " and ".join(limits)


def _without_extra(marker: str) -> str:
    """The marker without ``extra == "x"``, which has been decided already."""
    marker = re.sub(rf"\s+and\s+{_EXTRA}|{_EXTRA}\s+and\s+", "", marker)
    return "" if re.search(_EXTRA, marker) else marker.strip()


def _reached(packages: Mapping[str, list[Mapping[str, Any]]], roots: list[Edge]) -> dict[str, Conditions]:
    """Every package that the roots lead to, with the conditions under which they do."""
    needed: dict[str, Conditions] = {}
    queue: list[tuple[Edge, frozenset[str]]] = [(root, frozenset()) for root in roots]
    seen: set[tuple[Edge, frozenset[str]]] = set()
    while queue:
        edge, path = queue.pop()
        name, extras, marker = edge
        here = path | {marker} if marker else path
        if (edge, here) in seen:
            continue
        seen.add((edge, here))
        if name not in packages:
            raise UsageError(f"{FILE} does not hold {name}, which is needed", hint="run `poetry lock` and push again")
        if len(needed.get(name, ())) >= _MANY:
            here = frozenset()  # too many ways lead here to tell them apart: always needed
        _add(needed.setdefault(name, set()), here)
        for package in packages[name]:
            for child, said in package.get("dependencies", {}).items():
                queue.extend((each, here) for each in _edges(child, said, extras))
    return needed


def _add(conditions: Conditions, condition: frozenset[str]) -> None:
    """Add a condition unless a weaker one is there; drop those that it makes pointless."""
    if any(other <= condition for other in conditions):
        return
    conditions.difference_update([other for other in conditions if condition < other])
    conditions.add(condition)


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


def _indexes(packages: Mapping[str, list[Mapping[str, Any]]], needed: Mapping[str, Conditions]) -> list[Line]:
    urls = {
        str(package.get("source", {}).get("url", ""))
        for name in needed
        for package in packages[name]
        if package.get("source", {}).get("type") == "legacy"
    }
    for url in urls:
        refuse_credentials(url, FILE)
    return [Line(f"--extra-index-url {url}") for url in sorted(urls) if url]
