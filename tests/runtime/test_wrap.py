"""The wrapper: request ids, the client's address behind proxies, the probe, and nothing else changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paasctl.procfiles.runtime.request import Proxies, current, kept_or_new, request_id
from paasctl.procfiles.runtime.wrap import AsgiWrapper, WsgiWrapper, wrap, wrap_asgi, wrap_wsgi


@pytest.fixture(autouse=True)
def no_request() -> Iterator[None]:
    token = current.set(None)
    yield
    current.reset(token)


def call_wsgi(app: Any, **environ: str) -> tuple[str, dict[str, str], Any]:
    answer: list[Any] = []
    environ.setdefault("REMOTE_ADDR", "9.9.9.9")
    setup_testing_defaults(environ)
    body = app(environ, lambda status, headers, exc_info=None: answer.extend((status, dict(headers))))
    return answer[0], answer[1], body


def seen(environ: Any, start: Any) -> list[bytes]:
    start("200 OK", [("Content-Type", "text/plain")])
    facts = (environ["wsgi.url_scheme"], environ["REMOTE_ADDR"], environ["HTTP_X_REQUEST_ID"], request_id())
    return [" ".join(facts).encode()]


def call_asgi(app: Any, headers: list[tuple[bytes, bytes]], **scope: Any) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    base = {
        "type": "http",
        "method": "GET",
        "path": "/p",
        "scheme": "http",
        "headers": headers,
        "client": ("9.9.9.9", 1),
    }
    asyncio.run(app({**base, **scope}, None, send))
    return sent


async def seen_async(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    text = f"{scope['scheme']} {scope['client'][0]} {dict(scope['headers'])[b'x-request-id'].decode()} {request_id()}"
    await send({"type": "http.response.body", "body": text.encode()})


GOOD = st.text("abcXYZ019._-", min_size=8, max_size=200)
BAD = st.one_of(
    st.text("abcXYZ019._-", max_size=7),
    st.text("abc", min_size=201, max_size=300),
    st.builds(
        lambda start, wrong: start + wrong,
        GOOD.map(lambda id: id[:50]),
        st.sampled_from([" ", "\n", "ä", "<", "/", "٣"]),
    ),
)


@given(GOOD)
def test_a_harmless_id_is_kept(id: str) -> None:
    assert kept_or_new(id) == id


@given(BAD)
def test_any_other_id_is_replaced_by_a_new_one(id: str) -> None:
    assert kept_or_new(id) != id
    assert kept_or_new(id) != kept_or_new(id)
    assert kept_or_new(kept_or_new(id)) != kept_or_new(id) or len(kept_or_new(id)) == 32


def test_wsgi_id_reaches_the_app_the_log_and_the_client() -> None:
    _, headers, body = call_wsgi(wrap_wsgi(seen), HTTP_X_REQUEST_ID="client-id-1")
    assert headers["X-Request-ID"] == "client-id-1"
    assert body[0].decode().split()[2:] == ["client-id-1", "client-id-1"]
    assert request_id() == "client-id-1", "the server writes its line in the access log"
    body.close()
    assert request_id() == "", "the request is over"


def test_wsgi_id_of_the_app_itself_wins() -> None:
    def app(environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [("x-request-id", "mine")])
        return []

    assert call_wsgi(wrap_wsgi(app))[1] == {"x-request-id": "mine"}


def test_wsgi_generator_is_one_request_until_the_server_closes_it() -> None:
    closed = []

    class Body:
        def __iter__(self) -> Iterator[bytes]:
            yield request_id().encode()

        def close(self) -> None:
            closed.append(request_id())

    def app(environ: Any, start: Any) -> Body:
        start("200 OK", [])
        return Body()

    _, headers, body = call_wsgi(wrap_wsgi(app))
    id = headers["X-Request-ID"]
    assert list(body) == [id.encode()]
    body.close()
    assert closed == [id]
    assert request_id() == ""


def test_wsgi_lists_and_files_stay_what_they_are() -> None:
    """A server looks at them: a list of one has a length, a file is sent by the kernel."""
    for parts in ([b"x"], (b"x",)):
        body = call_wsgi(wrap_wsgi(lambda environ, start, parts=parts: start("200 OK", []) or parts))[2]
        assert isinstance(body, list)
        assert body == [b"x"]
    file = FileWrapper(None)  # type: ignore[arg-type]
    app = wrap_wsgi(lambda environ, start: start("200 OK", []) or file)
    assert call_wsgi(app, **{"wsgi.file_wrapper": FileWrapper})[2] is file  # type: ignore[arg-type]


def test_a_file_wrapper_that_is_a_function_is_no_class() -> None:
    """As uWSGI's: it returns the file, which the server recognises by its identity; other bodies are as ever."""
    file, other = object(), iter([b"x"])
    own: dict[str, Any] = {"wsgi.file_wrapper": lambda file, size=0: file}

    def sends(environ: Any, start: Any) -> Any:
        start("200 OK", [])
        return environ["wsgi.file_wrapper"](file, 8192)

    assert call_wsgi(wrap_wsgi(sends), **own)[2] is file
    assert list(call_wsgi(wrap_wsgi(lambda environ, start: start("200 OK", []) or other), **own)[2]) == [b"x"]


