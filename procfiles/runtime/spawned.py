"""Processes that multiprocessing starts anew, by spawn or by a forkserver: the runtime is switched on in them too."""

from __future__ import annotations

import os
import re

from .hooks import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The code that multiprocessing gives to a new interpreter; its resource tracker runs nothing of the app.
SPAWNED = re.compile(r"(import sys; )?from multiprocessing\.(spawn|forkserver) import ")
#: What runs before it; an app's own queue.py in the working directory must not be imported in here.
BEFORE = """import sys
path, sys.path = sys.path, [*filter(None, sys.path), %r]
try:
    import _paasctl_runtime
    _paasctl_runtime.install_spawned()
except Exception:
    pass
sys.path = path
"""


def install_spawns() -> None:
    """Have multiprocessing switch the runtime on in each interpreter that it starts."""
    after_import("multiprocessing.util", wrap_spawn)


def wrap_spawn(util: Any) -> None:
    spawn, before = util.spawnv_passfds, BEFORE % os.path.dirname(os.path.abspath(__file__))

    def spawn_with_runtime(path: Any, words: Any, fds: Any) -> Any:
        return spawn(path, [before + word if is_spawned(word) else word for word in words], fds)

    util.spawnv_passfds = spawn_with_runtime


def is_spawned(word: Any) -> bool:
    """Whether a word is multiprocessing's code; the program among the words may be bytes."""
    return isinstance(word, str) and SPAWNED.match(word) is not None
