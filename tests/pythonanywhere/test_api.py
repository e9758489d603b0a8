"""The API's shapes and errors, as far as they are known, without a server."""

import importlib
import re
import sys
from typing import Any

import pytest
import requests
import responses
from standin.clock import FakeClock

from paasctl.credentials import Origin
from paasctl.errors import PaasctlError, UsageError
from paasctl.secret import Secret
from paasctl.target import load

ROOM = sys.modules[load("pythonanywhere").__module__].__name__
api_module = importlib.import_module(f"{ROOM}.api")
errors = importlib.import_module(f"{ROOM}.errors")
transport_module = importlib.import_module(f"{ROOM}.transport")
webapp = importlib.import_module(f"{ROOM}.webapp")

BASE = "https://www.pythonanywhere.com/api/v0/user/eric/"
FILE = BASE + "files/path/home/eric/x"
DOMAIN = "eric.pythonanywhere.com"


class Client:
    """An API client whose waits are noted and not waited."""

    def __init__(self, host: str = "www.pythonanywhere.com") -> None:
        self.clock, self.said = FakeClock(), []  # type: FakeClock, list[str]
        where = Origin(f"https://{host}", host, "vendor")
        transport = transport_module.Transport(where, "eric", Secret("T0K3N"), self.clock)
        transport.progress = self.said.append
        self.api = api_module.Api(transport)


@pytest.fixture
def client() -> Client:
    return Client()


@pytest.fixture
def web() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as found:
        yield found


