"""What can go wrong, as the user sees it, with the exit code of each.

* PaasctlError        1    failed; the target is as it was
  + Busy              1    somebody else's command holds the target; ``--wait`` waits for it
  x UsageError        2    the command line, the configuration, the app's files or a ``.env`` must be changed
  x Difference        3    ``--check`` found a difference
  x Conflict          4    the target was changed by somebody else; nothing was written
  x HalfApplied       5    some of it is done; the same command continues

A message says what happened in one sentence; the hint says what to do next. Neither ever holds an env value.
"""

from __future__ import annotations


class PaasctlError(Exception):
    """A failure that the user can understand: what happened, and what to do.

    Args:
        message: one sentence that says what happened and, where it is not plain, what state the target is in.
        hint: what to do next, in the imperative.
        output: the last lines that the failing program printed, shown below the message.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "", output: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.output = output


class Busy(PaasctlError):
    """Another command holds the target's lock; the message names its owner. Nothing was changed."""


class UsageError(PaasctlError):
    """The user's input must change before this can work."""

    exit_code = 2


class Difference(PaasctlError):
    """``--check``: the target differs from the checkout."""

    exit_code = 3


class Conflict(PaasctlError):
    """Somebody else changed the target; nothing was written."""

    exit_code = 4


class HalfApplied(PaasctlError):
    """Some steps are done and could not be undone; the same command continues."""

    exit_code = 5
