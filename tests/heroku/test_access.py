"""Which app is meant and which token is sent where."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from heroku_standin import HerokuApp, Standin
from heroku_standin.server import TOKEN
from laptop import Laptop, shown

from paasctl.errors import UsageError
from paasctl.target import Context, load

HEROKU = load("heroku")


def context(root: Path, **environ: str) -> Context:
    return Context("shop", root, environ, root / "home", root / "data", root / "cache", "ada")


def connect(root: Path, name: str = "heroku", environ: dict[str, str] | None = None, **settings: Any) -> Any:
    return HEROKU.connect(name, settings, context(root, **environ or {}))


@pytest.mark.parametrize(
    "url",
    [
        "https://git.heroku.com/shop-prod.git",
        "git@heroku.com:shop-prod.git",
        "ssh://git@heroku.com/shop-prod.git",
        "https://git.heroku.com/shop-prod",
    ],
)
def test_the_app_is_that_of_the_git_remote(tmp_path: Path, url: str) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    subprocess.run(["git", "-C", str(tmp_path), "remote", "add", "heroku", url], check=True)
    assert connect(tmp_path)._app == "shop-prod"
    assert connect(tmp_path, app="configured")._app == "configured"


@pytest.mark.parametrize(
    "url", [None, "https://git.heroku.com.evil.example/shop.git", "https://github.com/a/heroku.git"]
)
def test_the_app_is_never_guessed(tmp_path: Path, url: str | None) -> None:
    root = tmp_path / "shop"
    root.mkdir()
    if url:
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        subprocess.run(["git", "-C", str(root), "remote", "add", "heroku", url], check=True)
    with pytest.raises(UsageError, match="git remote named heroku"):
        connect(root)


def test_every_place_is_named_when_there_is_no_token(laptop: Laptop) -> None:
    result = laptop.push(code=2, environ={"HEROKU_API_KEY": "", "PATH": os.defpath, "HEROKU_API_TOKEN": "x"})
    for place in ("HEROKU_API_KEY", ".netrc", "heroku auth:token", "HEROKU_API_TOKEN"):
        assert place in result.stderr, shown(result)


def test_netrc(laptop: Laptop, app: HerokuApp) -> None:
    (laptop.home / ".netrc").write_text(f"machine api.heroku.com\n  login ada@example.com\n  password {TOKEN}\n")
    laptop.push(environ={"HEROKU_API_KEY": ""})
    assert app.serves


def test_the_token_of_herokus_own_command_line(laptop: Laptop, app: HerokuApp, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "heroku"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\n[ "$*" = auth:token ] && echo {TOKEN}\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    laptop.push(environ={"HEROKU_API_KEY": "", "PATH": path})
    assert app.serves


def test_the_first_place_wins(laptop: Laptop, standin: Standin) -> None:
    (laptop.home / ".netrc").write_text("machine api.heroku.com login x password HRKU-from-netrc\n")
    laptop.push()
    assert {one.headers.get("authorization") for one in standin.seen if one.api} == {f"Bearer {TOKEN}"}


def test_a_netrc_entry_for_the_hosts_is_not_sent(
    laptop: Laptop, standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = laptop.home / "netrc"
    netrc.write_text("machine 127.0.0.1 login evil password netrc-secret\n")
    laptop.push(environ={"NETRC": str(netrc)})
    sent = [one.headers.get("authorization") for one in standin.seen if not one.api]
    assert sent
    assert set(sent) == {None}


def test_another_host_never_gets_the_usual_token(tmp_path: Path) -> None:
    target = connect(
        tmp_path, app="shop", api_url="https://evil.example", environ={"HEROKU_API_KEY": TOKEN, "PATH": ""}
    )
    with pytest.raises(UsageError) as caught:
        target.observe()
    assert "PAASCTL_TOKEN_HEROKU" in caught.value.message
    assert TOKEN not in caught.value.message + caught.value.hint


def test_another_host_gets_the_targets_own_token(tmp_path: Path) -> None:
    environ = {"HEROKU_API_KEY": TOKEN, "PAASCTL_TOKEN_STAGING": "own-token-0001"}
    target = connect(tmp_path, "staging", environ, app="shop", api_url="https://proxy.example")
    request = target._api._session.auth(_Request())
    assert request.headers["Authorization"] == "Bearer own-token-0001"


class _Request:
    def __init__(self) -> None:
        self.headers: dict[str, str] = {}


def test_plain_http_is_for_loopback_alone(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="plain http"):
        connect(tmp_path, app="shop", api_url="http://api.heroku.com")


def test_the_session_refuses_other_addresses(tmp_path: Path) -> None:
    target = connect(tmp_path, app="shop", environ={"HEROKU_API_KEY": TOKEN})
    with pytest.raises(ValueError, match="for the API alone"):
        target._api._session.get("https://elsewhere.example/")


def test_connecting_asks_nobody(tmp_path: Path) -> None:
    target = connect(tmp_path, app="shop")
    assert target.facts.log == "stdout"
    target.close()
