"""The web app's settings on the platform: created once, compared, and only what differs is written."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from paasctl.errors import PaasctlError, UsageError

from .api import Api
from .errors import ApiError, Unanswered

#: The settings that paasctl writes, as the API names them.
FIELDS = ("python_version", "source_directory", "working_directory", "force_https", "virtualenv_path")


@dataclass(frozen=True, slots=True)
class WebApp:
    """The settings that paasctl cares for. ``static`` maps URLs to folders of the account."""

    domain: str
    python: str
    folder: str
    force_https: bool
    static: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As ``deploy.json`` remembers what was last set."""
        return {
            "domain": self.domain,
            "python": self.python,
            "folder": self.folder,
            "force_https": self.force_https,
            "static": dict(self.static),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> WebApp:
        """Read what :meth:`to_json` wrote."""
        static = {str(url): str(path) for url, path in dict(found.get("static") or {}).items()}
        domain, python, folder = (str(found.get(name, "")) for name in ("domain", "python", "folder"))
        return cls(domain, python, folder, bool(found["force_https"]), static)

    def fields(self) -> dict[str, Any]:
        """As the API names them."""
        values = (self.python, self.folder, self.folder, self.force_https, "")
        return dict(zip(FIELDS, values, strict=True))

    def differences(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that the platform holds otherwise. An absent field is not known and not written."""
        return differing(self.fields(), found)

    def details(self, before: Mapping[str, Any]) -> tuple[str, ...]:
        """For the plan: what changes against what paasctl last set (nothing before: everything)."""
        lines = []
        for name, value in self.to_json().items():
            old = before.get(name)
            if name == "static":
                lines += [f"static {u} -> {p}" for u, p in self.static.items() if (old or {}).get(u) != p]
                lines += [f"no longer static: {u}" for u in (old or {}) if u not in self.static]
            elif old != value:
                shown = f"{old} -> {value}" if name in before else f"{value}"
                lines.append(f"{name}: {shown.replace('True', 'true').replace('False', 'false')}")
        return tuple(lines)


def differing(fields: Mapping[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that the platform has, with another value."""
    return {name: value for name, value in fields.items() if name in found and _same(found[name]) != _same(value)}


def _same(value: Any) -> Any:
    return value if isinstance(value, bool) else str(value or "").rstrip("/")


def find(webapps: list[dict[str, Any]], domain: str) -> dict[str, Any] | None:
    """The web app with this domain in the account's list."""
    return next((w for w in webapps if str(w.get("domain_name", "")).lower() == domain.lower()), None)


def create(api: Api, domain: str, python: str) -> None:
    """Create the web app. After an answer that says nothing clear, the list decides; it is never asked for twice.

    Raises:
        PaasctlError: the platform refused, or says that somebody else has the domain.
    """
    try:
        api.create_webapp(domain, python)
    except Unanswered:
        if find(api.webapps(), domain) is None:
            raise
    except ApiError as error:
        if find(api.webapps(), domain) is None:
            raise _refused(api, domain, python, error) from error


def not_offered(api: Api, python: str) -> UsageError | None:
    """The error for a Python that the account's web apps cannot have; None where it can, or nobody knows."""
    offered: list[str] = []
    with contextlib.suppress(PaasctlError):
        offered = api.pythons()
    if not offered or python in offered:
        return None
    return UsageError(
        f"PythonAnywhere does not offer Python {python} to this account",
        hint=f"set python under the target to one of {', '.join(offered)}",
    )


def _refused(api: Api, domain: str, python: str, error: ApiError) -> PaasctlError:
    text = error.detail or f"status {error.status}"
    if error.status == 400 and "python" in text.lower():
        return not_offered(api, python) or UsageError(
            f"PythonAnywhere does not offer Python {python}: {text}",
            hint="set python under the target to a version that the account's system image has",
        )
    return PaasctlError(f"PythonAnywhere did not create the web app {domain}: {text}", hint=_advice(error, text))


def _advice(error: ApiError, text: str) -> str:
    """What to do about a web app that was not created. The wording of the limit's error is not documented."""
    if error.status >= 500:
        return "run the same command again in a minute"
    if re.search(r"maximum|limit|only one|upgrade", text, re.IGNORECASE):
        return "a free account has one web app: delete the other one on the Web page, or name its domain in the target"
    return "see on the Web page of PythonAnywhere whether a web app of this domain can be added there"


def apply(
    api: Api,
    domain: str,
    wanted: WebApp,
    found: Mapping[str, Any] | None,
    ours: Mapping[str, str],
    *,
    but: tuple[str, ...] = (),
) -> None:
    """Write what differs.

    Args:
        found: the platform's object; None for a web app that was just created, which has no mappings yet.
        ours: the mappings that paasctl made earlier; those that are no longer wanted are removed.
        but: fields that are not written.
    """
    fresh = found is None
    changes = wanted.fields() if found is None else wanted.differences(found)
    left = (*but, "python_version", "virtualenv_path") if fresh else but
    changes = {name: value for name, value in changes.items() if name not in left}
    if changes:
        _update(api, domain, changes)
    apply_static(api, domain, wanted.static, ours, fresh)


def apply_fields(api: Api, domain: str, fields: Mapping[str, Any]) -> None:
    """Write what differs of some settings that the web app once had."""
    changes = differing(fields, find(api.webapps(), domain) or {})
    if changes:
        _update(api, domain, changes)


def choose_python(api: Api, domain: str, version: str) -> None:
    """Choose the web app's Python, like ``3.11``; in force after the next reload.

    Raises:
        UsageError: the account has no such Python.
    """
    _update(api, domain, {"python_version": version})


def _update(api: Api, domain: str, changes: Mapping[str, Any]) -> None:
    try:
        api.update_webapp(domain, _written(changes))
    except ApiError as error:
        if error.status != 400 or "python_version" not in changes:
            raise
        version = str(changes["python_version"])
        try:  # the API's two endpoints spell versions in two ways, and which one this takes is not documented
            api.update_webapp(domain, _written({**changes, "python_version": "python" + version.replace(".", "")}))
        except ApiError as second:
            if second.status != 400:
                raise
            raise _refused(api, domain, version, ApiError("", status=400, detail=f"python: {error.detail}")) from error


def _written(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(value).lower() if isinstance(value, bool) else value for name, value in changes.items()}


def apply_static(api: Api, domain: str, wanted: Mapping[str, str], ours: Mapping[str, str], fresh: bool) -> None:
    """Add, turn and remove mappings. Those that somebody else made are left alone, except for a URL that we need."""
    if not wanted and not ours:
        return
    present = {} if fresh else {str(m.get("url")): m for m in api.static_files(domain)}
    for url, path in wanted.items():
        mapping = present.get(url)
        if mapping is None:
            _add(api, domain, url, path)
        elif _same(str(mapping.get("path"))) != _same(path):
            api.change_static(domain, int(mapping["id"]), path)
    for url in ours:
        if url not in wanted and url in present:
            api.remove_static(domain, int(present[url]["id"]))


def _add(api: Api, domain: str, url: str, path: str) -> None:
    try:
        api.add_static(domain, url, path)
    except (Unanswered, ApiError):
        if not any(m.get("url") == url and m.get("path") == path for m in api.static_files(domain)):
            raise
