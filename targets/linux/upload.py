"""Bring a bundle's files to a host: the list as a difference to what is there, then only the contents it lacks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from paasctl.archive import read_content
from paasctl.bundle import entry_mode
from paasctl.model import Bundle, BundleFile, Say
from paasctl.words import counted

from .channel import Channel, NotExpanded, UnknownBase
from .squeeze import chosen, squeezed

END = b"0" * 64


def tree_name(bundle: Bundle, persist: Sequence[str]) -> str:
    """The name of the folder that a bundle becomes on a host: its digest, and that of what is linked into it."""
    links = hashlib.sha256(json.dumps(sorted(persist)).encode()).hexdigest()
    return f"{bundle.digest[:20]}-{links[:6]}"


def upload(
    channel: Channel, bundle: Bundle, persist: Sequence[str], built: Sequence[str], base: Base, say: Say
) -> None:
    """Make the bundle's tree on the host.

    Args:
        built: folders that are filled on the host, after the tree is made.
        base: the tree that this machine believes to be there; a wrong belief costs one more round trip.
    """
    request: dict[str, Any] = {
        "digest": bundle.digest,
        "tree": tree_name(bundle, persist),
        "persist": list(persist),
        "built": list(built),
    }
    entries = {file.path: entry(file) for file in bundle.files}
    try:
        answer = channel.call("tree", **request, **base.difference(entries))
    except UnknownBase:
        base = Base()
        answer = channel.call("tree", **request, **base.difference(entries))
    if answer["missing"]:
        wanted = list(by_digest(bundle, answer["missing"]))
        say(f"sending {counted(len(wanted), 'file')}, {size(sum(file.size for file in wanted))}")
        _send(channel, wanted, chosen(channel.codings, answer["codings"]), say)


def _send(channel: Channel, files: Sequence[BundleFile], coding: str, say: Say) -> None:
    """Send contents; a host whose zstd does not work, though it is there, is sent them without it."""
    try:
        channel.call("objects", stream=squeezed(contents(files), coding), coding=coding)
    except NotExpanded:
        say("the host's zstd does not work; sending again without it")
        channel.call("objects", stream=squeezed(contents(files), "zlib"), coding="zlib")


class Base:
    """A tree that a host is believed to have, remembered in a file of this machine."""

    def __init__(self, tree: str | None = None, entries: Mapping[str, list[Any]] | None = None) -> None:
        self.tree, self.entries = tree, entries or {}

    @classmethod
    def load(cls, path: Path) -> Base:
        """Read what :meth:`save` wrote; anything else is no belief at all."""
        try:
            tree, entries = json.loads(path.read_text(encoding="ascii"))
            return cls(str(tree), {entry[0]: entry for entry in entries})
        except (OSError, ValueError, TypeError, LookupError):
            return cls()

    @staticmethod
    def save(path: Path, tree: str, bundle: Bundle) -> None:
        """Remember a tree that is on the host now. A hint: losing it costs time and nothing else."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_text(json.dumps([tree, [entry(file) for file in bundle.files]]), encoding="ascii")
        except OSError:
            path.unlink(missing_ok=True)

    def difference(self, entries: Mapping[str, list[Any]]) -> dict[str, Any]:
        """What must be said to someone who has this base."""
        changed = [entry for path, entry in entries.items() if self.entries.get(path) != entry]
        return {"base": self.tree, "changed": changed, "removed": sorted(self.entries.keys() - entries.keys())}


def entry(file: BundleFile) -> list[Any]:
    """An entry as the agent knows it: path, mode, digest, size, modification time, link."""
    return [file.path, f"{entry_mode(file):o}", file.digest, file.size, file.mtime, file.link]


def by_digest(bundle: Bundle, digests: Iterable[str]) -> Iterator[BundleFile]:
    """One file for each digest; equal contents travel once."""
    files = {file.digest: file for file in bundle.files if file.link is None}
    return (files[digest] for digest in digests)


def contents(files: Iterable[BundleFile]) -> Iterator[bytes]:
    """The stream that the agent's ``objects`` request reads.

    Raises:
        PaasctlError: a file is no longer what the bundle says.
    """
    for file in files:
        yield file.digest.encode("ascii") + b"%012d" % file.size
        yield from read_content(file)
    yield END


def size(count: int) -> str:
    """A number of bytes for people."""
    for unit, limit in (("B", 1000), ("kB", 1000_000), ("MB", 1000_000_000)):
        if count < limit:
            return f"{count * 1000 // limit} {unit}"
    return f"{count / 1e9:.1f} GB"
