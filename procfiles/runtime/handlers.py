"""The kinds of logging handlers that an app has, as far as it matters where their records go."""

from __future__ import annotations

import logging
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, TypeVar

    Function = TypeVar("Function", bound=Callable[..., Any])

#: The servers' own loggers speak about the process, not for the app; they write to the console already.
SERVER_LOGGERS = ("gunicorn", "hypercorn", "uvicorn", "waitress")

#: Handlers that keep a record and hand it on later: the standard library's, and multiprocessing-logging's.
DEFERRING = frozenset({"MemoryHandler", "MultiProcessingHandler", "QueueHandler"})


class Fallback(logging.StreamHandler):  # type: ignore[type-arg]  # not generic before Python 3.9
    """Takes what no handler of the app wrote anywhere; a class of its own, to be recognised by."""


def in_loggings_name(function: Function) -> Function:
    """Let a function between logging and a handler pass for logging's own: who looks for the caller skips its file."""
    function.__code__ = function.__code__.replace(co_filename=logging.__file__)
    return function


def kind_of(handler: logging.Handler) -> str:
    """``file``, ``console``, ``deferring`` (a queue, a buffer: it hands the record on later) or ``other``."""
    if isinstance(handler, logging.FileHandler):
        return "file"
    if is_console(handler):
        return "console"
    return "deferring" if any(kind.__name__ in DEFERRING for kind in type(handler).__mro__) else "other"


def is_console(handler: logging.Handler) -> bool:
    """Whether a handler writes to this process's standard streams."""
    if isinstance(handler, Fallback):
        return True
    try:
        if isinstance(handler, logging.StreamHandler):
            stream = handler.stream
        else:
            stream = getattr(getattr(handler, "console", None), "file", None)  # rich.logging.RichHandler
        if type(stream).__name__ == "LocalProxy":  # flask.logging.wsgi_errors_stream
            return True
        return stream in (sys.stdout, sys.stderr) or stream.fileno() in (1, 2)
    except Exception:  # not a file: io.StringIO
        return False


def is_flask_default(handler: logging.Handler) -> bool:
    return handler is getattr(sys.modules.get("flask.logging"), "default_handler", None)


def writes_itself(handler: logging.Handler) -> bool:
    """Whether a console handler's class writes in a way of its own (colours, a progress bar)."""
    return not isinstance(handler, logging.FileHandler) and type(handler).emit is not logging.StreamHandler.emit


def is_own(handler: logging.Handler) -> bool:
    """Whether the app itself, or a library for it, put a handler there."""
    return not (isinstance(handler, (Fallback, logging.NullHandler)) or is_flask_default(handler))


def is_server(name: str) -> bool:
    return name.partition(".")[0] in SERVER_LOGGERS


def is_framework(name: str) -> bool:
    return is_server(name) or name.partition(".")[0] in ("django", "sqlalchemy", "werkzeug")
