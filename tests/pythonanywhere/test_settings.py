"""What ``[targets.pythonanywhere]`` may say, and where a token may go."""

import sys
from pathlib import Path
from typing import Any

import pytest
from standin.clock import FakeClock

from paasctl.errors import UsageError
from paasctl.target import Context, load

room = sys.modules[load("pythonanywhere").__module__]
EU = "https://eu.pythonanywhere.com"


def connect(environ: dict[str, str] | None = None, app: str = "shop", **settings: Any) -> Any:
    environ = {"PYTHONANYWHERE_API_TOKEN": "t0k"} if environ is None else environ
    context = Context(app, Path("/x"), environ, Path("/x"), Path("/x"), Path("/x"), "ann")
    return room.connect("pythonanywhere", settings, context, FakeClock())._account


def test_defaults() -> None:
    found = connect(username="Eric").settings
    assert (found.domain, found.home) == ("eric.pythonanywhere.com", "/home/Eric")
    assert found.wsgi == "/var/www/eric_pythonanywhere_com_wsgi.py"
    assert (found.api.url, found.site_url) == ("https://www.pythonanywhere.com", "https://eric.pythonanywhere.com")
    assert (found.force_https, found.disk, found.upload_limit) == (True, 512 << 20, 90 << 20)


@pytest.mark.parametrize(
    ("domain", "username", "api"),
    [
        ("eric.pythonanywhere.com", "eric", "https://www.pythonanywhere.com"),
        ("eric.eu.pythonanywhere.com", "eric", EU),
        ("blog-eric.pythonanywhere.com", "eric", "https://www.pythonanywhere.com"),
    ],
)
def test_the_user_and_the_region_are_in_the_domain(domain: str, username: str, api: str) -> None:
    found = connect(domain=domain).settings
    assert (found.username, found.api.url) == (username, api)


def test_the_platforms_own_variable_names_the_region() -> None:
    found = connect({"PYTHONANYWHERE_SITE": "eu.pythonanywhere.com", "API_TOKEN": "x"}, username="e", domain="b.org")
    assert found.settings.api.url == EU


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "user is not known"),
        ({"domain": "blog.example.com"}, "user is not known"),
        ({"username": "a/b"}, "not a PythonAnywhere username"),
        ({"username": "..", "domain": "x.org"}, "not a PythonAnywhere username"),
        ({"username": "e", "domain": "no domain"}, "not a domain name"),
        ({"username": "e", "domain": "../../etc.com"}, "not a domain name"),
        ({"username": "e", "python": "3"}, "not a version like"),
        ({"username": "e", "python": "python3.11"}, "not a version like"),
        ({"username": "e", "disk": 0}, "at least 1"),
        ({"username": "e", "api_url": "http://evil.example"}, "plain http"),
        ({"username": "e", "site_url": "http://evil.example"}, "plain http"),
        ({"username": "e", "site_url": "nonsense"}, "not a web address"),
        ({"username": "e", "app": "a b"}, "cannot name a folder"),
        ({"username": "e", "app": ".."}, "cannot name a folder"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        connect(**settings)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("environ", "url", "found"),
    [
        ({"PYTHONANYWHERE_API_TOKEN": "A", "API_TOKEN": "B"}, None, "A"),
        ({"API_TOKEN": "B", "PYTHONANYWHERE_SITE": "www.pythonanywhere.com"}, None, "B"),
        ({"API_TOKEN": "B"}, None, None),
        ({"PYTHONANYWHERE_API_TOKEN": "A"}, "http://127.0.0.1:9", "A"),
        ({"PYTHONANYWHERE_API_TOKEN": "A"}, "https://www.pythonanywhere.com", "A"),
        ({"PYTHONANYWHERE_API_TOKEN": "A"}, "https://evil.example", None),
        ({"PYTHONANYWHERE_API_TOKEN": "A"}, "https://www.pythonanywhere.com.evil.example", None),
        ({"PYTHONANYWHERE_API_TOKEN": "A"}, "https://evil.pythonanywhere.com", None),
        ({"PYTHONANYWHERE_API_TOKEN": "A"}, "https://evil.eu.pythonanywhere.com", None),
        ({"PYTHONANYWHERE_API_TOKEN": "A", "PAASCTL_TOKEN_PYTHONANYWHERE": "C"}, "https://evil.example", "C"),
        ({}, None, None),
    ],
)
def test_the_token_goes_to_the_vendor_and_loopback_only(environ: Any, url: str | None, found: str | None) -> None:
    settings = {"username": "eric", **({"api_url": url} if url else {})}
    if found is None:
        with pytest.raises(UsageError, match="no token") as caught:
            connect(environ, **settings)
        assert "PYTHONANYWHERE_API_TOKEN" in caught.value.message or "PAASCTL_TOKEN_" in caught.value.message
        return
    request = type("Request", (), {"headers": {}})()
    connect(environ, **settings).api.transport._session.auth(request)
    assert request.headers == {"Authorization": f"Token {found}"}


def test_facts() -> None:
    facts = room.FACTS
    assert facts.log == "stdout"
    assert facts.recycle("mysql", "eric.mysql.pythonanywhere-services.com")[0] == 280
    assert facts.recycle("", "")[0] == 280, "the app puts its MySQL URL together itself"
    assert facts.recycle("mysql", "eu.cleardb.net")[0] == 80
    assert facts.recycle("postgresql", "db.example.com")[0] == 280
    assert "API_TOKEN" in facts.reserved
