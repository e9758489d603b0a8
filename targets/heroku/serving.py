"""Is the new release really serving: are its dynos up, and does the app answer?"""

from __future__ import annotations

from paasctl import health
from paasctl.errors import PaasctlError
from paasctl.model import Say

from . import waiting
from .api import Api
from .failures import Uncertain, Unreachable
from .records import Dyno

#: Seconds. Heroku gives a web process a minute to bind its port; then it counts as crashed.
DYNO_LIMIT = 100
#: How often the dynos are looked at before "no web dynos" is believed.
_NONE_YET = 3


def await_dynos(api: Api, version: int, say: Say) -> bool:
    """Wait until every web dyno runs this release (or a newer one) and none of an older one is left.

    Answers False when the app has no web dynos, so that nothing can answer. Where Heroku's API does not tell, the
    app's own answer has to do.

    Raises:
        PaasctlError: a web dyno of this release crashed, or they do not come up in time.
    """
    new: list[Dyno] = []
    for look in waiting.looks(DYNO_LIMIT):
        try:
            web = [dyno for dyno in api.dynos() if dyno.type == "web"]
        except (Uncertain, Unreachable) as error:
            say(f"{error.message}; the dynos cannot be seen, asking only the app")
            return True
        new = [dyno for dyno in web if dyno.version >= version]
        crashed = [dyno.name for dyno in new if dyno.state == "crashed"]
        if crashed:
            raise PaasctlError(
                f"{', '.join(crashed)} crashed after the start of v{version}", hint="`paasctl logs` shows why"
            )
        if web and len(new) == len(web) and all(dyno.state in ("up", "idle") for dyno in new):
            return True
        if not web and look >= _NONE_YET:
            return False
        say(f"waiting for the web dynos of v{version}")
    if new and all(dyno.state in ("up", "idle") for dyno in new):
        return True  # with preboot, Heroku keeps the old ones for minutes
    raise PaasctlError(f"the web dynos of v{version} did not come up in time", hint="`paasctl logs` shows why")


def require_serving(api: Api, version: int, url: str, path: str | None, say: Say) -> None:
    """The web dynos run this release, and the app answers.

    Raises:
        PaasctlError: it does not serve.
    """
    if not await_dynos(api, version, say):
        say("there are no web dynos, so nobody can answer; set web = 1 in the target's formation")
    elif url:
        check_health(url, path, say)


def check_health(url: str, path: str | None, say: Say) -> None:
    """Ask the app itself.

    Raises:
        PaasctlError: it does not answer as an app that is alive does.
    """
    answer = health.wait(url, path, say=say, sleep=waiting.pause)
    if not answer:
        asked = path or "/"
        raise PaasctlError(
            f"the app is not healthy: {asked} answers {answer.detail}"
            if answer.status
            else f"the app is not healthy: {asked} gives {answer.detail}",
            hint="`paasctl logs` shows why",
        )
    say(f"healthy: {answer.detail}")
