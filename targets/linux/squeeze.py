"""The contents that a push sends, made small piece by piece: never a whole one in memory."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

#: what to send over a network, the best first, and what to send to this very machine
NETWORK, LOCAL = ("zstd", "zlib"), ("stored",)
#: both expand and compress quicker than most networks carry; more of it takes longer than it saves
LEVEL = 1


class Squeeze(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self) -> bytes: ...


class Stored:
    """Leaves everything as it is."""

    def compress(self, data: bytes, /) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def chosen(ours: Sequence[str], theirs: Sequence[str]) -> str:
    """The first of our codings that both this machine and the other one know."""
    return next(coding for coding in ours if coding in theirs and squeeze(coding))


def squeezed(stream: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """A stream made small, in pieces as they come."""
    one = squeeze(coding)
    assert one, f"this machine does not know {coding}"
    for data in stream:
        yield one.compress(data)
    yield one.flush()


def squeeze(coding: str) -> Squeeze | None:
    """What makes a stream small; None where this machine's zstd is broken."""
    if coding == "stored":
        return Stored()
    if coding == "zlib":
        return zlib.compressobj(LEVEL)
    try:
        if sys.version_info >= (3, 14):
            from compression.zstd import ZstdCompressor
        else:
            from backports.zstd import ZstdCompressor
    except ImportError:
        return None
    return ZstdCompressor(LEVEL)
