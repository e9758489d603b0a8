"""What an app needs of Debian's packages."""

from __future__ import annotations

import os
import re
import sys
from typing import Callable, List

from . import children
from .wire import Failure

#: packages, and the file by which each is known to be there
WANTED = {
    "nginx": "/usr/sbin/nginx",
    "sudo": "/usr/bin/sudo",
    "supervisor": "/usr/bin/supervisorctl",
    "zstd": "/usr/bin/zstd",
}


def missing(python: str) -> List[str]:
    """The packages that an app needs and the host lacks; ``python`` is the app's, as 3.11."""
    absent = [name for name, path in WANTED.items() if not os.path.exists(path)]
    # Debian splits what `python -m venv` needs from Python itself; a Python from elsewhere has it
    asked = children.run(["python" + python, "-I", "-m", "ensurepip", "--version"], "/", limit=30)
    return absent + (["python%s-venv" % python] if asked.status else [])


def install(names: List[str], say: Callable[[str], None]) -> None:
    """Install packages.

    Raises:
        Failure: apt refuses; its words are shown.
    """
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    children.run(["apt-get", "update", "-qq"], "/", env, limit=600)
    ended = children.run(
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *names], "/", env, limit=1800, say=say
    )
    unknown = re.search(r"Unable to locate package python(3\.\d+)-venv", ended.output)
    if unknown:
        raise Failure(
            "this system's packages have no Python %s; their own is %d.%d" % (unknown.group(1), *sys.version_info[:2]),
            "name that one in .python-version, or install Python %s and its venv by hand, then run setup again"
            % unknown.group(1),
        )
    children.check(ended, "the host could not install %s" % " ".join(names), "install it by hand, then run setup again")
