"""Room on the account's disk: which old releases must go for an upload, and which files no release needs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from paasctl.errors import PaasctlError

from .account import Account
from .archives import mebibytes
from .documents import Archive, Deploy, Record

#: First parts of names that belong to no archive: the link in ``public``, and layers without packages.
OTHERS = frozenset({"current", "python3"})


def must_go(base: Deploy, coming: Record, needed: int, limit: int) -> tuple[Record, ...]:
    """The old releases without which an upload fits, by the sizes that we know of: the oldest ones, never the live one.

    Raises:
        PaasctlError: it cannot fit.
    """
    kept = list(base.releases)
    for old in (None, *reversed(spare(base))):
        if old is not None:
            kept.remove(old)
        if _used((*kept, coming)) + needed <= limit:
            return tuple(r for r in base.releases if r not in kept)
    raise PaasctlError(
        f"this does not fit on the account's disk: {mebibytes(needed)} are needed, "
        f"{mebibytes(_used((*kept, coming)))} of {mebibytes(limit)} are used by the live release; nothing was switched",
        hint="use fewer or smaller dependencies, or set disk under the target to the account's real size in MiB",
    )


def oldest(base: Deploy, coming: Record) -> tuple[Record, ...]:
    """The oldest release whose files nothing else needs, with those before it; none where all files are needed."""
    kept = list(base.releases)
    for old in reversed(spare(base)):
        kept.remove(old)
        if _used((*kept, coming)) < _used((*base.releases, coming)):
            return tuple(r for r in base.releases if r not in kept)
    return ()


def spare(base: Deploy) -> list[Record]:
    """The releases that are kept for a rollback, newest first."""
    return [r for r in base.releases if r.code and r.id != base.release]


def sweep(account: Account, needed: Iterable[Record], arriving: str = "") -> bool:
    """Delete the unpacked archives, their public copies and their parts that no release needs; was there any?

    Args:
        arriving: the name of an archive that is on its way.
    """
    names = {*(archive.name for archive in _archives(needed)), arriving, *OTHERS}
    found = [
        f"{folder}/{name}"
        for folder in (*(account.path(kind) for kind in ("releases", "layers", "incoming")), account.public)
        for name in account.api.names(folder)
        if re.split(r"[.-]", name)[0] not in names
    ]
    for path in found:
        account.api.remove(path)
    return bool(found)


def _archives(records: Iterable[Record]) -> list[Archive]:
    return [archive for record in records for archive in (record.code, record.layer) if archive]


def _used(records: Iterable[Record]) -> int:
    return sum({archive.name: archive.bytes for archive in _archives(records)}.values())
