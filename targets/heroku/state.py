"""What is at Heroku now: the app's config vars, releases and builds, read with three requests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from paasctl.manifest import Manifest
from paasctl.model import Observed, Provenance, Release
from paasctl.secret import Secret

from . import history, ledger
from .api import Api
from .failures import ApiError
from .hints import Hints
from .ledger import NAME, Ledger
from .records import HerokuBuild, HerokuRelease

#: How many releases and builds one look at the app brings; it costs one request each, however many.
RELEASES, BUILDS = 50, 20

_COMMIT = re.compile(r"commit ([0-9a-f]{7,64})( \+ changes)?(?P<unpushed>, in no remote)?")


@dataclass(frozen=True, slots=True)
class State:
    """The adapter's own part of what was observed.

    ``values`` are all config vars, the ledger's included. ``releases`` is None where only the env was read. ``live``
    is the release that serves, ``digest`` that of its bundle, ``start`` the end of the last push. ``formation`` is
    None where it was not asked for. ``unproven``, ``written`` and ``rollback`` are this machine's hints.
    """

    manifest: Manifest | None = None
    ledger: Ledger = field(default_factory=Ledger)
    values: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    releases: tuple[HerokuRelease, ...] | None = None
    builds: tuple[HerokuBuild, ...] = ()
    live: HerokuRelease | None = None
    digest: str = ""
    start: HerokuRelease | None = None
    formation: Mapping[str, tuple[int, str]] | None = None
    warning: str = ""
    unproven: str = ""
    written: str = ""
    rollback: str = ""

    @property
    def pending_build(self) -> HerokuBuild | None:
        return next((one for one in self.builds[:1] if one.status == "pending"), None)

    @property
    def pending_release(self) -> HerokuRelease | None:
        return next((one for one in (self.releases or ())[:1] if one.status == "pending"), None)


def observe(api: Api, hints: Hints, with_formation: bool) -> Observed:
    """Everything that a push needs: config vars, releases, builds; the address too where the ledger lacks it."""
    values = _config_vars(api)
    if values is None:
        hints.forget()
        return Observed(exists=False, extra=State())
    manifest, warning = ledger.read(values.get(NAME))
    notes = Ledger.of(manifest)
    releases, builds = api.releases(RELEASES), api.builds(BUILDS)
    live = history.live(releases)
    digest = history.digest_of(live, releases, builds) if live else ""
    state = State(
        manifest=manifest,
        ledger=notes,
        values=values,
        releases=releases,
        builds=builds,
        live=live,
        digest=digest,
        start=history.begun_from(releases, notes, digest),
        formation=_formation(api, live) if with_formation else None,
        warning=warning,
        unproven=hints.get("unproven"),
        written=hints.get("written"),
        rollback=hints.get("rollback"),
    )
    return _observed(api, state, known_url(api, notes) or _url(api, hints))


def observe_env(api: Api, hints: Hints) -> Observed:
    """What an env sync needs: one request."""
    values = _config_vars(api)
    if values is None:
        return Observed(exists=False, extra=State())
    manifest, warning = ledger.read(values.get(NAME))
    notes = Ledger.of(manifest)
    state = State(manifest=manifest, ledger=notes, values=values, warning=warning, written=hints.get("written"))
    return _observed(api, state, known_url(api, notes) or hints.get("url"))


def known_url(api: Api, notes: Ledger) -> str:
    """The app's address as an earlier push noted it; empty when it was not noted, or for another app."""
    return notes.url if notes.app == api.app else ""


def _url(api: Api, hints: Hints) -> str:
    url = hints.get("url")
    if not url:
        url = str(api.info().get("web_url") or "")
        hints.note("url", url)
    return url


def as_releases(releases: Sequence[HerokuRelease], builds: Sequence[HerokuBuild]) -> tuple[Release, ...]:
    """Heroku's releases as the core's, newest first. The first half of a push has no digest: it is no state that
    anybody wanted."""
    live, halves = history.live(releases), history.halves(releases)
    made = {one.id: history.build_of(one, releases, builds) for one in releases if one.id not in halves}
    return tuple(_release(one, made.get(one.id), live) for one in releases)


def _config_vars(api: Api) -> dict[str, Secret] | None:
    try:
        return api.config_vars()
    except ApiError as error:
        if error.status == 404:
            return None
        raise


def _formation(api: Api, live: HerokuRelease | None) -> Mapping[str, tuple[int, str]]:
    return api.formation() if live is not None and live.artifact else {}


def _observed(api: Api, state: State, url: str) -> Observed:
    env = {name: value for name, value in state.values.items() if name != NAME}
    releases = as_releases(state.releases or (), state.builds)
    return Observed(
        exists=True,
        env=env,
        manifest=state.manifest,
        protected={name: owner for name, owner in state.ledger.addons.items() if name in env},
        live=_serving(releases, state.live),
        releases=releases,
        url=url,
        warnings=(*api.warnings, *_warnings(state)),
        extra=state,
    )


def _serving(releases: Sequence[Release], live: HerokuRelease | None) -> Release | None:
    """The release that is live; an app that has no code yet has none."""
    if live is None or not live.artifact:
        return None
    return next((one for one in releases if one.state == "live"), None)


def _warnings(state: State) -> list[str]:
    found = [state.warning] if state.warning else []
    newest = (state.releases or (None,))[0]
    if newest is not None and newest.status == "failed":
        serving = state.live.name if state.live else "nothing"
        found.append(f"release {newest.name} ({newest.description}) failed; {serving} still runs, with its own config")
    return found


def _release(one: HerokuRelease, build: HerokuBuild | None, live: HerokuRelease | None) -> Release:
    commit = _COMMIT.match(build.note) if build else None
    state: dict[str, str] = {"failed": "failed", "pending": "pending"}
    return Release(
        id=one.name,
        when=one.when,
        who=one.who,
        state="live" if live is not None and one.id == live.id else state.get(one.status, "good"),  # type: ignore[arg-type]
        digest=build.tree if build else "",
        commit=commit[1] if commit else "",
        dirty=bool(commit and commit[2]),
        note=one.description + _no_way_back(one),
        unpushed=bool(commit and commit["unpushed"]),
    )


def _no_way_back(one: HerokuRelease) -> str:
    if one.status in ("failed", "pending") or (one.status != "expired" and one.eligible and one.artifact):
        return ""
    return " (expired: no rollback)" if one.status == "expired" or one.artifact else " (no code: no rollback)"


def origin_note(provenance: Provenance) -> str:
    """Where the code came from, as it is noted at a build; :func:`as_releases` reads it."""
    if not provenance.commit:
        return f"pushed by {provenance.who}"
    changes = " + changes" if provenance.dirty else ""
    changes += ", in no remote" if provenance.unpushed else ""
    branch = f" on {provenance.branch}" if provenance.branch else ""
    return f"commit {provenance.commit}{changes}{branch}, pushed by {provenance.who}"
