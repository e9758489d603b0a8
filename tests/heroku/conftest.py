"""A stand-in for Heroku, laptops that push to it, and Heroku's schema where the environment says where it is."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE) not in sys.path:
    sys.path.insert(0, str(HERE))

from heroku_standin import HerokuApp, Standin, schema  # noqa: E402
from heroku_standin.rendezvous import Rendezvous, make_certificate  # noqa: E402
from heroku_standin.routes import Answer, Call  # noqa: E402
from laptop import Laptop  # noqa: E402


@pytest.fixture(scope="session")
def heroku_schema() -> schema.Schema | None:
    """Heroku's schema, or None; a test that cannot do without asks for ``required_schema``."""
    file = schema.path()
    return schema.Schema.load(file) if file else None


@pytest.fixture
def required_schema(heroku_schema: schema.Schema | None) -> schema.Schema:
    if heroku_schema is None:
        pytest.skip(f"{schema.VARIABLE} does not name Heroku's schema file")
    return heroku_schema


@pytest.fixture
def standin(heroku_schema: schema.Schema | None) -> Iterator[Standin]:
    """Heroku on loopback; with the schema, every exchange is checked against it."""
    with Standin() as standin:
        if heroku_schema is not None:
            standin.check = checker(heroku_schema)
        yield standin
        if heroku_schema is not None:
            problems, heroku_schema.problems = heroku_schema.problems, []
            assert not problems


def checker(against: schema.Schema) -> Callable[[Call, Answer], None]:
    def check(call: Call, answer: Answer) -> None:
        response = json.loads(answer.body) if answer.body else None
        if isinstance(response, dict) and "web_url" in response:  # on loopback here, and not below herokuapp.com
            response["web_url"] = "https://shop-0123456789ab.herokuapp.com/"
        against.check(call.method, call.route, call.json, answer.status, response, call.headers)

    return check


@pytest.fixture
def app(standin: Standin) -> HerokuApp:
    """An empty app named shop."""
    return standin.world.app("shop")


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Nobody waits; the pauses that were asked for are in the list."""
    paused: list[float] = []
    monkeypatch.setattr(time, "sleep", paused.append)
    return paused


@pytest.fixture(autouse=True)
def clean_environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith(("GIT_", "PAASCTL_TOKEN", "XDG_", "HEROKU_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))


@pytest.fixture
def laptops(tmp_path: Path, standin: Standin, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Laptop]:
    """Makes checkouts of the same app on laptops of their own: ``laptops("ada")``."""

    def make(who: str = "ada", **options: str) -> Laptop:
        return Laptop(tmp_path / who, standin, who, **options)

    return make


@pytest.fixture
def laptop(laptops: Callable[..., Laptop], app: HerokuApp) -> Laptop:
    """One laptop with a checkout, and the empty app at Heroku."""
    return laptops()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def rendezvous(standin: Standin, certificate: tuple[Path, Path]) -> Iterator[Rendezvous]:
    with Rendezvous(standin, *certificate) as meeting:
        yield meeting


@pytest.fixture
def both(laptops: Callable[..., Laptop], app: HerokuApp) -> tuple[Laptop, Laptop]:
    """Both have pushed the same."""
    ada, bob = laptops("ada"), laptops("bob")
    ada.push()
    bob.push()
    return ada, bob
