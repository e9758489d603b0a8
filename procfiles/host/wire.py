"""Requests in, answers out: JSON lines on stdin and stdout, with binary streams between them."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import struct
import threading
from typing import Any, BinaryIO, Callable, Dict, Iterator, Optional, Tuple


class Failure(Exception):
    """A failure that the user is told: a sentence, what to do, the last output, and whose fault it is.

    ``kind`` is ``failed`` (exit 1), ``usage`` (2), ``conflict`` (4), ``half`` (5), ``busy`` (1, and waiting
    helps), ``host`` (1, and what is live is to be added: see :func:`layout.disk_failure`), ``base`` or ``coding``
    (paasctl asks again in another way).
    """

    def __init__(self, message: str, hint: str = "", output: str = "", kind: str = "failed") -> None:
        super().__init__(message)
        self.message, self.hint, self.output, self.kind = message, hint, output, kind


class Wire:
    """One conversation with the paasctl that started this program.

    A thread reads the requests, so that the end of the conversation (the user's laptop is gone) is noticed while
    a long step runs: then ``on_end`` is called at once.
    """

    def __init__(self, source: BinaryIO, sink: BinaryIO) -> None:
        self._source, self._sink = source, sink
        self._requests: queue.Queue[Optional[Dict[str, Any]]] = queue.Queue()
        self._writing = threading.Lock()
        self._current = 0
        self.cancelled = threading.Event()
        self.on_end: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Begin to read requests."""
        threading.Thread(target=self._read, daemon=True, name="requests").start()

    def requests(self) -> Iterator[Tuple[str, Dict[str, Any], Optional[Stream]]]:
        """Yield (name, arguments, stream) until the conversation ends."""
        while True:
            request = self._requests.get()
            if request is None:
                return
            self._current = request["id"]
            self.cancelled.clear()
            yield request["call"], request.get("args", {}), request.get("stream")

    def say(self, line: str) -> None:
        """Tell the user one line of progress."""
        self._write({"say": line})

    def give(self, item: Any) -> None:
        """Hand over one item of a long answer (a log line)."""
        self._write({"item": item})

    def answer(self, result: Any) -> None:
        """End a request with its result."""
        self._write({"result": result})

    def fail(self, failure: Failure) -> None:
        """End a request with a failure."""
        told = {"message": failure.message, "hint": failure.hint, "output": failure.output, "kind": failure.kind}
        self._write({"error": told})

    def _write(self, answer: Dict[str, Any]) -> None:
        answer["id"] = self._current
        data = json.dumps(answer).encode("ascii") + b"\n"
        with self._writing, contextlib.suppress(OSError):  # nobody listens any more: what began goes on to its end
            self._sink.write(data)
            self._sink.flush()

    def _read(self) -> None:
        for line in iter(self._source.readline, b""):
            request = json.loads(line)
            if "cancel" in request:
                self.cancelled.set()
                continue
            if request.pop("streams", False):
                request["stream"] = Stream(self._source)
                self._requests.put(request)
                request["stream"].drained.wait()
            else:
                self._requests.put(request)
        self._requests.put(None)
        self.on_end()


class Stream:
    """A binary stream inside the conversation: frames of four bytes' length and data, an empty one ends it."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self.drained = threading.Event()

    def frames(self) -> Iterator[bytes]:
        """What is left of it, as it comes; it also ends where the conversation does."""
        while not self.drained.is_set():
            frame = self._frame()
            if not frame:
                self.drained.set()
                return
            yield frame

    def drain(self) -> None:
        """Read what is left, so that the next request can be read."""
        for _ in self.frames():
            pass

    def _frame(self) -> bytes:
        header = self._source.read(4)
        return self._source.read(struct.unpack(">I", header)[0]) if len(header) == 4 else b""


def take_over_stdio() -> BinaryIO:
    """Keep stdout for the answers, and give everything else (children, stray prints) /dev/null. Returns the sink."""
    sink = os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    return sink
