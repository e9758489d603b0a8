"""What can go wrong between a client and Heroku."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "429",  # the hourly limit is used up; nothing is done
    "500",  # an HTML page instead of JSON; nothing is done
    "503",  # the same, for maintenance
    "500-after",  # it is done, and an HTML page is the answer
    "reset-before",  # the connection breaks before the request is looked at
    "reset-after",  # it is done, and the connection breaks before the answer
    "truncated",  # it is done, and the connection breaks inside the answer
    "half-json",  # it is done, and the answer is half of its JSON, with the length to match
]


@dataclass
class Fault:
    """One kind of fault for the requests that match, ``times`` times, after ``skip`` of them went well."""

    kind: Kind
    request: str = ""
    times: int = 1
    skip: int = 0

    def strikes(self, method: str, path: str) -> bool:
        """Whether this request is hit; counts down."""
        if not self.times or not re.search(self.request, f"{method} {path}"):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True
