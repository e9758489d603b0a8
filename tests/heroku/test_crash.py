"""paasctl dies at any request, before or after Heroku has done it; the same command again brings the end about."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests.adapters
from heroku_standin import HerokuApp, Standin
from laptop import ENV, Laptop

CHANGED = {"SECRET_KEY": ENV["SECRET_KEY"], "ADDED": "value-of-added"}  # one added, and MAIL_SERVER removed


class Killed(BaseException):
    """The process is gone: nothing of ours runs any more, no ``except Exception`` and no undo."""


@contextmanager
def killed_at(which: int | str, moment: str) -> Iterator[None]:
    """Kill paasctl at its request with this number (from 1) or pattern, before it is sent or after its answer."""
    real, count = requests.adapters.HTTPAdapter.send, 0

    def send(self: Any, request: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        hit = count == which if isinstance(which, int) else re.search(which, f"{request.method} {request.url}")
        if hit and moment == "before":
            raise Killed
        answer = real(self, request, **options)
        if hit:
            raise Killed
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.adapters.HTTPAdapter, "send", send)
        try:
            yield
        except Killed:
            return
    raise AssertionError(f"there is no request {which}")


def outcome(app: HerokuApp) -> dict[str, Any]:
    """The end of it, as far as two runs can be equal."""
    assert app.current.slug is not None
    document = json.loads(app.config["PAASCTL_MANIFEST"])
    return {
        "config": {name: value for name, value in app.config.items() if name != "PAASCTL_MANIFEST"},
        "names": sorted(document["names"]),
        "code": app.current.slug.files["wsgi.py"],
        "pending": [one.id for one in app.builds if one.status == "pending"],
        "serves": app.serves,
    }


def changed(laptop: Laptop) -> Laptop:
    laptop.push()
    laptop.edit(2)
    laptop.env(**CHANGED)
    return laptop


@pytest.mark.e2e
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_every_request(laptops: Callable[..., Laptop], standin: Standin, moment: str) -> None:
    standin.world.app("undisturbed")
    undisturbed = laptops("calm", app="undisturbed")
    changed(undisturbed)
    before = len(standin.seen)
    undisturbed.push("--delete")
    count = len(standin.seen) - before
    assert count >= 15
    wanted = outcome(standin.world.apps["undisturbed"])
    for number in range(1, count + 1):
        app = standin.world.app(f"app-{number}")
        laptop = changed(laptops(f"ada{number}", app=app.name))
        with killed_at(number, moment):
            laptop.push("--delete")
        laptop.push("--delete")
        assert outcome(app) == wanted, f"killed {moment} request {number}"
        assert len(app.builds) <= 2, f"killed {moment} request {number}: the build was started twice"
        assert len([one for one in app.releases if "ADDED" in one.description]) == 1
        assert laptop.push("--delete").stdout.startswith("nothing to do")


@pytest.mark.e2e
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_first_push_killed_at_every_request(laptops: Callable[..., Laptop], standin: Standin, moment: str) -> None:
    standin.world.app("undisturbed")
    with requests_of(standin) as sent:
        laptops("calm", app="undisturbed").push()
    wanted = outcome(standin.world.apps["undisturbed"])
    for number in range(1, len(sent) + 1):
        app = standin.world.app(f"app-{number}")
        laptop = laptops(f"ada{number}", app=app.name)
        with killed_at(number, moment):
            laptop.push()
        laptop.push()
        assert outcome(app) == wanted, f"killed {moment} request {number}"
        assert len(app.builds) == 1
        assert laptop.push().stdout.startswith("nothing to do")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_sync_killed_at_every_request(laptops: Callable[..., Laptop], standin: Standin, moment: str) -> None:
    def ready(who: str, name: str) -> Laptop:
        standin.world.app(name)
        laptop = laptops(who, app=name)
        laptop.push()
        laptop.env(**CHANGED)
        return laptop

    calm = ready("calm", "undisturbed")
    with requests_of(standin) as sent:
        calm.sync("--delete")
    wanted = outcome(standin.world.apps["undisturbed"])
    for number in range(1, len(sent) + 1):
        laptop = ready(f"ada{number}", f"app-{number}")
        with killed_at(number, moment):
            laptop.sync("--delete")
        laptop.sync("--delete")
        app = standin.world.apps[f"app-{number}"]
        assert outcome(app) == wanted, f"killed {moment} request {number}"
        assert len([one for one in app.releases if "ADDED" in one.description]) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_rollback_killed_at_every_request(laptops: Callable[..., Laptop], standin: Standin, moment: str) -> None:
    """Run again, it must not go back one further."""

    def ready(who: str, name: str) -> Laptop:
        standin.world.app(name)
        laptop = laptops(who, app=name)
        for number in (1, 2, 3):
            laptop.edit(number)
            laptop.push()
        return laptop

    calm = ready("calm", "undisturbed")
    with requests_of(standin) as sent:
        calm.paasctl("rollback", "heroku", "-y")
    wanted = outcome(standin.world.apps["undisturbed"])
    assert b"version 2" in wanted["code"]
    for number in range(1, len(sent) + 1):
        laptop = ready(f"ada{number}", f"app-{number}")
        with killed_at(number, moment):
            laptop.paasctl("rollback", "heroku", "-y")
        laptop.paasctl("rollback", "heroku", "-y")
        app = standin.world.apps[f"app-{number}"]
        assert outcome(app) == wanted, f"killed {moment} request {number}"
        assert len([one for one in app.releases if "Rollback" in one.description]) == 1
    laptop.paasctl("rollback", "heroku", "-y")  # a rollback that was seen to its end is not continued
    assert b"version 1" in outcome(app)["code"]


@contextmanager
def requests_of(standin: Standin) -> Iterator[list[str]]:
    """All requests of a block, those past the API too; filled at its end."""
    found: list[str] = []
    start = len(standin.seen)
    yield found
    found += [str(one) for one in standin.seen[start:]]


def test_a_failure_after_a_kill_goes_back_to_before_both(laptop: Laptop, standin: Standin, app: HerokuApp) -> None:
    """The first run wrote the config and died; the second one's build fails: no half of the first may stay."""
    changed(laptop)
    before = dict(app.config), app.current.slug

    with killed_at("POST .*/builds", "before"):
        laptop.push("--delete")
    assert app.config["ADDED"] == "value-of-added"
    app.build_outcome = "failed"
    laptop.push("--delete", code=1)
    assert (dict(app.config), app.current.slug) == before


