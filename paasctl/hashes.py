"""Requirements with hashes: pip then takes nothing without one, so paasctl cannot add a server to them."""

from __future__ import annotations

import re

from paasctl.model import Dependencies

_HASHED = re.compile(r"^--require-hashes\b|\s--hash=", re.MULTILINE)


def hashed(needs: Dependencies) -> bool:
    """Whether every package must have its hash: one line with a hash is enough for that."""
    return bool(_HASHED.search(needs.requirements) or _HASHED.search(needs.constraints))


def without_hash(needs: Dependencies) -> tuple[str, str] | None:
    """What is wrong and what to do about it, when a server would be added where all have hashes."""
    if not needs.added or not hashed(needs):
        return None
    servers, file = " and ".join(needs.added), needs.file
    hint = f"add {servers} to {file}, with the hashes that `pip-compile --generate-hashes` writes"
    return f"{file} has hashes, so {servers} cannot be added without one", hint