def test_the_token_is_in_the_header_and_netrc_does_not_replace_it(
    client: Client, web: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine www.pythonanywhere.com login x password y\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    web.get(FILE, body=b"hello")
    assert client.api.read("/home/eric/x") == b"hello"
    assert web.calls[0].request.headers["Authorization"] == "Token T0K3N"
    assert re.match(r"paasctl/", web.calls[0].request.headers["User-Agent"])


def test_paths_are_quoted(client: Client, web: Any) -> None:
    web.get(re.compile(".*"), body=b"x")
    client.api.read("/home/eric/a b#c?d%20.txt")
    assert web.calls[0].request.url.endswith("/files/path/home/eric/a%20b%23c%3Fd%2520.txt")


def test_an_upload_is_the_field_content(client: Client, web: Any) -> None:
    web.post(FILE, status=201)
    client.api.write("/home/eric/x", b"\0\r\n--data")
    body = web.calls[0].request.body
    assert b'name="content"' in body
    assert b"\0\r\n--data" in body


def test_a_missing_file_is_none(client: Client, web: Any) -> None:
    web.get(FILE, status=404, json={"detail": "No such file or directory: /home/eric/x"})
    assert client.api.read("/home/eric/x") is None


@pytest.mark.parametrize(
    ("headers", "body", "seconds"),
    [
        ({"Retry-After": "7"}, {"detail": "Request was throttled. Expected available in 30 seconds."}, 8),
        ({}, {"detail": "Request was throttled. Expected available in 30 seconds."}, 31),
        ({}, {}, 61),
        ({"Retry-After": "soon"}, {}, 61),
        ({"Retry-After": "99999"}, {}, 91),
    ],
)
def test_throttling_is_obeyed(client: Client, web: Any, headers: Any, body: Any, seconds: int) -> None:
    web.get(FILE, status=429, headers=headers, json=body)
    web.get(FILE, body=b"x")
    assert client.api.read("/home/eric/x") == b"x"
    assert client.clock.slept == [seconds]
    assert client.said == [f"waiting {seconds} s: PythonAnywhere allows no more requests now"]


def test_throttling_without_end_is_an_error(client: Client, web: Any) -> None:
    web.get(FILE, status=429, json={})
    with pytest.raises(PaasctlError, match="allows no more requests"):
        client.api.read("/home/eric/x")
    assert len(web.calls) == 5


def test_creating_is_repeated_after_429_only(client: Client, web: Any) -> None:
    web.post(BASE + "webapps/", status=429, json={})
    web.post(BASE + "webapps/", json={"status": "OK"})
    client.api.create_webapp(DOMAIN, "3.11")
    assert web.calls[1].request.body == f"domain_name={DOMAIN}&python_version=python311"


@pytest.mark.parametrize("answer", [{"body": requests.ConnectionError()}, {"status": 504, "body": "<h1>Gateway</h1>"}])
@pytest.mark.parametrize("there", [True, False])
def test_an_unclear_creation_is_settled_by_the_list(client: Client, web: Any, answer: Any, there: bool) -> None:
    web.post(BASE + "webapps/", **answer)
    web.get(BASE + "webapps/", json=[{"domain_name": DOMAIN}] if there else [])
    if there:
        webapp.create(client.api, DOMAIN, "3.11")
    else:
        with pytest.raises(PaasctlError):
            webapp.create(client.api, DOMAIN, "3.11")
    assert [call.request.method for call in web.calls] == ["POST", "GET"]


def test_200_with_an_error_inside_is_an_error(client: Client, web: Any) -> None:
    text = {"status": "ERROR", "error_type": "limit", "error_message": "You have reached your maximum"}
    web.post(BASE + "webapps/", json=text)
    web.get(BASE + "webapps/", json=[])
    with pytest.raises(PaasctlError, match=r"did not create the web app .*: You have reached your maximum") as caught:
        webapp.create(client.api, DOMAIN, "3.11")
    assert "one web app" in caught.value.hint


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (
            {"json": {"status": "ERROR", "error_message": "You have reached your maximum"}},
            "a free account has one web app",
        ),
        ({"status": 403, "json": {"detail": "Upgrade to have more web apps"}}, "a free account has one web app"),
        ({"json": {"status": "ERROR", "error_message": "Domain already in use"}}, "see on the Web page"),
        ({"status": 500, "body": "<h1>Error</h1>"}, "run the same command again"),
        ({"status": 504, "body": "<h1>Gateway</h1>"}, "run the same command again"),
    ],
)
def test_what_to_do_about_a_web_app_that_was_not_created(client: Client, web: Any, answer: Any, hint: str) -> None:
    web.post(BASE + "webapps/", **answer)
    web.get(BASE + "webapps/", json=[])
    with pytest.raises(PaasctlError, match="did not create the web app") as caught:
        webapp.create(client.api, DOMAIN, "3.11")
    assert caught.value.hint.startswith(hint)


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (403, '{"detail": "You do not have permission"}', "user eric may not do this, or does not exist: You do not"),
        (400, '{"url": ["This field is required."]}', "answered 400: url: This field is required."),
        (400, '{"non_field_errors": ["a", "b"]}', "answered 400: a b"),
        (403, '{"message":"Not yours","code":"forbidden"}', "Not yours"),
        (500, "<html><h1>Server Error</h1></html>", "PythonAnywhere answered 500"),
        (500, "", "PythonAnywhere answered 500"),
        (409, "not json", "answered 409: not json"),
        (301, "", "answered 301"),
    ],
)
def test_errors_of_every_shape(client: Client, web: Any, status: int, body: str, said: str) -> None:
    web.get(FILE, status=status, body=body)
    with pytest.raises(errors.ApiError, match=re.escape(said)) as caught:
        client.api.read("/home/eric/x")
    assert "<" not in caught.value.message
    assert caught.value.exit_code == 1


def test_a_bad_token_is_the_users_to_change(client: Client, web: Any) -> None:
    web.get(FILE, status=401, json={"detail": "Invalid token."})
    with pytest.raises(UsageError, match="does not accept the token: Invalid token") as caught:
        client.api.read("/home/eric/x")
    assert "PYTHONANYWHERE_API_TOKEN" in caught.value.hint
    assert "T0K3N" not in str(caught.value) + caught.value.hint
    assert 'for an account on eu.pythonanywhere.com write domain = "eric.eu.pythonanywhere.com"' in caught.value.hint


def test_the_eu_site_is_not_named_to_those_who_are_there(web: Any) -> None:
    client = Client("eu.pythonanywhere.com")
    web.get(FILE.replace("www.", "eu."), status=401)
    with pytest.raises(UsageError, match="does not accept the token") as caught:
        client.api.read("/home/eric/x")
    assert "domain" not in caught.value.hint


