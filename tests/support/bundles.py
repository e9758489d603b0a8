"""Folders to bundle, and git in them without the settings of whoever runs the tests."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from paasctl.model import App, Bundle, Dependencies

NOBODY = 65534

#: Names that some tool, format or locale would stumble over.
ODD_NAMES = [
    b"with space.py",
    "ünïcode-日本語.py".encode(),
    b"-rf",
    b"--help",
    b"new\nline.py",
    b"not-utf8-\xff\xfe.txt",
    b'quote"and\\back',
    b"n" * 250,
    b"{brace}*?[star]",
    b"#hash",
    b"trailing ",
    b"~",
]


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


def touch(root: Path, names: Iterable[bytes]) -> None:
    """Make files whose content is their name."""
    for name in names:
        (root / os.fsdecode(name)).write_bytes(name)


NAMES = st.binary(min_size=1, max_size=12).filter(lambda n: not set(n) & {0, 47} and n not in (b".", b".."))
TREES = st.dictionaries(
    st.tuples(NAMES, NAMES), st.tuples(st.binary(max_size=40), st.booleans(), st.integers(0, 2**31)), max_size=8
)


Trees = Mapping[tuple[bytes, bytes], tuple[bytes, bool, int]]


def make(root: Path, files: Iterable[tuple[tuple[bytes, bytes], tuple[bytes, bool, int]]], umask: int) -> None:
    """Write a drawn tree, in the given order and with these times."""
    old = os.umask(umask)
    try:
        for (folder, name), (content, executable, when) in files:
            path = root / os.fsdecode(b"d" + folder) / os.fsdecode(b"f" + name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            if executable:
                path.chmod(path.stat().st_mode | stat.S_IXUSR)
            os.utime(path, (when, when))
    finally:
        os.umask(old)
