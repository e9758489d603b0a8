"""One app's place in a PythonAnywhere account, and the ways to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from paasctl.model import Say

from .api import Api
from .clock import Clock
from .layers import Resolver
from .settings import Settings
from .signed import SignedSite


@dataclass(frozen=True, slots=True)
class Account:
    """What every step needs. ``who`` is the person (or CI) that pushes."""

    settings: Settings
    app: str
    who: str
    api: Api
    site: SignedSite
    clock: Clock
    resolver: Resolver

    def path(self, *names: str) -> str:
        """A path in the app's own folder, as an absolute name in the account."""
        return "/".join((self.settings.home, ".paasctl/apps", self.app, *names))

    @property
    def data(self) -> str:
        """The folder of what outlives releases."""
        return f"{self.settings.home}/.paasctl/data/{self.app}"

    @property
    def public(self) -> str:
        """The folder that the platform's file server reads."""
        return f"{self.settings.home}/.paasctl/public/{self.app}"

    @property
    def url(self) -> str:
        """The site's address."""
        return f"{self.settings.site_url}/"

    @contextmanager
    def telling(self, say: Say) -> Iterator[None]:
        """Within it, whoever waits for the API's pace says so."""
        transport = self.api.transport
        before, transport.progress = transport.progress, say
        try:
            yield
        finally:
            transport.progress = before
