"""The stand-in's records in the shapes that Heroku's schema promises."""

from __future__ import annotations

from typing import Any

from .world import Build, HerokuApp, JsonObject, Release

USER = {"id": "01234567-89ab-cdef-0123-456789abcdef", "email": "dev@example.com"}
STACK = {"id": "01234567-89ab-cdef-0123-456789abcde0", "name": "heroku-24"}


def app(one: HerokuApp, web_url: str) -> JsonObject:
    team = {"id": "01234567-89ab-cdef-0123-456789abcdf1", "name": one.team} if one.team else None
    return {
        "acm": False,
        "archived_at": None,
        "buildpack_provided_description": None,
        "build_stack": STACK,
        "created_at": "2026-01-01T00:00:00Z",
        "generation": {"id": "01234567-89ab-cdef-0123-456789abcdf0", "name": "cedar"},
        "git_url": f"https://git.heroku.com/{one.name}.git",
        "id": one.id,
        "internal_routing": False,
        "maintenance": one.maintenance,
        "name": one.name,
        "owner": USER,
        "organization": team,
        "team": team,
        "region": {"id": "01234567-89ab-cdef-0123-456789abcdf2", "name": one.region},
        "released_at": "2026-01-01T00:00:00Z",
        "repo_size": None,
        "slug_size": None,
        "space": None,
        "stack": STACK,
        "updated_at": "2026-01-01T00:00:00Z",
        "web_url": web_url,
    }


def release(owner: HerokuApp, one: Release, base: str) -> JsonObject:
    slug = {"id": one.slug.id} if one.slug else None
    return {
        "addon_plan_names": [],
        "artifacts": [{"type": "slug", "id": one.slug.id}] if one.slug else [],
        "app": {"name": owner.name, "id": owner.id},
        "created_at": one.created,
        "description": one.description,
        "id": one.id,
        "updated_at": one.created,
        "slug": slug,
        "status": one.status,
        "user": USER,
        "version": one.version,
        "current": one is owner.current,
        "output_stream_url": f"{base}/streams/release/{one.id}?X-Amz-Signature=release-secret" if one.output else None,
        "eligible_for_rollback": one.eligible and one.status == "succeeded" and one.slug is not None,
    }


def build(owner: HerokuApp, one: Build, base: str) -> JsonObject:
    return {
        "app": {"id": owner.id},
        "buildpacks": [{"url": "https://buildpack-registry.s3.amazonaws.com/buildpacks/heroku/python.tgz"}],
        "created_at": one.created,
        "generation": "cedar",
        "id": one.id,
        "output_stream_url": f"{base}/streams/build/{one.id}?X-Amz-Signature=build-secret",
        "source_blob": {
            "checksum": one.blob.get("checksum"),
            "url": one.blob["url"],
            "version": one.blob.get("version"),
            "version_description": one.blob.get("version_description"),
        },
        "release": {"id": one.release.id} if one.release else None,
        "slug": {"id": one.slug.id} if one.slug else None,
        "stack": "heroku-24",
        "status": one.status,
        "updated_at": one.created,
        "user": USER,
    }


def attachments(owner: HerokuApp, with_names: bool) -> list[JsonObject]:
    found: list[JsonObject] = []
    for number, name in enumerate(sorted(owner.addons)):
        one: dict[str, Any] = {
            "addon": {
                "id": f"01234567-89ab-cdef-0123-4567890000{number:02}",
                "name": owner.addons[name],
                "app": {"id": owner.id, "name": owner.name},
            },
            "app": {"id": owner.id, "name": owner.name},
            "created_at": "2026-01-01T00:00:00Z",
            "id": f"01234567-89ab-cdef-0123-4567891111{number:02}",
            "name": name.removesuffix("_URL"),
            "namespace": None,
            "updated_at": "2026-01-01T00:00:00Z",
            "web_url": None,
            "log_input_url": None,
        }
        if with_names:
            one["addon"]["plan"] = {"id": "p", "name": "heroku-postgresql:essential-0"}
            one["config_vars"] = [name]
        found.append(one)
    return found


def formation(owner: HerokuApp) -> list[JsonObject]:
    processes = owner.current.slug.processes if owner.current.slug else {}
    return [
        {
            "app": {"name": owner.name, "id": owner.id},
            "command": command,
            "created_at": "2026-01-01T00:00:00Z",
            "dyno_size": {"id": "01234567-89ab-cdef-0123-456789abcd00", "name": owner.sizes.get(process, "Basic")},
            "id": f"01234567-89ab-cdef-0123-4567892222{number:02}",
            "quantity": owner.formation.get(process, 0),
            "size": owner.sizes.get(process, "Basic"),
            "type": process,
            "updated_at": "2026-01-01T00:00:00Z",
        }
        for number, (process, command) in enumerate(processes.items())
        if process != "release"
    ]
