"""What can be asked or done besides a push: status, restart, down."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any, Dict, Optional

from .layout import APPS, DATA, has_files, remove
from .probe import Probe
from .rollout import forget_remade
from .wire import Failure

if TYPE_CHECKING:
    from .agent import Agent


def status(agent: Agent) -> Dict[str, Any]:
    """Health of the live release as a visitor meets it, and the free disk space in bytes."""
    live = agent.layout.live()
    found = os.statvfs(agent.layout.root) if os.path.isdir(agent.layout.root) else None
    free = found.f_bavail * found.f_frsize if found else 0
    if live is None:
        kept = [agent.layout.path(name) for name in DATA if has_files(agent.layout.path(name))]
        return {
            "healthy": None,
            "problem": "nothing is live",
            "disk_free": free,
            "answer": None,
            "path": "",
            "kept": kept,
        }
    document = agent.releases.get(live)
    probe = Probe.visitor(document)
    healthy = probe.healthy()
    if not healthy and probe.moved:
        probe = probe.over_tls()
        healthy = probe.healthy()
    return {
        "healthy": healthy,
        "problem": "" if healthy else probe.problem,
        "disk_free": free,
        "answer": probe.status,
        "path": document["health"] or "/",
        "kept": [],
    }


def restart(agent: Agent) -> None:
    """Restart every process of the live release, one after the other.

    Raises:
        Failure: one is not healthy; of kind ``half`` from the first stop on, for nobody can take that back.
    """
    live = agent.layout.live()
    assert live is not None
    before = process_ids(agent)
    try:
        agent.rollout.roll(live, agent.wire.say, anew=True)
        forget_remade(agent.layout)
    except Failure as failure:
        if process_ids(agent) == before:
            raise
        serving = ", ".join(agent.rollout.serving(live))
        state = "%s still serves on %s" % (live, serving) if serving else "no process of %s serves now" % live
        hint = "mend it, then run `paasctl restart` again, or `paasctl push` what is mended"
        raise Failure("%s; %s" % (failure.message, state), hint, failure.output, kind="half") from None


def process_ids(agent: Agent) -> Dict[str, Optional[int]]:
    return {process.full: process.pid for process in agent.supervisor.processes()}


def down(agent: Agent, purge: bool) -> None:
    """Stop the processes and remove what pushes put here; ``shared/`` and ``backups/`` stay unless ``purge``.

    What setup made for root or for the app's user stays: it is setup's to remove.
    """
    agent.supervisor.stop()
    # in this order, for it can be killed: nothing is live before a part of that is gone, and `code` tells that a rest
    # is there
    remove(agent.layout.current)
    agent.app.call("clear", purge=purge)
    kept = {*APPS, "lock", "code"} if agent.own else {*APPS, "lock", "code", "start"}
    for name in sorted(set(os.listdir(agent.layout.root)) - kept):
        remove(agent.layout.path(name))
    remove(agent.layout.path("code"))
    agent.lock.remove()
    if agent.own and not os.listdir(agent.layout.root):
        remove(agent.layout.root)
        with contextlib.suppress(OSError):  # other apps of this target may be there
            os.rmdir(os.path.dirname(agent.layout.root))
