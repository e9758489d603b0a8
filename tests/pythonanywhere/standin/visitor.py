"""A visitor of the site, who comes by the front."""

from __future__ import annotations

from dataclasses import dataclass

import requests

from .platform import Platform

DOMAIN = "eric.pythonanywhere.com"


@dataclass(frozen=True)
class Page:
    status: int
    text: str
    headers: dict[str, str]


def get(platform: Platform, path: str = "/", **more: object) -> Page:
    """One request, as a browser would send it; ``domain`` is asked, or the account's own."""
    headers = {"Host": str(more.pop("domain", DOMAIN)), **(more.pop("headers", {}) or {})}  # type: ignore[dict-item]
    answer = requests.request(
        str(more.pop("method", "GET")),
        platform.site_url + path,
        headers=headers,
        timeout=60,
        **more,  # type: ignore[arg-type]
    )
    return Page(answer.status_code, answer.text, dict(answer.headers))
