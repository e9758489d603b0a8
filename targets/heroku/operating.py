"""Plans for what is done to a running app: restart it, take it off."""

from __future__ import annotations

from collections.abc import Mapping

from paasctl.errors import UsageError
from paasctl.model import Observed, Plan, Say

from . import serving
from .api import Api
from .creating import existing
from .failures import Uncertain
from .planning import step


def restart(api: Api, observed: Observed) -> Plan:
    """Start all dynos anew, and wait until the app answers again."""
    _require_app(api, observed)

    def verify(say: Say) -> None:
        version = int(observed.live.id.removeprefix("v")) if observed.live else 0
        if observed.url and serving.await_dynos(api, version, say):
            serving.check_health(observed.url, None, say)

    return Plan(
        commit=(step(api, "restart all dynos", lambda say: api.restart()),),
        verify=(step(api, "check that the app is healthy", verify),),
        undo=step(api, "leave the dynos to Heroku, which starts them again", lambda say: None),
        url=observed.url,
    )


def down(api: Api, observed: Observed, purge: bool) -> Plan:
    """Stop all processes; with ``purge`` delete the app with its add-ons and their data."""
    if not observed.exists:
        return Plan()
    if purge:
        return Plan(
            commit=(step(api, f"delete the app {api.app}, its add-ons and their data", lambda say: _delete(api, say)),),
            undo=step(api, "leave what is left", lambda say: None),
            warnings=("this cannot be undone",),
        )
    formation = {name: count for name, (count, _) in api.formation().items() if count}
    if not formation:
        return Plan(url=observed.url)
    again = ", ".join(f"{name}={count}" for name, count in formation.items())
    return Plan(
        commit=(
            step(
                api,
                "scale all processes to 0",
                lambda say: _scale(api, dict.fromkeys(formation, 0)),
                [f"{name}: {count} -> 0" for name, count in formation.items()],
            ),
        ),
        undo=step(api, "scale them up again", lambda say: _scale(api, formation)),
        url=observed.url,
        notes=(f"the app, its config and add-ons stay; `heroku ps:scale {again} -a {api.app}` starts it again",),
    )


def _delete(api: Api, say: Say) -> None:
    """One DELETE; when its answer is lost, look whether it was done."""
    try:
        api.delete()
    except Uncertain as error:
        say(f"{error.message}; looking whether the app is gone")
        if existing(api) is not None:
            raise


def _scale(api: Api, formation: Mapping[str, int]) -> None:
    api.scale({name: (count, "") for name, count in formation.items()})


def _require_app(api: Api, observed: Observed) -> None:
    if not observed.exists:
        raise UsageError(f"there is no app {api.app} at Heroku that this account can see", hint="push it first")
