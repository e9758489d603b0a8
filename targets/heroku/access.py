"""Which app, and with which token: git's remote named heroku, and the places where Heroku's tools keep tokens."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from paasctl.credentials import Origin, Place, Token, find, in_environ, in_netrc
from paasctl.errors import UsageError
from paasctl.target import Context

VENDOR = "Heroku"
URL = "https://api.heroku.com"
#: The domains that Heroku's own command line sends its token to.
DOMAINS = ("heroku.com", "herokai.com", "herokuspace.com", "herokudev.com")

_REMOTE = re.compile(r"(?:https://|git@|ssh://git@)(?:[\w-]+\.)*heroku\.com[:/]([a-z][a-z0-9-]*?)(?:\.git)?/?")

#: Seconds; the command line needs one.
_CLI_TIMEOUT = 30


def app_name(root: Path) -> str | None:
    """The app that the git remote named heroku leads to; None where there is none."""
    command = ["git", "-C", str(root), "config", "--get", "remote.heroku.url"]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError:
        return None
    match = _REMOTE.fullmatch(done.stdout.strip())
    return match[1] if match else None


def require_app(name: str, configured: str | None, root: Path) -> str:
    """The app's name: as configured, else git's remote; never guessed from the folder.

    Raises:
        UsageError: neither says it.
    """
    app = configured or app_name(root)
    if not app:
        raise UsageError(
            "it is not said which app at Heroku is meant; looked at paasctl.toml and the git remote named heroku",
            hint=f'write app = "NAME" under [targets.{name}]; `paasctl push {name} --create` makes an app',
        )
    return app


def token(name: str, origin: Origin, context: Context) -> Token:
    """The token for the API.

    Raises:
        UsageError: there is none; names every place looked at.
    """
    places = (
        in_environ(context.environ, "HEROKU_API_KEY"),
        in_netrc(context.environ, context.home, "api.heroku.com"),
        Place("`heroku auth:token`", lambda: _from_cli(context.environ, context.home)),
    )
    try:
        return find(name, origin, context.environ, places, VENDOR)
    except UsageError as error:
        if origin.kind != "other" and context.environ.get("HEROKU_API_TOKEN"):
            error.hint += " (HEROKU_API_TOKEN is not what Heroku's tools read)"
        raise


def _from_cli(environ: Mapping[str, str], home: Path) -> str | None:
    """What Heroku's own command line has in the system's key store, where it is installed and logged in."""
    program = shutil.which("heroku", path=environ.get("PATH", ""))
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, "auth:token"],
            env={**environ, "HOME": str(home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_CLI_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    lines = done.stdout.split()
    return lines[-1] if done.returncode == 0 and lines else None
