"""What every part uses: one line on stderr, and the promise that nothing in here stops the app."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

NAME = "_paasctl_runtime"
RUN_AS_PROGRAM = __name__ == "__main__"

if RUN_AS_PROGRAM:
    # ``import _paasctl_runtime`` must later find this very module, and an app's own queue.py or email.py in the
    # folder (first on the path because of -m) must not be imported in place of the standard library's.
    sys.modules[NAME] = sys.modules["__main__"]
    __name__ = NAME
#: The app's folder, for as long as it is not on the path.
FOLDER = sys.path.pop(0) if RUN_AS_PROGRAM else ""

import os  # noqa: E402

#: What was switched, for the report: part -> a sentence without any value of the env.
in_force: dict[str, str] = {}
#: Whether nothing is said for now, because another process has said it.
quiet: list[bool] = []


def say(text: str) -> None:
    """Write one line to stderr; a closed stderr is no reason to fail."""
    if quiet:
        return
    try:
        sys.stderr.write("paasctl: %s\n" % " ".join(text.split()))
        sys.stderr.flush()
    except Exception:
        pass


def setting(name: str, default: str = "") -> str:
    """The value of ``PAASCTL_<name>``, without blanks around it."""
    return os.environ.get("PAASCTL_" + name, default).strip()


def number(name: str, default: int = 0) -> int:
    """The whole number in ``PAASCTL_<name>``; what is not a number is reported and counts as not set."""
    text = setting(name)
    try:
        return int(text) if text else default
    except ValueError:
        say("PAASCTL_%s is not a whole number and is ignored" % name)
        return default


def has_threads() -> bool:
    """Whether this process runs threads while no request is answered; uWSGI only does when it is told to."""
    options = getattr(sys.modules.get("uwsgi"), "opt", None)
    return options is None or "enable-threads" in options or "threads" in options


class guard:  # noqa: N801 - reads as a statement: with guard("logging"):
    """Whatever goes wrong inside becomes one line on stderr: the app runs as it would have run without us.

    Only the error's type is named: its text may hold a value of the env.
    """

    def __init__(self, part: str) -> None:
        self.part = part

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None) -> bool:
        if kind is None or not issubclass(kind, Exception):
            return False
        say("%s is left as the app has it (%s)" % (self.part, kind.__name__))
        in_force[self.part] = "failed: " + kind.__name__
        return True
