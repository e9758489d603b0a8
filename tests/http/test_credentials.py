"""Tokens go to the vendor and to loopback only; errors name every place and never the token."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paasctl import credentials
from paasctl.credentials import Origin, Place, find, in_environ, in_netrc, origin, variable
from paasctl.errors import UsageError

DEFAULT = "https://api.heroku.com"
VENDOR = ("heroku.com",)


def judge(url: str | None) -> Origin:
    return origin(url, DEFAULT, VENDOR)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        (None, "vendor"),
        ("https://api.heroku.com/", "vendor"),
        ("https://API.heroku.com.", "vendor"),
        ("https://heroku.com", "vendor"),
        ("https://evilheroku.com", "other"),
        ("https://heroku.com.evil.example", "other"),
        ("https://api.heroku.com:8443/x", "vendor"),
        ("http://127.0.0.1:1", "loopback"),
        ("http://[::1]:1", "loopback"),
        ("http://localhost:1", "loopback"),
        ("https://localhost.evil.example", "other"),
        ("https://127.0.0.1.evil.example", "other"),
    ],
)
def test_a_host_is_the_vendors_loopback_or_other(url: str | None, kind: str) -> None:
    assert judge(url).kind == kind


@pytest.mark.parametrize(
    "url",
    [
        "http://api.heroku.com",
        "http://127.0.0.1.evil.example",
        "https://user:pw@api.heroku.com",
        "https://api.heroku.com@evil.example",
        "https://api.heroku.com/?a=1",
        "https://api.heroku.com/#a",
        "ftp://api.heroku.com",
        "api.heroku.com",
        "https://",
        "https://[::1",
        "https://a:port",
    ],
)
def test_an_address_that_could_leak_a_token_is_refused(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        judge(url)
    assert "pw" not in caught.value.message


@given(st.text(max_size=40))
def test_any_address_is_judged_or_refused(text: str) -> None:
    try:
        judged = judge(f"https://{text}")
    except UsageError:
        return
    assert judged.kind != "vendor" or judged.host.endswith("heroku.com")


def test_the_usual_token_never_goes_to_another_host() -> None:
    environ = {"HEROKU_API_KEY": "usual-token"}
    with pytest.raises(UsageError) as caught:
        find("my-app", judge("https://evil.example"), environ, [in_environ(environ, "HEROKU_API_KEY")], "Heroku")
    assert "PAASCTL_TOKEN_MY_APP" in caught.value.hint
    assert "usual-token" not in caught.value.message + caught.value.hint


def test_another_host_gets_the_targets_own_token() -> None:
    environ = {"HEROKU_API_KEY": "usual-token", "PAASCTL_TOKEN_STAGING": "own"}
    places = [in_environ(environ, "HEROKU_API_KEY")]
    token = find("staging", judge("https://proxy.example"), environ, places, "Heroku")
    assert (token.secret.reveal(), token.place) == ("own", "PAASCTL_TOKEN_STAGING")


def test_the_targets_own_token_is_not_for_the_vendor() -> None:
    environ = {"PAASCTL_TOKEN_HEROKU": "own"}
    with pytest.raises(UsageError):
        find("heroku", judge(None), environ, [in_environ(environ, "HEROKU_API_KEY")], "Heroku")


def test_places_are_looked_at_in_order_and_all_named(tmp_path: Path) -> None:
    asked: list[str] = []

    def place(name: str, value: str | None) -> Place:
        return Place(name, lambda: asked.append(name) or value)  # type: ignore[func-returns-value]

    token = find("x", judge(None), {}, [place("A", ""), place("B", " tok\n"), place("C", "no")], "Heroku")
    assert token.secret.reveal() == "tok"
    assert asked == ["A", "B"]
    with pytest.raises(UsageError, match="looked at A, B"):
        find("x", judge(None), {}, [place("A", None), place("B", " ")], "Heroku")


@pytest.mark.parametrize("value", ["two words", "line\nbreak", "ümlaut"])
def test_what_cannot_be_a_header_is_refused_without_showing_it(value: str) -> None:
    with pytest.raises(UsageError) as caught:
        find("x", judge(None), {}, [Place("A", lambda: value)], "Heroku")
    assert value not in caught.value.message + caught.value.hint


def test_netrc(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine api.heroku.com login me password nrc-token\n")
    assert in_netrc({}, tmp_path, "api.heroku.com").read() == "nrc-token"
    assert in_netrc({}, tmp_path, "other.example").read() is None
    other = tmp_path / "elsewhere"
    other.write_text("machine api.heroku.com login me password second\n")
    place = in_netrc({"NETRC": str(other)}, tmp_path, "api.heroku.com")
    assert place.read() == "second"
    assert "elsewhere" in place.name


@pytest.mark.parametrize("text", ["machine api.heroku.com password", "nonsense secret-word", "machine \udcff"])
def test_a_broken_netrc_is_no_place(tmp_path: Path, text: str) -> None:
    (tmp_path / ".netrc").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert in_netrc({}, tmp_path, "api.heroku.com").read() is None


@pytest.mark.parametrize("name", ["heroku", "my-app", "a.b c"])
def test_the_variable_is_a_valid_name(name: str) -> None:
    assert variable(name).isidentifier()


def test_loopback_is_judged_without_a_look_up() -> None:
    assert credentials.is_loopback("127.8.9.1")
    assert not credentials.is_loopback("example.com")
