"""The Heroku adapter: what it can, what it needs to know, and one method per operation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from paasctl.credentials import origin
from paasctl.model import App, Desired, LogLine, Observed, Plan, PlatformFacts, Release, Setting, Status
from paasctl.redact import Redactor
from paasctl.sync import EnvChanges
from paasctl.target import Context

from .access import DOMAINS, URL, require_app, token
from .facts import FACTS
from .hints import Hints

if TYPE_CHECKING:
    from .api import Api


class Heroku:
    """One app at Heroku. Nothing is asked of Heroku before the first operation."""

    summary: ClassVar[str] = "Heroku: code by the Build API, env as config vars"
    facts: ClassVar[PlatformFacts] = FACTS
    settings: ClassVar[Mapping[str, Setting]] = {
        "app": Setting(str, "the app's name at Heroku; default: the git remote named heroku"),
        "region": Setting(str, "where --create makes the app: us, eu, ..."),
        "team": Setting(str, "the team that owns the app that --create makes"),
        "formation": Setting(dict, 'dynos per process: web = 1, or web = "1:basic" with a dyno size'),
        "api_url": Setting(str, f"another address of the API than {URL}, for a proxy or a test"),
    }
    abilities: ClassVar[Mapping[str, str]] = {
        "releases": "",
        "rollback": "",
        "logs": "",
        "run": "",
        "restart": "",
        "status": "",
        "down": "",
        "unlock": "Heroku has no lock; `heroku builds:cancel` stops a build that is under way",
        "setup": "Heroku needs no preparation; `paasctl push heroku --create` makes the app",
    }

    def __init__(self, name: str, settings: Mapping[str, Any], context: Context) -> None:
        self._name, self._settings, self._context = name, settings, context
        self._origin = origin(settings.get("api_url"), URL, DOMAINS)
        self._app = require_app(name, settings.get("app"), context.root)
        self._hints = Hints.of(context.cache, self._origin.url, self._app)
        self._redactor = Redactor()
        self._redactor.keep([self._app])

    @staticmethod
    def connect(name: str, settings: Mapping[str, Any], context: Context) -> Heroku:
        return Heroku(name, settings, context)

    def close(self) -> None:
        if "_api" in self.__dict__:
            self._api.close()

    @cached_property
    def _api(self) -> Api:
        from .api import Api

        return Api(self._origin, token(self._name, self._origin, self._context), self._app)

    # --------------------------------------------------------------------------------------------------- a push

    def observe(self) -> Observed:
        from . import state

        return self._learned(state.observe(self._api, self._hints, with_formation="formation" in self._settings))

    def observe_env(self) -> Observed:
        """What an env sync needs, with one request: releases and builds are not read."""
        from . import state

        return self._learned(state.observe_env(self._api, self._hints))

    def owners(self, names: Iterable[str]) -> Mapping[str, str]:
        """Who else owns these env names on the target: the add-on of each that belongs to one."""
        owned = self._api.addon_names()
        return {name: owned[name] for name in names if name in owned}

    def extra_files(self, app: App) -> Mapping[str, bytes]:
        """Files that the bundle needs for Heroku alone, by path."""
        from .checks import extra_files

        return extra_files(app)

    def plan(self, desired: Desired, observed: Observed, changes: EnvChanges) -> Plan:
        from .intent import Intent
        from .planning import plan
        from .pushing import Place

        self._redactor.learn(desired.env.values.values())
        intent = Intent.of(desired, observed, changes, self._settings.get("formation"))
        place = Place(self._settings.get("region") or "", self._settings.get("team") or "")
        return plan(self._api, intent, place, observed.url, self._redactor, self._hints)

    def _learned(self, observed: Observed) -> Observed:
        self._redactor.learn(observed.env.values())
        return observed

    # ----------------------------------------------------------------------------------------------- operations

    def releases(self) -> Sequence[Release]:
        from . import reports

        return reports.releases(self._api)

    def rollback(self, observed: Observed, release: str | None) -> Plan:
        from . import rollbacks

        return rollbacks.plan(self._api, observed, release, self._redactor, self._context.learn, self._hints)

    def logs(self, process: str | None, lines: int, follow: bool) -> Iterator[LogLine]:
        from . import logs

        return logs.read(self._api, process, lines, follow)

    def run(self, command: Sequence[str]) -> int:
        from . import running

        return running.run(self._api, command, self._context.environ)

    def restart(self, observed: Observed) -> Plan:
        from . import operating

        return operating.restart(self._api, observed)

    def status(self) -> Status:
        from . import reports

        return reports.status(self._api)

    def down(self, observed: Observed, purge: bool) -> Plan:
        from . import operating

        return operating.down(self._api, observed, purge)

    def unlock(self, observed: Observed) -> Plan:
        return Plan()
