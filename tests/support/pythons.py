"""The interpreters of this machine."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

#: what the runtime supports
VERSIONS = tuple(f"3.{minor}" for minor in range(8, 15))
#: where scripts/test-tools puts a Python that the system has none of
CACHE = Path(os.environ.get("PAASCTL_TEST_HOSTS") or "/var/tmp/paasctl-test-hosts")
ASK = "import sys; print('%d.%d' % sys.version_info[:2])"


@functools.cache
def pythons() -> dict[str, str]:
    """Every one of VERSIONS that is here, and its program."""
    found = {}
    for version in VERSIONS:
        root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
        places = [
            *map(str, sorted(root.glob(f"{version}.*/bin/python"))),
            shutil.which(f"python{version}"),
            shutil.which(str(CACHE / f"python{version}/usr/bin/python{version}")),
            sys.executable,
        ]
        for place in filter(None, places):
            asked = subprocess.run([place, "-c", ASK], capture_output=True, text=True)
            if asked.stdout.strip() == version:
                found[version] = place
                break
    return found


def nearest(version: str) -> str:
    """A version that is here: the one asked for, or else the one closest to it."""
    return min(pythons(), key=lambda here: abs(minor(here) - minor(version)))


def minor(version: str) -> int:
    return int(version.partition(".")[2])
