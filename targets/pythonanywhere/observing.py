"""Reading the present state: one request where something is live."""

from __future__ import annotations

import json
from typing import Any

from paasctl.errors import PaasctlError, UsageError
from paasctl.manifest import Manifest
from paasctl.model import Observed, Release
from paasctl.secret import Secret

from . import takeover, webapp
from .account import Account
from .documents import Active, Deploy, Record
from .push import Seen


def observe(account: Account) -> Observed:
    """What is live, with its env; where nothing is, also whether the web app exists.

    Raises:
        PaasctlError: the account cannot be reached, or what is there cannot be read.
    """
    active = account.active()
    if active.live is None or active.live.record is None:
        found = webapp.find(account.api.webapps(), account.settings.domain)
        kept = found is not None and takeover.is_kept(account)
        ours = _ours(account, active, found, kept)
        pending = _pending(account) if found and ours and active.live is None else None
        seen = Seen(active, found, ours, pending, theirs=kept or not ours)
        return Observed(exists=False, url=account.url, extra=seen)
    live = active.live
    require_domain(live, account.settings.domain)
    manifest, damaged = Manifest.read(live.record.manifest) if live.record else (None, "")
    releases = all_releases(active)
    return Observed(
        exists=True,
        env={name: Secret(value) for name, value in active.env.items()},
        manifest=manifest,
        live=next(r for r in releases if r.id == live.release),
        releases=releases,
        url=account.url,
        warnings=tuple(_warnings(active, damaged)),
        extra=Seen(active),
    )


def require_domain(live: Deploy, domain: str) -> None:
    """Refuse a state that was made for another site.

    Raises:
        UsageError: it was.
    """
    made = str(live.site.get("domain") or domain)
    if made != domain:
        raise UsageError(
            f"what is live in the app's folder is of {made}, not of {domain}; nothing was changed",
            hint=f'write domain = "{made}" under the target, or give this app another name under [app]',
        )


def env_of(account: Account, record: Record) -> dict[str, Secret]:
    """The env of a release that is not live; empty where it cannot be read (the site will say so)."""
    data = account.api.read(account.path("env", f"{record.env.get('id')}.json"))
    try:
        return {name: Secret(value) for name, value in json.loads(data or b"{}").get("env", {}).items()}
    except (ValueError, AttributeError):
        return {}


def _pending(account: Account) -> Deploy | None:
    """The document of an earlier first push that never became live, or not yet."""
    path = account.path("deploy.json")
    data = account.api.read(path)
    try:
        return Deploy.from_json(json.loads(data), path) if data else None
    except ValueError:
        return None


def all_releases(active: Active) -> tuple[Release, ...]:
    """Every release that is known, newest first, failed ones included."""
    if active.live is None:
        return tuple(f.release("") for f in reversed(active.failures))
    known = {record.id: record for record in active.failures}
    known.update({record.id: record for record in active.live.releases})
    ordered = sorted(known.values(), key=lambda record: (len(record.id), record.id), reverse=True)
    return tuple(record.release(active.live.release or "") for record in ordered)


def _warnings(active: Active, damaged: str) -> list[str]:
    found = [damaged] if damaged else []
    if not active.intact:
        found.append("the env file was changed by hand in the account")
    return found


def _ours(account: Account, active: Active, found: dict[str, Any] | None, kept: bool) -> bool:
    """Did an earlier push of ours begin here? A web app that it made is finished; anybody else's is not touched.

    Args:
        kept: there is a copy of the web app that was here before; until its settings are ours it is still there.
    """
    if found is None or str(found.get("source_directory") or "").rstrip("/") == account.path():
        return True
    if kept:
        return False
    if active.live is not None or active.failures:
        return True
    try:
        return account.api.read(account.path("incoming/")) is not None
    except PaasctlError:
        return False
