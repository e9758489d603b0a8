"""What paasctl remembers of an app beside its env manifest, in the same config var.

It is written in the same request as the values, and Heroku rolls it back together with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace

from paasctl.manifest import Manifest
from paasctl.secret import Secret

#: The config var that holds the manifest.
NAME = "PAASCTL_MANIFEST"


@dataclass(frozen=True, slots=True)
class Ledger:
    """Notes of the last push that wrote config vars.

    ``before`` is the version of the release that was live when that push began (None: not known), and ``tree`` the
    digest of the bundle that it brought (empty: env only). ``app`` and ``url`` are the app's name and address,
    ``addons`` the env names that are known to be an add-on's, by owner.
    """

    before: int | None = None
    tree: str = ""
    app: str = ""
    url: str = ""
    addons: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, manifest: Manifest | None) -> Ledger:
        """The notes in a manifest; what is not understood counts as not known."""
        notes = manifest.extra if manifest else {}
        before, addons = notes.get("before"), notes.get("addons")
        return cls(
            before=before if isinstance(before, int) else None,
            tree=str(notes.get("tree") or ""),
            app=str(notes.get("app") or ""),
            url=str(notes.get("url") or ""),
            addons={str(name): str(owner) for name, owner in addons.items()} if isinstance(addons, Mapping) else {},
        )

    def written_with(self, manifest: Manifest) -> Secret:
        """The config var's value. It holds no env value; it is a Secret because everything is that goes there."""
        return Secret(replace(manifest, extra=asdict(self)).to_json())


def read(value: Secret | None) -> tuple[Manifest | None, str]:
    """The manifest in the config var, if any, and a warning when it is damaged.

    Raises:
        PaasctlError: a newer paasctl wrote it.
    """
    return Manifest.read(value.reveal()) if value is not None else (None, "")
