"""What a visitor's request is when it arrives at the app: by the site's name, with true headers, within its size."""

from __future__ import annotations

import json
import re
import ssl
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostlab.apps import SECRET, HostApp
from support.web import fetch

pytestmark = pytest.mark.hosts

DOMAIN, OTHER = "shop.example.com", "elsewhere.example.com"
#: answers with what the app is told of a request, and reads what is sent to it
SHOW = """

_plain = application


def application(environ, start_response):
    if environ["PATH_INFO"] == "/told":
        told = {name: value for name, value in environ.items() if isinstance(value, str)}
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(told).encode()]
    if environ["PATH_INFO"] == "/size":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [str(len(environ["wsgi.input"].read())).encode()]
    return _plain(environ, start_response)
"""
DOCS = Path(__file__).resolve().parents[2] / "docs/linux.md"
FORGED = {
    "X-Forwarded-For": "192.0.2.66",
    "X-Real-IP": "192.0.2.66",
    "X-Forwarded-Proto": "https",
    "X-Request-ID": "forged",
}
MB = 1 << 20


@pytest.fixture(scope="module")
def site(make_shared_app: Callable[..., HostApp]) -> HostApp:
    app = make_shared_app("plain_wsgi", settings=f'domain = "{DOMAIN}"\n')
    path = app.project.root / "wsgi.py"
    path.write_text(path.read_text() + SHOW)
    app.project.commit("tells what it is told")
    app.project.env(SECRET_KEY=SECRET)
    app.setup()
    assert app.push().url == f"http://{DOMAIN}"
    return app


def told(app: HostApp, **headers: str) -> dict[str, str]:
    """What the app is told of a request that a visitor makes by the site's name."""
    answer = fetch(app.url + "/told", headers={"Host": DOMAIN, **headers})
    assert answer.status == 200, answer
    return dict(answer.json())


def visitor(app: HostApp) -> str:
    """The address that this machine has for the host."""
    return app.host.address.rpartition(".")[0] + ".1"


def test_a_site_answers_to_its_name_and_to_no_other(site: HostApp) -> None:
    assert fetch(site.url + "/", headers={"Host": DOMAIN}).versions == {site.project.version}
    for name in (OTHER, site.host.address):
        assert "x-version" not in fetch(site.url + "/", headers={"Host": name}).headers


def test_the_app_is_told_who_asks_for_what_and_how(site: HostApp) -> None:
    first, second = told(site), told(site)
    assert first["HTTP_HOST"] == DOMAIN
    assert first["REMOTE_ADDR"] == first["HTTP_X_FORWARDED_FOR"] == visitor(site)
    assert first["wsgi.url_scheme"] == first["HTTP_X_FORWARDED_PROTO"] == "http"
    ids = {each["HTTP_X_REQUEST_ID"] for each in (first, second)}
    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{32}", each) for each in ids)


def test_nobody_from_outside_can_say_who_asks_or_how(site: HostApp) -> None:
    found = told(site, **FORGED)
    assert found["REMOTE_ADDR"] == visitor(site)
    assert found["HTTP_X_FORWARDED_FOR"].split(", ")[-1] == visitor(site)
    assert found["wsgi.url_scheme"] == found["HTTP_X_FORWARDED_PROTO"] == "http"
    assert found["HTTP_X_REQUEST_ID"] != "forged"


@pytest.fixture
def tls(site: HostApp) -> Iterator[str]:
    """A site of one's own that ends TLS, as the docs say; its address."""
    text = re.search(r"```nginx\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert text
    own = text[1].replace("listen 443 ssl", "listen 8443 ssl").replace("blog.example.com", DOMAIN)
    own = own.replace("certificate ...", "certificate /root/own.pem").replace("key ...", "key /root/own.key")
    site.host.ssh(
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=own -keyout /root/own.key -out /root/own.pem"
    )
    site.host.ssh("cat > /etc/nginx/conf.d/own.conf && nginx -t && systemctl reload nginx", data=own)
    yield f"https://{site.host.address}:8443"
    site.host.ssh("rm /etc/nginx/conf.d/own.conf /root/own.*; systemctl reload nginx")


@pytest.mark.parametrize("forged", [{}, FORGED])
def test_a_site_of_ones_own_that_ends_tls_is_believed(site: HostApp, tls: str, forged: dict[str, str]) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    asked = urllib.request.Request(tls + "/told", headers={"Host": DOMAIN, **forged})
    with opener.open(asked, timeout=15) as response:
        found = json.load(response)
    assert found["wsgi.url_scheme"] == found["HTTP_X_FORWARDED_PROTO"] == "https"
    assert found["REMOTE_ADDR"] == visitor(site)
    assert found["HTTP_HOST"] == DOMAIN


def test_an_upload_may_have_25_mb_and_no_more(site: HostApp) -> None:
    def send(size: int) -> tuple[int, str]:
        answer = fetch(site.url + "/size", b"x" * size, {"Host": DOMAIN})
        return answer.status, answer.body

    assert send(25 * MB) == (200, str(25 * MB))
    assert send(25 * MB + 1)[0] == 413
