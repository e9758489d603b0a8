"""Each request of the adapter by itself, with ``responses``; every exchange is held against Heroku's schema."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import responses
from heroku_standin import schema
from responses import matchers

from paasctl.credentials import Token, origin
from paasctl.errors import PaasctlError
from paasctl.secret import Secret
from paasctl.target import load

URL = "https://api.heroku.com"
APP = f"{URL}/apps/shop"
ID = "01234567-89ab-cdef-0123-456789abcdef"
USER = {"id": ID, "email": "dev@example.com"}
RELEASE: dict[str, Any] = {
    "addon_plan_names": [],
    "app": {"name": "shop", "id": ID},
    "artifacts": [],
    "created_at": "2026-01-01T12:00:00Z",
    "current": True,
    "description": "Deploy 01234567",
    "eligible_for_rollback": True,
    "id": ID,
    "output_stream_url": None,
    "slug": {"id": ID},
    "status": "succeeded",
    "updated_at": "2026-01-01T12:00:00Z",
    "user": USER,
    "version": 12,
}
BUILD: dict[str, Any] = {
    "app": {"id": ID},
    "buildpacks": [],
    "created_at": "2026-01-01T12:00:00Z",
    "generation": "cedar",
    "id": ID,
    "output_stream_url": "https://build-output.heroku.com/streams/1?sig=secret",
    "release": None,
    "slug": None,
    "source_blob": {"checksum": None, "url": "https://x.example/s", "version": "t1", "version_description": None},
    "stack": "heroku-24",
    "status": "pending",
    "updated_at": "2026-01-01T12:00:00Z",
    "user": USER,
}


@pytest.fixture
def heroku(heroku_schema: schema.Schema | None) -> Iterator[responses.RequestsMock]:
    """Answers to be registered; afterwards every exchange must be one that the schema allows."""
    with responses.RequestsMock() as mock:
        yield mock
        if heroku_schema is not None:
            problems = check_all(mock, heroku_schema)
            assert not problems


def check_all(mock: responses.RequestsMock, against: schema.Schema) -> list[str]:
    for call in mock.calls:
        if not isinstance(call.response, Exception) and urlsplit(call.request.url or "").hostname == "api.heroku.com":
            sent = json.loads(call.request.body) if call.request.body else None
            if not (got := _json(call.response.content)):
                continue  # a broken answer, which is what the test is about
            headers = {name.lower(): value for name, value in call.request.headers.items()}
            route = urlsplit(call.request.url or "").path
            against.check(call.request.method or "", route, sent, call.response.status_code, got, headers)
    problems, against.problems = against.problems, []
    return problems


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None


@pytest.fixture
def api() -> Any:
    """The adapter's API object, as it makes it itself."""
    module = load("heroku").connect.__module__  # the room is reached by its entry point alone
    package = module.rpartition(".")[0]
    import importlib

    kind = importlib.import_module(f"{package}.api").Api
    return kind(origin(None, URL, ("heroku.com",)), Token(Secret("HRKU-token-0001"), "HEROKU_API_KEY"), "shop")


def test_every_request_says_version_and_token(heroku: responses.RequestsMock, api: Any) -> None:
    wanted = {"Authorization": "Bearer HRKU-token-0001", "Accept": "application/vnd.heroku+json; version=3"}
    heroku.get(f"{APP}/config-vars", json={"A": "1"}, match=[matchers.header_matcher(wanted)])
    assert api.config_vars() == {"A": Secret("1")}
    assert heroku.calls[0].request.headers["User-Agent"].startswith("paasctl/")


def test_config_is_one_patch(heroku: responses.RequestsMock, api: Any) -> None:
    body = matchers.json_params_matcher({"A": "1", "B": None})
    heroku.patch(f"{APP}/config-vars", json={"A": "1"}, match=[body])
    assert api.patch_config_vars({"A": Secret("1"), "B": None}) == {"A": Secret("1")}


def test_lists_ask_for_the_newest(heroku: responses.RequestsMock, api: Any) -> None:
    older = RELEASE | {"version": 11}
    ask = matchers.header_matcher({"Range": "version ..; order=desc,max=5"})
    heroku.get(f"{APP}/releases", json=[older, RELEASE], match=[ask], status=206)
    assert [one.version for one in api.releases(5)] == [12, 11]
    ask = matchers.header_matcher({"Range": "created_at ..; order=desc,max=1"})
    heroku.get(f"{APP}/builds", json=[BUILD], match=[ask])
    assert api.builds(1)[0].tree == "t1"


def test_a_build(heroku: responses.RequestsMock, api: Any) -> None:
    blob = {"url": "https://x.example/s", "checksum": "SHA256:00", "version": "t1", "version_description": "by me"}
    heroku.post(f"{APP}/builds", json=BUILD, status=201, match=[matchers.json_params_matcher({"source_blob": blob})])
    build = api.start_build(blob)
    assert "sig=secret" not in repr(build)
    heroku.get(f"{APP}/builds/{ID}", json=BUILD | {"status": "succeeded", "slug": {"id": ID}, "release": {"id": ID}})
    assert api.build(ID).release == ID


