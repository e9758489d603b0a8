"""Unpacking an uploaded archive: its digest first, nothing outside its folder, in place by one rename."""

from __future__ import annotations

import hashlib
import io
import os
import posixpath
import tarfile
from typing import Any, Dict, List, Optional

from .places import Invalid, remove

BLOCK = 1024 * 1024


def unpack(archive: Dict[str, Any], incoming: str, target: str) -> None:
    """Unpack the parts of an archive, which lie in ``incoming``, to the folder ``target``.

    Args:
        archive: a description that ``check_archive`` has passed.

    Raises:
        Invalid: a part is missing or damaged, or the archive holds what no archive of ours holds.
        OSError: the disk is full, or the like. ``target`` is then not there.
    """
    temporary = "%s.%d.tmp" % (target, os.getpid())
    remove(temporary)
    paths = [os.path.join(incoming, part["name"]) for part in archive["parts"]]
    for number, part in enumerate(archive["parts"]):
        check_part(part, paths[number])
    try:
        os.makedirs(temporary, mode=0o700)
        _Unpacking(temporary, archive["bytes"], archive["files"]).run(paths)
        os.chmod(temporary, 0o755)
        os.utime(temporary)
        os.rename(temporary, target)
    except BaseException:
        remove(temporary)
        raise


def check_part(part: Dict[str, Any], path: str) -> None:
    """Compare an uploaded file with its size and digest."""
    digest = hashlib.sha256()
    try:
        with open(path, "rb") as file:
            for block in iter(lambda: file.read(BLOCK), b""):
                digest.update(block)
            size = file.tell()
    except FileNotFoundError:
        raise Invalid("the archive %s is not there" % part["name"]) from None
    if size != part["size"] or digest.hexdigest() != part["sha256"]:
        how = "%d of %d bytes arrived" % (size, part["size"]) if size != part["size"] else "other bytes arrived"
        raise Invalid("the archive %s is damaged: %s" % (part["name"], how))


class _Parts(io.RawIOBase):
    """Several files, read as one."""

    def __init__(self, paths: List[str]) -> None:
        super().__init__()
        self._paths = list(paths)
        self._file: Optional[io.BufferedReader] = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._file is None:
                if not self._paths:
                    return 0
                self._file = open(self._paths.pop(0), "rb")  # noqa: SIM115 - closed when it is read to its end
            count = self._file.readinto(buffer)
            if count:
                return count
            self._file.close()
            self._file = None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        super().close()


class _Unpacking:
    """One walk through an archive. Paths are bytes: the server's locale may not know the names' letters."""

    def __init__(self, root: str, most_bytes: int, most_files: int) -> None:
        self._root = os.fsencode(root)
        self._bytes, self._files = most_bytes, most_files
        self._folders = {b""}
        self._taken: Dict[bytes, bool] = {}  # path -> is a link

    def run(self, paths: List[str]) -> None:
        try:
            with io.BufferedReader(_Parts(paths), BLOCK) as stream:
                self._read(stream)
        except (Invalid, MemoryError):
            raise
        except OSError as error:
            if error.errno is not None:  # the disk's, not tarfile's or gzip's
                raise
            raise Invalid("an archive cannot be read") from None
        except Exception:  # tarfile, zlib and struct raise what they like on a damaged stream
            raise Invalid("an archive cannot be read") from None
        self._check_links()

    def _read(self, stream: Any) -> None:
        options = {"encoding": "utf-8", "errors": "surrogateescape"}
        with tarfile.open(fileobj=stream, mode="r|gz", **options) as archive:  # type: ignore[call-overload]
            for member in archive:
                self._member(archive, member)

    def _member(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        path = self._path(member.name)
        if member.isdir():
            self._folder(path)
            return
        self._folder(posixpath.dirname(path))
        if not path or path in self._taken or path in self._folders:
            raise Invalid("an archive holds the same name twice")
        self._files -= 1
        self._bytes -= member.size if member.isreg() else 0
        if self._files < 0 or self._bytes < 0:
            raise Invalid("an archive holds more than it should")
        if member.issym():
            self._link(path, member.linkname)
        elif member.isreg():
            self._file(path, archive, member)
        else:
            raise Invalid("an archive holds something that is neither file nor folder nor link")

    def _path(self, name: str) -> bytes:
        path = name.encode("utf-8", "surrogateescape")
        path = path[:-1] if path.endswith(b"/") else path
        if path in (b".", b""):
            return b""
        if any(part in (b"", b".", b"..") or b"\0" in part for part in path.split(b"/")):
            raise Invalid("an archive holds a path that leaves its folder")
        return path

    def _folder(self, path: bytes) -> None:
        if path in self._folders:
            return
        self._folder(posixpath.dirname(path))
        if path in self._taken:  # a link or a file cannot be walked through
            raise Invalid("an archive holds a path that leads through a link")
        os.mkdir(os.path.join(self._root, path), 0o755)
        self._folders.add(path)

    def _link(self, path: bytes, target: str) -> None:
        link = target.encode("utf-8", "surrogateescape")
        if not link or link.startswith(b"/") or b"\0" in link:
            raise Invalid("an archive holds a link that leaves its folder")
        os.symlink(link, os.path.join(self._root, path))
        self._taken[path] = True

    def _file(self, path: bytes, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        source = archive.extractfile(member)
        if source is None:
            raise Invalid("an archive holds a file without content")
        full = os.path.join(self._root, path)
        mode = 0o755 if member.mode & 0o100 else 0o644
        descriptor = os.open(full, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            written = 0
            for block in iter(lambda: source.read(BLOCK), b""):
                written += file.write(block)
        if written != member.size:
            raise Invalid("an archive ends in the middle of a file")
        os.utime(full, (member.mtime, member.mtime))
        self._taken[path] = False

    def _check_links(self) -> None:
        """Every link must lead to a place inside, by whatever other links it goes."""
        root = os.path.realpath(self._root)
        for path, is_link in self._taken.items():
            if is_link:
                leads = os.path.realpath(os.path.join(self._root, path))
                if leads != root and not leads.startswith(root + b"/"):
                    raise Invalid("an archive holds a link that leaves its folder")
