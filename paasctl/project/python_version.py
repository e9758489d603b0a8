"""Which Python the app runs on: major and minor only, since the patch level is the target's to choose."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paasctl.errors import UsageError
from paasctl.textfile import read_text

OLDEST, NEWEST = 8, 14
#: one Python a year: what is beyond this is a slip (3.99, 3.111), and no newer one that is to be tried
LAST = NEWEST + 5
_VERSION = re.compile(r"(?:c?python-?)?(?P<major>\d+)\.(?P<minor>\d+)(?:\.\d+)?(?:(?:a|b|rc)\d+)?", re.IGNORECASE)
_REQUIRES = "pyproject.toml (requires-python)"
_OTHER = re.compile(
    r"(pypy|graalpy|jython|micropython|anaconda|miniconda|miniforge|ironpython|stackless)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class PythonVersion:
    """``3.11`` and the file that says so; ``notes`` name other files that say something else."""

    version: str
    origin: str
    notes: tuple[str, ...] = ()


def python_version(root: Path, configured: tuple[str, str] | None, pyproject: Mapping[str, Any]) -> PythonVersion:
    """The first that is said by: the configuration, .python-version, runtime.txt, pyproject; else this very Python.

    Args:
        root: the app's folder.
        configured: the configuration's value and its ``file:line``.
        pyproject: the parsed pyproject.toml, empty when there is none.

    Raises:
        UsageError: what is said first is not a CPython version from 3.8 on.
    """
    said, faults = _ask(
        lambda: (parse(*configured), configured[1]) if configured else None,
        lambda: _from_file(root, ".python-version"),
        lambda: _from_file(root, "runtime.txt"),
        lambda: _from_requires(pyproject),
    )
    if not said:
        return PythonVersion(_running(), "the Python that runs paasctl; no file says one")
    version, origin = said[0]
    used = f"{version} is used, from {origin}"
    notes = [f"{fault}; {used}" for fault in faults]
    notes += [f"{o} says Python {v}; {used}" for v, o in said[1:] if o != _REQUIRES and v != version]
    if said[-1][1] == _REQUIRES and int(version.partition(".")[2]) not in _allowed(pyproject):
        notes.append(f"{_REQUIRES} does not allow Python {version}; it is used all the same, from {origin}")
    return PythonVersion(version, origin, tuple(notes))


def _ask(*sources: Callable[[], tuple[str, str] | None]) -> tuple[list[tuple[str, str]], list[str]]:
    """What the sources say, and what is wrong with those after the first that says something: that one decides."""
    said, faults = [], []
    for source in sources:
        try:
            if found := source():
                said.append(found)
        except UsageError as error:
            if not said:
                raise
            faults.append(error.message)
    return said, faults


def parse(text: str, origin: str) -> str:
    """``3.11`` of ``3.11``, ``3.11.7``, ``python-3.11.9``.

    Raises:
        UsageError: it is another interpreter, too old, or no version.
    """
    hint = 'write a version like 3.11, or decide with [app] python = "3.11" in paasctl.toml'
    text = text.strip()
    match = _VERSION.fullmatch(text)
    other = _OTHER.match(text)
    if other:
        raise UsageError(f"{origin}: {other[1].lower()} is not supported; apps run on CPython", hint=hint)
    if not match:
        raise UsageError(f"{origin}: this is not a Python version", hint=hint)
    major, minor = int(match["major"]), int(match["minor"])
    if major > 3:
        raise UsageError(f"{origin}: Python {major}.{minor} is not a version that paasctl knows", hint=hint)
    if (major, minor) < (3, OLDEST):
        raise UsageError(f"{origin}: Python {major}.{minor} is too old; 3.{OLDEST} is the oldest", hint=hint)
    if minor > LAST:
        raise UsageError(f"{origin}: there is no Python 3.{minor} that paasctl knows", hint=hint)
    return f"3.{minor}"


def _from_file(root: Path, file: str) -> tuple[str, str] | None:
    """The first line that says something; pyenv's ``system`` says nothing."""
    if not (root / file).is_file():
        return None
    for number, line in enumerate(read_text(root / file, file).lstrip("\ufeff").splitlines(), start=1):
        word = line.partition("#")[0].strip()
        if word == "system":
            return None
        if word:
            return parse(word, f"{file}:{number}"), file
    return None


def _from_requires(pyproject: Mapping[str, Any]) -> tuple[str, str] | None:
    """The running Python's minor where requires-python allows it, else the newest known that it allows."""
    minors = _allowed(pyproject)
    if not minors:
        return None
    here = sys.version_info[1]
    return f"3.{here if here in minors else minors[-1]}", _REQUIRES


def _allowed(pyproject: Mapping[str, Any]) -> list[int]:
    """The minor versions that requires-python allows; none when it is not there."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    said = pyproject.get("project", {}).get("requires-python")
    if not isinstance(said, str) or not said.strip():
        said = _poetry_python(pyproject)
    if not said:
        return []
    try:
        allowed = SpecifierSet(said)
    except InvalidSpecifier as error:
        raise UsageError(
            "pyproject.toml: requires-python is not a version specifier", hint='write it as requires-python = ">=3.11"'
        ) from error
    minors = [minor for minor in range(OLDEST, NEWEST + 1) if _allows(allowed, minor)]
    if not minors:
        raise UsageError(
            f"pyproject.toml: requires-python allows no Python from 3.{OLDEST} to 3.{NEWEST}",
            hint='decide with [app] python = "3.11" in paasctl.toml',
        )
    return minors


def _allows(allowed: Any, minor: int) -> bool:
    """Whether any patch level of a minor version is allowed."""
    return any(f"3.{minor}.{patch}" in allowed for patch in range(40))


def _poetry_python(pyproject: Mapping[str, Any]) -> str:
    from paasctl.project.poetry import specifier

    said = pyproject.get("tool", {}).get("poetry", {}).get("dependencies", {}).get("python")
    return specifier(said) if isinstance(said, str) else ""


def _running() -> str:
    return f"{sys.version_info[0]}.{sys.version_info[1]}"
