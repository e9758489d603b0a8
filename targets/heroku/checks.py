"""What would make Heroku's build fail, found before anything is uploaded; and the files that prevent some of it."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from paasctl.errors import UsageError
from paasctl.hashes import without_hash
from paasctl.model import App, Desired

from .facts import DEPENDENCY_FILES, DEPRECATED_PYTHON, NEWEST_PYTHON, OLDEST_PYTHON

#: Bytes, unpacked. Above it the slug's limit of 500 MB (packed) is near.
_LARGE = 800_000_000

#: For each dependency file, the command that adds a package to it.
_ADD = {
    "Pipfile.lock": "pipenv install gunicorn",
    "poetry.lock": "poetry add gunicorn",
    "uv.lock": "uv add gunicorn",
}
_LOCK = {
    "Pipfile": "pipenv lock",
    "pyproject.toml": "uv lock (or poetry lock)",
}

#: The files that :func:`extra_files` may make.
MADE = (".python-version", "runtime.txt", "requirements.txt")

Problem = tuple[str, str]  # what is wrong, and what to do


def extra_files(app: App) -> dict[str, bytes]:
    """Files that the bundle needs for Heroku alone, by path: a ``.python-version`` where only the deprecated
    ``runtime.txt`` (or nothing, or another version) says it, a ``runtime.txt``, which the buildpack prefers, where it
    says another version, and a ``requirements.txt`` where the dependencies are in a file that the buildpack does not
    read, or lack the server."""
    files = {}
    if not _says(app.root / ".python-version", app.python):
        files[".python-version"] = f"{app.python}\n".encode()
    if (app.root / "runtime.txt").is_file() and not _says(app.root / "runtime.txt", f"python-{app.python}"):
        files["runtime.txt"] = f"python-{app.python}\n".encode()
    if (text := _requirements(app)) is not None:
        files["requirements.txt"] = text.encode()
    return files


def _says(file: Path, python: str) -> bool:
    """Whether a file names this version; the patch level does not matter."""
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return False
    versions = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return bool(versions) and re.fullmatch(rf"{re.escape(python)}(\.\d+)?", versions[0]) is not None


def _requirements(app: App) -> str | None:
    file = app.dependencies.file
    if file == "requirements.txt" and app.dependencies.added:
        own = (app.root / file).read_text("utf-8", "surrogateescape")
        return own + "".join(f"\n{line}" for line in app.dependencies.added) + "\n"
    if file is None or file in DEPENDENCY_FILES or _has_lock(app):
        return None
    if file.endswith((".txt", ".in")):
        return "\n".join((f"-r {file}", *app.dependencies.added)) + "\n"
    return app.dependencies.requirements.rstrip("\n") + "\n"


def _has_lock(app: App) -> bool:
    return any((app.root / name).is_file() for name in DEPENDENCY_FILES)


def check(desired: Desired) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Notes and warnings about the build that Heroku will make.

    Raises:
        UsageError: the build would fail; all the reasons and what to do about each.
    """
    found = [problem for finder in _FINDERS for problem in finder(desired)]
    if len(found) == 1:
        raise UsageError(f"Heroku's build would fail: {found[0][0]}", hint=found[0][1])
    if found:
        lines = "".join(f"\n  {what}; {fix}" for what, fix in found)
        raise UsageError(f"Heroku's build would fail for {len(found)} reasons:{lines}", hint="nothing was uploaded")
    return tuple(_notes(desired)), tuple(_warnings(desired))


# ------------------------------------------------------------------------------------------------------- problems


def _dependencies(desired: Desired) -> Iterator[Problem]:
    top = _top(desired)
    present = [name for name in DEPENDENCY_FILES if name in top]
    if len(present) > 1:
        others = ", ".join(f'"{name}"' for name in present if name != desired.app.dependencies.file)
        yield f"it takes one dependency file, and there are {' and '.join(present)}", f"set exclude = [{others}]"
    if present:
        return
    lock = next((f"run `{command}`" for name, command in _LOCK.items() if name in top), "write a requirements.txt")
    yield f"there is none of {', '.join(DEPENDENCY_FILES)} at the top of the app", lock


def _server(desired: Desired) -> Iterator[Problem]:
    file = desired.app.dependencies.file
    if desired.app.dependencies.added and file in _ADD:
        missing = ", ".join(desired.app.dependencies.added)
        yield f"{missing} is not in {file}", f"run `{_ADD[file]}`"
    elif problem := without_hash(desired.app.dependencies):
        yield problem


def _web(desired: Desired) -> Iterator[Problem]:
    if "web" not in (desired.processes or desired.app.processes) or "Procfile" not in _top(desired):
        yield "there is no web process", "write `web: gunicorn wsgi:app` into the Procfile"


def _environments(desired: Desired) -> Iterator[Problem]:
    paths = [file.path for file in desired.bundle.files] if desired.bundle else []
    marks = sorted({posixpath.dirname(path) or "." for path in paths if posixpath.basename(path) == "pyvenv.cfg"})
    if marks:
        folders = ", ".join(f'"{folder}/"' for folder in marks)
        yield f"a virtual environment is in it: {', '.join(marks)}", f"set exclude = [{folders}]"
    if any(path.startswith(".heroku/python/") for path in paths):
        yield "it holds .heroku/python, which is Heroku's own", 'set exclude = [".heroku/"]'


def _python(desired: Desired) -> Iterator[Problem]:
    version = _version(desired.app.python)
    if version is not None and version < OLDEST_PYTHON:
        yield f"Heroku has no Python {desired.app.python}", f'set python = "{NEWEST_PYTHON[0]}.{NEWEST_PYTHON[1] - 1}"'


_FINDERS: tuple[Callable[[Desired], Iterator[Problem]], ...] = (_dependencies, _server, _web, _environments, _python)


# ----------------------------------------------------------------------------------------------- notes and warnings


def _notes(desired: Desired) -> Iterator[str]:
    if desired.app.framework == "django" and "DISABLE_COLLECTSTATIC" not in desired.env.values:
        yield "Heroku runs collectstatic in the build, with these config vars; DISABLE_COLLECTSTATIC=1 turns it off"
    for file in desired.bundle.files if desired.bundle else ():
        if file.path in MADE and file.content is not None:
            yield f"{file.path} is made for Heroku in what is pushed; your folder is not changed"


def _warnings(desired: Desired) -> Iterator[str]:
    version = _version(desired.app.python)
    if version in DEPRECATED_PYTHON:
        yield f"Heroku stops building Python {desired.app.python} in {DEPRECATED_PYTHON[version]}"
    if version is not None and version > NEWEST_PYTHON:
        yield f"Python {desired.app.python} is newer than what Heroku is known to build"
    if "runtime.txt" in _top(desired):
        yield "Heroku prefers runtime.txt over .python-version, and has deprecated it; remove it when you can"
    if desired.bundle and desired.bundle.size > _LARGE:
        yield f"the app has {desired.bundle.size // 1_000_000} MB; Heroku refuses more than 500 MB packed"


def _top(desired: Desired) -> frozenset[str]:
    """The names of the files at the top of the bundle."""
    return (
        frozenset(file.path for file in desired.bundle.files if "/" not in file.path) if desired.bundle else frozenset()
    )


def _version(python: str) -> tuple[int, int] | None:
    match = re.match(r"(\d+)\.(\d+)", python)
    return (int(match[1]), int(match[2])) if match else None
