"""The app's code as one deterministic bundle, named by a digest that any Python can recompute.

The digest is SHA-256 over the concatenated :func:`entry_line` of all entries, sorted by the bytes of their paths::

    f"{mode:o} {sha256 of the content, hex} {path}\\0"   in UTF-8 with surrogateescape

``mode`` is ``100644`` (file), ``100755`` (file that its owner may execute) or ``120000`` (symbolic link; its content
is the link's target). Folders are not entries. So the digest depends on nothing but the files: not on the umask,
locale, owner, modification times or platform. On a target, a dozen lines of the standard library recompute it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import stat
from collections.abc import Iterable, Mapping, Set

from paasctl.archive import open_entry, read_content, write_tar, write_tar_gz
from paasctl.errors import UsageError
from paasctl.ignore import Rules, encode, in_tree, on_disk, shown, unreadable
from paasctl.model import App, Bundle, BundleFile
from paasctl.tree import Found, find, pattern, toml

FILE, EXECUTABLE, LINK = 0o100644, 0o100755, 0o120000

_EPOCH = 946_684_800  # 2000-01-01 UTC
_SPAN = 630_720_000  # twenty years of 365 days


def build(app: App, generated: Mapping[str, bytes]) -> Bundle:
    """Make the bundle of an app's folder.

    Args:
        app: whose ``root`` is read; ``persist`` and ``exclude`` are left out.
        generated: contents by path that are laid over the app's own files; they get mode 0644.

    Raises:
        UsageError: a file cannot be read, a link leads out of what is pushed, or the whole is too large.
    """
    files = {found.path: _read(found) for found in find(app) if found.path not in generated}
    files |= {path: _generated_file(path, content) for path, content in generated.items()}
    ordered = tuple(files[path] for path in sorted(files, key=encode))
    folders = {folder for path in files for folder in _folders(path)}
    _refuse_overlap(files, folders)
    for file in ordered:
        if file.link is not None:
            _refuse_escape(app, file, files.keys() | folders | {"."})
    return Bundle(digest(ordered), ordered, sum(file.size for file in ordered))


def digest(files: Iterable[BundleFile]) -> str:
    """The digest (sha256, hex) of a bundle's entries, in any order."""
    ordered = sorted(files, key=lambda file: encode(file.path))
    return hashlib.sha256(b"".join(entry_line(entry_mode(f), f.digest, f.path) for f in ordered)).hexdigest()


def entry_line(mode: int, digest: str, path: str) -> bytes:
    """What one entry adds to a bundle's digest.

    Args:
        mode: 0o100644, 0o100755 or 0o120000; see :func:`entry_mode`.
        digest: sha256 (hex) of the file's content, or of the link's target.
        path: relative to the bundle, with ``/``.
    """
    if mode not in (FILE, EXECUTABLE, LINK):
        raise ValueError(f"{mode:o} is not the mode of an entry")
    return f"{mode:o} {digest} {path}\0".encode("utf-8", "surrogateescape")


def entry_mode(file: BundleFile) -> int:
    """An entry's type and mode as the digest sees it; ``file.mode`` holds the permission bits alone."""
    if file.link is not None:
        return LINK
    return EXECUTABLE if file.mode & 0o100 else FILE


def mtime(digest: str) -> int:
    """The modification time (seconds since 1970, in the years 2000 to 2019) of a file with this content.

    It derives from the content because two things compare nothing but size and time: Python, to see whether a
    cached ``.pyc`` is of this source, and web servers, to answer 304. With one fixed time for all files, a change that
    keeps a file's size would run the old byte-code and serve the old page; with the time of the checkout, the
    same commit would differ on every machine.
    """
    return _EPOCH + int(digest[:8], 16) % _SPAN


def _folders(path: str) -> Iterable[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _generated_file(path: str, content: bytes) -> BundleFile:
    digest = hashlib.sha256(content).hexdigest()
    return BundleFile(path, digest, len(content), 0o644, mtime(digest), content=content)


def _read(found: Found) -> BundleFile:
    try:
        return _read_link(found) if found.is_link else _read_file(found)
    except OSError as error:
        raise unreadable(found.path, error) from error


def _read_link(found: Found) -> BundleFile:
    link = in_tree(os.readlink(found.source))  # noqa: PTH115  # a Path would rewrite ./x
    digest = hashlib.sha256(encode(link)).hexdigest()
    return BundleFile(found.path, digest, len(encode(link)), 0o777, mtime(digest), source=found.source, link=link)


def _read_file(found: Found) -> BundleFile:
    with open(found.source, "rb", opener=open_entry) as stream:
        status = os.fstat(stream.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it was replaced while it was being read")
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        size = stream.tell()
    mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
    return BundleFile(found.path, digest, size, mode, mtime(digest), source=found.source)


def _refuse_overlap(paths: Iterable[str], folders: set[str]) -> None:
    for path in paths:
        if path in folders:
            raise UsageError(
                f"{shown(path)} would be a file and a folder at once in what is pushed",
                hint="rename the app's own, or exclude it",
            )


def _refuse_escape(app: App, file: BundleFile, pushed: Set[str]) -> None:
    """A link must lead to something that is pushed too, or persists, or to nothing here either."""
    link = file.link or ""
    target = os.path.realpath(on_disk(app.root, posixpath.join(posixpath.dirname(file.path), link)))
    inside = in_tree(os.path.relpath(target, os.path.realpath(app.root)))
    outside = inside == ".." or inside.startswith("../")
    if posixpath.isabs(link) and not outside:
        relative = posixpath.relpath(inside, posixpath.dirname(file.path) or ".")
        raise UsageError(
            f"the link {shown(file.path)} names its target by a path of this machine, which no other one has",
            hint=f"make it relative: ln -sfn {shown(relative)} {shown(file.path)}",
        )
    if outside:
        raise UsageError(
            f"the link {shown(file.path)} leads out of the app's folder, to {shown(link)}",
            hint=f"put a copy in its place, or add {toml([pattern(file.path)])} to exclude",
        )
    if os.path.lexists(target) and inside not in pushed and not Rules.of(app).persists(inside):
        raise UsageError(
            f"the link {shown(file.path)} leads to {shown(inside)}, which is not pushed",
            hint=f"put a copy in its place, or add {toml([pattern(file.path)])} to exclude",
        )


__all__ = ["build", "digest", "entry_line", "entry_mode", "mtime", "read_content", "write_tar", "write_tar_gz"]
