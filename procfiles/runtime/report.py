"""What is in force: names and switches, never a value of the env."""

from __future__ import annotations

import os
import sys

from .base import in_force


def report() -> int:
    """Print as JSON what the runtime does in a process of this release."""
    import json

    names = sorted(name for name in os.environ if name.startswith("PAASCTL_"))
    print(json.dumps({"python": sys.version.split()[0], "in force": in_force, "settings": names}, indent=2))
    return 0
