"""Releases, logs, one-off dynos, status, restart, down, open: through the command line."""

from __future__ import annotations

import json

import pytest
from heroku_standin import Fault, HerokuApp, Standin
from heroku_standin.rendezvous import Rendezvous
from heroku_standin.server import TOKEN
from laptop import ENV, Laptop, shown

from paasctl.target import Context, load


@pytest.fixture
def pushed(laptop: Laptop) -> Laptop:
    laptop.push()
    return laptop


def test_releases(pushed: Laptop, app: HerokuApp) -> None:
    pushed.edit(2)
    pushed.push()
    found = json.loads(pushed.paasctl("releases", "heroku", "--json").stdout)["releases"]
    assert [one["id"] for one in found] == ["v5", "v4", "v3", "v2", "v1"]
    assert found[0]["state"] == "live"
    assert found[0]["digest"] == app.builds[-1].blob["version"]
    assert found[1]["digest"] == app.builds[0].blob["version"]
    assert found[2]["digest"] == ""
    assert found[0]["who"] == "dev@example.com"


def test_what_never_had_code_has_not_expired(pushed: Laptop, app: HerokuApp) -> None:
    app.releases[0].eligible = False
    (line,) = [line for line in pushed.paasctl("releases", "heroku").stdout.splitlines() if line.startswith("v1 ")]
    assert "no code: no rollback" in line
    assert "expired" not in line


def test_the_commit_of_a_release(pushed: Laptop, app: HerokuApp) -> None:
    import subprocess

    add = ["remote", "add", "origin", "https://git.example.com/shop"]
    for words in (["add", "-A"], ["commit", "-qm", "a commit"], add):
        subprocess.run(["git", *words], cwd=pushed.root, check=True)
    pushed.edit(2)
    pushed.push()
    found = json.loads(pushed.paasctl("releases", "heroku", "--json").stdout)["releases"]
    assert len(found[0]["commit"]) >= 7
    assert (found[0]["dirty"], found[0]["unpushed"]) == (True, True)


def test_status(pushed: Laptop, app: HerokuApp, standin: Standin) -> None:
    found = json.loads(pushed.paasctl("status", "heroku", "--json").stdout)["targets"][0]
    assert found["exists"] is True
    assert found["healthy"] is True
    assert found["release"]["id"] == "v4"
    assert found["processes"][0]["name"] == "web.1"
    assert found["facts"] == {"region": "us", "stack": "heroku-24"}
    app.crashes, app.maintenance = ".", True
    found = json.loads(pushed.paasctl("status", "heroku", "--json").stdout)["targets"][0]
    assert found["healthy"] is False
    assert found["processes"][0]["state"] == "crashed"
    assert "maintenance" in found["warnings"][0]


def test_status_of_nothing(laptop: Laptop) -> None:
    laptop.app = "other"
    laptop.configure()
    assert json.loads(laptop.paasctl("status", "heroku", "--json").stdout)["targets"][0]["exists"] is False
    laptop.paasctl("releases", "heroku", code=2)
    laptop.paasctl("restart", "heroku", "-y", code=2)
    laptop.paasctl("rollback", "heroku", "-y", code=2)
    assert "nothing to do" in laptop.paasctl("down", "heroku", "-y").stdout


def test_restart(pushed: Laptop, app: HerokuApp, standin: Standin) -> None:
    before = app.restarts
    pushed.paasctl("restart", "heroku", "-y")
    assert app.restarts == before + 1
    app.crashes = "."
    pushed.paasctl("restart", "heroku", "-y", code=1)


def test_down_and_up_again(pushed: Laptop, app: HerokuApp) -> None:
    app.formation["worker"] = 2
    result = pushed.paasctl("down", "heroku", "-y")
    assert app.formation == {"web": 0, "worker": 0}
    assert app.config["SECRET_KEY"] == ENV["SECRET_KEY"]
    assert "web=1" in result.stderr + result.stdout
    assert "nothing to do" in pushed.paasctl("down", "heroku", "-y").stdout


def test_purge(pushed: Laptop, standin: Standin) -> None:
    pushed.paasctl("down", "heroku", "--purge", "-n")
    assert "shop" in standin.world.apps
    pushed.paasctl("down", "heroku", "--purge", "-y")
    assert "shop" not in standin.world.apps


@pytest.mark.parametrize("words", [("unlock", "heroku", "-y"), ("setup", "heroku", "-y")])
def test_what_heroku_cannot_is_a_sentence(pushed: Laptop, words: tuple[str, ...]) -> None:
    result = pushed.paasctl(*words, code=2)
    assert "heroku" in result.stderr.lower()
    assert "hint:" in result.stderr


def test_open_prints_the_address(pushed: Laptop, standin: Standin, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: True)
    assert pushed.paasctl("open", "heroku").stdout.strip() == f"{standin.url}/sites/shop/"


# ----------------------------------------------------------------------------------------------------------- logs


LOG = [f"2026-11-22T12:00:{number:02}.000000+00:00 app[web.1]: line {number}" for number in range(20)]


@pytest.mark.parametrize("events", [False, True])
def test_logs(pushed: Laptop, app: HerokuApp, standin: Standin, events: bool) -> None:
    standin.events = events
    app.log = [*LOG, "2026-11-22T12:01:00.000000+00:00 heroku[router]: at=info", "odd"]
    lines = pushed.paasctl("logs", "heroku", "-n", "4").stdout.splitlines()
    assert lines == ["web.1 | line 18", "web.1 | line 19", "heroku/router | at=info", "odd"]


