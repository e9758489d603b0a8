"""The WSGI file: the parts of ``procfiles/pythonanywhere`` joined to one text, under four lines that name the app."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files

from paasctl.overlay import joined

#: In this order; each part uses only names of those before it.
PARTS = ("places", "document", "unpack", "release", "state", "site", "jobs", "endpoint", "stub")
HEAD = '"""What serves this site and takes new releases; made by paasctl, which writes it anew: do not edit."""\n'


@cache
def body() -> str:
    """The part of the WSGI file that is the same for every app."""
    folder = files("paasctl.procfiles.pythonanywhere")
    return "".join(joined(name, (folder / f"{name}.py").read_text("utf-8")) for name in PARTS)


def stub(home: str, app: str, domain: str, wsgi: str) -> bytes:
    """The WSGI file of an app."""
    names = {"HOME": home, "APP": app, "DOMAIN": domain, "WSGI": wsgi, "STUB": digest()}
    lines = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    last = "\n\napplication = make_application(HOME, APP, DOMAIN, WSGI, STUB)\n"
    return (HEAD + "\nfrom __future__ import annotations\n\n" + lines + body() + last).encode()


def digest() -> str:
    """Names this version of the stub."""
    return hashlib.sha256(body().encode()).hexdigest()[:16]
