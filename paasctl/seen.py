"""What this checkout remembers of each target's manifest, in ``.paasctl/seen.json``; never a value."""

from __future__ import annotations

import fcntl
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paasctl import atomic
from paasctl.manifest import Entry, Manifest

FOLDER = ".paasctl"
FILE = "seen.json"
VERSION = 1
KEPT_STAMPS = 16  # per name; an older one that is met again is a conflict, which is safe


def stamp(entry: Entry) -> str:
    """Identifies one write of one name.

    The generation alone does not, because a rollback brings old ones back; nor the digest, because a value may come
    back; and two people may set one value at once.
    """
    writer = hashlib.sha256(f"{entry.who}\0{entry.when}".encode()).hexdigest()
    return f"{entry.generation}.{entry.digest}.{writer[:8]}"


def by_hand(digest: str) -> str:
    """Identifies a value that somebody set on the target without paasctl, and that this checkout pulled."""
    return f"0.{digest}"


@dataclass(frozen=True, slots=True)
class Seen:
    """What this checkout knows of one target.

    ``manifest`` is the id of the manifest it is about, ``generation`` the last one it synced or pulled. ``names``
    holds, per name, the stamps of the writes with which this checkout's ``.env`` once agreed, in that order;
    ``intents`` the stamps of a write that was about to happen, and of which nobody knows whether it did. ``gone`` holds
    the stamps of names that were then gone on both sides: a rollback may bring those writes back.
    """

    manifest: str
    generation: int = 0
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    intents: Mapping[str, str] = field(default_factory=dict)
    gone: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def stamps(self, name: str) -> tuple[str, ...]:
        """The writes with which ``.env`` agreed, or may have."""
        return (*self.names.get(name, ()), *((self.intents[name],) if name in self.intents else ()))

    @property
    def remembered(self) -> frozenset[str]:
        """The names of which this checkout knows a write."""
        return frozenset((*self.names, *self.intents))

    def knows(self, name: str, entry: Entry) -> bool:
        """Whether ``.env`` had the value of this write, so that changing it undoes nobody's work."""
        return stamp(entry) in self.stamps(name) or self.dropped(name, entry)

    def dropped(self, name: str, entry: Entry) -> bool:
        """Whether this write is one that ``.env`` once had, and that was then removed in agreement with ``.env``.

        When it is there again, a rollback brought it back, and ``.env`` is the newer one.
        """
        return stamp(entry) in self.gone.get(name, ())

    def met(self, name: str, digest: str) -> bool:
        """Whether ``.env`` had this value, which somebody set on the target by hand."""
        return by_hand(digest) in self.names.get(name, ())

    def had(self, name: str, generation: int) -> bool:
        """Whether ``.env`` agreed about the name with a write up to this generation.

        Of later writes a rollback can have taken the name away, after which ``.env`` is simply the newer one.
        """
        return any(int(each.partition(".")[0]) <= generation for each in self.stamps(name))

    def last(self, name: str) -> str | None:
        """The digest of the value with which ``.env`` last agreed."""
        stamps = self.names.get(name)
        return stamps[-1].split(".")[1] if stamps else None


def remember(seen: Seen | None, manifest: Manifest, agreed: Mapping[str, str], gone: frozenset[str]) -> Seen:
    """The memory after a sync or a pull.

    Args:
        seen: what was remembered until now; of another manifest, it is forgotten.
        agreed: per name the stamp of the write whose value ``.env`` has.
        gone: remembered names that are neither in ``.env`` nor on the target.
    """
    known = seen if seen is not None and seen.manifest == manifest.id else Seen(manifest.id)
    names = {name: stamps for name, stamps in known.names.items() if name not in gone}
    left = {name: (*known.gone.get(name, ()), *known.stamps(name))[-KEPT_STAMPS:] for name in gone}
    for name, new in (happened(known, manifest) | dict(agreed)).items():
        names[name] = (*(old for old in names.get(name, ()) if old != new), new)[-KEPT_STAMPS:]
    dropped = {name: stamps for name, stamps in {**known.gone, **left}.items() if name not in names}
    return Seen(manifest.id, manifest.generation, names, gone=dropped)


def happened(seen: Seen, manifest: Manifest) -> dict[str, str]:
    """The intents that turned out to be done: the manifest has these very writes."""
    present = {name: stamp(entry) for name, entry in manifest.entries.items()}
    return {name: new for name, new in seen.intents.items() if new == present.get(name)}


def load(root: Path, target: str) -> tuple[Seen | None, str]:
    """What the checkout in ``root`` remembers of a target, and a warning when the file is damaged."""
    document, warning = _read(root / FOLDER / FILE)
    if target not in document:
        return None, warning
    try:
        found = document[target]
        names, gone = (
            {str(name): _stamps(stamps) for name, stamps in each.items()}
            for each in (found["names"], found.get("gone", {}))
        )
        intents = dict(zip(found["intents"], _stamps(found["intents"].values()), strict=True))
        return Seen(str(found["manifest"]), int(found["generation"]), names, intents, gone), warning
    except (ValueError, LookupError, TypeError, AttributeError):
        return None, _damaged(FILE)


def _stamps(found: Iterable[str]) -> tuple[str, ...]:
    stamps = tuple(found)
    for each in stamps:
        generation, _digest, *_ = each.split(".")  # a damaged one is found here, and not in the middle of a sync
        int(generation)
    return stamps


def save(root: Path, target: str, seen: Seen) -> str:
    """Remember; other targets' memories stay.

    Returns:
        An empty string, or a sentence that says why it could not be written: by then the target is in order, and
        all that is lost is that the next sync asks once more.
    """
    folder = root / FOLDER
    try:
        prepare(folder)
        with _locked(folder):
            document, _ = _read(folder / FILE)
            names = {name: list(stamps) for name, stamps in sorted(seen.names.items())}
            gone = {name: list(stamps) for name, stamps in sorted(seen.gone.items())}
            known = {"manifest": seen.manifest, "generation": seen.generation, "names": names, "gone": gone}
            document[target] = {**known, "intents": dict(seen.intents)}
            text = json.dumps({"v": VERSION, "targets": document}, indent=1, sort_keys=True)
            atomic.replace(folder / FILE, text.encode(), f".{FILE}-")
    except OSError as error:
        return (
            f"{FOLDER}/{FILE} could not be written ({error.strerror}); the next sync takes this checkout for a new one"
        )
    return ""


def prepare(folder: Path) -> None:
    """Make paasctl's own folder in a checkout; it is private, and git ignores it because it says so itself."""
    folder.mkdir(mode=0o700, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def _damaged(file: str) -> str:
    return f"{FOLDER}/{file} is damaged and was ignored: this checkout counts as new, nothing is deleted this time"


def _read(path: Path) -> tuple[dict[str, Any], str]:
    try:
        document = json.loads(path.read_bytes())
        if document["v"] != VERSION or not isinstance(document["targets"], dict):
            return {}, _damaged(path.name)
        return dict(document["targets"]), ""
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, KeyError, TypeError):
        return {}, _damaged(path.name)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Two syncs of two targets at once must not forget each other's half of the file."""
    with (folder / "seen.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
