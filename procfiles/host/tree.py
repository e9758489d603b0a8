"""The code on a host: contents by digest, and read-only trees made of them."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import Any, Callable, List, Optional, Sequence, Set

from .expand import Expanded
from .layout import Layout, disk_failure, read_json, remove, write_json
from .wire import Failure

#: path, mode (octal text), digest, size in bytes, modification time, link target or None
Entry = List[Any]
CHUNK = 1 << 20


class Trees:
    """The trees of one app. A tree is named by the digest of its bundle and by what is linked into it."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout

    def manifest(self, tree: str) -> Optional[List[Entry]]:
        """The entries of a tree that is there, or None."""
        found = read_json(self._layout.path("code", tree + ".json"))
        return found if isinstance(found, list) else None

    def describe(
        self, digest: str, base: Optional[str], changed: Sequence[Entry], removed: Sequence[str]
    ) -> List[Entry]:
        """The whole list of entries from a base tree and what differs from it.

        Raises:
            Failure: the result is not what ``digest`` says (a hint of the client was out of date).
        """
        entries = {entry[0]: entry for entry in (self.manifest(base) or [])} if base else {}
        for path in removed:
            entries.pop(path, None)
        entries.update({entry[0]: entry for entry in changed})
        whole = sorted(entries.values(), key=lambda entry: os.fsencode(entry[0]))
        if tree_digest(whole) != digest:
            raise Failure("the list of files does not match its digest", kind="base")
        return whole

    def missing(self, entries: Sequence[Entry]) -> List[str]:
        """The digests of contents that are not on this host yet, or not as a whole (after a power cut)."""
        wanted = {entry[2]: entry[3] for entry in entries if entry[5] is None}
        return sorted(digest for digest, size in wanted.items() if not has_size(self._object(digest), size))

    def receive(self, stream: Expanded) -> None:
        """Store contents from a stream of 64 hex digits, 12 digits of size and the bytes; 64 zeros end it."""
        while True:
            digest = stream.read(64).decode("ascii")
            if digest == "0" * 64:
                return
            self._store(digest, int(stream.read(12)), stream)

    def build(
        self,
        tree: str,
        entries: Sequence[Entry],
        persist: Sequence[str],
        built: Sequence[str],
        like: str = "",
        note: Optional[Callable[[], None]] = None,
    ) -> bool:
        """Make a tree from stored contents, or repair one that something has written to.

        It is made beside its place and renamed, so that a tree which is there is whole.

        Args:
            like: a tree that has many of the same files; they are linked, which takes a tenth of the time of a copy.
            note: called before it is put in its place, where it is made.

        Returns:
            Whether it was made.
        """
        final = self._layout.path("code", tree)
        if os.path.isdir(final) and not self.damaged(tree):
            make_read_only(final)  # an end in the middle of compiling leaves folders open
            return False
        making = self._layout.path("code", tree + ".new")
        remove(making)
        try:
            self._fill(making, entries, like)
            link_persist(making, self._layout.path("shared"), persist)
            link_persist(making, self._layout.built(tree), built)
            make_read_only(making)
            write_json(self._layout.path("code", tree + ".json"), list(entries))
            if note:
                note()
            self._replace(making, final)
        except OSError as error:
            remove(making)
            raise disk_failure(error, self._layout.root) from error
        return True

    def damaged(self, tree: str, as_made: Optional[Callable[[str, Entry], bool]] = None) -> List[str]:
        """The paths of a tree that are not as they were made: changed, missing or added.

        Args:
            as_made: how a file is compared, :func:`intact` or the quick :func:`alike`.
        """
        as_made = as_made or intact
        entries, root = self.manifest(tree), self._layout.path("code", tree)
        if entries is None:
            return ["."]
        expected = {entry[0]: entry for entry in entries}
        found = {path for path in walk(root) if not is_bytecode(path) and not self._is_persist(root, path)}
        wrong = [path for path, entry in expected.items() if not as_made(os.path.join(root, path), entry)]
        return sorted(wrong + [path for path in found if path not in expected])

    def prune(self, keep: Sequence[str]) -> None:
        """Remove every tree that is not named, and the contents that no remaining tree has."""
        used: Set[str] = set()
        for tree in keep:
            used.update(entry[2] for entry in self.manifest(tree) or [])
        for name in os.listdir(self._layout.path("code")):
            if name.split(".")[0] not in keep:
                remove(self._layout.path("code", name))
        for digest in os.listdir(self._layout.path("objects")):
            if digest not in used:
                remove(self._layout.path("objects", digest))

    def _object(self, digest: str) -> str:
        return self._layout.path("objects", digest)

    def _store(self, digest: str, size: int, stream: Expanded) -> None:
        temporary, seen = self._object(digest) + ".new", hashlib.sha256()
        try:
            with open(temporary, "wb") as file:
                while size:
                    data = stream.read(min(size, CHUNK))
                    seen.update(data)
                    file.write(data)
                    size -= len(data)
            if seen.hexdigest() != digest:
                raise Failure("a file arrived damaged; nothing was changed", "push again")
            os.replace(temporary, self._object(digest))
        except OSError as error:
            raise disk_failure(error, self._layout.root) from error
        finally:
            remove(temporary)

    def _fill(self, root: str, entries: Sequence[Entry], like: str) -> None:
        known = {entry[0]: entry for entry in (self.manifest(like) or [])} if like else {}
        folders: Set[str] = set()
        for entry in entries:
            path, _, digest, _, mtime, link = entry
            place = os.path.join(root, path)
            if os.path.dirname(place) not in folders:
                os.makedirs(os.path.dirname(place), mode=0o755, exist_ok=True)
                folders.add(os.path.dirname(place))
            if link is not None:
                os.symlink(link, place)
            elif known.get(path) != entry or not link_checked(self._layout.path("code", like, path), place, entry):
                copy_checked(self._object(digest), place, digest)
                os.chmod(place, permissions(entry))
                os.utime(place, (mtime, mtime))

    def _replace(self, making: str, final: str) -> None:
        # a running process keeps its open files; what it opens later it finds as it was pushed
        old = final + ".old"
        remove(old)
        if os.path.isdir(final):
            os.rename(final, old)
        os.rename(making, final)
        remove(old)

    def _is_persist(self, root: str, path: str) -> bool:
        place = os.path.join(root, path)
        return os.path.islink(place) and os.readlink(place).startswith(self._layout.path("shared") + os.sep)


