"""The page that this repository's own Procfile serves: what the platform gave the app. Standard library only."""

from __future__ import annotations

import html
import os
import platform
from typing import Any, Callable, Iterable, List, Tuple

StartResponse = Callable[[str, List[Tuple[str, str]]], Any]

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>It runs</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; color: #222 }}
  dt {{ float: left; clear: left; width: 9rem; color: #666 }}
  dd {{ margin: 0 0 .4rem 9rem }}
  code {{ background: #f2f2f2; padding: .1rem .3rem; border-radius: .2rem }}
</style></head><body>
<h1>It runs.</h1>
<p>This page was put here by <code>paasctl push</code>.
It shows what the platform gave the app; of the env only the names.</p>
<dl>{facts}</dl>
</body></html>
"""


def app(environ: "dict[str, Any]", start_response: StartResponse) -> Iterable[bytes]:
    """The WSGI application."""
    if environ.get("PATH_INFO", "/") != "/":
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"There is only one page here: /\n"]
    shown = "".join("<dt>%s</dt><dd>%s</dd>" % (name, html.escape(value)) for name, value in facts())
    body = PAGE.format(facts=shown).encode("utf-8")
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))])
    return [body]


def facts() -> "list[tuple[str, str]]":
    """What the page shows, in its order."""
    env = os.environ
    recycle = env.get("PAASCTL_POOL_RECYCLE")
    names = sorted(name for name in env if name not in SYSTEM and not name.startswith("PAASCTL_"))
    return [
        ("target", env.get("PAASCTL_TARGET", "none: started by hand")),
        ("release", env.get("PAASCTL_RELEASE") or env.get("HEROKU_RELEASE_VERSION") or "unknown"),
        ("Python", platform.python_version()),
        ("logs go to", env.get("PAASCTL_LOG", "wherever the app sends them")),
        ("pool recycle", recycle + " s" if recycle else "left to the app"),
        ("env names", ", ".join(names) or "none"),
    ]


#: what every process has; not the app's env
SYSTEM = frozenset(
    [
        "HOME",
        "HOSTNAME",
        "LANG",
        "LANGUAGE",
        "LC_ALL",
        "LOGNAME",
        "OLDPWD",
        "PATH",
        "PORT",
        "PWD",
        "SHELL",
        "SHLVL",
        "TERM",
        "TMPDIR",
        "TZ",
        "USER",
        "VIRTUAL_ENV",
        "_",
    ]
)
