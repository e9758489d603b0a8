"""The wrapper around the app: request ids, the client's address and scheme behind proxies, the release's probe."""

from __future__ import annotations

import os

from .base import guard
from .ending import closed_after, ends_connections
from .entry import load_entry
from .hooks import run_missed_hooks
from .install import prepare
from .request import Proxies, Request, current, kept_or_new

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: a probe comes over a Unix socket, which has no client address; an app may want one all the same
PROBER = "127.0.0.1"
SCHEMES = ("http", "https", "ws", "wss")


class WsgiWrapper:
    """A WSGI application around another one."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.proxies = Proxies()
        self.proxied = bool(self.proxies)
        self.release = os.environ.get("PAASCTL_RELEASE", "")
        self.ends = ends_connections()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.app, name)  # app.config, app.cli: whoever imports the wrapped app finds its attributes

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        if self.proxied:
            self.believe_proxy(environ)
        id = environ["HTTP_X_REQUEST_ID"] = kept_or_new(environ.get("HTTP_X_REQUEST_ID", ""))
        probed = bool(self.release) and environ.get("HTTP_X_PAASCTL_PROBE") == self.release
        if probed and not environ.get("REMOTE_ADDR"):
            environ["REMOTE_ADDR"] = PROBER
        current.set(Request(id, wsgi_facts, environ))

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            added = [("X-Request-ID", id)]
            for name, _ in headers:
                if name.lower() == "x-request-id":
                    added = []
            if probed:
                added.append(("X-Paasctl-Release", self.release))
            if self.ends and environ.get("SERVER_PROTOCOL", "").startswith("HTTP/1"):
                added.append(("Connection", "close"))
            headers = [*headers, *added]
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        wrapper, files = environ.get("wsgi.file_wrapper", list), None
        if not isinstance(wrapper, type):
            wrapper, files = list, remembered_files(environ)
        body = self.app(environ, start)  # when it raises, the server's own record still names the request
        if type(body) in (list, tuple):
            return Parts(body)
        if isinstance(body, (list, tuple, wrapper)) or (files and any(body is file for file in files)):
            current.set(None)  # nothing of the app runs any more; and the server must still see what it is
            return body
        return Body(body)

    def believe_proxy(self, environ: dict[str, Any]) -> None:
        proxies = self.proxies
        if proxies.header:
            address = environ.get("HTTP_" + proxies.header.upper().replace("-", "_"), "").strip()
        else:
            address = proxies.pick(environ.get("HTTP_X_FORWARDED_FOR", ""))
        if address:
            environ["REMOTE_ADDR"] = address
        scheme = environ.get("HTTP_X_FORWARDED_PROTO")
        if scheme and proxies.pick(scheme) in SCHEMES:
            environ["wsgi.url_scheme"] = proxies.pick(scheme)


class Body:
    """A response body that ends the request when the server closes it."""

    __slots__ = ("body",)

    def __init__(self, body: Any) -> None:
        self.body = body

    def __iter__(self) -> Any:
        return iter(self.body)

    def close(self) -> None:
        try:
            close = getattr(self.body, "close", None)
            if close:
                close()
        finally:
            current.set(None)


class Parts(list):  # type: ignore[type-arg]  # not generic before Python 3.9
    """A response body in a list, whose length servers ask for; it ends the request after the access log's line."""

    __slots__ = ()

    def close(self) -> None:
        current.set(None)


def remembered_files(environ: dict[str, Any]) -> list[Any]:
    """What the server's ``wsgi.file_wrapper`` will return, where that is no class.

    uWSGI's is a function that returns the app's own file, which uWSGI then recognises in the response.
    """
    wrapper, made = environ["wsgi.file_wrapper"], []

    def remember(*arguments: Any) -> Any:
        made.append(wrapper(*arguments))
        return made[-1]

    environ["wsgi.file_wrapper"] = remember
    return made


def wsgi_facts(environ: dict[str, Any]) -> tuple[str, str, str, str, str, str, str]:
    read = environ.get
    host = read("HTTP_HOST") or read("SERVER_NAME", "")
    place = read("wsgi.url_scheme", "http") + "://" + host
    path = (read("SCRIPT_NAME", "") + read("PATH_INFO", "")).encode("latin-1", "replace").decode("utf-8", "replace")
    hidden = read("QUERY_STRING", ""), read("HTTP_COOKIE", ""), read("HTTP_AUTHORIZATION", "")
    return (read("REQUEST_METHOD", ""), place, path, read("REMOTE_ADDR", ""), *hidden)


