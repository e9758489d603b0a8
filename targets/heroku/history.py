"""What an app's list of releases means: which one serves, where each push ended, and what a rollback goes back to.

Heroku makes a release of every change of config, so a push is one to three releases: the config, the code, the
deletions. Only the last of them is a state that somebody wanted; a rollback goes from one such end to another.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from .ledger import NAME, Ledger
from .records import HerokuBuild, HerokuRelease

_ROLLBACK = re.compile(r"Rollback to v(\d+)")


def live(releases: Sequence[HerokuRelease]) -> HerokuRelease | None:
    """The release that serves: Heroku's current one, never one that failed or is still being made."""
    good = [one for one in releases if one.status == "succeeded"]
    return next((one for one in good if one.current), None) or max(good, key=lambda one: one.version, default=None)


def digest_of(release: HerokuRelease, releases: Iterable[HerokuRelease], builds: Iterable[HerokuBuild]) -> str:
    """The digest of the bundle that a release runs; empty when no build that is known made its code."""
    build = build_of(release, releases, builds)
    return build.tree if build else ""


def build_of(
    release: HerokuRelease, releases: Iterable[HerokuRelease], builds: Iterable[HerokuBuild]
) -> HerokuBuild | None:
    """The build that made a release's code. Later releases of the same code (config, rollback) have its artifact."""
    if not release.artifact:
        return None
    artifacts = {one.id: one.artifact for one in releases}
    for build in builds:
        made = build.artifact or artifacts.get(build.release, "")
        if build.status == "succeeded" and made == release.artifact:
            return build
    return None


def halves(releases: Iterable[HerokuRelease]) -> frozenset[str]:
    """The ids of the releases that are the first half of a push: its config, right before its code."""
    ordered = sorted(releases, key=lambda one: one.version)
    return frozenset(
        one.id
        for one, following in itertools.pairwise(ordered)
        if NAME in one.description and one.artifact != following.artifact and following.status == "succeeded"
    )


def timeline(releases: Iterable[HerokuRelease]) -> list[HerokuRelease]:
    """The states that led to the present one, oldest first: what failed never was one, and a rollback undoes what lay
    between."""
    states: list[HerokuRelease] = []
    for release in sorted(releases, key=lambda one: one.version):
        if release.status not in ("succeeded", "expired"):
            continue
        back = _ROLLBACK.fullmatch(release.description.strip())
        if back and any(one.version == int(back[1]) for one in states):
            while states[-1].version != int(back[1]):
                states.pop()
        else:
            states.append(release)
    return states


def begun_from(releases: Sequence[HerokuRelease], ledger: Ledger, digest: str) -> HerokuRelease | None:
    """The end of the last push, which a failed push goes back to. It is the live release, unless that is the first
    half (the config) of a push whose code never came.

    Args:
        digest: of the bundle that the live release runs.
    """
    present = live(releases)
    if present is None or not ledger.tree or ledger.tree == digest or ledger.before is None:
        return present
    states = timeline(releases)
    before = _state_at(releases, states, ledger.before)
    if before is None or before.artifact != present.artifact:
        return present
    return present if _changes(states[states.index(before) :]) else before


def previous(releases: Sequence[HerokuRelease], ledger: Ledger) -> HerokuRelease | None:
    """The end of the push before the one that is live; None when the list does not reach back that far.

    Where the ledger does not know (an env sync does not ask Heroku for its releases, an app that paasctl never
    pushed has no ledger), the releases' descriptions and codes are what there is to go by.
    """
    states = timeline(releases)
    start = _state_at(releases, states, ledger.before) if ledger.before is not None else _before_writing(states)
    if start is None or start is states[-1]:
        return _before_last_code(states) if ledger.before is None else None
    since = states[states.index(start) :]
    if len(_changes(since)) > (1 if ledger.tree else 0):
        return _before_last_code(states)  # a later push brought code and left the env alone
    return start


def _before_writing(states: Sequence[HerokuRelease]) -> HerokuRelease | None:
    """The state before the newest release that wrote the manifest, by Heroku's description of it."""
    written = [number for number, one in enumerate(states) if re.search(rf"\b{NAME}\b", one.description)]
    return states[written[-1] - 1] if written and written[-1] else None


def _before_last_code(states: Sequence[HerokuRelease]) -> HerokuRelease | None:
    changes = _changes(states)
    return states[changes[-1] - 1] if changes else None


def _changes(states: Sequence[HerokuRelease]) -> list[int]:
    """The positions at which the code differs from that of the state before."""
    return [n for n in range(1, len(states)) if states[n].artifact != states[n - 1].artifact]


def _state_at(releases: Iterable[HerokuRelease], states: Iterable[HerokuRelease], version: int) -> HerokuRelease | None:
    """The state that a version stands for; that of a rollback is the one that it went back to."""
    named = next((one for one in releases if one.version == version), None)
    back = _ROLLBACK.fullmatch(named.description.strip()) if named else None
    versions = {version, int(back[1])} if back else {version}
    return next((one for one in states if one.version in versions), None)