def test_sources_and_rollback(heroku: responses.RequestsMock, api: Any) -> None:
    signed = {"get_url": "https://s3.example/g?s=1", "put_url": "https://s3.example/p?s=1"}
    heroku.post(f"{URL}/sources", json={"source_blob": signed}, status=201)
    assert [one.reveal() for one in api.source()] == [signed["put_url"], signed["get_url"]]
    heroku.post(f"{APP}/releases", json=RELEASE, status=201, match=[matchers.json_params_matcher({"release": ID})])
    assert api.roll_back(ID).name == "v12"


def test_addons_are_asked_with_their_names(heroku: responses.RequestsMock, api: Any) -> None:
    found = [{"addon": {"name": "postgresql-x"}, "config_vars": ["DATABASE_URL", "OTHER_URL"]}]
    ask = matchers.header_matcher({"Accept-Inclusion": "addon:plan,config_vars"})
    heroku.get(f"{APP}/addon-attachments", json=found, match=[ask])
    assert api.addon_names() == {"DATABASE_URL": "postgresql-x", "OTHER_URL": "postgresql-x"}


def test_formation_and_restart(heroku: responses.RequestsMock, api: Any) -> None:
    web, worker = {"type": "web", "quantity": 2, "dyno_size": {"name": "basic"}}, {"type": "worker", "quantity": 0}
    update = {"updates": [web, worker]}
    heroku.patch(f"{APP}/formation", json=[], match=[matchers.json_params_matcher(update)])
    api.scale({"web": (2, "basic"), "worker": (0, "")})
    heroku.delete(f"{APP}/dynos", json={}, status=202)
    api.restart()


JUNK: tuple[Any, ...] = (None, 1, "text", [], {}, [None], ["text"], [{}], {"message": 1}, {"source_blob": "text"},
    {"source_blob": {"put_url": 1, "get_url": None}}, {"logplex_url": 1}, [{"type": "web", "quantity": "many"}],
    [{"addon": "text", "config_vars": ["A"]}], [{"config_vars": 7}])  # fmt: skip


@pytest.mark.parametrize(
    "call",
    [
        lambda api: api.config_vars(),
        lambda api: api.patch_config_vars({"A": Secret("1")}),
        lambda api: api.addon_names(),
        lambda api: api.releases(5),
        lambda api: api.release(ID),
        lambda api: api.builds(5),
        lambda api: api.build(ID),
        lambda api: api.source(),
        lambda api: api.info(),
        lambda api: api.create({"name": "shop"}),
        lambda api: api.formation(),
        lambda api: api.dynos(),
        lambda api: api.run({"command": "true"}),
        lambda api: api.log_stream({"lines": 1}),
    ],
)
def test_an_answer_of_another_shape_is_an_error_with_a_sentence(api: Any, call: Any) -> None:
    """A proxy, or a new version of the API: it must not look like a bug of ours."""
    refused = 0
    for junk in JUNK:
        with responses.RequestsMock() as mock:
            for method in ("GET", "POST", "PATCH"):
                mock.add(method, re.compile(URL), json=junk)
            mock.assert_all_requests_are_fired = False
            try:
                call(api)
            except PaasctlError as error:
                assert "Heroku" in error.message or "heroku3" in error.message
                refused += 1
    assert refused >= 5


# --------------------------------------------------------------------------------------------------------- repeats


@pytest.mark.parametrize("status", [500, 502, 503, 504, 429])
def test_a_get_is_repeated(heroku: responses.RequestsMock, api: Any, status: int, hasty: list[float]) -> None:
    heroku.get(f"{APP}/config-vars", status=status, body="<html>")
    heroku.get(f"{APP}/config-vars", json={})
    assert api.config_vars() == {}
    assert len(hasty) == 1


@pytest.mark.parametrize(
    "failure", [{"status": 503}, {"status": 201, "body": '{"id": '}, {"body": responses.ConnectionError("reset")}]
)
def test_a_post_is_not(heroku: responses.RequestsMock, api: Any, failure: dict[str, Any]) -> None:
    heroku.post(f"{APP}/builds", **failure)
    with pytest.raises(PaasctlError) as caught:
        api.start_build({"url": "https://x.example/s"})
    assert type(caught.value).__name__ == "Uncertain"
    assert len(heroku.calls) == 1


def test_a_post_that_heroku_did_not_look_at_is_repeated(
    heroku: responses.RequestsMock, api: Any, hasty: list[float]
) -> None:
    limit = {"id": "rate_limit", "message": "Your account reached the API rate limit"}
    heroku.post(f"{APP}/builds", status=429, json=limit, headers={"Retry-After": "7"})
    heroku.post(f"{APP}/builds", status=201, json=BUILD)
    api.start_build({"url": "https://x.example/s"})
    assert hasty == [7.0]


