"""What the stand-in answers, route by route."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from . import shapes
from .world import HerokuApp, Release, checksum, new_id, now

if TYPE_CHECKING:
    from .server import Standin

ACCEPTED = re.compile(r"application/vnd\.heroku\+json; version=3(\.\w+)?")


@dataclass(frozen=True)
class Call:
    """One request."""

    standin: Standin
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def route(self) -> str:
        return urlsplit(self.path).path


@dataclass(frozen=True)
class Answer:
    """One response; ``stream`` is sent bit by bit instead of ``body``."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    stream: bytes | None = None


def ok(document: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(document).encode())


def error(status: int, id: str, message: str) -> Answer:
    return ok({"id": id, "message": message}, status)


def answer(call: Call) -> Answer:
    """Everything: the API, signed addresses, streams, sites."""
    first = call.route.strip("/").split("/")[0]
    other = {"s3": _s3, "streams": _stream, "logplex": _logplex, "sites": _site}.get(first)
    if other is not None:
        return other(call)
    from .server import TOKEN

    if call.headers.get("authorization") != f"Bearer {TOKEN}":
        return error(401, "unauthorized", "Invalid credentials provided.")
    if not ACCEPTED.fullmatch(call.headers.get("accept", "")):
        return error(406, "not_acceptable", "The Accept header must name a version.")
    return _api(call)


def _api(call: Call) -> Answer:
    world, base = call.standin.world, call.standin.url
    if call.route == "/sources" and call.method == "POST":
        key = new_id()
        blob = {what: f"{base}/s3/{key}?X-Amz-Signature=source-secret&for={what}" for what in ("get_url", "put_url")}
        return ok({"source_blob": blob}, 201)
    if call.route == "/account/rate-limits":
        return ok({"remaining": call.standin.remaining})
    if call.route == "/account":
        return ok({"id": shapes.USER["id"], "email": shapes.USER["email"]})
    if call.route in ("/apps", "/teams/apps") and call.method == "POST":
        return _create(call)
    match = re.fullmatch(r"/apps/([^/]+)(?:/(.*))?", call.route)
    if match is None:
        return error(404, "not_found", f"no route {call.route}")
    app = world.apps.get(match[1]) or next((one for one in world.apps.values() if one.id == match[1]), None)
    if match[1] in world.taken:
        return error(403, "forbidden", "You do not have access to the app.")
    if app is None:
        return error(404, "not_found", "Couldn't find that app.")
    return _app(call, app, match[2] or "")


def _create(call: Call) -> Answer:
    world, wanted = call.standin.world, call.json
    if wanted["name"] in world.apps or wanted["name"] in world.taken:
        return error(422, "invalid_params", f"Name {wanted['name']} is already taken")
    made = world.app(wanted["name"], region=wanted.get("region") or "us", team=wanted.get("team"))
    return ok(shapes.app(made, _site_url(call, made)), 201)


def _site_url(call: Call, app: HerokuApp) -> str:
    return f"{call.standin.url}/sites/{app.name}/"


def _app(call: Call, app: HerokuApp, rest: str) -> Answer:
    if rest == "":
        if call.method == "DELETE":
            del call.standin.world.apps[app.name]
        return ok(shapes.app(app, _site_url(call, app)))
    head, _, tail = rest.partition("/")
    route = {
        "config-vars": _config_vars,
        "releases": _releases,
        "builds": _builds,
        "addon-attachments": _attachments,
        "formation": _formation,
        "dynos": _dynos,
        "log-sessions": _log_sessions,
    }.get(head)
    return route(call, app, tail) if route else error(404, "not_found", f"no route {rest}")


def _config_vars(call: Call, app: HerokuApp, tail: str) -> Answer:
    if call.method == "PATCH":
        refused = app.patch(call.json)
        if refused:
            return error(422, "invalid_params", refused)
    return ok(app.config)


def _listed(call: Call, documents: list[Any]) -> Answer:
    wanted = call.headers.get("range", "")
    if "order=desc" in wanted:
        documents = documents[::-1]
    most = re.search(r"max=(\d+)", wanted)
    if most and len(documents) > int(most[1]):
        return Answer(206, json.dumps(documents[: int(most[1])]).encode(), headers={"Next-Range": "more"})
    return ok(documents)


def _releases(call: Call, app: HerokuApp, tail: str) -> Answer:
    base = call.standin.url
    if call.method == "POST":
        target = next((one for one in app.releases if one.id == call.json.get("release")), None)
        if target is None:
            return error(404, "not_found", "Couldn't find that release.")
        made = app.roll_back(target)
        if isinstance(made, str):
            return error(422, "invalid_params", made)
        return ok(shapes.release(app, made, base), 201)
    if not tail:
        return _listed(call, [shapes.release(app, one, base) for one in app.releases])
    wanted, _, what = tail.partition("/")
    found = next((one for one in app.releases if wanted in (one.id, str(one.version), f"v{one.version}")), None)
    if found is None:
        return error(404, "not_found", "Couldn't find that release.")
    if what == "config-vars":
        return ok(found.config)
    _poll_release(app, found)
    return ok(shapes.release(app, found, base))


def _poll_release(app: HerokuApp, release: Release) -> None:
    release.polls += 1
    if release.polls > app.release_polls:
        app.settle_release(release)


