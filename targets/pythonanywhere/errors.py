"""What can go wrong between paasctl and PythonAnywhere, and how the API's many kinds of error texts are read."""

from __future__ import annotations

import re
from typing import Any

from paasctl.errors import PaasctlError

#: Keys under which the API says what went wrong, as its endpoints do it.
KEYS = ("detail", "error_message", "message", "error", "non_field_errors")


class ApiError(PaasctlError):
    """The API refused a request. ``status`` is the HTTP status; ``detail`` its own words, shortened."""

    def __init__(self, message: str, *, status: int, detail: str, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status, self.detail = status, detail


class DiskFull(ApiError):
    """A file could not be uploaded because the account's disk is full."""


class SiteFull(PaasctlError):
    """The site could not unpack a release because the account's disk is full."""


class Unanswered(PaasctlError):
    """No answer came: whether the request was carried out is not known."""


def detail(document: Any, text: str) -> str:
    """The API's own words in an error's body: JSON of several shapes, HTML, or nothing."""
    if isinstance(document, dict):
        for key in KEYS:
            if document.get(key):
                return _words(document[key])
        fields = [f"{key}: {_words(value)}" for key, value in document.items() if isinstance(value, (list, str))]
        return "; ".join(fields)[:300]
    if isinstance(document, list):
        return _words(document)
    return "" if "<" in text else " ".join(text.split())[:300]


def _words(value: Any) -> str:
    parts = value if isinstance(value, list) else [value]
    return " ".join(" ".join(str(part) for part in parts).split())[:300]


def throttled_for(header: str | None, text: str) -> float:
    """Seconds to wait after a 429: the header, else the number in the text, else a minute; at most 90."""
    found = re.fullmatch(r"\s*(\d{1,6})\s*", header or "") or re.search(r"available in (\d{1,6})", text)
    return min(float(found[1]), 90.0) if found else 60.0


def out_of_disk(status: int, text: str) -> bool:
    """Does an error of the Files API mean that the account's disk is full? Its wording is not documented."""
    return status == 507 or bool(re.search(r"quota|no space|disk (is )?full", text, re.IGNORECASE))
