"""Where log records go: every one of the app's exactly once, to where the platform keeps it.

``PAASCTL_LOG`` is ``stdout`` or ``stderr`` (whatever the app's handlers would write to files or to the console goes
there, once), ``file`` (the app's own files, shared by several processes) or ``keep`` (nothing is touched). All of it
happens where the logging package hands a record to a handler, so that it does not matter when, how or by whom the
handlers were made.
"""

from __future__ import annotations

import logging
import os
import sys

from .base import in_force, say, setting
from .files import write_in_turn
from .handlers import (
    Fallback,
    in_loggings_name,
    is_flask_default,
    is_framework,
    is_own,
    is_server,
    kind_of,
    writes_itself,
)
from .notes import note, notes_of, reduce_record, restore_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TextIO

handle_unchanged = logging.Handler.handle
call_handlers_unchanged = logging.Logger.callHandlers
format_unchanged = logging.Handler.format


class Destination:
    """Where records go in this process, and in which form."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.redirects = kind in ("stdout", "stderr")
        self.stream: TextIO = sys.stdout if kind == "stdout" else sys.stderr
        self.form = setting("LOG_FORMAT") or ("text" if kind == "stdout" else "time")
        self.formatter: logging.Formatter = JsonFormatter() if self.form == "json" else text_formatter(self.form)

    def write(self, line: str) -> None:
        """One record. The stream is the one of the start: a program may have put a proxy that logs in its place."""
        stream = sys.__stderr__ if getattr(self.stream, "closed", False) else self.stream
        if stream is not None:
            stream.write(line + "\n")
            stream.flush()


def text_formatter(form: str) -> logging.Formatter:
    text = "%(levelname)s [%(name)s] %(message)s"
    return logging.Formatter("%(asctime)s " + text if form == "time" else text)


class JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        import json

        fields = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "request_id": notes_of(record).id,
        }
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            fields["exception"] = record.exc_text
        if record.stack_info:
            fields["stack"] = record.stack_info
        return json.dumps({name: value for name, value in fields.items() if value}, ensure_ascii=False, default=str)


#: Libraries that say too much at INFO: httpx URLs with their query strings, alembic each of its plug-ins.
CHATTY = ("alembic.runtime.plugins", "httpx")

fallback, last_resort = Fallback(), Fallback()
last_resort.setLevel(logging.WARNING)  # for loggers that do not propagate and have no handler, as logging has it
destination: list[Destination] = []  # one, once it is installed; a list, because parts are joined into one namespace


def install_logs() -> None:
    """Put ``PAASCTL_LOG`` in force."""
    kind = setting("LOG", "keep")
    if kind not in ("stdout", "stderr", "file"):
        if kind != "keep":
            say("PAASCTL_LOG is none of stdout, stderr, file and keep; logging is left alone")
        in_force["logs"] = "as the app has them"
        return
    destination[:] = [Destination(kind)]
    for handler in (fallback, last_resort):
        handler.setFormatter(destination[0].formatter)
        handler.setStream(destination[0].stream)
    logging.lastResort = last_resort
    for owner, name, replacement in REPLACED:
        setattr(owner, name, replacement)
    if logging.root.level == logging.WARNING and not has_own_handlers():
        logging.root.setLevel(default_level())
        for name in CHATTY:
            if logging.getLogger(name).level == logging.NOTSET:
                logging.getLogger(name).setLevel(logging.WARNING)
    in_force["logs"] = "to %s, as %s" % ("the app's files and stderr" if kind == "file" else kind, destination[0].form)


# ---------------------------------------------------------------------------------------------- a record's way


@in_loggings_name
def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
    """In place of ``Logger.callHandlers``: as before, then the fallback where nobody took the record."""
    notes = notes_of(record)  # before a queue copies it
    call_handlers_unchanged(logger, record)
    if not notes.taken and (notes.weak or unconfigured(logger)):
        fallback.handle(record)


def unconfigured(logger: logging.Logger) -> bool:
    """Whether a logger's records reach the root, and find no handler of the app there."""
    each: logging.Logger | None = logger
    while each is not None and each is not logging.root:
        if not each.propagate:
            return False
        each = each.parent
    return not any(is_own(handler) for handler in logging.root.handlers)


@in_loggings_name
def handle_record(handler: logging.Handler, record: logging.LogRecord) -> Any:
    """In place of ``Handler.handle``: what the app would write to files or its console goes to the destination."""
    to, kind = destination[0], kind_of(handler)
    if kind == "other" or (kind == "console" and is_server(record.name)):
        return handle_unchanged(handler, record)
    if kind == "deferring":
        kept = handle_unchanged(handler, record)
        notes_of(record).taken = True  # it will come back, perhaps as a copy
        return kept
    if to.redirects and is_flask_default(handler):
        notes_of(record).weak = True
        return True
    kept = handler.filter(record)
    if kept:
        notes = notes_of(record)
        notes.taken = True
        if isinstance(kept, logging.LogRecord):
            record = kept
            note(record, notes)
        write_record(to, handler, record, kind)
    return kept


@in_loggings_name
def write_record(to: Destination, handler: logging.Handler, record: logging.LogRecord, kind: str) -> None:
    if kind == "file" and not to.redirects:
        try:
            write_in_turn(handler, record)
        except Exception:  # the disk is full, the folder is gone: as the logging package has it
            handler.handleError(record)
        return
    handler.acquire()
    try:
        if to.redirects:
            print_once(handler, record)
        else:
            handler.emit(record)
    finally:
        handler.release()


