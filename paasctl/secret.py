"""A value that must not reach the console, a log or a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

MASK = "********"


class Secret:
    """Wraps a string; deliberately not a ``str``, so that no string method can unmask it.

    Joining, concatenating and JSON-encoding raise ``TypeError``; formatting and ``repr`` give the mask.
    Only the code that writes to the wire calls :meth:`reveal`.
    """

    __slots__ = ("_reveal",)

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError(f"a Secret holds a str, not {type(value).__name__}")
        # a closure and not an attribute: a debugger's or a traceback's dump of slots shows a function
        self._reveal: Callable[[], str] = lambda: value

    def reveal(self) -> str:
        """Return the value itself."""
        return self._reveal()

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return self._reveal() == other._reveal() if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._reveal())

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret cannot be pickled or copied to a file")