def _builds(call: Call, app: HerokuApp, tail: str) -> Answer:
    base = call.standin.url
    if call.method == "POST":
        blob = call.json["source_blob"]
        archive = call.standin.world.archives.get(urlsplit(blob["url"]).path.rsplit("/", 1)[-1])
        if archive is None:
            return error(422, "invalid_params", "The source could not be fetched.")
        if blob.get("checksum") != checksum(archive):
            return error(422, "invalid_params", "The checksum does not match.")
        return ok(shapes.build(app, app.start_build(blob, archive), base), 201)
    if not tail:
        return _listed(call, [shapes.build(app, one, base) for one in app.builds])
    found = next((one for one in app.builds if one.id == tail), None)
    if found is None:
        return error(404, "not_found", "Couldn't find that build.")
    found.polls += 1
    if found.polls > app.build_polls:
        app.settle_build(found)
    return ok(shapes.build(app, found, base))


def _attachments(call: Call, app: HerokuApp, tail: str) -> Answer:
    return ok(shapes.attachments(app, "config_vars" in call.headers.get("accept-inclusion", "")))


def _formation(call: Call, app: HerokuApp, tail: str) -> Answer:
    if call.method == "PATCH":
        for update in call.json["updates"]:
            app.formation[update["type"]] = update["quantity"]
            if "dyno_size" in update:
                app.sizes[update["type"]] = update["dyno_size"]["name"].capitalize()
    return ok(shapes.formation(app))


def _dynos(call: Call, app: HerokuApp, tail: str) -> Answer:
    if call.method == "DELETE":
        app.restarts += 1
        return ok({}, 202)
    if call.method == "POST":
        return _one_off(call, app)
    return ok(app.dynos())


def _one_off(call: Call, app: HerokuApp) -> Answer:
    wanted = call.json
    secret = new_id()
    call.standin.world.one_offs[secret] = (app, wanted["command"])
    return ok(
        {
            "id": new_id(),
            "app": {"id": app.id, "name": app.name},
            "name": "run.1234",
            "type": "run",
            "state": "starting",
            "command": wanted["command"],
            "size": "Basic",
            "release": {"id": app.current.id, "version": app.current.version},
            "attach_url": f"rendezvous://{call.standin.rendezvous}/{secret}" if wanted.get("attach") else None,
            "created_at": now(),
            "updated_at": now(),
        },
        201,
    )


def _log_sessions(call: Call, app: HerokuApp, tail: str) -> Answer:
    id = new_id()
    call.standin.world.log_sessions[id] = (app, call.json)
    url = f"{call.standin.url}/logplex/{id}?X-Amz-Signature=logs-secret"
    return ok({"created_at": now(), "id": id, "logplex_url": url, "updated_at": now()}, 201)


# ------------------------------------------------------------------------------------------ behind signed addresses


def _signed(call: Call, secret: str) -> Answer | None:
    """S3 refuses a token beside the signature, and a content type that was not signed."""
    if parse_qs(urlsplit(call.path).query).get("X-Amz-Signature") != [secret]:
        return Answer(403, b"<Error><Code>AccessDenied</Code></Error>", "application/xml")
    if "authorization" in call.headers or "content-type" in call.headers:
        return Answer(403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", "application/xml")
    return None


def _s3(call: Call) -> Answer:
    refused = _signed(call, "source-secret")
    if refused is None and call.method == "PUT":
        call.standin.world.archives[call.route.rsplit("/", 1)[-1]] = call.body
    return refused or Answer(200, b"", "application/octet-stream")


def _stream(call: Call) -> Answer:
    _, kind, id = call.route.strip("/").split("/")
    refused = _signed(call, f"{kind}-secret")
    if refused is not None:
        return refused
    owners = call.standin.world.apps.values()
    things: list[Any] = [one for app in owners for one in (app.builds if kind == "build" else app.releases)]
    found = next((one for one in things if one.id == id), None)
    if found is None:
        return Answer(404, b"", "text/plain")
    data = "".join(f"{line}\n" for line in found.output).encode()
    start = re.fullmatch(r"bytes=(\d+)-", call.headers.get("range", ""))
    if start is None or call.standin.no_ranges:
        return Answer(200, kind="text/plain", stream=data)
    if int(start[1]) >= len(data):
        return Answer(416, b"", "text/plain")
    return Answer(206, kind="text/plain", stream=data[int(start[1]) :])


def _logplex(call: Call) -> Answer:
    refused = _signed(call, "logs-secret")
    if refused is not None:
        return refused
    app, wanted = call.standin.world.log_sessions[call.route.rsplit("/", 1)[-1]]
    lines = [line for line in app.log if f"[{wanted.get('type', '')}" in line or not wanted.get("type")]
    lines = lines[-wanted["lines"] :]
    if call.standin.events or call.headers.get("accept") == "text/event-stream":  # as Heroku's own client asks
        text = "".join(f": keep\nid: {number}\ndata: {line}\n\n" for number, line in enumerate(lines))
        return Answer(200, kind="text/event-stream", stream=text.encode())
    return Answer(200, kind="text/plain", stream="".join(f"{line}\n" for line in lines).encode())


def _site(call: Call) -> Answer:
    name = call.route.split("/")[2]
    app = call.standin.world.apps.get(name)
    if app is None or app.current.slug is None:
        return Answer(404, b"No such app", "text/html")
    if not app.serves:
        return Answer(503, b"Application error", "text/html")
    return Answer(200, app.current.slug.version.encode(), "text/plain")
