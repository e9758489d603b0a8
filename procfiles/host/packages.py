"""What an app needs of Debian's packages."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import Callable, Dict, List

from . import children
from .wire import Failure

#: packages, and the file by which each is known to be there
WANTED = {
    "nginx": "/usr/sbin/nginx",
    "sudo": "/usr/bin/sudo",
    "supervisor": "/usr/bin/supervisorctl",
    "zstd": "/usr/bin/zstd",
}
#: seconds that another apt (a new server updates itself) may take, and between two tries
LOCKED, PAUSE = 300, 5
#: what apt-get says of a list that another one holds, and of one that it could not get and yet succeeds without
BUSY, NOT_FETCHED = "Could not get lock", "Failed to fetch"


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
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", LC_ALL="C")
    updated = _update(env, say)
    words = ["apt-get", "-o", "DPkg::Lock::Timeout=%d" % LOCKED]
    words += ["install", "-y", "-qq", "--no-install-recommends", *names]
    ended = children.run(words, "/", env, limit=1800, say=say)
    if not ended.status:
        return
    message = "the host could not install %s; nothing else was changed" % " ".join(names)
    if updated.status or NOT_FETCHED in updated.output:
        message += "; nor could it renew its lists of packages, which may be why"
        raise Failure(message, "mend what `apt-get update` says there, then run setup again", updated.output)
    unknown = re.search(r"Unable to locate package python(3\.\d+)-venv", ended.output)
    if unknown:
        raise Failure(
            "this system's packages have no Python %s; their own is %d.%d" % (unknown.group(1), *sys.version_info[:2]),
            "name that one in .python-version, or install Python %s and its venv by hand, then run setup again"
            % unknown.group(1),
        )
    raise Failure(message, "install it by hand, then run setup again", ended.output)


def _update(env: Dict[str, str], say: Callable[[str], None]) -> children.Ended:
    """Renew the lists of packages. A server that is new does so itself just then, and apt-get waits for no list."""
    deadline = time.monotonic() + LOCKED
    while True:
        ended = children.run(["apt-get", "update", "-qq"], "/", env, limit=600)
        if not ended.status or BUSY not in ended.output or time.monotonic() > deadline:
            return ended
        say("somebody else renews the lists of packages there; waiting")
        time.sleep(PAUSE)