def test_logs_of_one_process(pushed: Laptop, app: HerokuApp, standin: Standin) -> None:
    app.log = [*LOG, "2026-11-22T12:01:00.000000+00:00 app[worker.1]: work"]
    lines = pushed.paasctl("logs", "heroku", "--process", "worker").stdout.splitlines()
    assert lines == ["worker.1 | work"]
    assert standin.writes("log-sessions")[-1].json == {"lines": 100, "tail": False, "type": "worker"}
    pushed.paasctl("logs", "heroku", "--process", "web.1")
    assert standin.writes("log-sessions")[-1].json["dyno_name"] == "web.1"


def test_followed_logs_go_on_after_a_break_without_repeating(pushed: Laptop, app: HerokuApp, standin: Standin) -> None:
    app.log = LOG[:5]
    standin.cut_streams_at = [150]
    context = Context("shop", pushed.root, {"HEROKU_API_KEY": TOKEN}, pushed.home, pushed.home, pushed.home, "ada")
    settings = {"app": "shop", "api_url": standin.url}
    target = load("heroku").connect("heroku", settings, context)
    seen = []
    for line in target.logs(None, 100, True):  # type: ignore[attr-defined]
        seen.append(line.text)
        if len(seen) == 5:
            app.log = LOG
        if len(seen) == 20:
            break
    target.close()
    assert [text for text in seen if text.startswith("line")] == seen
    assert len(set(seen)) == len(seen)
    assert seen[-1] == "line 19"


@pytest.mark.parametrize("words", [(), ("-f",)])
def test_a_log_stream_that_never_comes(pushed: Laptop, standin: Standin, words: tuple[str, ...]) -> None:
    standin.faults.append(Fault("500", "GET /logplex", times=1000))
    result = pushed.paasctl("logs", "heroku", *words, code=1)
    assert "log stream breaks again and again" in result.stderr
    assert "logs-secret" not in shown(result)


def test_a_log_stream_that_breaks_is_asked_for_once_more(pushed: Laptop, app: HerokuApp, standin: Standin) -> None:
    app.log = LOG
    standin.cut_streams_at = [150]
    lines = pushed.paasctl("logs", "heroku").stdout.splitlines()
    assert lines == [f"web.1 | line {number}" for number in range(20)]
    standin.cut_streams_at = [150, 300]
    result = pushed.paasctl("logs", "heroku", code=1)
    assert result.stdout.splitlines() == lines[:5]
    assert "lines may be missing" in result.stderr


# ------------------------------------------------------------------------------------------------- one-off dynos


def trusting(rendezvous: Rendezvous) -> dict[str, str]:
    return {"REQUESTS_CA_BUNDLE": str(rendezvous.certificate)}


@pytest.mark.parametrize(
    ("command", "status", "output"),
    [
        (("printf", "no newline"), 0, b"no newline"),
        (("echo", "two  words", "$HOME"), 0, b"two  words $HOME\n"),
        (("sh", "-c", "echo out; exit 7"), 7, b"out\n"),
        (("sh", "-c", "kill -9 $$"), 137, b""),
        (("true",), 0, b""),
        (("printf", "%s", "paasctl-exit-0000000000000000:0 "), 0, b"paasctl-exit-0000000000000000:0 "),
        (("printf", "stép"), 0, "stép".encode()),
    ],
)
def test_run(
    pushed: Laptop,
    rendezvous: Rendezvous,
    command: tuple[str, ...],
    status: int,
    output: bytes,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    pushed.paasctl("run", "heroku", "--", *command, code=status, environ=trusting(rendezvous))
    written = capfdbinary.readouterr().out
    assert written == output


def test_run_checks_the_certificate(pushed: Laptop, rendezvous: Rendezvous) -> None:
    result = pushed.paasctl("run", "heroku", "--", "true", code=1)
    assert "certificate" in result.stderr
    assert rendezvous.secrets == []


@pytest.mark.parametrize("break_it", ["drops", "greeting"])
def test_run_without_an_exit_status_is_an_error(pushed: Laptop, rendezvous: Rendezvous, break_it: str) -> None:
    if break_it == "drops":
        rendezvous.drops = True
    else:
        rendezvous.greeting = b"welcome\r\n"
    result = pushed.paasctl("run", "heroku", "--", "echo", "x" * 50, code=1, environ=trusting(rendezvous))
    assert "hint:" in result.stderr


def test_run_is_never_sent_twice(pushed: Laptop, rendezvous: Rendezvous, standin: Standin) -> None:
    standin.faults.append(Fault("reset-after", "POST /apps/shop/dynos"))
    result = pushed.paasctl("run", "heroku", "--", "true", code=1, environ=trusting(rendezvous))
    assert "may or may not have been started" in result.stderr
    assert len(standin.writes("dynos")) == 1


def test_the_rendezvous_address_is_a_secret(pushed: Laptop, rendezvous: Rendezvous) -> None:
    rendezvous.drops = True
    result = pushed.paasctl("run", "heroku", "-vv", "--", "echo", "y" * 80, code=1, environ=trusting(rendezvous))
    assert rendezvous.secrets
    assert rendezvous.secrets[0] not in shown(result)
