"""What the configuration says that root's files will say too; the host looks at it again (procfiles/host/accepted)."""

from __future__ import annotations

import re

from paasctl.errors import UsageError

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
DOMAIN = re.compile(rf"(?=.{{1,253}}\Z){LABEL}(?:\.{LABEL})*")
SIZE = re.compile(r"[0-9]{1,9}[kKmMgG]?")
#: what people copy along with a host's name: the scheme and a user, the port and the path
AROUND = re.compile(r"^[a-z]+://(?:[^/@]*@)?|[:/\s].*$", re.IGNORECASE)


def domain(value: str) -> None:
    """One host name.

    Raises:
        UsageError: it is something else, perhaps a URL.
    """
    if not DOMAIN.fullmatch(value):
        near = ascii_form(AROUND.sub("", value.strip()))
        raise UsageError("must be one host name", hint=f"did you mean {near}?" if DOMAIN.fullmatch(near) else "")


def size(value: str) -> None:
    """A number of bytes as nginx writes it.

    Raises:
        UsageError: it is something else.
    """
    if not SIZE.fullmatch(value):
        near = re.sub(r"i?b$", "", "".join(value.lower().split()))
        raise UsageError("must be a number and k, m or g", hint=f"did you mean {near}?" if SIZE.fullmatch(near) else "")


def ascii_form(name: str) -> str:
    """A name with other letters than English ones as DNS has it; the name itself where it has no such form."""
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return name
