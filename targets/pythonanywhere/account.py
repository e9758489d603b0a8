"""One app's place in a PythonAnywhere account, and the ways to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from paasctl.model import Say

from .api import Api
from .clock import Clock
from .documents import Active
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

    @property
    def folder(self) -> str:
        """The name of the app's folders; one for each domain, of which the account's own is left out."""
        own, domain = self.settings.username.lower(), self.settings.domain
        if domain in (f"{own}.pythonanywhere.com", f"{own}.eu.pythonanywhere.com"):
            return self.app
        return f"{self.app}.{domain}"

    def path(self, *names: str) -> str:
        """A path in the app's own folder, as an absolute name in the account."""
        return "/".join((self.settings.home, ".paasctl/apps", self.folder, *names))

    def active(self) -> Active:
        """What the site last made live, as it wrote it down.

        Raises:
            PaasctlError: it is damaged.
        """
        path = self.path("active.json")
        return Active.read(self.api.read(path), path)

    @property
    def data(self) -> str:
        """The folder of what outlives releases."""
        return f"{self.settings.home}/.paasctl/data/{self.folder}"

    @property
    def public(self) -> str:
        """The folder that the platform's file server reads."""
        return f"{self.settings.home}/.paasctl/public/{self.folder}"

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
