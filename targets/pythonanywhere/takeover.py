"""A web app that somebody made by hand: copied before ``--force`` takes it over, and put back when that fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from paasctl.errors import PaasctlError
from paasctl.model import Say

from . import webapp
from .account import Account
from .mending import say_warning

#: The copy's parts, in the app's folder; the second one is written last and says that both are there.
WSGI, SITE = "before/wsgi.py", "before/site.json"


def is_kept(account: Account) -> bool:
    """Is there a copy of a site that was taken over?"""
    return account.api.read(account.path(SITE)) is not None


def keep(account: Account, found: Mapping[str, Any], say: Say) -> None:
    """Copy what a takeover replaces: the WSGI file, the settings and the static mappings."""
    api, settings = account.api, account.settings
    static = {str(m.get("url")): str(m.get("path")) for m in api.static_files(settings.domain)}
    fields = {name: "" if found[name] is None else found[name] for name in webapp.FIELDS if name in found}
    api.remove(account.path())  # what a takeover left that was cut short: its key is not this one's
    api.write(account.path(WSGI), api.read(settings.wsgi) or b"")
    api.write(account.path(SITE), json.dumps({"fields": fields, "static": static}).encode())


def put_back(account: Account, static: Mapping[str, str], say: Say) -> bool:
    """Put the site of the copy back in its place, and remove what is ours; False when there is no copy.

    Args:
        static: the mappings that are ours.

    The settings come last: until then the web app counts as ours, and the copy is not made anew from half of each.
    """
    api, domain = account.api, account.settings.domain
    data, wsgi = api.read(account.path(SITE)), api.read(account.path(WSGI))
    if data is None:
        return False
    if wsgi is None:
        raise PaasctlError(f"the copy of the old WSGI file is gone from {account.path(WSGI)}", hint="write it anew")
    before = json.loads(data)
    say("putting back the site that was there")
    api.write(account.settings.wsgi, wsgi)
    webapp.apply_static(api, domain, before["static"], static, fresh=False)
    webapp.apply_fields(api, domain, before["fields"])
    say_warning(api.reload(domain), say)
    for path in (account.public, account.path()):
        api.remove(path)
    return True
