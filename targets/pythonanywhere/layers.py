"""The app's dependencies as one archive: resolved here for the target's Python, so that nothing is installed there."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PathDistribution
from pathlib import Path
from typing import IO

from paasctl import credentials
from paasctl.errors import PaasctlError, UsageError
from paasctl.model import Dependencies, Say

from .wheelcheck import GLIBC, Problem, check

#: Changes when the layout of a layer does, so that an old one is not taken for a new one.
FORMAT = "2"
PLATFORM = "x86_64-manylinux_{}_{}".format(*GLIBC)
LIMIT = 900.0

INSTEAD = {
    "mysqlclient": "use PyMySQL (import pymysql; pymysql.install_as_MySQLdb()), or take the line out: "
    "PythonAnywhere's own Python has mysqlclient",
    "psycopg2": "use psycopg2-binary",
    "uwsgi": "take the line out: PythonAnywhere runs its own",
    "pyodbc": "use a newer version; it has wheels",
}

#: How a script begins that uv made for a Python of this machine; the second form is that of long paths.
LAPTOPS = re.compile(rb"#!/[^\n]*/python[\d.]*\s|#!/bin/sh\n'{3}exec' ")

SCRIPT = """\
#!/bin/sh
'''exec' "$(dirname "$(readlink -f "$0")")/python" "$0" "$@"
' '''
import sys
from {module} import {name}
if __name__ == "__main__":
    sys.exit({call}())
