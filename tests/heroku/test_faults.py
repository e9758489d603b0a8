"""Every fault at every request: the push is done, or the target is as it was; nothing unsafe is sent twice."""

from __future__ import annotations

import pytest
from heroku_standin import Fault, HerokuApp, Standin
from heroku_standin.faults import Kind
from laptop import ENV, Laptop, shown

KINDS: tuple[Kind, ...] = (
    "429",
    "500",
    "503",
    "500-after",
    "reset-before",
    "reset-after",
    "truncated",
    "half-json",
)
#: The requests of a push of env and code to an app that is there, in their order.
REQUESTS = (
    "GET /apps/shop/config-vars",
    "GET /apps/shop/releases$",
    "GET /apps/shop/builds$",
    "POST /sources",
    "PUT /s3",
    "PATCH /apps/shop/config-vars",
    "POST /apps/shop/builds",
    "GET /streams/build",
    "GET /apps/shop/builds/",
    "GET /apps/shop/releases/",
    "GET /apps/shop/dynos",
    "GET /sites/shop/",
)
CHANGED = ENV | {"MAIL_SERVER": "new.example.net", "ADDED": "value-of-added"}


@pytest.fixture
def pushed(laptop: Laptop, standin: Standin) -> Laptop:
    laptop.push()
    laptop.edit(2)
    laptop.env(**CHANGED)
    standin.seen.clear()
    return laptop


def require_done_once(app: HerokuApp, told: str) -> None:
    assert app.current.description.startswith("Deploy"), told
    assert {name: app.config[name] for name in CHANGED} == CHANGED
    assert app.serves
    assert len(app.builds) == 2, "the build was started twice"
    assert len([one for one in app.releases if "ADDED" in one.description]) == 1, "the config was written twice"


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_every_request_does_not_stop_a_push(
    pushed: Laptop, standin: Standin, app: HerokuApp, kind: Kind
) -> None:
    standin.faults += [Fault(kind, request) for request in REQUESTS]
    result = pushed.push()
    require_done_once(app, shown(result))
    assert not any(fault.times for fault in standin.faults)


#: With these the push has what it needs without the request.
HARMLESS = {
    ("500", "GET /streams/build"),
    ("500", "GET /apps/shop/dynos"),
    ("half-json", "PUT /s3"),
    ("half-json", "PATCH /apps/shop/config-vars"),
    ("half-json", "POST /apps/shop/builds"),
}


STAYING = [
    *(("500", request) for request in REQUESTS),
    *(("half-json", request) for request in REQUESTS if not request.startswith("GET")),
]


@pytest.mark.parametrize(("kind", "request_line"), STAYING)
def test_a_fault_that_stays(pushed: Laptop, standin: Standin, app: HerokuApp, kind: Kind, request_line: str) -> None:
    before = dict(app.config), app.current.slug
    standin.faults.append(Fault(kind, request_line, times=10_000))
    result = pushed.push(code=None)
    if (kind, request_line) in HARMLESS:
        return require_done_once(app, shown(result))
    assert result.exit_code in (1, 5), shown(result)
    assert "hint:" in result.stderr, shown(result)
    if result.exit_code == 1:
        assert (dict(app.config), app.current.slug) == before, shown(result)
    standin.faults.clear()
    pushed.push()
    assert {name: app.config[name] for name in CHANGED} == CHANGED
    assert app.current.slug is not None
    assert b"version 2" in app.current.slug.files["wsgi.py"]
    assert app.serves
    return None


def test_a_build_is_not_started_twice_when_its_answer_is_late(pushed: Laptop, standin: Standin, app: HerokuApp) -> None:
    standin.faults.append(Fault("reset-after", "POST /apps/shop/builds"))
    pushed.push()
    assert [str(one) for one in standin.writes("builds")] == ["POST /apps/shop/builds"]
    assert len(app.builds) == 2


@pytest.mark.parametrize("kind", ["reset-after", "500-after", "reset-before"])
def test_a_rollback_is_done_once(pushed: Laptop, standin: Standin, app: HerokuApp, kind: Kind) -> None:
    pushed.push()
    standin.faults.append(Fault(kind, "POST /apps/shop/releases"))
    pushed.paasctl("rollback", "heroku", "-y")
    assert len([one for one in app.releases if "Rollback" in one.description]) == 1
    assert app.config["MAIL_SERVER"] == ENV["MAIL_SERVER"]


@pytest.mark.parametrize("kind", ["reset-after", "500-after", "reset-before"])
def test_an_app_is_made_once(laptop: Laptop, standin: Standin, kind: Kind) -> None:
    laptop.app = "other"
    laptop.configure()
    standin.faults.append(Fault(kind, "POST /apps"))
    laptop.push("--create")
    assert standin.world.apps["other"].serves


def test_the_hourly_limit_is_waited_for(laptop: Laptop, standin: Standin, hasty: list[float]) -> None:
    standin.faults.append(Fault("429", "config-vars", times=3))
    result = laptop.push()
    assert "limit" in result.stderr
    assert hasty[:3] == [5.0, 10.0, 20.0]


def test_the_hourly_limit_that_stays_is_an_error(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    standin.faults.append(Fault("429", "", times=100))
    result = laptop.push(code=1)
    assert "requests per hour" in result.stderr
    assert app.builds == []


def test_a_wrong_token(laptop: Laptop) -> None:
    result = laptop.push(code=1, environ={"HEROKU_API_KEY": "HRKU-wrong-wrong-wrong"})
    assert "HEROKU_API_KEY" in result.stderr
    assert "HRKU-wrong" not in shown(result)


def test_nobody_there(laptop: Laptop, standin: Standin) -> None:
    standin.__exit__()
    try:
        result = laptop.push(code=1)
        assert "could not be reached" in result.stderr
    finally:
        standin.__enter__()