@pytest.mark.parametrize("answer", [{"body": requests.ConnectionError()}, {"status": 502, "body": "<h1>Bad</h1>"}])
def test_what_is_safe_is_tried_again(client: Client, web: Any, answer: Any) -> None:
    web.post(FILE, **answer)
    web.post(FILE, **answer)
    web.post(FILE, status=201)
    client.api.write("/home/eric/x", b"x")
    assert client.clock.slept == [1.0, 3.0]


def test_a_dead_network_is_one_sentence(client: Client, web: Any) -> None:
    web.get(FILE, body=requests.ConnectionError("secret-looking-url"))
    with pytest.raises(errors.Unanswered, match=r"did not answer \(ConnectionError\)") as caught:
        client.api.read("/home/eric/x")
    assert "secret" not in str(caught.value)


def test_a_page_is_not_taken_for_a_file(client: Client, web: Any) -> None:
    web.get(FILE, body="<h1>Down for maintenance</h1>", content_type="text/html; charset=utf-8")
    with pytest.raises(PaasctlError, match="answered with a page in place of a file"):
        client.api.read("/home/eric/x")


def test_a_full_disk_is_named(client: Client, web: Any) -> None:
    for status, body in ((500, "<h1>Disk quota exceeded</h1>"), (507, ""), (403, '{"detail": "No space left"}')):
        web.post(FILE, status=status, body=body)
        with pytest.raises(PaasctlError, match="the account's disk is full: x could not be uploaded"):
            client.api.write("/home/eric/x", b"x")
        web.reset()


@pytest.mark.parametrize("body", ["", "<h1>413 Request Entity Too Large</h1>"])
def test_a_file_that_is_too_large_is_no_full_disk(client: Client, web: Any, body: str) -> None:
    web.post(FILE, status=413, body=body)
    with pytest.raises(errors.ApiError, match="takes no file as large as x; nothing was switched") as caught:
        client.api.write("/home/eric/x", b"x")
    assert "upload_limit" in caught.value.hint
    assert not isinstance(caught.value, errors.DiskFull)


RELOAD = BASE + f"webapps/{DOMAIN}/reload/"


@pytest.mark.parametrize(
    ("answer", "warning"),
    [
        ({"json": {"status": "OK"}}, ""),
        ({"status": 409, "json": {"status": "error", "error": "cname_error"}}, "has no CNAME record"),
        ({"body": requests.ReadTimeout()}, "did not answer in time; asking the site"),
        ({"status": 504, "body": "<h1>x</h1>"}, "answered 504; asking the site"),
    ],
)
def test_reload_is_settled_by_the_site(client: Client, web: Any, answer: Any, warning: str) -> None:
    web.post(RELOAD, **answer)
    assert warning in client.api.reload(DOMAIN)


def test_a_reload_that_was_taken_is_not_sent_again(client: Client, web: Any) -> None:
    web.post(RELOAD, body=requests.ReadTimeout())
    assert "did not answer in time" in client.api.reload(DOMAIN)
    assert len(web.calls) == 1


def test_a_refused_reload_is_an_error(client: Client, web: Any) -> None:
    web.post(RELOAD, status=409, json={"status": "error", "error": "something else"})
    with pytest.raises(PaasctlError, match="something else"):
        client.api.reload(DOMAIN)


def test_python_is_written_in_the_other_way_once(client: Client, web: Any) -> None:
    wanted = webapp.WebApp("eric.pythonanywhere.com", "3.11", "/home/eric/x", True)
    found = {"python_version": "3.10", "source_directory": "/home/eric/x/", "force_https": True}
    url = BASE + f"webapps/{DOMAIN}/"
    web.patch(url, status=400, json={"python_version": ['"3.11" is not a valid choice.']})
    web.patch(url, json={})
    webapp.apply(client.api, DOMAIN, wanted, found, {})
    assert [call.request.body for call in web.calls] == ["python_version=3.11", "python_version=python311"]


def test_a_python_that_is_not_offered_is_the_users_to_change(client: Client, web: Any) -> None:
    wanted = webapp.WebApp("eric.pythonanywhere.com", "3.99", "/home/eric/x", True)
    refusal = {"python_version": ['"3.99" is not a valid choice.']}
    web.patch(BASE + f"webapps/{DOMAIN}/", status=400, json=refusal)
    offered = {"default_python3_version": "3.13", "available_python3_versions": ["3.12", "3.13"]}
    web.get(BASE + "default_python3_version/", json=offered)
    with pytest.raises(UsageError, match=r"does not offer Python 3\.99 to this account") as caught:
        webapp.apply(client.api, DOMAIN, wanted, {"python_version": "3.10"}, {})
    assert caught.value.hint == "set python under the target to one of 3.12, 3.13"


