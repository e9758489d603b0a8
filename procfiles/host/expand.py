"""The contents that a push sends, expanded piece by piece: never a whole one in memory."""

from __future__ import annotations

import contextlib
import importlib
import shutil
import threading
import zlib
from typing import IO, Any, Iterator, List, Optional, cast

from . import children
from .wire import Failure, Stream

#: the most bytes that are expanded at once, whatever a frame holds: zeros shrink to a thousandth and less
CHUNK = 1 << 18
PUSH_AGAIN = "push again"


def codings() -> List[str]:
    """What this host can expand."""
    return [*(["zstd"] if library() or program() else []), "zlib", "stored"]


def library() -> Any:
    """Python's own zstd (from 3.14 on), or None."""
    try:
        return importlib.import_module("compression.zstd")
    except ImportError:
        return None


def program() -> Optional[str]:
    """The host's program ``zstd``, or None."""
    return shutil.which("zstd")


class Expanded:
    """A stream as it was before it was made small.

    Entering the block starts what that needs; leaving it looks whether the end was a good one too, and ends all of it.
    """

    def __init__(self, stream: Stream, coding: str) -> None:
        self._stream, self._coding, self._rest = stream, coding, bytearray()
        self._pieces: Iterator[bytes] = iter(())
        self._filter: Optional[_Filter] = None

    def read(self, size: int) -> bytes:
        """Return exactly ``size`` bytes.

        Raises:
            Failure: there are fewer, or they cannot be expanded; ``coding`` where this host's zstd may be the reason.
        """
        while len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                raise damaged()
            self._rest += piece
        data = bytes(self._rest[:size])
        del self._rest[:size]
        return data

    def __enter__(self) -> Expanded:
        if self._coding == "zstd" and not library():
            self._filter = _Filter(self._stream)
            self._pieces = self._filter.pieces()
        else:
            self._pieces = {"zstd": _zstd, "zlib": _zlib, "stored": Stream.frames}[self._coding](self._stream)
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        try:
            if kind is None and (self._rest or any(self._pieces)):
                raise damaged()
        finally:
            if self._filter:
                self._filter.close()


def _zlib(stream: Stream) -> Iterator[bytes]:
    inflate = zlib.decompressobj()
    try:
        for frame in stream.frames():
            while frame:
                yield inflate.decompress(frame, CHUNK)
                frame = inflate.unconsumed_tail
        yield inflate.flush()
    except zlib.error:
        raise damaged() from None
    if not inflate.eof or inflate.unused_data:
        raise damaged()


def _zstd(stream: Stream) -> Iterator[bytes]:
    zstd = library()
    expand = zstd.ZstdDecompressor()
    try:
        for frame in stream.frames():
            yield expand.decompress(frame, CHUNK)
            while not (expand.needs_input or expand.eof):
                yield expand.decompress(b"", CHUNK)
    except (zstd.ZstdError, EOFError):
        raise damaged() from None
    if not expand.eof or expand.unused_data:
        raise damaged()


class _Filter:
    """The program ``zstd``: a thread hands it the stream while what it makes of that is read.

    It ends with the conversation, since then its stdin does; and :func:`children.end_all` knows it.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        try:
            self._child = children.start_filter([program() or "zstd", "-d", "-c", "-q"])
        except OSError:
            raise refused() from None
        self._to, self._from = cast(IO[bytes], self._child.stdin), cast(IO[bytes], self._child.stdout)
        self._feeder = threading.Thread(target=self._feed, daemon=True, name="zstd")
        self._feeder.start()

    def pieces(self) -> Iterator[bytes]:
        """What it says, to its end; that must be a good one."""
        yield from iter(lambda: self._from.read(CHUNK), b"")
        if self._child.wait():
            raise refused()

    def close(self) -> None:
        """End it; what it has not taken of the stream is read, so that the next request can be."""
        children.end(self._child, grace=0)
        self._feeder.join()
        self._from.close()

    def _feed(self) -> None:
        try:
            with self._to:
                for frame in self._stream.frames():
                    self._to.write(frame)
        except OSError:  # it ended before the stream did
            with contextlib.suppress(OSError):
                self._to.close()
            self._stream.drain()


def refused() -> Failure:
    return Failure("the host's zstd could not expand what was sent; nothing was changed", PUSH_AGAIN, kind="coding")


def damaged() -> Failure:
    return Failure("what was sent arrived damaged; nothing was changed", PUSH_AGAIN)
