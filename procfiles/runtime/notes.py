"""What the runtime notes about a log record: beside it, because there are formatters that print all that is in one."""

from __future__ import annotations

import logging
import weakref

from .request import request_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Dict, Tuple

    Kept = Tuple["weakref.ref[logging.LogRecord]", "Notes"]


class Notes:
    """A record's request, and what became of the record."""

    __slots__ = ("id", "once", "taken", "weak")

    def __init__(self, id: str, once: list[bool]) -> None:
        self.id = id
        self.once = once  # shared by its copies, as a queue makes them; popped by whoever writes one
        self.taken = False  # a handler of the app's has it, or will
        self.weak = False  # a stop-gap of Flask's has it: any other handler's form is preferred


#: By the record's ``id()``, for as long as it lives; a record of a class of the app's may not be hashable.
kept_notes: Dict[int, Kept] = {}
STATE = "_paasctl"  # notes among a pickle's or a copy's attributes


def notes_of(record: logging.LogRecord) -> Notes:
    """The notes about a record, made where there are none: by then it belongs to the request that is answered now."""
    kept = kept_notes.get(id(record))
    return kept[1] if kept else note(record, Notes(request_id(), [True]))


def note(record: logging.LogRecord, notes: Notes) -> Notes:
    key, forget = id(record), kept_notes.pop
    kept_notes[key] = (weakref.ref(record, lambda _: forget(key, None)), notes)
    return notes


def reduce_record(record: logging.LogRecord, protocol: Any) -> Any:
    """As ``LogRecord.__reduce_ex__``: a copy, or a pickle for another process, has the notes in its state."""
    made, kept = object.__reduce_ex__(record, protocol), kept_notes.get(id(record))
    restores = getattr(type(record), "__setstate__", None) is restore_record  # else a class has a way of its own
    if kept is None or not restores or isinstance(made, str) or len(made) < 3:
        return made
    fields, slots = made[2] if isinstance(made[2], tuple) else (made[2], None)
    return (*made[:2], ({**fields, STATE: (kept[1].id, kept[1].once)}, slots), *made[3:])


def restore_record(record: logging.LogRecord, state: Any) -> None:
    """As ``LogRecord.__setstate__``: take the notes out of the state before anybody sees them."""
    fields, slots = state if isinstance(state, tuple) else (state, None)
    fields = dict(fields)
    shared = fields.pop(STATE, None)
    record.__dict__.update(fields)
    for name, value in (slots or {}).items():
        setattr(record, name, value)
    if shared:
        note(record, Notes(*shared))