def test_a_python_that_is_not_offered_where_the_list_cannot_be_had(client: Client, web: Any) -> None:
    web.patch(BASE + f"webapps/{DOMAIN}/", status=400, json={"python_version": ["no"]})
    web.get(BASE + "default_python3_version/", status=500)
    with pytest.raises(UsageError, match=r"does not offer Python 3\.99: python: python_version: no"):
        webapp.choose_python(client.api, DOMAIN, "3.99")


def test_only_what_differs_is_written(client: Client, web: Any) -> None:
    wanted = webapp.WebApp(
        "eric.pythonanywhere.com", "3.11", "/home/eric/x", True, {"/static/": "/home/eric/p", "/m/": "/home/eric/m"}
    )
    found = {
        "python_version": "3.11", "source_directory": "/home/eric/x", "working_directory": "/home/eric/",
        "force_https": False, "virtualenv_path": None, "expiry": "2099-01-01",
    }  # fmt: skip
    static = BASE + f"webapps/{DOMAIN}/static_files/"
    web.patch(BASE + f"webapps/{DOMAIN}/", json={})
    present = [
        {"id": 1, "url": "/static/", "path": "/home/eric/old"},
        {"id": 2, "url": "/m/", "path": "/home/eric/m/"},
        {"id": 3, "url": "/ours/", "path": "/home/eric/o"},
        {"id": 4, "url": "/theirs/", "path": "/home/eric/t"},
    ]
    web.get(static, json=present)
    web.patch(static + "1/", json={})
    web.delete(static + "3/", status=204)
    webapp.apply(client.api, DOMAIN, wanted, found, {"/ours/": "/home/eric/o", "/static/": "/home/eric/old"})
    assert [(c.request.method, c.request.url.partition("webapps/")[2], c.request.body) for c in web.calls] == [
        ("PATCH", f"{DOMAIN}/", "working_directory=%2Fhome%2Feric%2Fx&force_https=true"),
        ("GET", f"{DOMAIN}/static_files/", None),
        ("PATCH", f"{DOMAIN}/static_files/1/", "path=%2Fhome%2Feric%2Fp"),
        ("DELETE", f"{DOMAIN}/static_files/3/", None),
    ]


def test_a_mapping_is_not_added_twice(client: Client, web: Any) -> None:
    static = BASE + f"webapps/{DOMAIN}/static_files/"
    web.post(static, body=requests.ConnectionError())
    web.get(static, json=[{"id": 1, "url": "/static/", "path": "/home/eric/p"}])
    webapp.apply_static(client.api, DOMAIN, {"/static/": "/home/eric/p"}, {}, fresh=True)
    assert [call.request.method for call in web.calls] == ["POST", "GET"]


def test_a_list_that_is_no_list(client: Client, web: Any) -> None:
    for body in ('{"detail": "x"}', "<h1>maintenance</h1>", ""):
        web.get(BASE + "webapps/", body=body)
        with pytest.raises(PaasctlError, match="could not be read"):
            client.api.webapps()
        web.reset()


def test_the_pace_stays_under_forty_a_minute(client: Client, web: Any) -> None:
    web.get(FILE, body=b"x")
    web.get(BASE + "cpu/", json={})
    sent = []
    for _ in range(100):
        client.api.read("/home/eric/x")
        sent.append(client.clock.time())
    before = len(client.clock.slept)
    client.api.cpu()
    assert len(client.clock.slept) == before  # another endpoint has its own pace
    assert max(sum(start <= t < start + 60 for t in sent) for start in sent) < 40
    assert client.said[0].startswith("waiting 60 s: PythonAnywhere allows 40 requests a minute to files")


def test_the_servers_clock_is_learnt(client: Client, web: Any) -> None:
    web.get(FILE, body=b"x", headers={"Date": "Sun, 22 Nov 2099 10:00:00 GMT"})
    client.api.read("/home/eric/x")
    assert client.api.transport.ahead > 3600 * 24 * 365
