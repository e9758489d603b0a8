"""Archives on their way to the account: made on disk, cut into parts that the API takes, described for the site."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from paasctl.bundle import write_tar_gz
from paasctl.model import Bundle, Dependencies, Say
from paasctl.words import counted

from .documents import Archive
from .layers import Resolver, pack

#: Uploads one part: its name and content.
Upload = Callable[[str, bytes], None]
#: Called with the unpacked and the packed size before the first byte is sent; raises when it cannot fit.
MakeRoom = Callable[[int, int], None]


def send_code(bundle: Bundle, limit: int, room: MakeRoom, upload: Upload) -> Archive:
    """Upload an app's code.

    Args:
        limit: bytes that one uploaded file may have.
    """
    with tempfile.TemporaryFile() as stream:
        write_tar_gz(bundle, stream)
        return _send(stream, code_name(bundle), bundle.size, len(bundle.files), limit, room, upload)


def send_layer(
    needs: Dependencies,
    python: str,
    name: str,
    resolver: Resolver,
    limit: int,
    room: MakeRoom,
    upload: Upload,
    say: Say,
) -> Archive:
    """Resolve an app's dependencies and upload them.

    Raises:
        UsageError: a package cannot be had for the target.
    """
    with _folder() as folder, tempfile.TemporaryFile() as stream:
        resolver.resolve(needs, python, folder, say)
        size, files = pack(folder, python, stream)
        say(f"{counted(files, 'file')}, {mebibytes(size)} unpacked, {mebibytes(stream.tell())} to upload")
        return _send(stream, name, size, files, limit, room, upload)


def code_name(bundle: Bundle) -> str:
    """The name of a bundle's folder in the account."""
    return bundle.digest[:16]


def mebibytes(size: int) -> str:
    """A size as people read it."""
    return f"{size / 1024 / 1024:.1f} MiB"


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="paasctl-") as name:
        yield Path(name) / "packages"


def _send(stream: IO[bytes], name: str, size: int, files: int, limit: int, room: MakeRoom, upload: Upload) -> Archive:
    room(size, stream.tell())
    parts = []
    stream.seek(0)
    for number, content in enumerate(iter(lambda: stream.read(limit), b"")):
        part = f"{name}.{number}.tar.gz"
        upload(part, content)
        parts.append({"name": part, "sha256": hashlib.sha256(content).hexdigest(), "size": len(content)})
    return Archive(name, size, files, tuple(parts))