"""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Runs uv.

    Args:
        root: the app's folder; paths in requirement lines start there.
        environ: the variables for uv (indexes, proxies, its cache).
    """

    root: Path
    environ: Mapping[str, str] = field(repr=False)

    def resolve(self, needs: Dependencies, python: str, into: Path, say: Say) -> None:
        """Fill an empty folder with the dependencies, every one fit for the target.

        Wheels alone first. Where there is none, what uv builds from source with the same Python version is taken when
        it turns out to hold no native code; everything else is named and refused.

        Raises:
            UsageError: a package has no wheel for the target, or the requirements cannot be met.
            PaasctlError: uv could not be run.
        """
        lines = "\n".join(re.sub(r"^-e\s+|^--editable[= ]\s*", "", line) for line in needs.requirements.splitlines())
        result = self._install(lines, needs.constraints, python, into, ["--only-binary", ":all:"])
        built = result.returncode != 0 or needs.local  # a wheel in a folder may be one that was built here
        if result.returncode:
            self._from_source(result.stderr, lines, needs, python, into, say)
        problems = check(into, python, built=built)
        if problems:
            raise without_wheel(problems, python)

    def _from_source(self, said: str, lines: str, needs: Dependencies, python: str, into: Path, say: Say) -> None:
        """The second try, for sets that hold source distributions; ``said`` is what uv said to the first."""
        file = needs.file or "the requirements"
        if re.search(r"[Ff]ailed to fetch|error sending request", said):
            raise PaasctlError(
                "the package index could not be reached; nothing was changed",
                hint="check the network and the index settings (UV_INDEX_URL, UV_NATIVE_TLS)",
                output=tail(said),
            )
        wanted = re.findall(r"Wheels are required for `([^`]+)`", said)
        if "Building source distributions is disabled" in said:
            wanted.append("a package in a folder")
        if not wanted:
            hint = f"correct {file}; nothing was changed"
            raise UsageError(f"the dependencies in {file} cannot be resolved", hint=hint, output=tail(said))
        local = self._local(python)
        known = [name for name in wanted if _plain(name) in INSTEAD]
        if local is None or known:
            raise without_wheel([Problem((known or wanted)[0], "")], python)
        say(f"no wheel of {', '.join(sorted(set(wanted)))}; building with Python {python} here")
        self._build(lines, needs.constraints, python, into, local, wanted[0])

    def _build(self, lines: str, constraints: str, python: str, into: Path, local: str, first: str) -> None:
        result = self._install(lines, constraints, python, into, ["--python", local])
        if result.returncode:
            found = re.search(r"[Ff]ailed to (?:download and )?build `([A-Za-z0-9._-]+?)(?:==[^`]*)?`", result.stderr)
            raise without_wheel([Problem(found[1] if found else first, "")], python, tail(result.stderr))

    def _install(
        self, lines: str, constraints: str, python: str, into: Path, more: list[str]
    ) -> subprocess.CompletedProcess[str]:
        with tempfile.NamedTemporaryFile("w", suffix=".txt") as limits:
            limits.write(constraints)
            limits.flush()
            words = ["pip", "install", "-q", "--no-progress", "--target", str(into), "--python-version", python]
            words += ["--python-platform", PLATFORM, *more, "-r", "-"]
            words += ["--constraint", limits.name] if constraints.strip() else []
            if "--python" not in more:
                words += ["--python", sys.executable]
            return self._uv(words, lines + "\n")

    def _local(self, python: str) -> str | None:
        """An interpreter of the target's version on this machine."""
        found = self._uv(["python", "find", "--no-python-downloads", python], "")
        return found.stdout.strip() if not found.returncode else None

    def _uv(self, words: list[str], text: str) -> subprocess.CompletedProcess[str]:
        from uv import find_uv_bin

        try:
            return subprocess.run(
                [find_uv_bin(), *words],
                input=text,
                capture_output=True,
                text=True,
                cwd=self.root,
                # as pip: of several indexes none hides the versions of another
                env={"UV_INDEX_STRATEGY": "unsafe-best-match", **_without_tokens(self.environ), "NO_COLOR": "1"},
                timeout=LIMIT,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PaasctlError(
                f"uv could not be run ({type(error).__name__})", hint="pip install --force uv"
            ) from error


def _without_tokens(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables without paasctl's own credentials: a package's build runs code of strangers."""
    ours = credentials.held(environ)
    return {name: value for name, value in environ.items() if name not in ours}


def layer_name(needs: Dependencies, python: str, code: str) -> str:
    """The name of the layer with these dependencies: the same set for the same Python has the same name."""
    own = code if needs.local else ""
    return hashlib.sha256("\0".join([FORMAT, PLATFORM, python, needs.digest, own]).encode()).hexdigest()[:16]


def without_wheel(problems: list[Problem], python: str, output: str = "") -> UsageError:
    """The error for packages that cannot be sent."""
    named = [f"{p.package} {p.why}" if p.why else p.package for p in problems]
    known = [INSTEAD[_plain(p.package)] for p in problems if _plain(p.package) in INSTEAD]
    return UsageError(
        f"no wheel for Python {python} on Linux (x86-64): {'; '.join(named)}",
        hint=known[0] if known else "choose a version that has one, or another Python (python = ... under the target)",
        output=output,
    )


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def tail(text: str, lines: int = 30) -> str:
    """The end of a program's output."""
    return "\n".join(text.strip().splitlines()[-lines:])


def pack(folder: Path, python: str, stream: IO[bytes]) -> tuple[int, int]:
    """Write a resolved folder as the compressed archive of a virtual environment; its unpacked bytes and files.

    The same packages give the same bytes. Scripts whose first line names the laptop's Python are left out, and made
    anew from the entry points; programs that a wheel brings stay.
    """
    import gzip
    import io

    size = count = 0
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=stream, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w|", format=tarfile.GNU_FORMAT, encoding="utf-8") as archive,
    ):
        scripts = _scripts(folder)
        for name, path in [*_packed(folder, python), *_programs(folder, scripts)]:
            info = _info(name, path.stat().st_mode & 0o100)
            info.size = path.stat().st_size
            with path.open("rb") as file:
                archive.addfile(info, file)
            size, count = size + info.size, count + 1
        for name, text in sorted(scripts.items()):
            info = _info(f"bin/{name}", 0o100)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
            size, count = size + info.size, count + 1
    return size, count


def _packed(folder: Path, python: str) -> Iterator[tuple[str, Path]]:
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if relative.parts[0] in ("bin", ".lock") or "__pycache__" in relative.parts or not path.is_file():
            continue
        yield f"lib/python{python}/site-packages/{relative.as_posix()}", path


def _programs(folder: Path, scripts: Mapping[str, bytes]) -> Iterator[tuple[str, Path]]:
    """The programs in ``bin`` that run anywhere: compiled ones, and scripts that name no Python of this machine."""
    for path in sorted((folder / "bin").glob("*")):
        if path.is_file() and path.name not in scripts and not LAPTOPS.match(_head(path)):
            yield f"bin/{path.name}", path


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(512)


def _info(name: str, executable: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.mode = 0o755 if executable else 0o644
    info.mtime = 946_684_800  # one time for all: a layer is never changed, so no byte-code can be of another one
    info.uname = info.gname = "root"
    return info


def _scripts(folder: Path) -> dict[str, bytes]:
    """The console scripts, for whatever folder the layer will lie in."""
    found = {}
    for info in sorted(folder.glob("*.dist-info")):
        for point in PathDistribution(info).entry_points:
            if point.group == "console_scripts" and re.fullmatch(r"[\w.-]+", point.name) and point.attr:
                text = SCRIPT.format(module=point.module, name=point.attr.partition(".")[0], call=point.attr)
                found[point.name] = text.encode()
    return found