def tree_digest(entries: Sequence[Entry]) -> str:
    """The digest of a bundle, from its sorted entries (the format is paasctl.bundle's)."""
    whole = hashlib.sha256()
    for path, mode, digest in (entry[:3] for entry in entries):
        whole.update("{} {} {}\0".format(mode, digest, path).encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def copy_checked(source: str, place: str, digest: str) -> None:
    """Copy a stored content and check it on the way: a store that rotted must not go live."""
    seen = hashlib.sha256()
    if not os.path.exists(source):
        raise Failure("a stored file is missing on the host; nothing was changed", "push again")
    with open(source, "rb") as reader, open(place, "wb") as writer:
        for data in iter(lambda: reader.read(CHUNK), b""):
            seen.update(data)
            writer.write(data)
    if seen.hexdigest() != digest:
        remove(source)
        raise Failure("a stored file was damaged on the host and is thrown away; nothing was changed", "push again")


def has_size(path: str, size: int) -> bool:
    try:
        return os.stat(path).st_size == size
    except OSError:
        return False


def permissions(entry: Entry) -> int:
    """Of a file in a tree: nobody may write to it."""
    return 0o555 if entry[1] == "100755" else 0o444


def link_checked(other: str, place: str, entry: Entry) -> bool:
    """Make a file the very one of another tree, if that is as it was made; whether it is now."""
    try:
        if stat.S_IMODE(os.lstat(other).st_mode) != permissions(entry) or not intact(other, entry):
            return False
        os.link(other, place)
    except OSError:  # there are too many links, or the disk knows none
        return False
    return True


def link_persist(root: str, shared: str, persist: Sequence[str]) -> None:
    """Link the paths that outlive a release to their place in ``shared/``; ``name/`` is a folder."""
    for name in persist:
        path = name.rstrip("/")
        place, kept = os.path.join(root, path), os.path.join(shared, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if not os.path.lexists(place):
            os.symlink(kept, place)


def make_read_only(root: str) -> None:
    """Take the write permission from every folder of a tree (its files never had it)."""
    for folder, _, _ in os.walk(root, topdown=False):
        os.chmod(folder, 0o555)


def walk(root: str) -> List[str]:
    """Every file and link below a folder, as relative paths; links are not followed."""
    found = []
    for folder, folders, files in os.walk(root):
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        found += [os.path.relpath(os.path.join(folder, name), root) for name in files + links]
    return found


def is_bytecode(path: str) -> bool:
    return path.endswith(".pyc") and os.path.basename(os.path.dirname(path)) == "__pycache__"


def alike(place: str, entry: Entry) -> bool:
    """Whether a file looks like the one that was made: kind, size and modification time, without reading it."""
    _, _, _, size, mtime, link = entry
    try:
        found = os.lstat(place)
    except OSError:
        return False
    if link is not None:
        return stat.S_ISLNK(found.st_mode) and os.readlink(place) == link
    return stat.S_ISREG(found.st_mode) and found.st_size == size and int(found.st_mtime) == int(mtime)


def intact(place: str, entry: Entry) -> bool:
    """Whether a file is still the one that was made: kind, size, and content."""
    return alike(place, entry) and (entry[5] is not None or content_digest(place) == entry[2])


def content_digest(place: str) -> str:
    seen = hashlib.sha256()
    with open(place, "rb") as file:
        for data in iter(lambda: file.read(CHUNK), b""):
            seen.update(data)
    return seen.hexdigest()
