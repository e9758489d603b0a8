"""PythonAnywhere: archives by the Files API, a WSGI stub that unpacks and switches, no console and no browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from paasctl import credentials
from paasctl.model import PlatformFacts, Setting
from paasctl.recycle import recycle, usual
from paasctl.target import Context, Target

from .account import Account
from .api import Api
from .clock import Clock, SystemClock
from .layers import Resolver
from .settings import SETTINGS, read_settings
from .signed import SignedSite
from .target import PythonAnywhereTarget
from .transport import Transport

OURS = "PythonAnywhere sets it in every web app"


def pool_recycle(kind: str, host: str) -> tuple[int, str]:
    """The pool's recycle for a database; one whose host is not known is taken for PythonAnywhere's own MySQL."""
    if not host and kind in ("", "mysql"):
        return recycle(300), "PythonAnywhere closes idle MySQL connections after 300 s"
    return usual(kind, host)


FACTS = PlatformFacts(
    log="stdout",
    log_reason="PythonAnywhere keeps what is printed in the site's server log",
    recycle=pool_recycle,
    reserved={"API_TOKEN": OURS, "PYTHONANYWHERE_*": OURS, "PAASCTL_RELEASE": "it names the release that serves"},
)


class PythonAnywhere:
    """The adapter."""

    summary: ClassVar[str] = "PythonAnywhere, free or paid: no console, no browser"
    facts: ClassVar[PlatformFacts] = FACTS
    settings: ClassVar[Mapping[str, Setting]] = SETTINGS
    abilities: ClassVar[Mapping[str, str]] = {
        "releases": "",
        "rollback": "",
        "logs": "",
        "run": "",
        "restart": "",
        "status": "",
        "down": "",
        "unlock": "nothing is ever locked there: of two pushes at once the site takes one and refuses the other",
        "setup": "nothing has to be set up there: the first push creates the web app",
    }

    @staticmethod
    def connect(name: str, settings: Mapping[str, Any], context: Context) -> Target:
        """Connect; no request is sent yet.

        Raises:
            UsageError: a setting is wrong, or there is no token.
        """
        return connect(name, settings, context, SystemClock())


def connect(name: str, settings: Mapping[str, Any], context: Context, clock: Clock) -> PythonAnywhereTarget:
    """As :meth:`PythonAnywhere.connect`, with a clock of the caller's."""
    checked = read_settings(name, context.app, settings, context.environ)
    token = credentials.find(name, checked.api, context.environ, token_places(context), "PythonAnywhere")
    transport = Transport(checked.api, checked.username, token.secret, clock)
    account = Account(
        settings=checked,
        app=context.app,
        who=context.who,
        api=Api(transport),
        site=SignedSite(checked.site_url, checked.domain, lambda: clock.time() + transport.ahead),
        clock=clock,
        resolver=Resolver(context.root, context.environ),
    )
    return PythonAnywhereTarget(FACTS, account, context.learn)


def token_places(context: Context) -> list[credentials.Place]:
    """Where a token may be. Bare ``API_TOKEN`` is PythonAnywhere's only where the platform's own variable says so."""
    environ = context.environ
    places = [credentials.in_environ(environ, "PYTHONANYWHERE_API_TOKEN")]
    if environ.get("PYTHONANYWHERE_SITE"):
        places.append(credentials.in_environ(environ, "API_TOKEN"))
    return places
