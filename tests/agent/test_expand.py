"""What a push sends is on the host what it was here, however it was cut into frames; and what cannot be is said."""

from __future__ import annotations

import io
import os
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paasctl.procfiles.host import children, expand
from paasctl.procfiles.host.expand import CHUNK, Expanded
from paasctl.procfiles.host.wire import Failure, Stream

from paasctl.target import load

squeeze = import_module(f"{load('linux').__module__.rpartition('.')[0]}.squeeze")

#: a coding, and whether the host has a library for it or only the program
WAYS = [("stored", True), ("zlib", True), ("zstd", True), ("zstd", False)]
MEGABYTES = 40
#: programs that are called zstd and are none
BROKEN = {"fails": "exit 1", "fails late": "head -c 100; exit 1", "says nothing": "cat >/dev/null", "is deaf": "exit 0"}
each_way = pytest.mark.parametrize(("coding", "library"), WAYS)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Says whether the host's Python has zstd; in the Pythons before 3.14 the backport stands for it."""

    def has(library: bool) -> None:
        if not library and not expand.program():
            pytest.skip("ZSTD'S PROGRAM WAS NOT TRIED: zstd is not on this machine")
        own = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
        monkeypatch.setattr(expand, "library", lambda: import_module(own) if library else None)

    return has


def frames(pieces: Iterable[bytes], size: int = 1 << 16, ended: bool = True) -> bytes:
    """Pieces as the wire has them, in frames of at most ``size`` bytes."""
    whole = b"".join(pieces)
    parts = [whole[start : start + size] for start in range(0, len(whole), size)]
    sent = b"".join(struct.pack(">I", len(part)) + part for part in parts)
    return sent + (struct.pack(">I", 0) if ended else b"")


def received(wire: bytes, coding: str, sizes: Iterable[int]) -> list[bytes]:
    """What is read of it in these sizes; the stream has been read to its end then, and nothing runs."""
    stream = Stream(io.BytesIO(wire))
    with Expanded(stream, coding) as contents:
        read = [contents.read(size) for size in sizes]
    assert stream.drained.is_set()
    return read


@each_way
@given(
    pieces=st.lists(st.binary(max_size=300) | st.integers(1, 60_000).map(bytes), max_size=8), size=st.integers(1, 999)
)
@quick
def test_what_arrives_is_what_was_sent(
    host: Callable[[bool], None], coding: str, library: bool, pieces: list[bytes], size: int
) -> None:
    host(library)
    wire = frames(squeeze.squeezed(pieces, coding), size)
    assert received(wire, coding, map(len, pieces)) == pieces


@each_way
@given(data=st.data())
@quick
def test_a_stream_that_is_cut_or_goes_on_is_damaged(
    host: Callable[[bool], None], coding: str, library: bool, data: st.DataObject
) -> None:
    host(library)
    content = os.urandom(3000)
    whole = b"".join(squeeze.squeezed([content], coding))
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]
    for pieces, ended in (([part], True), ([part], False), ([whole, b"more"], True)):
        with pytest.raises(Failure, match="nothing was changed"):
            received(frames(pieces, 100, ended), coding, [len(content)])
    assert not children.running


@pytest.mark.parametrize(("coding", "library"), WAYS[1:])
@given(garbage=st.binary(min_size=1, max_size=500))
@quick
def test_garbage_is_damaged(host: Callable[[bool], None], coding: str, library: bool, garbage: bytes) -> None:
    host(library)
    with pytest.raises(Failure, match="nothing was changed"):
        received(frames([b"\x00" + garbage]), coding, [1])


class Counted(Stream):
    """A stream that notes how much of it was asked for."""

    taken = 0

    def frames(self) -> Iterator[bytes]:
        for frame in super().frames():
            self.taken += len(frame)
            yield frame


@each_way
def test_never_is_the_whole_content_in_memory(host: Callable[[bool], None], coding: str, library: bool) -> None:
    """Zeros are the worst case: one frame of them may stand for many megabytes."""
    host(library)
    content = (bytes(CHUNK) for _ in range((MEGABYTES << 20) // CHUNK))
    stream, left, held = Counted(io.BytesIO(frames(squeeze.squeezed(content, coding)))), MEGABYTES << 20, 0
    with Expanded(stream, coding) as contents:
        while left:
            left -= len(contents.read(min(left, 1 << 16)))
            held = max(held, len(contents._rest))
    assert held <= CHUNK + (1 << 16)


@pytest.mark.parametrize("coding", ["zlib", "zstd"])
def test_contents_are_made_small_while_they_are_read(coding: str) -> None:
    """What cannot be made smaller comes out soon after it went in."""
    went = 0

    def source() -> Iterator[bytes]:
        nonlocal went
        for _ in range(64):
            went += 1 << 18
            yield os.urandom(1 << 18)

    came, behind = 0, 0
    for piece in squeeze.squeezed(source(), coding):
        came += len(piece)
        behind = max(behind, went - came)
    assert went == 1 << 24 and behind < 1 << 20


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
def test_a_program_that_fails_is_said_and_the_next_request_can_be_read(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "zstd"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(expand, "library", lambda: None)
    monkeypatch.setattr(expand, "program", lambda: str(program))
    content = os.urandom(1 << 20)
    source = io.BytesIO(frames(squeeze.squeezed([content], "zstd")) + b"next")
    with pytest.raises(Failure) as caught, Expanded(Stream(source), "zstd") as contents:
        contents.read(len(content))
    assert caught.value.kind == ("coding" if "exit 1" in script else "failed")
    assert source.read() == b"next"
    assert not children.running and not [one for one in threading.enumerate() if one.name == "zstd"]


@pytest.mark.parametrize("program", ["", "/nowhere/zstd"])
def test_a_program_that_is_not_there(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expand, "library", lambda: None)
    monkeypatch.setattr(expand, "program", lambda: program or None)
    assert expand.codings() == (["zstd"] if program else []) + ["zlib", "stored"]
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(Failure) as caught, Expanded(Stream(io.BytesIO(frames([b"x"]))), "zstd"):
        pass
    assert caught.value.kind == "coding"


def test_a_reader_that_gives_up_leaves_nothing_behind(host: Callable[[bool], None]) -> None:
    host(False)
    source = io.BytesIO(frames(squeeze.squeezed([os.urandom(1 << 20)], "zstd")) + b"next")
    with pytest.raises(OSError), Expanded(Stream(source), "zstd") as contents:  # the disk is full
        contents.read(10)
        raise OSError
    assert source.read() == b"next"
    assert not children.running


def test_the_best_that_both_sides_know_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert squeeze.chosen(squeeze.NETWORK, ["zstd", "zlib", "stored"]) == "zstd"
    assert squeeze.chosen(squeeze.NETWORK, ["zlib", "stored"]) == "zlib"
    assert squeeze.chosen(squeeze.LOCAL, ["zstd", "zlib", "stored"]) == "stored"
    # a machine whose zstd is broken
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    monkeypatch.setitem(sys.modules, "compression.zstd", None)
    assert squeeze.chosen(squeeze.NETWORK, ["zstd", "zlib", "stored"]) == "zlib"
