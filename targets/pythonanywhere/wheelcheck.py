"""Is everything in a folder of installed packages fit for Linux on x86-64 with one Python version?

uv accepts some things silently that would not run there: a C extension that it built for this machine, an abi3 wheel
for a newer Python, a native file inside a wheel that calls itself pure, a link back to a folder of this machine.

Of wheels that an index offers uv has judged the file name. What such a wheel then says of itself is often looser (the
platform ``linux_x86_64``), and may hold programs for several systems of which it runs the one that fits.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

#: Every system image of PythonAnywhere has at least this glibc.
GLIBC = (2, 28)

NATIVE = re.compile(r"\.(so(\.[\d.]+)?|pyd|dylib|dll)$", re.IGNORECASE)
LEGACY = {"manylinux1": (2, 5), "manylinux2010": (2, 12), "manylinux2014": (2, 17)}
ELF64, X86_64 = b"\x7fELF\x02\x01", b"\x3e\x00"


@dataclass(frozen=True, slots=True)
class Problem:
    """One package that must not be sent, and why."""

    package: str
    why: str


@dataclass(frozen=True, slots=True)
class _Installed:
    name: str
    tags: Sequence[str] = ()
    files: frozenset[str] = field(default_factory=frozenset)

    @property
    def manylinux(self) -> bool:
        return any("manylinux" in tag for tag in self.tags)


def check(folder: Path, python: str, *, built: bool = True) -> list[Problem]:
    """What in ``folder`` would not run on the target, one problem per package at most.

    Args:
        folder: filled by ``uv pip install --target``.
        python: the target's minor version, like ``3.11``.
        built: whether some of it may have been built on this machine; else all are wheels that uv chose by their names.
    """
    minor = int(python.partition(".")[2])
    installed = [_read(info) for info in sorted(folder.glob("*.dist-info"))]
    problems = [*_tags(installed, minor, built), *_links(folder, installed), *_natives(folder, installed, minor, built)]
    first: dict[str, Problem] = {}
    for problem in problems:
        first.setdefault(problem.package, problem)
    return list(first.values())


def fits(tag: str, minor: int, *, built: bool = True) -> bool:
    """Does a wheel with this tag run on CPython 3.``minor`` on Linux x86-64?

    Args:
        built: whether it may have been built on this machine, where ``linux_x86_64`` promises nothing.
    """
    python, abi, platforms = [*tag.split("-"), "", ""][:3]
    if not any(_interpreter(p, abi, minor) for p in python.split(".")):
        return False
    good = ("any",) if built else ("any", "linux_x86_64")
    return any(platform in good or _platform(platform) for platform in platforms.split("."))


def _interpreter(python: str, abi: str, minor: int) -> bool:
    found = re.fullmatch(r"(cp|py)(\d)(\d*)", python)
    if not found or found[2] != "3":
        return False
    wanted = int(found[3] or 0)
    if found[1] == "py":
        return abi == "none" and wanted <= minor
    return (abi in (f"cp3{minor}", "none") and wanted == minor) or (abi == "abi3" and wanted <= minor)


def _platform(platform: str) -> bool:
    found = re.fullmatch(r"manylinux_(\d+)_(\d+)_x86_64", platform)
    if found:
        return (int(found[1]), int(found[2])) <= GLIBC
    name, _, machine = platform.partition("_")
    return machine == "x86_64" and name in LEGACY


def _read(info: Path) -> _Installed:
    name = info.name.removesuffix(".dist-info").rpartition("-")[0]
    wheel, record = info / "WHEEL", info / "RECORD"
    tags = re.findall(r"^Tag: (\S+)", wheel.read_text("utf-8", "replace"), re.MULTILINE) if wheel.exists() else []
    files: frozenset[str] = frozenset()
    if record.exists():
        files = frozenset(row[0] for row in csv.reader(record.read_text("utf-8", "replace").splitlines()) if row)
    return _Installed(name, tags, files)


def _tags(installed: Sequence[_Installed], minor: int, built: bool) -> Iterator[Problem]:
    for package in installed:
        if not package.tags:
            yield Problem(package.name, "says nothing about what it was built for")
        elif not any(fits(tag, minor, built=built) for tag in package.tags):
            here = built and any("linux_" in tag or "macosx" in tag or "win" in tag for tag in package.tags)
            yield Problem(package.name, "was built for this machine" if here else f"is not for Python 3.{minor}")


def _links(folder: Path, installed: Sequence[_Installed]) -> Iterator[Problem]:
    """Editable installs and the like: nothing may lead back to a folder of this machine."""
    for path in sorted(folder.glob("*.pth")):
        lines = path.read_text("utf-8", "replace").splitlines()
        if any(line.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", line) for line in lines):
            yield Problem(_owner(installed, path.name).name or path.name, "leads to a folder of this machine (-e)")


def _natives(folder: Path, installed: Sequence[_Installed], minor: int, built: bool) -> Iterator[Problem]:
    imported = re.compile(rf"\.cpython-3{minor}-x86_64-linux-gnu\.so$")
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or not (built or imported.search(path.name)):
            continue
        with path.open("rb") as file:
            head = file.read(20)
        if not NATIVE.search(path.name) and not head.startswith(b"\x7fELF"):
            continue
        relative = path.relative_to(folder).as_posix()
        why = _native(relative, head, minor) or _unsaid(relative, _owner(installed, relative), built)
        if why:
            yield Problem(_owner(installed, relative).name or relative, why)


def _native(path: str, head: bytes, minor: int) -> str:
    """What is wrong with a native file, or ""."""
    if head[:6] != ELF64 or head[18:20] != X86_64:
        return f"holds {path}, which is not for Linux on x86-64"
    version = re.search(r"\.cpython-3(\d+)[^/]*\.so$", path)
    if version and int(version[1]) != minor:
        return f"holds {path}, which is for Python 3.{version[1]}"
    return ""


def _unsaid(path: str, owner: _Installed, built: bool) -> str:
    """What is wrong with a native file whose package does not say that it has any, or ""."""
    return f"holds {path}, a native file, and is no manylinux wheel" if built and not owner.manylinux else ""


def _owner(installed: Sequence[_Installed], path: str) -> _Installed:
    return next((package for package in installed if path in package.files), _Installed(""))
