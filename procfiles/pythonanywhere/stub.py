"""The WSGI application: paasctl's own address, else the app, else a page that says the site is being set up."""

from __future__ import annotations

from typing import Any, Callable, Dict, Iterable

from .endpoint import PREFIX, Endpoint
from .places import Places
from .site import WAITING, Site, restore_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    #: What the first lines of the uploaded file set.
    HOME = APP = DOMAIN = WSGI = STUB = ""


def make_application(home: str, app: str, domain: str, wsgi: str, stub: str) -> Callable[..., Iterable[bytes]]:
    """Load the site and give the callable that the server calls."""
    restore_environment()
    places = Places(home, app, wsgi)
    site = Site(places)
    endpoint = Endpoint(places, site, domain, stub)
    site.load()

    def application(environ: Dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if str(environ.get("PATH_INFO", "")).startswith(PREFIX):
            return endpoint(environ, start_response)
        if site.app is None:
            site.again()
        if site.app is not None:
            return site.app(environ, start_response)
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(WAITING))), ("Retry-After", "5")]
        start_response("503 Service Unavailable", headers)
        return [WAITING]

    return application
