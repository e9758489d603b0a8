"""Wait until nobody else's command is under way on a target, so that a plan is made of what will be there."""

from __future__ import annotations

import time

from paasctl.console import Console
from paasctl.errors import Busy
from paasctl.model import Observed
from paasctl.session import Connection

#: Seconds to wait without ``--wait``: a command that was killed needs a moment to end what it began.
PATIENCE = 10.0
PAUSE = 0.5


def idle(console: Console, connection: Connection, observed: Observed, *, wait: bool = False) -> Observed:
    """What is there once nobody's command is under way; ``observed`` itself where none is.

    Args:
        wait: as long as it takes.

    Raises:
        Busy: it takes too long.
    """
    deadline, said = time.monotonic() + PATIENCE, ""
    while observed.busy:
        if not wait and time.monotonic() > deadline:
            raise Busy(
                f"{observed.busy}; nothing was changed",
                hint=f"run the command again when it has ended; `paasctl unlock {connection.name}` ends it",
            )
        if observed.busy != said:
            said = observed.busy
            console.note(f"{said}; waiting" + ("" if wait else f", at most {PATIENCE:.0f} s"))
        time.sleep(PAUSE)
        observed = connection.observe(code=False)
    return observed