def test_wsgi_passes_an_error_and_its_information_on() -> None:
    def app(environ: Any, start: Any) -> list[bytes]:
        start("500 X", [], ("type", "error", "trace"))
        raise KeyError("x")

    given_info = []
    environ: dict[str, Any] = {}
    setup_testing_defaults(environ)
    with pytest.raises(KeyError):
        wrap_wsgi(app)(environ, lambda status, headers, exc_info=None: given_info.append(exc_info))
    assert given_info == [("type", "error", "trace")]


@pytest.mark.parametrize(
    ("sent", "release", "answered"),
    [("r7", "r7", "r7"), ("r6", "r7", None), ("", "", None), ("r7", "", None), (None, "r7", None)],
)
def test_probe_names_the_release_only_to_who_knows_it(
    monkeypatch: pytest.MonkeyPatch, sent: str | None, release: str, answered: str | None
) -> None:
    monkeypatch.setenv("PAASCTL_RELEASE", release)
    environ = {} if sent is None else {"HTTP_X_PAASCTL_PROBE": sent}
    assert call_wsgi(wrap_wsgi(seen), **environ)[1].get("X-Paasctl-Release") == answered
    headers = [] if sent is None else [(b"x-paasctl-probe", sent.encode())]
    start = call_asgi(wrap_asgi(seen_async), headers)[0]
    assert dict(start["headers"]).get(b"x-paasctl-release") == (answered.encode() if answered else None)


FORWARDED = [
    # hops, X-Forwarded-For, X-Forwarded-Proto -> scheme, address
    ("0", "6.6.6.6", "https", "http 9.9.9.9"),
    ("1", "1.2.3.4", "https", "https 1.2.3.4"),
    ("1", "6.6.6.6, 1.2.3.4", "https", "https 1.2.3.4"),  # the first one was written by the client
    ("1", "6.6.6.6,1.2.3.4", "http, https", "https 1.2.3.4"),
    ("2", "6.6.6.6, 1.2.3.4, 10.0.0.1", "https, http", "https 1.2.3.4"),
    ("2", "10.0.0.1", "https", "http 9.9.9.9"),  # fewer entries than proxies: somebody went around one
    ("1", "", "", "http 9.9.9.9"),
    ("1", "1.2.3.4", "gopher", "http 1.2.3.4"),
    ("many", "1.2.3.4", "https", "http 9.9.9.9"),
]


@pytest.mark.parametrize(("hops", "address", "scheme", "expected"), FORWARDED)
def test_only_what_our_proxies_wrote_is_believed(
    monkeypatch: pytest.MonkeyPatch, hops: str, address: str, scheme: str, expected: str
) -> None:
    monkeypatch.setenv("PAASCTL_PROXY_HOPS", hops)
    environ = {"HTTP_X_FORWARDED_FOR": address, "HTTP_X_FORWARDED_PROTO": scheme, "REMOTE_ADDR": "9.9.9.9"}
    body = call_wsgi(wrap_wsgi(seen), **environ)[2]
    assert " ".join(body[0].decode().split()[:2]) == expected
    headers = [(b"x-forwarded-for", address.encode()), (b"x-forwarded-proto", scheme.encode())]
    asked = call_asgi(wrap_asgi(seen_async), headers)
    assert " ".join(asked[1]["body"].decode().split()[:2]) == expected


