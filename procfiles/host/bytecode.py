"""Byte-code of a virtual environment: what another one has of the very same file is linked, the rest is compiled."""

from __future__ import annotations

import contextlib
import os
from typing import Iterator, Sequence, Tuple

from . import children

#: seconds that compiling everything may take; what is missing then is compiled by each process for itself
LIMIT = 600
#: removes byte-code that a full disk has cut short, for no process could import it (Python 3.11 puts it in place)
MEND = """
import marshal, os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for path in [os.path.join(folder, name) for name in names if name.endswith('.pyc')]:
        try:
            with open(path, 'rb') as file:
                marshal.loads(file.read()[16:])
        except (EOFError, TypeError, ValueError):
            os.unlink(path)
"""
#: compiles every module below a folder; `python -m compileall` needs twice the time to begin. The byte-code is checked
#: by its source's hash, so that none is ever taken for another source's; what does not compile nobody can import
COMPILE = (
    """
import os, py_compile, sys
checked = py_compile.PycInvalidationMode.CHECKED_HASH
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        if name.endswith('.py'):
            try:
                py_compile.compile(os.path.join(folder, name), doraise=True, invalidation_mode=checked)
            except (OSError, py_compile.PyCompileError):
                pass
"""
    + MEND
)


def prepare(place: str, others: Sequence[str]) -> None:
    """Give every module of an environment its byte-code.

    Installers link a package's files into each environment from one cache, so that most files of a new environment are
    the very files of another one (same inode and time), and its byte-code is right for both.

    Args:
        others: environments that are whole.
    """
    for other in others:
        for folder, name in modules(place):
            link(os.path.join(place, folder), os.path.join(other, folder), name)
    libraries = os.path.join(place, "lib")
    python = os.path.join(place, "bin", "python")
    # what an installed package has for an older Python does not compile, and nobody imports it
    children.run([python, "-I", "-S", "-m", "compileall", "-q", "-j", "0", libraries], place, limit=LIMIT)
    children.run([python, "-I", "-S", "-c", MEND, libraries], place, limit=LIMIT)


def modules(place: str) -> Iterator[Tuple[str, str]]:
    """The folder, relative to the environment, and the name of every Python file in it."""
    for folder, _, names in os.walk(os.path.join(place, "lib")):
        for name in names:
            if name.endswith(".py"):
                yield os.path.relpath(folder, place), name


def link(folder: str, other: str, name: str) -> None:
    """Take over the byte-code of a file that is the same in another folder."""
    with contextlib.suppress(OSError):  # it is not there, or links are refused: then it is compiled
        if not os.path.samefile(os.path.join(folder, name), os.path.join(other, name)):
            return
        cache, mine = os.path.join(other, "__pycache__"), os.path.join(folder, "__pycache__")
        for known in os.listdir(cache):
            if known.startswith(name[:-2]) and known.endswith(".pyc"):
                os.makedirs(mine, exist_ok=True)
                os.link(os.path.join(cache, known), os.path.join(mine, known))
