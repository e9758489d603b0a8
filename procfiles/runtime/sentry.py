"""Sentry: switched on where SENTRY_DSN is set, sentry-sdk is installed and the app did not do it itself."""

from __future__ import annotations

import os
import sys

from .base import has_threads, in_force, say, setting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FLUSH = 3  # seconds that a worker gives to what is on its way to Sentry


def start_sentry() -> None:
    """Initialise sentry-sdk with release and environment; an app that does it too simply replaces this."""
    import importlib
    import importlib.util

    if not os.environ.get("SENTRY_DSN"):
        return
    if importlib.util.find_spec("sentry_sdk") is None:
        say("SENTRY_DSN is set, and sentry-sdk is not among the app's dependencies")
        in_force["sentry"] = "no: sentry-sdk is not installed"
        return
    sdk = importlib.import_module("sentry_sdk")
    if is_active(sdk):
        return
    for name, value in (("SENTRY_RELEASE", setting("RELEASE")), ("SENTRY_ENVIRONMENT", setting("TARGET"))):
        if value:
            os.environ.setdefault(name, value)
    sdk.init()
    if not has_threads():  # after an answer was sent; sentry-sdk's own thread runs while it is waited for
        sys.modules["uwsgi"].after_req_hook = lambda: sdk.flush(timeout=FLUSH)  # type: ignore[attr-defined]
    in_force["sentry"] = "yes, with release and environment"


def is_active(sdk: Any) -> bool:
    """Whether a client is there already; sentry-sdk 1 has it on a hub."""
    if hasattr(sdk, "get_client"):
        return bool(sdk.get_client().is_active())
    return sdk.Hub.current.client is not None
