"""The agent program: answers one paasctl command's requests about one app on this host, then ends."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any, BinaryIO, Dict, Optional

from . import children
from .layout import Layout, disk_failure
from .wire import Failure, Stream, Wire, take_over_stdio

#: requests that visitors could notice, and root's: an apt-get that is killed leaves the host unable to install
CRITICAL = ("switch", "roll", "undo", "restart", "down", "act", "remove")
Arguments = Dict[str, Any]
Modules = Dict[str, str]


class Ending:
    """What is only prepared ends at once when the user's paasctl is gone, or when another one ends it; what
    is critical goes on to its end first."""

    def __init__(self) -> None:
        self.critical = self.asked = False

    def ask(self, *_: object) -> None:
        self.asked = True
        if not self.critical:
            children.end_all()
            os._exit(1)


def serve(source: BinaryIO, hello: Arguments, modules: Modules) -> None:
    """Answer requests until the conversation ends."""
    os.umask(0o022)
    wire = Wire(source, take_over_stdio())
    side = side_of(wire, hello, modules)
    ending = Ending()
    wire.on_end = ending.ask
    signal.signal(signal.SIGTERM, ending.ask)  # `paasctl unlock`
    wire.start()
    for call, args, stream in wire.requests():
        ending.critical = ending.critical or call in CRITICAL
        _answer(wire, side, call, args, stream)
        ending.critical = getattr(side, "committed", False)
        if ending.asked:
            break
    if getattr(side, "committed", False):
        side.settle()


def side_of(wire: Wire, hello: Arguments, modules: Modules) -> Any:
    """Who answers: the app's user, root for a setup, or the one who deploys. Each imports what it needs itself."""
    layout = Layout.of(hello)
    if hello.get("role") == "app":
        from .appside import AppSide

        return AppSide(layout, wire.say, wire.cancelled.is_set)
    from .agent import Agent, app_user

    if hello.get("role") == "setup":
        from .setup import Setup

        return Setup(layout, wire.say, app_user(wire, hello, layout, modules))
    return Agent(wire, hello, modules)


def _answer(wire: Wire, side: Any, call: str, args: Arguments, stream: Optional[Stream]) -> None:
    try:
        many = getattr(side, "items_" + call, None)
        if many is not None:
            for item in many(args):
                wire.give(item)
            wire.answer(None)
        else:
            wire.answer(getattr(side, "do_" + call)(args, stream))
    except Failure as failure:
        wire.fail(_with_state(side, call, failure))
    except OSError as error:
        wire.fail(_with_state(side, call, disk_failure(error, side.layout.root)))
    except Exception as error:
        wire.fail(_bug(call, error))
    finally:
        if stream:
            stream.drain()


def _with_state(side: Any, call: str, failure: Failure) -> Failure:
    """Add what is live to what the disk refused, unless that is about to be undone."""
    from .appside import AppSide

    if failure.kind == "host" and not isinstance(side, AppSide):
        failure.kind = "failed"
        if hasattr(side, "still") and call not in CRITICAL:
            failure.message += "; " + side.still()
    return failure


def _bug(call: str, error: Exception) -> Failure:
    import traceback

    # the message of an unknown exception may hold an env value; its place does not
    place = traceback.extract_tb(sys.exc_info()[2])[-1]
    name = type(error).__name__
    message = "%s failed on the host: %s in %s, line %s" % (call, name, place.name, place.lineno)
    return Failure(message, "this is a bug in paasctl; please report it")
