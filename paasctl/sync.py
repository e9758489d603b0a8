"""Three-way env sync: base (the manifest), ours (``.env``), theirs (the target)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from paasctl.manifest import Manifest
from paasctl.secret import Secret


@dataclass(frozen=True, slots=True)
class NameChange:
    """What happens to one name and why: ``add``, ``update``, ``delete``, ``adopt``, ``conflict``, ``drift``, ..."""

    name: str
    op: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class EnvChanges:
    """The outcome for all names. An adapter applies it in ONE write.

    ``set`` and ``delete`` are what changes; ``result`` is the whole env of the target afterwards (paasctl's own
    derived names included, the manifest not); ``manifest`` is the base to store in the same write.
    ``writes`` is true when values change, ``bookkeeping`` when only the manifest does.
    """

    names: tuple[NameChange, ...] = ()
    set: Mapping[str, Secret] = field(default_factory=dict)
    delete: tuple[str, ...] = ()
    result: Mapping[str, Secret] = field(default_factory=dict)
    manifest: Manifest = field(default_factory=Manifest.new)
    bookkeeping: bool = False

    @property
    def writes(self) -> bool:
        return bool(self.set or self.delete)
