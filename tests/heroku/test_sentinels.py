"""Known secrets go through every command and every failure, and nothing shows them; nor tokens or signed addresses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import heroku3.models.app
import heroku3.models.configvars
import pytest
from heroku_standin import Fault, HerokuApp, Standin
from heroku_standin.rendezvous import Rendezvous
from heroku_standin.server import TOKEN
from laptop import Laptop, shown
from support.sentinels import Sentinels

REMOTE = "zR9remoteQ4secretX7"  # a value that only the target has
SIGNATURES = ("source-secret", "build-secret", "release-secret", "logs-secret")


@pytest.fixture
def sentinels() -> Sentinels:
    return Sentinels()


@pytest.fixture
def secretive(laptop: Laptop, app: HerokuApp, sentinels: Sentinels) -> Laptop:
    """A checkout whose .env is full of secrets, in awkward shapes; the target has one of its own."""
    app.config["REMOTE_ONLY"] = REMOTE
    lines = []
    for name, value in sentinels.values.items():
        quoted = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("${", "${:-$}{")
        lines.append(f'{name}="{quoted}"\n')
    (laptop.root / ".env").write_text("".join(lines))
    return laptop


def fail_build(app: HerokuApp, standin: Standin) -> None:
    app.build_outcome = "failed"


def fail_release(app: HerokuApp, standin: Standin) -> None:
    app.release_command, app.release_outcomes = "succeeded", ["failed"]


def crash(app: HerokuApp, standin: Standin) -> None:
    app.crashes = "."


def refuse_config(app: HerokuApp, standin: Standin) -> None:
    standin.faults.append(Fault("500", "PATCH", times=99))


def echo_the_body(app: HerokuApp, standin: Standin) -> None:
    """An API whose refusal quotes what it was sent."""
    app.patch = lambda changes: f"cannot set {json.dumps(changes)}"  # type: ignore[method-assign]


def break_streams(app: HerokuApp, standin: Standin) -> None:
    standin.faults.append(Fault("reset-before", "GET /streams", times=99))


def refuse_uploads(app: HerokuApp, standin: Standin) -> None:
    standin.faults.append(Fault("reset-after", "PUT", times=99))


def refuse_everything(app: HerokuApp, standin: Standin) -> None:
    standin.faults.append(Fault("429", "", times=9999))


def nothing(app: HerokuApp, standin: Standin) -> None: ...


Trouble = Callable[[HerokuApp, Standin], None]
TROUBLES = (
    nothing,
    fail_build,
    fail_release,
    crash,
    refuse_config,
    echo_the_body,
    break_streams,
    refuse_uploads,
    refuse_everything,
)


def check(laptop: Laptop, sentinels: Sentinels, where: str) -> None:
    said = shown(laptop.result)
    sentinels.check(said, where)
    for secret in (REMOTE, TOKEN, *SIGNATURES):
        assert secret not in said, f"{where} shows {secret}"


@pytest.mark.parametrize("trouble", TROUBLES)
def test_push(secretive: Laptop, app: HerokuApp, standin: Standin, sentinels: Sentinels, trouble: Trouble) -> None:
    for name, value in sentinels.values.items():
        app.build_output.append(f"{name}={value}")
    app.build_output.append(f"REMOTE_ONLY={REMOTE}")
    trouble(app, standin)
    secretive.push("-vv", code=None)
    check(secretive, sentinels, f"a push with {trouble.__name__}")
    only_where_they_belong(standin, sentinels)


def only_where_they_belong(standin: Standin, sentinels: Sentinels) -> None:
    """Values are in the bodies of the config's writes, the token in one header of requests to the API, and nowhere
    else."""
    for one in standin.seen:
        sentinels.check(one.path, "a URL")
        sentinels.check(str(one.headers), "a header")
        if one.method != "PATCH":
            sentinels.check(one.body, f"the body of {one}")
        others = {name: value for name, value in one.headers.items() if name != "authorization" or not one.api}
        assert TOKEN not in str(others) + one.path + one.body.decode("latin-1")


def test_the_manifest_and_the_archive(
    secretive: Laptop, app: HerokuApp, standin: Standin, sentinels: Sentinels
) -> None:
    secretive.push()
    sentinels.check(app.config["PAASCTL_MANIFEST"], "the manifest")
    assert app.current.slug is not None
    for name, content in app.current.slug.files.items():
        sentinels.check(name, "a file's name")
        sentinels.check(content, name)


def test_the_other_commands(
    secretive: Laptop,
    app: HerokuApp,
    sentinels: Sentinels,
    rendezvous: Rendezvous,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: True)
    secretive.write(".env.example", "SECRET_KEY=\nANOTHER=\n")
    secretive.push()
    app.patch({"SECRET_KEY": REMOTE})
    trusting = {"REQUESTS_CA_BUNDLE": str(rendezvous.certificate)}
    commands: tuple[tuple[str, ...], ...] = (
        ("env", "diff", "heroku", "-vv"),
        ("env", "diff", "heroku", "--json"),
        ("env", "sync", "heroku", "-y", "-vv"),
        ("env", "sync", "heroku", "-n", "-vv", "--force"),
        ("push", "heroku", "-y", "--json", "-vv"),
        ("push", "heroku", "-n", "-vv"),
        ("push", "heroku", "--code-only", "-y", "-vv"),
        ("env", "check", "-vv"),
        ("env", "check", "--json"),
        ("doctor", "heroku", "-vv"),
        ("doctor", "heroku", "--json"),
        ("open", "heroku", "-vv"),
        ("status", "heroku", "-vv"),
        ("status", "heroku", "--json"),
        ("releases", "heroku", "--json"),
        ("releases", "heroku", "v99"),
        ("rollback", "heroku", "v4", "-y", "-vv"),
        ("restart", "heroku", "-y"),
        ("logs", "heroku", "-vv"),
        ("run", "heroku", "-vv", "--", "true"),
        ("env", "pull", "heroku", "-vv"),  # a conflict
        ("env", "pull", "heroku", "-n", "-vv", "--force"),
        ("env", "pull", "heroku", "--check", "--json", "--force"),
        ("env", "pull", "heroku", "-y", "-vv", "--force"),
        ("env", "secret", "-y", "-vv"),
        ("down", "heroku", "-y"),
    )
    for words in commands:
        secretive.paasctl(*words, code=None, environ=trusting)
        check(secretive, sentinels, " ".join(words))
    assert REMOTE in (secretive.root / ".env").read_text()  # the pull did its work


def test_a_rollback_that_fails_shows_no_value_of_the_release_it_goes_to(
    laptop: Laptop, app: HerokuApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    older = "older-zQ7Aw9BkX3Av8Jp5"
    for password in (older, "newer-zQ7Cw9DkX3Cv8Jp5"):
        laptop.env(SECRET_KEY="k1-Vn4tXq9bRw2LzJ7cMd5p", MAIL_PASSWORD=password)
        laptop.push()

    def broken(*_: Any) -> Any:
        raise RuntimeError(f"unexpected: {older}")

    monkeypatch.setattr("paasctl.targets.heroku.rollbacks.begin_rollback", broken)
    result = laptop.paasctl("rollback", "heroku", "-y", "-vv", code=None)
    assert "unexpected: ********" in result.stderr, shown(result)
    assert older not in shown(result)


def test_a_broken_adapter_and_heroku3s_own_reprs(
    secretive: Laptop, app: HerokuApp, sentinels: Sentinels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """heroku3 shows all values when it is printed; an error that carries such a text ends in our wrapper."""

    def broken(self: Any, changes: dict[str, str]) -> Any:
        values = heroku3.models.configvars.ConfigVars({**changes, "REMOTE_ONLY": REMOTE}, self)
        assert REMOTE in repr(values)
        raise RuntimeError(f"unexpected: {values!r}")

    monkeypatch.setattr(heroku3.models.app.App, "update_config", broken)
    result = secretive.push("-vv", code=1)
    assert "Traceback" in result.stderr, shown(result)
    assert "heroku3 failed with RuntimeError" in result.stderr
    check(secretive, sentinels, "a broken heroku3")


def test_a_bug_of_ours_with_a_value_in_its_text(
    secretive: Laptop, app: HerokuApp, sentinels: Sentinels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the values are known, the console masks them in a traceback too."""
    from paasctl.target import load

    def broken(self: Any, *_: Any) -> Any:
        raise RuntimeError(f"unexpected: {app.config!r} {sentinels.values!r}")

    monkeypatch.setattr(load("heroku"), "plan", broken)
    result = secretive.push("-vv", code=1)
    assert "Traceback" in result.stderr
    check(secretive, sentinels, "a bug")


def test_nothing_is_left_on_disk(secretive: Laptop, sentinels: Sentinels, tmp_path: Path) -> None:
    secretive.push()
    secretive.edit(2)
    secretive.push()
    sentinels.check_files([tmp_path], but=[secretive.root / ".env"])


def test_records_do_not_show_values(secretive: Laptop, standin: Standin, sentinels: Sentinels) -> None:
    from paasctl.target import Context, load

    secretive.push()
    environ = {"HEROKU_API_KEY": TOKEN}
    context = Context("shop", secretive.root, environ, secretive.home, secretive.home, secretive.home, "ada")
    target: Any = load("heroku").connect("heroku", {"app": "shop", "api_url": standin.url}, context)
    observed = target.observe()
    api = target._api
    told = "".join(map(repr, (observed, observed.extra, target, api, vars(api), api._session.auth)))
    sentinels.check(told, "a repr")
    for secret in (REMOTE, TOKEN, *SIGNATURES):
        assert secret not in told
    target.close()
