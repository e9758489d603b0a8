"""What is known of web frameworks: how an app object is made, and what wraps one."""

from __future__ import annotations

from paasctl.model import Interface

#: The full name of what makes an app -> the framework and its interface.
CONSTRUCTORS: dict[str, tuple[str, Interface]] = {
    "flask.Flask": ("flask", "wsgi"),
    "flask.app.Flask": ("flask", "wsgi"),
    "apiflask.APIFlask": ("flask", "wsgi"),
    "flask_openapi3.OpenAPI": ("flask", "wsgi"),
    "bottle.Bottle": ("bottle", "wsgi"),
    "bottle.default_app": ("bottle", "wsgi"),
    "falcon.App": ("falcon", "wsgi"),
    "falcon.API": ("falcon", "wsgi"),
    "falcon.asgi.App": ("falcon", "asgi"),
    "django.core.wsgi.get_wsgi_application": ("django", "wsgi"),
    "django.core.asgi.get_asgi_application": ("django", "asgi"),
    "channels.routing.ProtocolTypeRouter": ("django", "asgi"),
    "fastapi.FastAPI": ("fastapi", "asgi"),
    "fastapi.applications.FastAPI": ("fastapi", "asgi"),
    "starlette.applications.Starlette": ("starlette", "asgi"),
    "quart.Quart": ("quart", "asgi"),
    "litestar.Litestar": ("litestar", "asgi"),
    "sanic.Sanic": ("sanic", "asgi"),
}

#: The last part of a wrapper's name -> the interface of what it gives (None: the interface of what it wraps).
WRAPPERS: dict[str, Interface | None] = {
    "ProxyFix": None,
    "DispatcherMiddleware": None,
    "SharedDataMiddleware": None,
    "ProfilerMiddleware": None,
    "LintMiddleware": None,
    "WhiteNoise": None,
    "DjangoWhiteNoise": None,
    "Sentry": None,
    "SentryWsgiMiddleware": None,
    "SentryAsgiMiddleware": None,
    "OpenTelemetryMiddleware": None,
    "ProxyHeadersMiddleware": None,
    "CORSMiddleware": None,
    "WsgiToAsgi": "asgi",
    "WSGIMiddleware": "asgi",
    "AsyncToSync": "wsgi",
    "ASGIMiddleware": "wsgi",
}

#: Which distribution a framework's import comes from.
DISTRIBUTIONS: dict[str, str] = {"flask": "flask", "django": "django", "fastapi": "fastapi", "starlette": "starlette"}

#: Words at least one of which stands in any file that makes, wraps or passes on an app.
MARKS = (
    b"Flask", b"APIFlask", b"OpenAPI", b"FastAPI", b"Starlette", b"Quart", b"Litestar", b"Sanic", b"Bottle",
    b"bottle", b"falcon", b"create_app", b"make_app", b"_application", b"application", b"start_response",
    b"ProtocolTypeRouter", b"scope", b"import app",
)  # fmt: skip

FACTORY_NAMES = ("create_app", "make_app")