def test_a_get_is_given_up_at_last(heroku: responses.RequestsMock, api: Any, hasty: list[float]) -> None:
    heroku.get(f"{APP}/config-vars", status=503)
    with pytest.raises(PaasctlError) as caught:
        api.config_vars()
    assert hasty == [1.0, 2.0, 4.0, 8.0]
    assert caught.value.hint


def test_redirects_are_not_followed(heroku: responses.RequestsMock, api: Any) -> None:
    heroku.get(f"{APP}/config-vars", status=302, headers={"Location": "https://evil.example/"})
    with pytest.raises(PaasctlError):
        api.config_vars()
    assert len(heroku.calls) == 1


# ---------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("status", "id", "says"),
    [
        (401, "unauthorized", "does not accept the token from HEROKU_API_KEY"),
        (402, "delinquent", "owes money"),
        (403, "forbidden", "may not do this with the app shop"),
        (403, "two_factor", "second factor"),
        (403, "suspended", "suspended"),
        (404, "not_found", "the app shop was not found"),
        (410, "gone", "is gone"),
        (422, "verification_needed", "verified"),
        (409, "conflict", "Heroku refused"),
    ],
)
def test_refusals(heroku: responses.RequestsMock, api: Any, status: int, id: str, says: str) -> None:
    body = {"id": id, "message": "Heroku's own words."}
    heroku.get(f"{APP}/config-vars", status=status, json=body, headers={"Request-Id": "a-1,b-2"})
    with pytest.raises(PaasctlError) as caught:
        api.config_vars()
    assert says in caught.value.message
    assert "a-1,b-2" in caught.value.hint
    assert "HRKU-token-0001" not in caught.value.message + caught.value.hint


def test_a_config_var_without_a_value_is_none(heroku: responses.RequestsMock, api: Any) -> None:
    heroku.get(f"{APP}/config-vars", json={"A": None, "B": ""})
    assert api.config_vars() == {"B": Secret("")}


@pytest.mark.parametrize("method", ["get", "patch"])
def test_an_empty_answer_is_no_config(heroku: responses.RequestsMock, api: Any, method: str) -> None:
    heroku.add(method.upper(), f"{APP}/config-vars", body=b"")
    with pytest.raises(PaasctlError):
        api.config_vars() if method == "get" else api.patch_config_vars({"A": Secret("1")})


def test_a_page_of_html_is_not_shown(heroku: responses.RequestsMock, api: Any) -> None:
    heroku.get(f"{APP}/config-vars", status=400, body="<html>" + "x" * 5000)
    with pytest.raises(PaasctlError) as caught:
        api.config_vars()
    assert len(caught.value.message) < 300
    assert "<html>" not in caught.value.message


@pytest.mark.parametrize("answer", [[], "text", {"A": 1}, [1]])
def test_config_that_is_none(heroku: responses.RequestsMock, api: Any, answer: Any) -> None:
    heroku.get(f"{APP}/config-vars", json=answer)
    with pytest.raises(PaasctlError):
        api.config_vars()
    heroku.calls.reset()


@pytest.mark.parametrize("answer", [{}, [{}], [{"id": 1, "version": "x"}], [None], "text"])
def test_records_that_are_none(heroku: responses.RequestsMock, api: Any, answer: Any) -> None:
    heroku.get(f"{APP}/releases", json=answer)
    with pytest.raises(PaasctlError, match="not what its API promises"):
        api.releases(1)
    heroku.calls.reset()


# --------------------------------------------------------------------------------------------------------- schema


def test_the_schema_check_notices(required_schema: schema.Schema) -> None:
    """The oracle itself: wrong requests and answers are found."""
    wrong = [
        ("GET", "/apps/shop/nonsense", None, 200, {}),
        ("PATCH", "/apps/shop/config-vars", {"A": 1}, 200, {}),
        ("PATCH", "/apps/shop/config-vars", {"A-B": "1"}, 200, {}),
        ("GET", "/apps/shop/config-vars", None, 200, {"A": 1}),
        ("POST", "/apps/shop/builds", {}, 201, BUILD),
        ("GET", f"/apps/shop/builds/{ID}", None, 200, BUILD | {"status": "done"}),
        ("POST", "/apps/shop/releases", {"release": "not-an-id", "slug": 5}, 201, RELEASE | {"version": "12"}),
    ]
    for exchange in wrong:
        required_schema.check(*exchange, {})
        assert required_schema.problems, exchange
        required_schema.problems = []


def test_the_schema_describes_what_the_adapter_does(required_schema: schema.Schema) -> None:
    right = [
        ("GET", "/apps/shop/config-vars", None, 200, {"A": "1"}),
        ("POST", "/apps/shop/releases", {"release": ID}, 201, RELEASE),
        ("GET", f"/apps/shop/builds/{ID}", None, 200, BUILD),
    ]
    for exchange in right:
        required_schema.check(*exchange, {})
    assert required_schema.problems == []
    assert required_schema.used["release: Rollback"] >= 1