class AsgiWrapper:
    """An ASGI 3 application around another one."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.proxies = Proxies()
        self.release = os.environ.get("PAASCTL_RELEASE", "").encode("latin-1", "replace")
        self.ends = ends_connections()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.app, name)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        sent = headers.get(b"x-request-id", b"").decode("latin-1")
        id = kept_or_new(sent)
        scope = dict(scope)
        if id != sent:
            scope["headers"] = [h for h in scope["headers"] if h[0].lower() != b"x-request-id"]
            scope["headers"].append((b"x-request-id", id.encode()))
        if self.proxies:
            self.believe_proxy(scope, headers)
        extra = [(b"x-request-id", id.encode())]
        if self.release and headers.get(b"x-paasctl-probe") == self.release:
            extra.append((b"x-paasctl-release", self.release))
            scope["client"] = scope.get("client") or (PROBER, 0)
        ends = self.ends and scope.get("http_version", "1.1").startswith("1")
        current.set(Request(id, asgi_facts, scope))  # in the task of this request: nobody else sees it

        async def answer(message: Any) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message = with_headers(message, extra)
            if ends and message["type"] == "http.response.start":
                message = closed_after(message)
            await send(message)

        await self.app(scope, receive, answer)

    def believe_proxy(self, scope: Any, headers: dict[bytes, bytes]) -> None:
        proxies = self.proxies
        if proxies.header:
            address = headers.get(proxies.header.lower().encode("latin-1"), b"").decode("latin-1").strip()
        else:
            address = proxies.pick(joined(scope, b"x-forwarded-for"))
        if address:
            scope["client"] = (address, 0)
        scheme = proxies.pick(joined(scope, b"x-forwarded-proto"))
        if scheme in SCHEMES:
            scope["scheme"] = scheme.replace("http", "ws") if scope["type"] == "websocket" else scheme


def joined(scope: Any, name: bytes) -> str:
    """All values of one header as one comma-separated text: the last entry is the last proxy's."""
    return b",".join(value for key, value in scope["headers"] if key.lower() == name).decode("latin-1")


def with_headers(message: Any, extra: list[tuple[bytes, bytes]]) -> Any:
    present = list(message.get("headers") or ())
    names = {name.lower() for name, _ in present}
    return dict(message, headers=present + [header for header in extra if header[0] not in names])


def asgi_facts(scope: Any) -> tuple[str, str, str, str, str, str, str]:
    headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
    place = "%s://%s" % (scope.get("scheme", "http"), headers.get(b"host", ""))
    client = str((scope.get("client") or ("",))[0])
    query = scope.get("query_string", b"").decode("latin-1")
    hidden = query, headers.get(b"cookie", ""), headers.get(b"authorization", "")
    return (scope.get("method", "WEBSOCKET"), place, scope.get("path", ""), client, *hidden)


def wrap_wsgi(app: Any) -> Any:
    """The wrapper around a WSGI application."""
    return WsgiWrapper(app)


def wrap_asgi(app: Any) -> Any:
    """The wrapper around an ASGI 3 application."""
    return AsgiWrapper(app)


def wrap(app: Any) -> Any:
    """The wrapper that fits, or the app itself when that goes wrong."""
    run_missed_hooks()
    with guard("the app's wrapper"):
        return fitting(app)
    return app


def fitting(app: Any) -> Any:
    """ASGI when calling the app makes a coroutine, else WSGI; an ASGI 2 class and a wrapped app stay as they are."""
    import inspect

    if isinstance(app, (WsgiWrapper, AsgiWrapper)):
        return app
    if inspect.isclass(app):
        return app if inspect.iscoroutinefunction(app.__call__) else WsgiWrapper(app)
    call = app if inspect.isfunction(app) or inspect.ismethod(app) else type(app).__call__
    return AsgiWrapper(app) if inspect.iscoroutinefunction(getattr(app, "func", call)) else WsgiWrapper(app)


def application() -> Any:
    """The wrapped app that ``PAASCTL_ENTRY`` names; what servers are given in place of the app's own entry."""
    prepare()
    return wrap(load_entry(os.environ["PAASCTL_ENTRY"]))