@in_loggings_name
def print_once(handler: logging.Handler, record: logging.LogRecord) -> None:
    """Write a record to the destination unless another handler wrote it, or a copy of it."""
    try:
        notes_of(record).once.pop()
    except IndexError:
        return
    try:
        to = destination[0]
        if to.form == "json":
            to.write(fallback.format(record))
        elif writes_itself(handler):
            handler.emit(record)
        else:
            to.write(handler.format(record))
    except Exception:
        handler.handleError(record)


def with_request_id(handler: logging.Handler, record: logging.LogRecord) -> Any:
    """In place of ``Handler.format``: the request's id is in the text, unless it is there already."""
    text = format_unchanged(handler, record)
    if kind_of(handler) == "other" or not isinstance(text, str):
        return text
    id = notes_of(record).id
    if not id or id in text:
        return text
    if in_braces(text):
        return json_with_id(text, id)
    first, newline, rest = text.partition("\n")
    first = json_with_id(first, id) if in_braces(first) else "%s request_id=%s" % (first, id)
    return first + newline + rest


def in_braces(text: str) -> bool:
    return text.startswith("{") and text.endswith("}")


def json_with_id(text: str, id: str) -> str:
    """A JSON object with the id as its last member; what is no JSON, or has such a member, stays as it is."""
    import json

    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if "request_id" in members:
        return text
    return '%s%s"request_id": %s}' % (text[:-1].rstrip(), ", " if members else "", json.dumps(id))


# ---------------------------------------------------------------------------------------------- an app's set-up


class DefaultLevel(int):
    """The root's level while the app has no logging set-up: recognised, and taken back when one is made."""


def default_level() -> DefaultLevel:
    level = logging.getLevelName(setting("LOG_LEVEL", "INFO").upper())
    return DefaultLevel(level if isinstance(level, int) else logging.INFO)


def has_own_handlers() -> bool:
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    return any(
        is_own(handler)
        for logger in loggers
        if isinstance(logger, logging.Logger) and not is_framework(logger.name)
        for handler in logger.handlers
    )


add_handler_unchanged = logging.Logger.addHandler


def add_handler(logger: logging.Logger, handler: logging.Handler) -> None:
    """In place of ``Logger.addHandler``: an app that sets logging up gets the root's usual level back."""
    add_handler_unchanged(logger, handler)
    if is_own(handler) and not is_framework(logger.name) and isinstance(logging.root.level, DefaultLevel):
        logging.root.setLevel(logging.WARNING)


basic_config_unchanged = logging.basicConfig


def basic_config(**options: Any) -> None:
    """In place of ``basicConfig``: as ``logging.info()`` and its like call it by themselves, it is no set-up."""
    if options or sys._getframe(1).f_globals is not vars(logging):
        basic_config_unchanged(**options)


# ---------------------------------------------------------------------------------------------- files


file_init_unchanged = logging.FileHandler.__init__
open_unchanged = logging.FileHandler._open


def open_file(
    handler: Any, filename: Any, mode: str = "a", encoding: Any = None, delay: bool = False, *rest: Any, **named: Any
) -> None:
    """In place of ``FileHandler.__init__``: no file is made where records go elsewhere, a missing folder where not."""
    if destination[0].redirects:
        file_init_unchanged(handler, filename, mode, encoding, True, *rest, **named)
        handler.shouldRollover = lambda record: False  # there is nothing to rename, for a rotator of the app's neither
        return
    filename = lasting(filename)
    try:
        os.makedirs(os.path.dirname(os.path.abspath(os.fspath(filename))), exist_ok=True)
    except OSError as error:
        say("the folder of the log file %s cannot be made (%s)" % (os.path.basename(filename), error.strerror))
    file_init_unchanged(handler, filename, mode, encoding, delay, *rest, **named)


def lasting(filename: Any) -> Any:
    """Where a log file outlives the release, which is read-only: the app's shared folder, if no link leads out."""
    shared, code = setting("SHARED_FOLDER"), os.path.dirname(os.path.realpath(__file__))
    folder, name = os.path.split(os.path.abspath(os.fsdecode(filename)))
    path = os.path.join(os.path.realpath(folder), name)
    if not shared or not path.startswith(code + os.sep):
        return filename
    if os.path.islink(path):
        return os.path.realpath(path)  # what is rolled over is renamed beside the file, not beside the link
    say("the log file %s is kept in the app's shared folder: its release is read-only" % name)
    return os.path.join(shared, os.path.relpath(path, code))


def open_stream(handler: Any) -> Any:
    """In place of ``FileHandler._open``."""
    return open(os.devnull, "a") if destination[0].redirects else open_unchanged(handler)


emit_to_file_unchanged = logging.FileHandler.emit


def emit_to_file(handler: logging.FileHandler, record: logging.LogRecord) -> None:
    """In place of ``FileHandler.emit``: a handler around this one may call it without ``handle``."""
    if not destination[0].redirects:
        emit_to_file_unchanged(handler, record)
        return
    notes_of(record).taken = True
    print_once(handler, record)


REPLACED: tuple[tuple[Any, str, Any], ...] = (
    (logging, "basicConfig", basic_config),
    (logging.LogRecord, "__reduce_ex__", reduce_record),
    (logging.LogRecord, "__setstate__", restore_record),
    (logging.Handler, "format", with_request_id),
    (logging.Handler, "handle", handle_record),
    (logging.Logger, "callHandlers", call_handlers),
    (logging.Logger, "addHandler", add_handler),
    (logging.FileHandler, "__init__", open_file),
    (logging.FileHandler, "_open", open_stream),
    (logging.FileHandler, "emit", emit_to_file),
)
