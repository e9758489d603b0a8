"""The settings of ``[targets.NAME]`` that this adapter understands, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from paasctl.credentials import Origin, is_loopback, origin
from paasctl.errors import UsageError
from paasctl.model import Setting

US, EU = "www.pythonanywhere.com", "eu.pythonanywhere.com"
USERNAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
DOMAIN = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
PYTHON = re.compile(r"3\.\d{1,2}")
APP = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

SETTINGS = {
    "username": Setting(str, "the PythonAnywhere user; default: from the domain USER.pythonanywhere.com"),
    "domain": Setting(str, "the site's domain; default: USERNAME.pythonanywhere.com"),
    "python": Setting(str, "the web app's Python, like \"3.13\"; default: the app's own"),
    "force_https": Setting(bool, "send visitors from http to https; default: true"),
    "disk": Setting(int, "MiB of disk that the account has; default: 512, a free account's"),
    "upload_limit": Setting(int, "MiB that one uploaded file may have; default: 90"),
    "api_url": Setting(str, "another address of the API; default: https://www.pythonanywhere.com (EU sites: eu.)"),
    "site_url": Setting(str, "where the site answers when that is not https://DOMAIN"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """One target's settings. ``disk`` and ``upload_limit`` are in bytes."""

    target: str
    username: str
    domain: str
    python: str | None
    force_https: bool
    disk: int
    upload_limit: int
    api: Origin
    site_url: str

    @property
    def home(self) -> str:
        """The account's home folder."""
        return f"/home/{self.username}"

    @property
    def wsgi(self) -> str:
        """The WSGI file of the domain; its name is in small letters whatever the user's name is."""
        return f"/var/www/{self.domain.replace('.', '_').lower()}_wsgi.py"


def read_settings(target: str, app: str, settings: Mapping[str, Any], environ: Mapping[str, str]) -> Settings:
    """Check a target's settings.

    Args:
        target: the target's name in the configuration.
        app: the app's name; folders in the account are named after it.
        environ: the variables of paasctl's process; ``PYTHONANYWHERE_SITE`` says which of the vendor's two hosts.

    Raises:
        UsageError: one is missing or wrong.
    """
    username, domain = _names(target, settings)
    if not APP.fullmatch(app):
        raise UsageError(
            f"the app's name {app!r} cannot name a folder on PythonAnywhere",
            hint='set name under [app] to letters, digits, "-" and "_"',
        )
    python = settings.get("python")
    if python is not None and not PYTHON.fullmatch(python):
        raise UsageError(f"python {python!r} is not a version like 3.13", hint='write python = "3.13"')
    return Settings(
        target=target,
        username=username,
        domain=domain,
        python=python,
        force_https=bool(settings.get("force_https", True)),
        disk=_mebibytes(settings, "disk", 512),
        upload_limit=_mebibytes(settings, "upload_limit", 90),
        api=_api(settings, domain, environ),
        site_url=_site_url(settings, domain),
    )


def _names(target: str, settings: Mapping[str, Any]) -> tuple[str, str]:
    domain = str(settings.get("domain", "")).lower().rstrip(".")
    username = settings.get("username")
    if username is None:
        found = re.fullmatch(r"(?:[a-z0-9-]+-)?([a-z0-9_]+)(?:\.eu)?\.pythonanywhere\.com", domain)
        if found is None:
            raise UsageError(
                "the PythonAnywhere user is not known",
                hint=f'write username = "..." under [targets.{target}]',
            )
        username = found[1]
    if not USERNAME.fullmatch(username):
        raise UsageError(f"{username!r} is not a PythonAnywhere username", hint="write it as the Account page does")
    domain = domain or f"{username.lower()}.pythonanywhere.com"
    if not DOMAIN.fullmatch(domain):
        raise UsageError(f"{domain!r} is not a domain name", hint='write domain = "USER.pythonanywhere.com"')
    return username, domain


def _mebibytes(settings: Mapping[str, Any], key: str, default: int) -> int:
    value = int(settings.get(key, default))
    if value < 1:
        raise UsageError(f"{key} must be at least 1", hint=SETTINGS[key].help)
    return value * 1024 * 1024


def _api(settings: Mapping[str, Any], domain: str, environ: Mapping[str, str]) -> Origin:
    european = domain.endswith(f".{EU}") or environ.get("PYTHONANYWHERE_SITE") == EU
    where = origin(settings.get("api_url"), f"https://{EU if european else US}", (US, EU))
    if where.kind == "vendor" and where.host not in (US, EU):
        return replace(where, kind="other")  # USER.eu.pythonanywhere.com is anybody's own site
    return where


def _site_url(settings: Mapping[str, Any], domain: str) -> str:
    url = str(settings.get("site_url") or f"https://{domain}").rstrip("/")
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host or parts.scheme not in ("http", "https") or "@" in parts.netloc or parts.query or parts.fragment:
        raise UsageError("site_url is not a web address", hint=f"remove it, or write it like https://{domain}")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError("site_url is plain http", hint="use https; http only for 127.0.0.1")
    return url
