"""Writes config vars in one request and makes sure of what became of it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from paasctl.errors import Conflict, PaasctlError
from paasctl.model import Say
from paasctl.secret import Secret

from . import waiting
from .api import Api
from .failures import ApiError, Uncertain
from .ledger import NAME
from .records import HerokuRelease

_OWNED = re.compile(r"Cannot overwrite attachment values? (.+)", re.DOTALL)

Changes = Mapping[str, Secret | None]


class Owned(PaasctlError):
    """Heroku refuses names that belong to an add-on; it wrote nothing."""

    def __init__(self, names: frozenset[str]) -> None:
        super().__init__(
            f"{', '.join(sorted(names))} became an add-on's in this moment; Heroku refused and wrote nothing",
            hint="run the same command again; it leaves out what is an add-on's",
        )
        self.names = names


def compare(api: Api, read: Mapping[str, Secret]) -> None:
    """Refuse to write over what somebody changed since it was read.

    Raises:
        Conflict: the config vars are not what they were; their names are told.
    """
    now = api.config_vars()
    differing = sorted(name for name in now.keys() | read.keys() if now.get(name) != read.get(name))
    if differing:
        names = ", ".join("the env manifest (another push)" if name == NAME else name for name in differing)
        raise Conflict(
            f"somebody changed the config at Heroku in the meantime: {names}; nothing was written",
            hint="run the same command again; it shows what is different now",
        )


def write(api: Api, changes: Changes, say: Say) -> None:
    """Make the changes in one request: one release at Heroku.

    Raises:
        Owned: some of the names belong to an add-on; nothing was written.
        PaasctlError: Heroku refused (nothing was written), or what it answers is not what was sent.
    """
    try:
        after = _patch(api, changes, say)
    except ApiError as error:
        raise _owned(error, changes) or error from None
    wrong = [name for name in changes if after.get(name) != changes[name]]
    if wrong:
        raise PaasctlError(f"Heroku did not keep what was sent for {', '.join(sorted(wrong))}", hint="push again")


def release_after(api: Api, version: int | None) -> tuple[HerokuRelease, ...]:
    """The newest releases, once there is one behind ``version`` (None: not known), newest first.

    Raises:
        PaasctlError: Heroku lists no release at all.
    """
    found: tuple[HerokuRelease, ...] = ()
    for _ in waiting.looks(10):  # Heroku may still be writing it down
        found = api.releases(5)
        if found and (version is None or found[0].version > version):
            break
    if not found:
        raise PaasctlError("Heroku lists no release of the new config", hint="run the same command again")
    return found


def _patch(api: Api, changes: Changes, say: Say) -> Mapping[str, Secret]:
    """After a request without an answer: look, and send it once more only if it has had no effect."""
    try:
        return api.patch_config_vars(changes)
    except Uncertain as error:
        say(f"{error.message}; looking whether the config was written")
    now = api.config_vars()
    if all(now.get(name) == value for name, value in changes.items()):
        return now
    return api.patch_config_vars(changes)


def _owned(error: ApiError, changes: Changes) -> Owned | None:
    match = _OWNED.search(error.said) if error.status == 422 else None
    names = frozenset(re.findall(r"\w+", match[1])) & changes.keys() if match else frozenset()
    return Owned(names) if names else None
