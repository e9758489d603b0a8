"""Folders to bundle, and git in them without the settings of whoever runs the tests."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paasctl.model import App, Bundle, Dependencies

NOBODY = 65534


def app(root: Path, **fields: Any) -> App:
    """An app about which only its folder matters."""
    known: dict[str, Any] = {"framework": "wsgi", "entry": "wsgi:app", "interface": "wsgi", "python": "3.11"}
    return App("shop", root, dependencies=Dependencies(None, "", ""), processes={}, **(known | fields))


def write(root: Path, *paths: str, content: str = "x = 1\n") -> None:
    """Make files, with their folders."""
    for path in paths:
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)


def git(root: Path, *arguments: str) -> str:
    """Run git as a made-up person who has no settings."""
    settings = ("user.name=Ada", "user.email=ada@example.com", "init.defaultBranch=main", "protocol.file.allow=always")
    environ = os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    options = [word for setting in settings for word in ("-c", setting)]
    done = subprocess.run(
        ["git", *options, *arguments], cwd=root, env=environ, check=True, text=True, stdout=subprocess.PIPE
    )
    return done.stdout.strip()


def repository(root: Path) -> Path:
    """A folder with an empty repository in it."""
    root.mkdir(parents=True, exist_ok=True)
    git(root, "init", "-q")
    return root


def commit(root: Path) -> str:
    """Commit all that git does not ignore; the commit's id."""
    git(root, "add", "--all")
    git(root, "commit", "-q", "-m", "a commit")
    return git(root, "rev-parse", "HEAD")


def paths(bundle: Bundle) -> list[str]:
    return [file.path for file in bundle.files]


def contents(bundle: Bundle) -> Mapping[str, str]:
    return {file.path: file.digest for file in bundle.files}


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root may read everything; inside this block nobody is root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
