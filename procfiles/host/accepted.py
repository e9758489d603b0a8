"""What may stand in a file that root reads. Whoever sends it has looked already; root looks again."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, Tuple

from .layout import Layout
from .wire import Failure

LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#: no domain: the site is the host's default one
DOMAIN = r"(?=.{0,253}\Z)(?:%s(?:\.%s)*)?" % (LABEL, LABEL)
SIZE = r"[0-9]{1,9}[kKmMgG]?"
#: "/" itself is the app's
STATIC = r"/(?:(?!\.\.?/)[A-Za-z0-9._~@+-]+/)+"
APP = r"[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?"
#: sudo's rules read `ALL`, and other words in capitals, as something else than a user
USER = r"[a-z_][A-Za-z0-9_.@-]{0,63}"
PROCESS = r"[A-Za-z0-9_-]{1,64}"
PYTHON = r"3\.[0-9]{1,2}"
MOST = {"instances": 100, "stop_wait": 86400}


def require(config: Dict[str, Any], layout: Layout) -> None:
    """Refuse a configuration with anything in it that could mean something else to who reads the file.

    Raises:
        Failure: says which part.
    """
    for what, value, pattern in texts(config, layout):
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            refuse(what, value)
    for name, settings in config["settings"].items():
        for key, most in MOST.items():
            if type(settings[key]) is not int or not 1 <= settings[key] <= most:
                refuse("%s of the process %s" % (key, name), settings[key])


def texts(config: Dict[str, Any], layout: Layout) -> Iterator[Tuple[str, Any, str]]:
    """Each text of a configuration: what it is called, what it is, and the pattern of what it may be."""
    app = config["app"]
    yield "the app's name", app, APP
    yield "the folder", layout.root, "/srv/" + app
    yield "the folder", layout.logs, "/var/log/" + app
    yield "the user who deploys,", config["user"], USER
    yield "the Python version", config["python"], PYTHON
    yield "client_max_body_size", config["client_max_body_size"], SIZE
    yield "domain", config["domain"], DOMAIN
    for name in config["settings"]:
        yield "the process", name, PROCESS
    for url in config["static"]:
        yield "the static URL", url, STATIC


def refuse(what: str, value: Any) -> None:
    raise Failure(
        "%s %r cannot stand in a file that root reads; nothing was changed" % (what, value),
        "mend it in paasctl.toml, the Procfile or the app, then run setup again",
        kind="usage",
    )
