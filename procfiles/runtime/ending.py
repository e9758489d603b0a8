"""A server is told to end while its sibling serves on: no client may lose what it asks just then."""

from __future__ import annotations

import importlib
import os
import sys

from .base import guard, setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ENDS = 30  # seconds in which a server has given its last answers, as gunicorn's graceful_timeout
REQUEST = 1.0  # seconds in which a request comes on a connection that was accepted right before


def end_connections() -> None:
    """Have the wrappers end each connection with its answer (worker processes of a server inherit the setting).

    A server whose sibling takes over is going to be stopped at any time. A client that has just sent another request
    on a connection that was kept would lose it; one that was told to connect anew meets the sibling.
    """
    os.environ["PAASCTL_CONNECTION"] = "close"


def ends_connections() -> bool:
    """Whether each connection ends with its answer here; the server that loads the app is then made patient."""
    if setting("CONNECTION") != "close":
        return False
    for make_patient in (patient_uvicorn, patient_hypercorn):
        with guard("the server's end"):
            make_patient()
    return True


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
                await asyncio.sleep(REQUEST / 20)
        await shutdown(self, sockets=sockets)

    patient.patient = True  # type: ignore[attr-defined]
    server.shutdown = patient


def patient_hypercorn() -> None:
    """Have hypercorn, when it is told to end, wait for the request of each connection that it has just accepted.

    By itself it closes every connection on which no request has come yet, and forgets those that it has no task for.
    """
    server: Any = getattr(sys.modules.get("hypercorn.asyncio.tcp_server"), "TCPServer", None)
    lifespan: Any = getattr(sys.modules.get("hypercorn.asyncio.lifespan"), "Lifespan", None)
    known = hasattr(server, "_idle_timeout") and hasattr(server, "_initiate_server_close")
    if not known or not hasattr(lifespan, "wait_for_shutdown") or hasattr(server, "patient"):
        return
    run, idle, shutdown = server.run, server._idle_timeout, lifespan.wait_for_shutdown
    connections = set()

    async def counted(self: Any) -> None:
        connections.add(self)
        try:
            await run(self)
        finally:
            connections.discard(self)

    async def patient_idle(self: Any) -> None:
        import asyncio

        terminated = self.context.terminated
        if not hasattr(terminated, "wait"):  # a version of years ago
            await idle(self)
            return
        try:
            await asyncio.wait_for(terminated.wait(), self.config.keep_alive_timeout)
            await asyncio.sleep(REQUEST)  # cancelled by a request
        except asyncio.TimeoutError:
            pass
        await asyncio.shield(self._initiate_server_close())

    async def patient_shutdown(self: Any) -> None:
        import asyncio
        import time

        await asyncio.sleep(0.1)  # what was accepted last becomes a connection
        end = time.monotonic() + ENDS
        while connections and time.monotonic() < end:
            await asyncio.sleep(0.05)
        await shutdown(self)

    server.run, server._idle_timeout, server.patient = counted, patient_idle, True
    lifespan.wait_for_shutdown = patient_shutdown
    sys.modules["hypercorn.asyncio.run"].__dict__["check_multiprocess_shutdown_event"] = told_to_end


async def told_to_end(event: Any, sleep: Any) -> None:
    """Wait until a worker process of hypercorn is told to end: the first of several that ends has the others killed."""
    import signal

    told: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: told.append(number))
    while not event.is_set() and not told:
        await sleep(0.1)


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
        end = time.monotonic() + ENDS
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
