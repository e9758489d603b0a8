"""Sentry: switched on where SENTRY_DSN is set, sentry-sdk is installed and the app did not do it itself."""

from __future__ import annotations

import logging
import os
import re
import sys

from .base import guard, has_threads, in_force, say, setting
from .handlers import in_loggings_name
from .hooks import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

FLUSH = 3  # seconds that a worker gives to what is on its way to Sentry
#: What makes the standard library's sockets and threads gevent's or eventlet's.
PATCHES = {"gevent.monkey": "patch_all", "eventlet.patcher": "monkey_patch"}
#: What a program that patches says in its words (celery's -P gevent, huey's -k greenlet) or in its own file.
SAYS_GREEN, PATCHES_ITSELF = re.compile("gevent|eventlet|greenlet|monkey"), re.compile(b"monkey")


def start_sentry() -> None:
    """Initialise sentry-sdk with release and environment; an app that does it too simply replaces this."""
    import importlib
    import importlib.util

    if not os.environ.get("SENTRY_DSN"):
        return
    if importlib.util.find_spec("sentry_sdk") is None:
        say("SENTRY_DSN is set, and sentry-sdk is not among the app's dependencies")
        in_force["sentry"] = "no: sentry-sdk is not installed"
        return
    sdk = importlib.import_module("sentry_sdk")
    if is_active(sdk):
        return
    for name, value in (("SENTRY_RELEASE", setting("RELEASE")), ("SENTRY_ENVIRONMENT", setting("TARGET"))):
        if value:
            os.environ.setdefault(name, value)
    sdk.init()
    if not has_threads():  # after an answer was sent; sentry-sdk's own thread runs while it is waited for
        sys.modules["uwsgi"].after_req_hook = lambda: sdk.flush(timeout=FLUSH)  # type: ignore[attr-defined]
    in_force["sentry"] = "yes, with release and environment"


def is_active(sdk: Any) -> bool:
    """Whether a client is there already; sentry-sdk 1 has it on a hub."""
    if hasattr(sdk, "get_client"):
        return bool(sdk.get_client().is_active())
    return sdk.Hub.current.client is not None


def start_sentry_with_program(words: list[str]) -> None:
    """Start Sentry now, or for a program that patches the standard library right after it has done so.

    sentry-sdk imports urllib3 and ssl: a patch that comes after them makes every HTTPS call of the program fail.
    """
    if os.environ.get("SENTRY_DSN") and will_patch(words) and can_patch():
        wait_for_patch(once(start_sentry))
    else:
        start_sentry()


def can_patch() -> bool:
    """Whether gevent or eventlet is there."""
    from importlib.util import find_spec

    return any(find_spec(module.partition(".")[0]) for module in PATCHES)


def will_patch(words: list[str]) -> bool:
    """Whether a program's words, or the beginning of its own file, speak of a patch."""
    return any(SAYS_GREEN.search(word) for word in words) or any(
        PATCHES_ITSELF.search(beginning(file)) for word in words for file in files_of(word)
    )


def files_of(word: str) -> list[str]:
    """The files that a program's word may stand for: a script, a folder or a module that ``python -m`` runs."""
    module = word.replace(".", os.sep)
    inside = [os.path.join(folder, name) for folder in (word, module) for name in ("__init__.py", "__main__.py")]
    return [file for file in (word, module + ".py", *inside) if os.path.isfile(file)]


def beginning(file: str) -> bytes:
    """The first 64 KiB of a file; nothing of one that cannot be read."""
    try:
        with open(file, "rb") as source:
            return source.read(1 << 16)
    except OSError:
        return b""


def once(start: Callable[[], None]) -> Callable[[], bool]:
    """Something that is done at the first call alone, which returns True."""
    done: list[bool] = []

    def first() -> bool:
        if done:
            return False
        done.append(True)
        with guard("sentry"):
            start()
        return True

    return first


def wait_for_patch(start: Callable[[], bool]) -> None:
    """Start after the patch; where none comes at all, at the first error."""

    def wrap_patch(module: Any) -> None:
        name = PATCHES[module.__name__]
        patch = getattr(module, name)

        def patch_and_start(*arguments: Any, **options: Any) -> Any:
            result = patch(*arguments, **options)
            start()
            return result

        setattr(module, name, patch_and_start)

    for module in PATCHES:
        after_import(module, wrap_patch)
    start_at_error(start)


def start_at_error(start: Callable[[], bool]) -> None:
    """Start at the first error that is logged or ends the program, and have Sentry told of it."""
    end, call_handlers = sys.excepthook, logging.Logger.callHandlers

    def end_and_start(*error: Any) -> None:
        if start():
            sys.excepthook(*error)  # by now Sentry's, which calls this one again
        else:
            end(*error)

    @in_loggings_name
    def call_handlers_and_start(logger: logging.Logger, record: logging.LogRecord) -> None:
        if record.levelno >= logging.ERROR and start():
            logger.callHandlers(record)
        else:
            call_handlers(logger, record)

    sys.excepthook = end_and_start
    logging.Logger.callHandlers = call_handlers_and_start  # type: ignore[method-assign,assignment]
