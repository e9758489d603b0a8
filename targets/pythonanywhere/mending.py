"""A site that does not serve what is live: what is wrong with it, and how the web app is set right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paasctl.errors import PaasctlError
from paasctl.model import Plan, Say, Step

from . import webapp
from .account import Account
from .documents import Deploy
from .errors import ApiError
from .remarks import refused
from .signed import NoAnswer, SiteStatus
from .stub import stub
from .webapp import WebApp

#: Seconds between two questions to a site that has not switched yet.
PAUSES = (0.0, 1.0, 1.0, 2.0, 3.0, 5.0, 5.0, 8.0)


@dataclass(frozen=True, slots=True)
class Word:
    """A site's own word. ``healthy`` is None where it gave none; ``problem`` says what is wrong, in a phrase;
    ``mendable`` that setting the web app right may help."""

    healthy: bool | None
    problem: str = ""
    said: SiteStatus | None = None
    mendable: bool = True

    @property
    def answered(self) -> int:
        """The status of the health page; 0 where it is not known."""
        return self.said.answered if self.said else 0


def ask(account: Account, live: Deploy) -> Word:
    """Ask the site whether it serves what is live, and is well."""
    try:
        said = account.site.status(live.key)
    except NoAnswer as error:
        why = f"{error.message}; {error.hint}" if error.status == 401 else error.message
        return Word(None, why, mendable=error.status not in (0, 401))
    if not said.serves:
        lines = said.error.strip().splitlines() or ["its app could not be started"]
        return Word(False, lines[-1], said)
    if said.deploy != live.id:
        return Word(False, f"release {said.release} serves", said)
    record, found = live.record, said.answered
    if record is None or record.accepts(found):
        return Word(True, f"HTTP {found}", said)
    return Word(False, f"{record.health} answers {found}", said)


def mend(account: Account, live: Deploy) -> Plan:
    """What a push that has nothing else to do can do for a site that does not serve: nothing, warn, or set it right."""
    word = ask(account, live)
    if word.healthy:
        return Plan(url=account.url)
    warning = f"{live.release} is live but not well: {word.problem}"
    return plan(account, live, (warning,)) if word.mendable else Plan(url=account.url, warnings=(warning,))


def plan(account: Account, live: Deploy, warnings: tuple[str, ...] = ()) -> Plan:
    """Set the web app right, reload it, and see that what is live serves."""
    site = WebApp.from_json(live.site)

    def right(say: Say) -> None:
        with account.telling(say):
            set_right(account, site, {}, say)
            say_warning(account.api.reload(account.settings.domain), say)

    def again(say: Say) -> None:
        with account.telling(say):
            reload(account, site, say)

    word = Word(None)

    def check(say: Say) -> None:
        nonlocal word
        for pause in PAUSES:
            account.clock.sleep(pause)
            word = ask(account, live)
            if word.healthy:
                return
        raise PaasctlError(f"the site is not well after the reload: {word.problem}", hint="see `paasctl logs`")

    where = "its settings and its WSGI file are written where they are not what the live release needs"
    return Plan(
        commit=(Step("set the web app right, and reload it", right, (where,)),),
        verify=(Step(f"check that {live.release} serves and is well", check),),
        undo=Step("reload once more", again),
        late_warnings=lambda: refused(word.answered, live.record, account.settings.domain) if live.record else (),
        url=account.url,
        warnings=warnings,
    )


def set_right(account: Account, site: WebApp, ours: Mapping[str, str], say: Say) -> None:
    """Create the web app if it is gone; write what differs of its settings, and its WSGI file when that is not ours.

    Args:
        ours: static mappings that paasctl made and that are no longer wanted.
    """
    api, settings = account.api, account.settings
    found = webapp.find(api.webapps(), settings.domain)
    if found is None:
        say(f"the web app {settings.domain} is gone; creating it again")
        webapp.create(api, settings.domain, site.python)
    webapp.apply(api, settings.domain, site, found, ours)
    text = stub(settings.home, account.folder, settings.domain, settings.wsgi)
    if api.read(settings.wsgi) != text:
        say("writing the site's WSGI file")
        api.write(settings.wsgi, text)


def reload(account: Account, site: WebApp, say: Say) -> None:
    """Reload; a web app that is gone is created again first."""
    domain = account.settings.domain
    try:
        warning = account.api.reload(domain)
    except ApiError as error:
        if error.status not in (403, 404) or webapp.find(account.api.webapps(), domain) is not None:
            raise
        set_right(account, site, {}, say)
        warning = account.api.reload(domain)
    say_warning(warning, say)


def say_warning(warning: str, say: Say) -> None:
    """Say what a reload warned of, if anything."""
    if warning:
        say(f"warning: {warning}")
