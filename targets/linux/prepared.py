"""Whether a release that was made before fits what `paasctl setup` has prepared a host for since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from paasctl.errors import UsageError

from .state import Document, HostState


def require_processes(target: str, state: HostState, document: Document) -> None:
    """On a host whose Supervisor belongs to root, its processes must be those of the release.

    Raises:
        UsageError: names what differs, and the commit whose setup is needed: today's checkout is another one.
    """
    if state.setup is None:
        return
    different = list(differences(state.setup, document))
    if different:
        message = f"{document['id']} needs other processes than the host is prepared for ({', '.join(different)})"
        live = f"{state.live['id']} is live as before" if state.live else "nothing was changed"
        where = f"a checkout of {_commit(document)}" if document.get("commit") else f"the checkout of {document['id']}"
        raise UsageError(
            f"{message}; {live}", hint=f"run `paasctl setup {target}` in {where}, then the same command again"
        )


def differences(setup: Mapping[str, Any], document: Document) -> Iterator[str]:
    """What a release needs and a host has otherwise, in a phrase each."""
    there, needed, release = setup.get("settings", {}), document["settings"], document["id"]
    for name in sorted({*there, *needed}):
        on_host, in_release = _shape(there.get(name)), _shape(needed.get(name))
        if on_host != in_release:
            yield f"{name}: {on_host} there, {in_release} in {release}"
    if setup.get("handover") != document["handover"]:
        yield f"web: {_way(setup.get('handover'))} there, {_way(document['handover'])} in {release}"


def _shape(settings: Mapping[str, Any] | None) -> str:
    return f"{settings['instances']} with stop_wait {settings['stop_wait']}" if settings else "none"


def _way(handover: bool | None) -> str:
    return "on a socket that is handed on" if handover else "on $PORT"


def _commit(document: Document) -> str:
    more = ", with what was not committed then" if document.get("dirty") else ""
    return f"{document['commit'][:10]}{more}"
