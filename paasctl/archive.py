"""A bundle as a tar that has the same bytes on every machine, written while the files are read."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

from paasctl.errors import PaasctlError
from paasctl.ignore import shown
from paasctl.model import Bundle, BundleFile

CHUNK = 1 << 18


def write_tar(bundle: Bundle, stream: BinaryIO, paths: Collection[str] | None = None) -> None:
    """Write a bundle's entries, or those of ``paths``, as an uncompressed GNU tar.

    Owner is root, times and modes are the entries'. Folders are not written; whoever unpacks makes them. The format is
    GNU's and not PAX, because a name is then its bytes, whatever they are, for every tar program and for Python.

    Raises:
        PaasctlError: a file is no longer what the bundle says. ``stream`` then holds a part of an archive.
    """
    wanted = None if paths is None else frozenset(paths)
    form: dict[str, Any] = {"format": tarfile.GNU_FORMAT, "encoding": "utf-8", "errors": "surrogateescape"}
    with tarfile.open(fileobj=stream, mode="w|", **form) as archive:
        for file in bundle.files:
            if wanted is None or file.path in wanted:
                _add(archive, file)


def write_tar_gz(bundle: Bundle, stream: BinaryIO) -> None:
    """Write :func:`write_tar`'s archive compressed, with neither a name nor a time in gzip's header.

    Raises:
        PaasctlError: as there.
    """
    with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=stream, mtime=0) as compressed:
        write_tar(bundle, compressed)  # type: ignore[arg-type]  # a GzipFile has all of BinaryIO that tarfile asks for


def open_entry(path: str, flags: int) -> int:
    """An opener that follows no link and does not wait for the other end of a pipe."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _add(archive: tarfile.TarFile, file: BundleFile) -> None:
    info = tarfile.TarInfo(file.path)
    info.mode, info.mtime = file.mode, file.mtime
    info.uname = info.gname = "root"
    if file.link is not None:
        info.type, info.linkname = tarfile.SYMTYPE, file.link
        archive.addfile(info)
        return
    info.size = file.size
    with _reading(file) as source:
        archive.addfile(info, source)  # type: ignore[arg-type]  # tarfile only ever reads from it


def read_content(file: BundleFile) -> Iterator[bytes]:
    """A file's content in pieces, ``file.size`` bytes in all.

    Raises:
        PaasctlError: it is no longer what the bundle says; some of the pieces have been given then.
    """
    with _reading(file) as source:
        while source.left:
            yield source.read(CHUNK)


@contextmanager
def _reading(file: BundleFile) -> Iterator[_Checked]:
    """The content of an entry; leaving the block checks that what was read is what the bundle says."""
    with _opened(file) as stream:
        source = _Checked(file, stream)
        yield source
    source.verify()


def _opened(file: BundleFile) -> BinaryIO:
    if file.content is not None:
        return io.BytesIO(file.content)
    assert file.source is not None, "an entry is a link, or has a content or a source"
    try:
        return open(file.source, "rb", opener=open_entry)
    except OSError as error:  # gone, or replaced by a link
        raise changed(file) from error


def changed(file: BundleFile) -> PaasctlError:
    """The error for a file that is no longer what the bundle says."""
    return PaasctlError(
        f"{shown(file.path)} changed while it was being read; push again",
        hint="what the app itself writes belongs into persist or exclude",
    )


class _Checked:
    """A file's content, which must turn out to be the one that the bundle names. ``left`` are the bytes to come."""

    def __init__(self, file: BundleFile, stream: BinaryIO) -> None:
        self._file, self._stream, self.left = file, stream, file.size
        self._hash = hashlib.sha256()

    def read(self, size: int) -> bytes:
        wanted = min(size, self.left)
        try:
            data = self._stream.read(wanted)
        except OSError as error:
            raise changed(self._file) from error
        if len(data) < wanted:
            raise changed(self._file)
        self.left -= len(data)
        self._hash.update(data)
        return data

    def verify(self) -> None:
        if self._hash.hexdigest() != self._file.digest:
            raise changed(self._file)
