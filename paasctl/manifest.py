"""Which env names paasctl wrote on a target: per name a digest, a generation, who and when. Never a value."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from paasctl.errors import PaasctlError
from paasctl.secret import Secret

VERSION = 1
DIGEST_BYTES = 16

#: Stands for who in the entries of derived names, so that they can be told from the user's own.
DERIVED = "(derived)"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one name: the digest of the value that was written, in which generation, by whom, when (ISO)."""

    digest: str
    generation: int
    who: str
    when: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The base of the three-way sync. ``salt`` (hex) keys the digests; ``generation`` counts the writes.

    ``extra`` is the adapter's own: small JSON without values, carried along from one write to the next.
    """

    salt: str
    generation: int = 0
    entries: Mapping[str, Entry] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def new(cls) -> Manifest:
        """An empty manifest with a fresh random salt."""
        return cls(secrets.token_hex(16))

    @property
    def id(self) -> str:
        """Tells this manifest from that of another target, or of one made anew, without giving the salt away."""
        return hashlib.sha256(b"paasctl-manifest\0" + bytes.fromhex(self.salt)).hexdigest()[:DIGEST_BYTES]

    def digest(self, name: str, value: Secret) -> str:
        """HMAC-SHA256 of name and value under this manifest's salt, cut to 16 bytes, in hex."""
        message = b"paasctl-env-v1\0" + name.encode() + b"\0" + value.reveal().encode("utf-8", "surrogateescape")
        return hmac.new(bytes.fromhex(self.salt), message, hashlib.sha256).digest()[:DIGEST_BYTES].hex()

    def wrote(self, name: str, value: Secret) -> bool:
        """Whether paasctl gave the name this value."""
        entry = self.entries.get(name)
        return entry is not None and entry.digest == self.digest(name, value)

    def to_json(self) -> str:
        """One line of JSON, sorted, so that equal manifests are equal texts."""
        entries = {n: [e.digest, e.generation, e.who, e.when] for n, e in self.entries.items()}
        document: dict[str, Any] = {"v": VERSION, "salt": self.salt, "generation": self.generation, "names": entries}
        if self.extra:
            document["extra"] = dict(self.extra)
        return json.dumps(document, sort_keys=True, separators=(",", ":"))

    @classmethod
    def read(cls, text: str) -> tuple[Manifest | None, str]:
        """Read what a target holds; a damaged text is None, with a sentence for the plan.

        To go on without a base is safe: equal values are adopted, others are conflicts, nothing is deleted.

        Raises:
            PaasctlError: a newer paasctl wrote it.
        """
        try:
            return cls.from_json(text), ""
        except PaasctlError as error:
            if not isinstance(error.__cause__, Exception):
                raise
            return None, "the target's env manifest is damaged; it is written anew, and nothing is deleted this time"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read what :meth:`to_json` wrote.

        Raises:
            PaasctlError: the text is damaged, or a newer paasctl wrote it.
        """
        try:
            document = json.loads(text)
            if document["v"] > VERSION:
                raise PaasctlError(
                    "the target's env manifest was written by a newer paasctl; nothing was written",
                    hint="upgrade paasctl",
                )
            entries = {str(n): Entry(str(d), int(g), str(w), str(t)) for n, (d, g, w, t) in document["names"].items()}
            bytes.fromhex(document["salt"])
            return cls(document["salt"], int(document["generation"]), entries, dict(document.get("extra") or {}))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PaasctlError(
                "the target's env manifest is damaged; nothing was written",
                hint="`paasctl env sync --force` writes it anew from .env",
            ) from error
