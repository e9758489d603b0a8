"""What of the configuration ends in files that root reads: refused here with its line, and on the host again."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.host import accepted
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.wire import Failure
from support.trees import tree

from paasctl import config
from paasctl.errors import UsageError
from paasctl.target import load

LINUX = load("linux")
names: Any = import_module(LINUX.__module__.rpartition(".")[0] + ".names")
DOMAINS = ("blog.example.com", "localhost", "xn--mnchen-3ya.de", "203.0.113.7", "a" * 63 + ".example.com", "A-1.test")
SIZES = ("0", "25m", "500k", "1G", "1048576")
INJECTED = (
    "x.com; } server { listen 8089; location / { root /; }", "x.com y.com", "x.com;", "x.com\nlisten 8089;", "~.*",
    "*.com", "$host", "x.com#", "x..com", "-x.com", "x.com}", '"x"', "ü.de", "a" * 64 + ".com", "x." * 130 + "com",
    "x.com\n", "\\",
)  # fmt: skip
BIG = ("25m; include /home/deploy/evil.conf", "many", "-1", "25 m", "25m\n", "1.5m", "25mb", "1" * 20, "$size")


def settings(root: Path, line: str) -> dict[str, Any]:
    loaded = config.load(tree(root, {"paasctl.toml": f'[targets.linux]\nhosts = ["h"]\n{line}\n'}))
    return config.check_settings(config.target(loaded, "linux"), LINUX.settings, loaded.file)


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ('domain = "https://a.com/"', "domain must be one host name", "did you mean a.com?"),
        ('domain = "https://me:pw@a.com:80/x"', "domain must be one host name", "did you mean a.com?"),
        ('domain = "a.com:8080"', "domain must be one host name", "did you mean a.com?"),
        ('domain = "münchen.de"', "domain must be one host name", "did you mean xn--mnchen-3ya.de?"),
        ('domain = "; } server {"', "domain must be one host name", "as blog.example.com"),
        ('client_max_body_size = "25 MB"', "client_max_body_size must be a number and k, m or g", "did you mean 25m?"),
        ('client_max_body_size = "25m; include /x"', "client_max_body_size must be a number and k, m or g", "25m"),
    ],
)
def test_what_nginx_could_read_otherwise_is_refused_with_its_line(
    tmp_path: Path, line: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        settings(tmp_path, line)
    assert caught.value.message == f"paasctl.toml:3: {message}"
    assert hint in caught.value.hint
    assert "pw" not in caught.value.hint


def known(**changes: Any) -> dict[str, Any]:
    """A configuration as setup is sent it."""
    return {
        "app": "shop",
        "user": "deploy",
        "python": "3.11",
        "domain": "",
        "client_max_body_size": "25m",
        "static": {"/static/": "shop/static"},
        "settings": {"web": {"instances": 2, "stop_wait": 35}},
        "handover": True,
        **changes,
    }


def require(changes: dict[str, Any], root: str = "/srv/shop") -> None:
    accepted.require(known(**changes), Layout(root, "/var/log/shop", "/etc/paasctl/shop.json"))


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_is_a_domain_is_one_on_both_sides(domain: str) -> None:
    names.domain(domain)
    require({"domain": domain})


@pytest.mark.parametrize("size", SIZES)
def test_what_is_a_size_is_one_on_both_sides(size: str) -> None:
    names.size(size)
    require({"client_max_body_size": size})


@pytest.mark.parametrize("domain", INJECTED)
def test_what_is_no_domain_is_none_on_either_side(domain: str) -> None:
    with pytest.raises(UsageError):
        names.domain(domain)
    with pytest.raises(Failure, match="domain"):
        require({"domain": domain})


@pytest.mark.parametrize("size", BIG)
def test_what_is_no_size_is_none_on_either_side(size: str) -> None:
    with pytest.raises(UsageError):
        names.size(size)
    with pytest.raises(Failure, match="client_max_body_size"):
        require({"client_max_body_size": size})


WEB = {"instances": 2, "stop_wait": 35}
HOSTILE: tuple[tuple[str, Any, str], ...] = (
    ("app", "../x", "app's name"),
    ("app", "shop\n", "app's name"),
    ("user", "ALL", "user"),
    ("user", "deploy ALL=(ALL) NOPASSWD: ALL\nx", "user"),
    ("user", "%sudo", "user"),
    ("user", "a,b", "user"),
    ("python", "3.11 evil", "Python"),
    ("python", "-o=Dir::Etc=/tmp", "Python"),
    ("static", {"/a b/": "b"}, "static URL"),
    ("static", {"/x/{": "b"}, "static URL"),
    ("static", {"/../../etc/": "b"}, "static URL"),
    ("static", {"/": "b"}, "static URL"),
    ("static", {"~ ^/": "b"}, "static URL"),
    ("settings", {"web\nuser=root": WEB}, "process"),
    ("settings", {"web:*": WEB}, "process"),
    ("settings", {"web": dict(WEB, instances="2\nuser=root")}, "instances"),
    ("settings", {"web": dict(WEB, instances=True)}, "instances"),
    ("settings", {"web": dict(WEB, stop_wait=0)}, "stop_wait"),
    ("settings", {"web": dict(WEB, instances=10**9)}, "instances"),
)


@pytest.mark.parametrize(("key", "value", "named"), HOSTILE)
def test_root_writes_nothing_that_could_be_read_otherwise(key: str, value: Any, named: str) -> None:
    with pytest.raises(Failure, match=named) as caught:
        require({key: value})
    assert caught.value.kind == "usage"
    assert "nothing was changed" in caught.value.message


def test_root_writes_below_the_apps_own_folder_alone() -> None:
    with pytest.raises(Failure, match="folder"):
        require({}, root="/etc")


def test_root_takes_what_is_usual() -> None:
    require({"user": "first.last@corp", "static": {"/media/2024.x_y~z/": "m"}, "settings": {"web_2-A": WEB}})
