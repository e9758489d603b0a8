"""What of an app PythonAnywhere cannot take, said before anything is asked or changed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from paasctl.errors import UsageError
from paasctl.model import App, Desired

from .settings import PYTHON

#: What the site takes as the URL of a static folder.
STATIC = re.compile(r"/[\w./~-]{0,200}")


def check_app(desired: Desired) -> None:
    """Refuse what a WSGI web app cannot run, before anything is asked or changed.

    Raises:
        UsageError: with what to do instead.
    """
    app = desired.app
    if app.interface == "asgi":
        raise UsageError(
            f"{app.entry or app.name} is an ASGI app, and PythonAnywhere's web apps serve WSGI only",
            hint="push it to another target; PythonAnywhere's own ASGI sites are experimental (docs/pythonanywhere.md)",
        )
    if desired.bundle is not None and not app.entry:
        raise UsageError("the app's entry point is not known", hint='write entry = "module:app" under [app]')
    if desired.bundle is not None and not PYTHON.fullmatch(app.python):
        raise UsageError(f"Python {app.python} cannot be chosen on PythonAnywhere", hint='write python = "3.13"')
    if desired.bundle is not None:
        check_static(mapped(app))


def mapped(app: App) -> dict[str, str]:
    """The static folders that PythonAnywhere serves, by URL."""
    return {url: folder for url, folder in app.static.items() if not persistent(folder, app)}


def persistent(folder: str, app: App) -> str:
    """The persist path that a static folder holds, or lies in; "" where there is none.

    The platform's file server reads copies that each release makes, and would answer 404 for what came since.
    """
    own = PurePosixPath(folder)
    kept = ((path, PurePosixPath(path)) for path in app.persist)
    return next((path for path, other in kept if own.is_relative_to(other) or other.is_relative_to(own)), "")


def check_static(static: Mapping[str, str]) -> None:
    """Refuse URLs of static folders that the site does not take, and two that it could not tell apart.

    Raises:
        UsageError: with what to do instead.
    """
    known: dict[str, str] = {}
    for url in static:
        if not STATIC.fullmatch(url) or {".", "..", ""} & set((url.strip("/") or "root").split("/")):
            raise UsageError(
                f"the static URL {url} cannot be mapped on PythonAnywhere",
                hint="write it with letters, digits and . _ ~ - between its slashes, at most 200 of them",
            )
        other = known.setdefault(slug(url), url)
        if other != url:
            raise UsageError(
                f"the static URLs {other} and {url} would share one folder on PythonAnywhere",
                hint="give one of them another name: in a folder's name / and _ are the same",
            )


def slug(url: str) -> str:
    """The folder name for a static URL; the site names it in the same way."""
    return url.strip("/").replace("/", "_") or "root"