def test_asgi_repeated_headers_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAASCTL_PROXY_HOPS", "1")
    headers = [(b"x-forwarded-for", b"6.6.6.6"), (b"x-forwarded-for", b"1.2.3.4")]
    assert call_asgi(wrap_asgi(seen_async), headers)[1]["body"].decode().split()[1] == "1.2.3.4"


def test_a_header_that_the_platform_overwrites(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAASCTL_CLIENT_HEADER", "X-Real-IP")
    environ = {"HTTP_X_REAL_IP": "1.2.3.4", "HTTP_X_FORWARDED_FOR": "6.6.6.6", "REMOTE_ADDR": "10.0.0.1"}
    assert call_wsgi(wrap_wsgi(seen), **environ)[2][0].split()[1] == b"1.2.3.4"
    headers = [(b"x-real-ip", b"1.2.3.4"), (b"x-forwarded-for", b"6.6.6.6")]
    assert call_asgi(wrap_asgi(seen_async), headers)[1]["body"].split()[1] == b"1.2.3.4"


@given(st.integers(1, 3), st.lists(st.text("0123456789.", min_size=1, max_size=15), max_size=6), st.text(max_size=20))
def test_what_a_client_sends_in_front_changes_nothing(hops: int, written: list[str], forged: str) -> None:
    proxies = Proxies()
    proxies.hops = hops
    behind = written[:hops]
    if len(behind) == hops:
        assert proxies.pick(",".join([*forged.split(","), *behind])) == behind[0].strip()


def test_asgi_id_is_sent_back_once_and_replaced_when_it_is_no_id() -> None:
    sent = call_asgi(wrap_asgi(seen_async), [(b"X-Request-ID", b"bad id")])
    ids = [value for name, value in sent[0]["headers"] if name == b"x-request-id"]
    assert len(ids) == 1
    assert sent[1]["body"].decode().split()[2:] == [ids[0].decode()] * 2


def test_asgi_websocket_gets_its_own_scheme_and_lifespan_passes_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAASCTL_PROXY_HOPS", "1")
    scopes = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)

    headers = [(b"x-forwarded-proto", b"https")]
    call_asgi(wrap_asgi(app), headers, type="websocket", scheme="ws")
    assert scopes[0]["scheme"] == "wss"
    lifespan = {"type": "lifespan"}
    asyncio.run(wrap_asgi(app)(lifespan, None, None))
    assert scopes[1] is lifespan


class AsyncCallable:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...


class SyncCallable:
    def __call__(self, environ: Any, start: Any) -> Any: ...


class Asgi2:
    def __init__(self, scope: Any) -> None: ...
    async def __call__(self, receive: Any, send: Any) -> None: ...


def test_the_interface_is_found_from_the_app_itself() -> None:
    assert type(wrap(seen_async)) is AsgiWrapper
    assert type(wrap(AsyncCallable())) is AsgiWrapper
    assert type(wrap(seen)) is WsgiWrapper
    assert type(wrap(SyncCallable())) is WsgiWrapper
    assert wrap(Asgi2) is Asgi2
    wrapped = wrap(seen)
    assert wrap(wrapped) is wrapped


def test_attributes_of_the_app_stay_reachable() -> None:
    app = SyncCallable()
    app.config = {"A": 1}  # type: ignore[attr-defined]
    assert wrap(app).config == {"A": 1}
    with pytest.raises(AttributeError):
        _ = wrap(app).nothing


@pytest.mark.parametrize(
    ("probe", "address", "expected"),
    [("v7", "", "127.0.0.1"), ("v6", "", ""), ("v7", "10.1.1.1", "10.1.1.1")],
)
def test_a_probe_has_a_client_address(monkeypatch: pytest.MonkeyPatch, probe: str, address: str, expected: str) -> None:
    """gunicorn has none for a Unix socket, over which the probe comes."""
    monkeypatch.setenv("PAASCTL_RELEASE", "v7")
    body = call_wsgi(wrap_wsgi(seen), HTTP_X_PAASCTL_PROBE=probe, REMOTE_ADDR=address)[2]
    assert b"".join(body).split(b" ")[1].decode() == expected


def test_a_probe_of_an_asgi_app_has_a_client_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAASCTL_RELEASE", "v7")
    body = call_asgi(wrap_asgi(seen_async), [(b"x-paasctl-probe", b"v7")], client=None)[1]["body"]
    assert body.split(b" ")[1] == b"127.0.0.1"
