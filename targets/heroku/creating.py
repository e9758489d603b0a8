"""Makes the app at Heroku, for ``push --create``."""

from __future__ import annotations

import re

from paasctl.errors import UsageError
from paasctl.model import Say

from .api import Api
from .failures import ApiError, Uncertain

_NAME = re.compile(r"[a-z][a-z0-9-]{1,28}[a-z0-9]")


def check_name(name: str) -> None:
    """Refuse a name that Heroku cannot give to an app.

    Raises:
        UsageError: says what a name looks like.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of an app at Heroku",
            hint="3 to 30 of a-z, 0-9 and -, a letter first, no - at the end; the app's name is not its folder's",
        )


def create(api: Api, region: str, team: str, say: Say) -> str:
    """Make the app and answer with its address.

    Raises:
        UsageError: the name is taken by somebody else.
        PaasctlError: Heroku refused.
    """
    body = {key: value for key, value in (("name", api.app), ("region", region), ("team", team)) if value}
    try:
        made = api.create(body)
    except Uncertain as error:
        say(f"{error.message}; looking whether the app was made")
        made = existing(api) or api.create(body)
    except ApiError as error:
        if error.status == 422 and "taken" in error.said:
            raise UsageError(
                f"an app named {api.app} exists already, and is somebody else's", hint="choose another name"
            ) from None
        raise
    url = str(made.get("web_url") or "")
    say(f"made the app {api.app}: {url}")
    return url


def existing(api: Api) -> dict[str, object] | None:
    """What Heroku knows of the app; None when there is none."""
    try:
        return dict(api.info())
    except ApiError as error:
        if error.status == 404:
            return None
        raise
