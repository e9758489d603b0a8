"""What somebody else does at Heroku while a command of ours runs: looked for right before the first write, and before
anything is taken back."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from paasctl.errors import Busy, Conflict
from paasctl.secret import Secret

from .api import Api
from .ledger import NAME
from .records import HerokuBuild, HerokuRelease

#: How many releases are looked through for somebody else's.
_RELEASES = 30

Values = Mapping[str, Secret]
Changes = Mapping[str, Secret | None]


def under_way(build: HerokuBuild | None, release: HerokuRelease | None) -> str:
    """The sentence for a build or a release that is not over; empty where both are."""
    if build is not None and build.status == "pending":
        return f"the build {build.id} is under way at Heroku, started by {build.who or 'somebody'}"
    if release is not None and release.status == "pending":
        return f"release {release.name} ({release.description}) by {release.who or 'somebody'} is not over"
    return ""


def require_quiet(api: Api) -> tuple[HerokuRelease, ...]:
    """The newest releases, newest first, once it is sure that nothing is under way.

    Raises:
        Busy: somebody's build or release is not over.
    """
    releases = api.releases(_RELEASES)
    busy = under_way(next(iter(api.builds(1)), None), next(iter(releases), None))
    if busy:
        raise Busy(
            f"{busy}; nothing was changed",
            hint="run the same command again when it is over; `paasctl push --wait` waits",
        )
    return releases


def require_unchanged(api: Api, planned: HerokuRelease | None) -> None:
    """Refuse to go on when there is a release that the plan does not know.

    Args:
        planned: the newest release when the plan was made.

    Raises:
        Busy: somebody's build or release is not over.
        Conflict: somebody released something; says what.
    """
    newest = next(iter(require_quiet(api)), None)
    if newest is not None and (planned is None or newest.id != planned.id):
        raise Conflict(
            f"somebody released {told(newest)} at Heroku in the meantime; nothing was written",
            hint="run the same command again; it shows what is different now",
        )


def told(release: HerokuRelease) -> str:
    """A release of somebody else in words."""
    return f"{release.name} ({release.description}, by {release.who or 'somebody'})"


@dataclass(frozen=True, slots=True)
class Others:
    """What others did since a command began: ``code`` is their first release with other code, ``env`` holds the config
    vars that are theirs, as they are now (None: removed)."""

    code: HerokuRelease | None = None
    env: Changes = field(default_factory=dict, repr=False)

    def __bool__(self) -> bool:
        return bool(self.code or self.env)

    def __str__(self) -> str:
        names = ["the env manifest (another push)" if name == NAME else name for name in sorted(self.env)]
        return ", ".join([told(self.code), *names] if self.code else names)


def since(api: Api, seen: int, ours: Set[str], before: Values, written: Changes) -> Others:
    """What others did since a command of ours began.

    Args:
        seen: the version of the newest release then.
        ours: the ids of the releases that the command made.
        before: the config vars then.
        written: what the command wrote of them.
    """
    now, releases = api.config_vars(), api.releases(_RELEASES)
    old = [one for one in releases if one.version <= seen and one.status == "succeeded"][:1]
    known = {one.artifact for one in releases if one.id in ours} | {one.artifact for one in old}
    theirs = [one for one in releases if one.version > seen and one.id not in ours and one.status != "failed"]
    code = [one for one in theirs if one.artifact not in known]
    env = {
        name: now.get(name)
        for name in now.keys() | before.keys()
        if now.get(name) != before.get(name) and not (name in written and now.get(name) == written[name])
    }
    return Others(code[-1] if code else None, env)