@pytest.mark.parametrize("later", [{"ONE": "changed-one"}, {}])
def test_after_two_kills_what_both_wrote_is_still_known(laptop: Laptop, app: HerokuApp, later: dict[str, str]) -> None:
    """The second one must not forget that the first one's write is this checkout's own."""
    laptop.push()
    laptop.edit(2)
    for values in ({"ONE": "value-one"}, {"ONE": "value-one", "TWO": "value-two"}):
        laptop.env(**ENV, **values)
        with killed_at("POST .*/builds", "before"):
            laptop.push()
    laptop.env(**ENV, **later, TWO="value-two")
    laptop.push("--delete")
    assert app.config.get("ONE") == later.get("ONE")


@pytest.mark.e2e
@pytest.mark.parametrize("moment", ["before", "after"])
def test_sigkill_at_every_request(laptops: Callable[..., Laptop], standin: Standin, moment: str) -> None:
    """The same with a real process and a real SIGKILL."""
    standin.world.app("undisturbed")
    undisturbed = changed(laptops("calm", app="undisturbed"))
    with requests_of(standin) as sent:
        undisturbed.push("--delete")
    wanted = outcome(standin.world.apps["undisturbed"])
    for number in range(1, len(sent) + 1):
        app = standin.world.app(f"app-{number}")
        laptop = changed(laptops(f"ada{number}", app=app.name))
        process = laptop.start("push", "heroku", "-y", "--delete", stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        standin.kill = (process.pid, len(standin.seen) + number, moment)
        told, _ = process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL, (number, told.decode())
        laptop.push("--delete")
        assert outcome(app) == wanted, f"killed {moment} request {number}"
        assert len(app.builds) <= 2, f"killed {moment} request {number}: the build was started twice"
        assert len([one for one in app.releases if "ADDED" in one.description]) == 1


# ---------------------------------------------------------------------------------------------------------- Ctrl-C


@contextmanager
def interrupted_at(pattern: str, *, answered: bool = False, skip: int = 0) -> Iterator[None]:
    """Ctrl-C while paasctl waits for the answer to a request, before or after Heroku has done it; ``skip`` of them go
    well before."""
    real = requests.adapters.HTTPAdapter.send
    hit: list[str] = []

    def send(self: Any, request: Any, **options: Any) -> Any:
        line = f"{request.method} {request.url}"
        if len(hit) <= skip and re.search(pattern, line):
            hit.append(line)
            if len(hit) > skip:
                if answered:
                    real(self, request, **options)
                raise KeyboardInterrupt
        return real(self, request, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.adapters.HTTPAdapter, "send", send)
        yield
    assert len(hit) > skip


def test_ctrl_c_leaves_the_build_running_and_says_which(laptop: Laptop, app: HerokuApp) -> None:
    changed(laptop)
    with interrupted_at("GET .*/streams/build"):
        result = laptop.push("--delete", code=130)
    (build,) = [one for one in app.builds if one.status == "pending"]
    assert build.id in result.stderr
    assert "same command" in result.stderr
    assert app.config["ADDED"] == "value-of-added"  # what the build was begun with stays
    again = laptop.push("--delete")
    assert f"follow the build {build.id}" in again.stdout
    assert len(app.builds) == 2
    assert "MAIL_SERVER" not in app.config


def test_ctrl_c_before_the_commit_changes_nothing(laptop: Laptop, app: HerokuApp) -> None:
    changed(laptop)
    before = dict(app.config)
    with interrupted_at("PUT"):
        laptop.push("--delete", code=130)
    assert app.config == before
    assert len(app.builds) == 1


def test_ctrl_c_in_a_sync_takes_it_back(laptop: Laptop, app: HerokuApp) -> None:
    laptop.push()
    laptop.env(**ENV, ADDED="value-of-added")
    before = dict(app.config)
    with interrupted_at(r"GET .*/releases$", skip=1):
        laptop.sync(code=130)
    assert app.config == before


@pytest.mark.parametrize("pattern", [r"PATCH .*/config-vars$", r"GET .*/releases$"])
@pytest.mark.parametrize("answered", [False, True])
def test_ctrl_c_while_config_is_written_takes_it_back(
    laptop: Laptop, app: HerokuApp, pattern: str, answered: bool
) -> None:
    """No build was started yet, so that nothing goes on at Heroku."""
    changed(laptop)
    before = dict(app.config), app.current.slug
    with interrupted_at(pattern, answered=answered, skip=2 * pattern.startswith("GET")):
        result = laptop.push("--delete", code=130)
    assert "what had begun was undone" in result.stderr
    assert "goes on" not in result.stderr
    assert (dict(app.config), app.current.slug) == before
    assert len(app.builds) == 1
    laptop.push("--delete")
    assert app.config["ADDED"] == "value-of-added"


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_release_command_that_runs_is_joined(laptop: Laptop, app: HerokuApp, moment: str) -> None:
    laptop.push()
    laptop.edit(2)
    app.release_command, app.release_polls = "succeeded", 1
    with killed_at(r"GET .*/releases/\S+$", moment):
        laptop.push()
    assert app.releases[-1].status == "pending"
    app.release_polls = 2
    laptop.push()
    assert app.current.description.startswith("Deploy")
    assert app.current.version == app.releases[-1].version
    assert len(app.builds) == 2
