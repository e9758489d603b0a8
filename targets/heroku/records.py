"""What Heroku's API tells about builds, releases and dynos, read into frozen records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from paasctl.secret import Secret


@dataclass(frozen=True, slots=True)
class HerokuRelease:
    """One release. ``artifact`` is its slug (Cedar) or image (Fir), empty before the first code; ``stream`` is signed.

    ``status`` is pending, succeeded, failed or expired; ``eligible`` says whether Heroku can roll back to it.
    """

    id: str
    version: int
    status: str
    description: str
    artifact: str
    current: bool
    eligible: bool
    who: str
    when: datetime
    stream: Secret | None

    @property
    def name(self) -> str:
        return f"v{self.version}"

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> HerokuRelease:
        artifacts = data.get("artifacts") or []
        return cls(
            id=str(data["id"]),
            version=int(data["version"]),
            status=str(data.get("status") or "succeeded"),
            description=str(data.get("description") or ""),
            artifact=_id(data.get("slug")) or next((_id(item) for item in artifacts), ""),
            current=bool(data.get("current")),
            eligible=data.get("eligible_for_rollback") is not False,
            who=str((data.get("user") or {}).get("email") or ""),
            when=_time(data.get("created_at")),
            stream=_secret(data.get("output_stream_url")),
        )


@dataclass(frozen=True, slots=True)
class HerokuBuild:
    """One build. ``tree`` is the digest of the bundle that it was made from (paasctl's builds), ``note`` its origin;
    ``status`` is pending, succeeded or failed; ``release`` the id of what it released, empty until then."""

    id: str
    status: str
    tree: str
    note: str
    artifact: str
    release: str
    who: str
    when: datetime
    stream: Secret | None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> HerokuBuild:
        source = data.get("source_blob") or {}
        return cls(
            id=str(data["id"]),
            status=str(data["status"]),
            tree=str(source.get("version") or ""),
            note=str(source.get("version_description") or ""),
            artifact=_id(data.get("slug")),
            release=_id(data.get("release")),
            who=str((data.get("user") or {}).get("email") or ""),
            when=_time(data.get("created_at")),
            stream=_secret(data.get("output_stream_url")),
        )


@dataclass(frozen=True, slots=True)
class Dyno:
    """One running (or not running) process of the app and the release that it runs."""

    name: str
    type: str
    state: str
    version: int
    command: str
    since: datetime

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Dyno:
        return cls(
            name=str(data["name"]),
            type=str(data.get("type") or ""),
            state=str(data.get("state") or ""),
            version=int((data.get("release") or {}).get("version") or 0),
            command=str(data.get("command") or ""),
            since=_time(data.get("updated_at")),
        )


def _id(data: Any) -> str:
    return str(data.get("id") or "") if isinstance(data, Mapping) else ""


def _secret(url: Any) -> Secret | None:
    return Secret(url) if isinstance(url, str) and url else None


def _time(text: Any) -> datetime:
    try:
        when = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.fromtimestamp(0, UTC)
    return when if when.tzinfo else when.replace(tzinfo=UTC)
