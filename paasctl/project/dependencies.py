"""What the app needs installed, from the one file that decides, as pip requirement lines and a digest."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paasctl.config.document import read as read_toml
from paasctl.config.paths import folder_path
from paasctl.errors import UsageError
from paasctl.model import Dependencies
from paasctl.project.requirement_lines import Line, requirement

#: In this order; the first that is there decides.
FILES = ("requirements.txt", "uv.lock", "poetry.lock", "Pipfile.lock", "pyproject.toml")


@dataclass(frozen=True, slots=True)
class Needs:
    """The dependencies as read, before a missing server is added. ``names`` are normalised."""

    file: str | None
    origin: str = ""
    lines: Sequence[Line] = ()
    constraints: Sequence[Line] = ()
    others: tuple[str, ...] = ()
    names: frozenset[str] = field(default_factory=frozenset)

    @property
    def installs_project(self) -> bool:
        """Whether a line installs the app's own folder: ``.``, ``-e .`` or ``.[extra]``."""
        return any(re.match(r"(-e )?\.(?=[\[ ]|$)", line.text) for line in self.lines if line.local)


def read_needs(root: Path, configured: tuple[str, str] | None, pyproject: Mapping[str, Any]) -> Needs:
    """Read the file that decides.

    Args:
        root: the app's folder.
        configured: the configuration's ``dependencies`` and its ``file:line``.
        pyproject: the parsed pyproject.toml, empty when there is none.

    Raises:
        UsageError: the file is missing, broken, or holds what a target cannot install.
    """
    present = [file for file in FILES if _declares(root, file, pyproject)]
    if configured:
        file, origin = _configured(root, *configured), configured[1]
        others: tuple[str, ...] = ()
    elif present:
        file, origin = present[0], "the first that is there"
        others = tuple(f for f in present[1:] if not (f == "pyproject.toml" and file in ("uv.lock", "poetry.lock")))
    else:
        _refuse_unlocked(root, pyproject)
        return Needs(None)
    lines, constraints = _lines(root, file, pyproject)
    names = frozenset(line.name for line in lines if line.name)
    return Needs(file, origin, lines, constraints, others, names)


def dependencies(needs: Needs, servers: Sequence[str]) -> Dependencies:
    """The dependencies with the servers that are missing."""
    added = tuple(server for server in servers if server not in needs.names)
    text = "".join(f"{line.text}\n" for line in needs.lines)
    constraints = "".join(f"{line.text}\n" for line in needs.constraints)
    # the parts are told apart by characters that cannot stand in them
    digest = hashlib.sha256("\0".join([text, constraints, *added]).encode()).hexdigest()
    return Dependencies(
        file=needs.file,
        requirements=text,
        digest=digest,
        added=added,
        others=needs.others,
        local=any(line.local for line in [*needs.lines, *needs.constraints]),
        constraints=constraints,
    )


def _declares(root: Path, file: str, pyproject: Mapping[str, Any]) -> bool:
    """Whether a file is there; pyproject.toml counts when it lists dependencies, not when it only sets up tools."""
    if file != "pyproject.toml":
        return (root / file).is_file()
    project = pyproject.get("project", {})
    return "dependencies" in project or "dependencies" in project.get("dynamic", [])


def _configured(root: Path, file: str, origin: str) -> str:
    path = folder_path(file)
    if path is None:
        raise UsageError(f"{origin}: dependencies is not a file inside the app's folder", hint="write a relative path")
    if not (root / path).is_file():
        raise UsageError(f"{origin}: there is no file {path}", hint=f"one of {', '.join(FILES)}, or a file like one")
    return path


def _refuse_unlocked(root: Path, pyproject: Mapping[str, Any]) -> None:
    """A file that only its own tool understands, without the lock file that could be read."""
    if (root / "Pipfile").is_file():
        raise UsageError("Pipfile has no Pipfile.lock beside it", hint="run `pipenv lock` and push again")
    if pyproject.get("tool", {}).get("poetry", {}).get("dependencies"):
        raise UsageError("pyproject.toml is Poetry's and has no poetry.lock beside it", hint="run `poetry lock`")


def _lines(root: Path, file: str, pyproject: Mapping[str, Any]) -> tuple[Sequence[Line], Sequence[Line]]:
    name = file.rpartition("/")[2]
    folder = (root / file).parent
    if name == "uv.lock":
        from paasctl.project.locks import uv_lines

        return uv_lines(folder, file, _beside(root, folder, pyproject)), ()
    if name == "Pipfile.lock":
        from paasctl.project.locks import pipfile_lines

        return pipfile_lines(root / file, file), ()
    if name == "poetry.lock":
        return _poetry(root, file, _beside(root, folder, pyproject)), ()
    if name.endswith(".toml"):
        return _pyproject(read_toml(root / file, file).data, file), ()
    from paasctl.project.requirements_txt import read_requirements

    found = read_requirements(root, file)
    return found.lines, found.constraints


def _beside(root: Path, folder: Path, pyproject: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pyproject.toml that a lock file belongs to."""
    beside = folder / "pyproject.toml"
    return pyproject if folder == root else read_toml(beside, beside.relative_to(root).as_posix()).data


def _poetry(root: Path, file: str, pyproject: Mapping[str, Any]) -> Sequence[Line]:
    from paasctl.project.poetry import poetry_lines

    lock = read_toml(root / file, file).data
    try:
        return poetry_lines(lock, pyproject)
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{file} is not a lock file of Poetry", hint="run `poetry lock` and push again") from error


def _pyproject(data: Mapping[str, Any], file: str) -> Sequence[Line]:
    project = data.get("project", {})
    if "dependencies" in project.get("dynamic", []):
        raise UsageError(
            f"{file}: the dependencies are dynamic, so they cannot be read without running the build",
            hint="list them under [project] dependencies, or write a requirements.txt",
        )
    said = project.get("dependencies", [])
    if not isinstance(said, list) or not all(isinstance(each, str) for each in said):
        raise UsageError(f"{file}: dependencies is not an array of strings", hint='write dependencies = ["flask>=3"]')
    return [requirement(each.strip(), f"{file} (dependencies)") for each in said]
