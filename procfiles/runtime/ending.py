"""A server is told to end while its sibling serves on: no client may lose what it asks just then."""

from __future__ import annotations

import importlib
import os
import sys

from .base import setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

WAITRESS_ENDS = 30  # seconds in which waitress has given its last answers, as gunicorn's graceful_timeout


def end_connections() -> None:
    """Have the wrappers end each connection with its answer (worker processes of a server inherit the setting).

    A server whose sibling takes over is going to be stopped at any time. A client that has just sent another request
    on a connection that was kept would lose it; one that was told to connect anew meets the sibling.
    """
    os.environ["PAASCTL_CONNECTION"] = "close"


def ends_connections() -> bool:
    """Whether each connection ends with its answer here."""
    return setting("CONNECTION") == "close"


def patient_uvicorn() -> None:
    """Have uvicorn, when it is told to end, give what it has just accepted a moment to send its request.

    By itself it closes every connection on which no request has come yet, one that is on its way or not.
    """
    server = getattr(sys.modules.get("uvicorn"), "Server", None)
    if server is None or getattr(server.shutdown, "patient", False):
        return
    shutdown = server.shutdown

    async def patient(self: Any, sockets: Any = None) -> None:
        import asyncio

        for one in self.servers:
            one.close()  # takes no more
        for _ in range(20):
            if self.server_state.connections:
                await asyncio.sleep(0.05)
        await shutdown(self, sockets=sockets)

    patient.patient = True  # type: ignore[attr-defined]
    server.shutdown = patient


def closed_after(message: Any) -> Any:
    """A response after which the connection ends, whatever the app says of it."""
    others = [header for header in message.get("headers") or () if header[0].lower() != b"connection"]
    return dict(message, headers=[*others, (b"connection", b"close")])


def end_waitress_connections() -> None:
    """Have waitress read every request as one that asks to close: it forbids the app's side to say so."""
    parser = importlib.import_module("waitress.parser").HTTPRequestParser
    parse = parser.parse_header

    def parse_header(self: Any, data: Any) -> None:
        parse(self, data)
        self.headers["CONNECTION"] = "close"

    parser.parse_header = parse_header


def run_waitress(server: Any) -> None:
    """Run until SIGTERM, which by itself would end waitress in the middle of its answers: they are given first."""
    import signal
    import time

    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    parts = server.map if hasattr(server, "map") else server._map  # of several sockets, or of one
    try:
        while not told:
            turn_waitress(server, parts)
        for one in list(parts.values()):
            if getattr(one, "accepting", False):
                one.del_channel()
        end = time.monotonic() + WAITRESS_ENDS
        turn_waitress(server, parts)  # reads what came before
        while any(map(is_answering, list(parts.values()))) and time.monotonic() < end:
            turn_waitress(server, parts)
    except (SystemExit, KeyboardInterrupt):
        pass
    server.task_dispatcher.shutdown()


def turn_waitress(server: Any, parts: Any) -> None:
    """Have waitress do what there is to do, after a moment if nothing is."""
    server.asyncore.loop(timeout=0.2, use_poll=server.adj.asyncore_use_poll, map=parts, count=1)


def is_answering(part: Any) -> bool:
    """Whether a part of waitress is a connection whose request is being read or answered."""
    return hasattr(part, "requests") and bool(part.requests or part.request or part.writable())
