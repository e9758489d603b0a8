"""Requirements with hashes: pip then takes nothing without one, so paasctl cannot add a server to them.

uv is so strict only where ``--require-hashes`` says so; else it checks the hashes that are there.
"""

from __future__ import annotations

import re

from paasctl.model import Dependencies

_REQUIRED = re.compile(r"^--require-hashes\b", re.MULTILINE)
_HASHED = re.compile(rf"{_REQUIRED.pattern}|\s--hash=", re.MULTILINE)


def hashed(needs: Dependencies, *, uv: bool = False) -> bool:
    """Whether every package must have its hash: for pip one line with a hash is enough for that.

    Args:
        uv: whether uv installs them.
    """
    strict = _REQUIRED if uv else _HASHED
    return bool(strict.search(needs.requirements) or strict.search(needs.constraints))


def without_hash(needs: Dependencies, *, uv: bool = False) -> tuple[str, str] | None:
    """What is wrong and what to do about it, when a server would be added where all must have hashes."""
    if not needs.added or not hashed(needs, uv=uv):
        return None
    servers, file = " and ".join(needs.added), needs.file
    hint = f"add {servers} to {file}, with the hashes that `pip-compile --generate-hashes` writes"
    return f"{file} has hashes, so {servers} cannot be added without one", hint
