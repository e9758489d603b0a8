"""Turn uv.lock and Pipfile.lock into pinned pip requirements."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from paasctl.errors import UsageError
from paasctl.project.requirement_lines import Line, local_path, refuse_credentials, requirement
from paasctl.textfile import read_text

_EXPORT = (
    "export", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes", "--no-header", "--no-annotate", "--offline",
    "--no-python-downloads", "--no-progress", "--color", "never",
)  # fmt: skip
_SECONDS = 60


def uv_lines(folder: Path, file: str, pyproject: Mapping[str, Any]) -> list[Line]:
    """What ``uv export`` makes of a uv.lock, after the indexes that pyproject.toml names; it needs no network.

    Raises:
        UsageError: uv does not accept the lock file, or a line of it points out of the app's folder.
    """
    import uv

    command = [uv.find_uv_bin(), *_EXPORT]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=_environment(),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UsageError(f"{file} could not be read: uv did not answer", hint="run `uv lock` and push again") from error
    if done.returncode:
        raise UsageError(
            f"{file} could not be read by uv", hint="run `uv lock` and push again", output=done.stderr.strip()
        )
    lines = _uv_indexes(pyproject)
    for text in done.stdout.splitlines():
        editable = text.removeprefix("-e ")
        if editable != text:
            lines.append(Line(f"-e {local_path(editable.strip(), file)}", local=True))
        elif text.strip() and not text.startswith("#"):
            lines.append(requirement(text.strip(), file))
    return lines


def _uv_indexes(pyproject: Mapping[str, Any]) -> list[Line]:
    """``[[tool.uv.index]]`` as pip's options, since an export leaves the indexes out."""
    lines = []
    for index in pyproject.get("tool", {}).get("uv", {}).get("index", []):
        url = str(index.get("url", ""))
        refuse_credentials(url, "pyproject.toml (tool.uv.index)")
        if "://" in url:
            lines.append(Line(f"{'--index-url' if index.get('default') else '--extra-index-url'} {url}"))
    return lines


def _environment() -> dict[str, str]:
    """uv's own variables and an active virtual environment must not change what a lock file means."""
    return {k: v for k, v in os.environ.items() if not k.startswith("UV_") and k != "VIRTUAL_ENV"}


def pipfile_lines(path: Path, file: str) -> list[Line]:
    """The default section of a Pipfile.lock.

    Raises:
        UsageError: the file cannot be read or is no such lock file.
    """
    try:
        lock = json.loads(read_text(path, file))
        return [*_indexes(lock, file), *(_pipfile_line(n, e, file) for n, e in sorted(lock["default"].items()))]
    except json.JSONDecodeError as error:
        raise UsageError(f"{file}:{error.lineno}: not valid JSON", hint="run `pipenv lock` and push again") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{file} is not a lock file of pipenv", hint="run `pipenv lock` and push again") from error


def _indexes(lock: Mapping[str, Any], file: str) -> list[Line]:
    """The first source is the index, where it is not the usual one; further sources are extra indexes."""
    lines: list[Line] = []
    for position, source in enumerate(lock.get("_meta", {}).get("sources", [])):
        url = str(source["url"])
        refuse_credentials(url, file)
        if source.get("name") != "pypi":
            lines.append(Line(f"{'--extra-index-url' if position else '--index-url'} {url}"))
    return lines


def _pipfile_line(name: str, entry: Mapping[str, Any], file: str) -> Line:
    name = canonicalize_name(name)
    extras = f"[{','.join(sorted(entry['extras']))}]" if entry.get("extras") else ""
    end = f" ; {entry['markers']}" if entry.get("markers") else ""
    if "git" in entry:
        refuse_credentials(str(entry["git"]), file)
        below = f"#subdirectory={entry['subdirectory']}" if entry.get("subdirectory") else ""
        return Line(f"{name}{extras} @ git+{entry['git']}@{entry['ref']}{below}{end}", name)
    where = entry.get("path") or entry.get("file")
    if where and "://" not in str(where):
        editable = "-e " if entry.get("editable") else ""
        return Line(f"{editable}{local_path(str(where) + extras, file)}{end}", name, local=True)
    if where:
        refuse_credentials(str(where), file)
        return Line(f"{name}{extras} @ {where}{end}", name)
    version = entry.get("version", "")
    line = requirement(f"{name}{extras}{'' if version == '*' else version}{end}", file)
    return Line(line.text, name)
