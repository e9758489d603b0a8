"""The servers that paasctl knows: each gets the wrapped app and the sockets that were handed on."""

from __future__ import annotations

import importlib
import os
import sys

from .base import guard, in_force, number
from .ending import ENDS, end_connections, end_waitress_connections, run_waitress
from .sentry import start_sentry, start_sentry_with_program
from .sockets import hand_on, handed_sockets
from .wrap import wrap

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from typing import Any

APPLICATION = "_paasctl_runtime:application"


def load_module(name: str) -> Any:
    """A module by its whole name; ``import uvicorn.main`` would give the attribute of that name, a command."""
    return importlib.import_module(name)


def prepare_gunicorn(sockets: list[socket.socket]) -> None:
    """gunicorn: defaults below the user's own options, the app wrapped where gunicorn loads it."""
    if sockets:
        end_connections()  # counts for its workers that serve ASGI
        hand_on(sockets)
    WSGIApplication = load_module("gunicorn.app.wsgiapp").WSGIApplication  # noqa: N806
    load_default_config, load_config = WSGIApplication.load_default_config, WSGIApplication.load_config
    load = WSGIApplication.load

    def default_config(self: Any) -> None:
        load_default_config(self)
        with guard("gunicorn's defaults"):
            for name, value in gunicorn_defaults().items():
                if name in self.cfg.settings:
                    self.cfg.set(name, value)

    def config(self: Any) -> None:
        load_config(self)
        os.environ["PAASCTL_ENTRY"] = str(self.app_uri)
        if sockets:
            for name, value in (("bind", []), ("reuse_port", False), ("daemon", False), ("keepalive", 0)):
                self.cfg.set(name, value)

    def app(self: Any) -> Any:
        with guard("sentry"):
            start_sentry()
        return wrap(load(self))

    WSGIApplication.load_default_config, WSGIApplication.load_config = default_config, config
    WSGIApplication.load = app


def gunicorn_defaults() -> dict[str, Any]:
    """What gunicorn shall do where the line, its configuration file and GUNICORN_CMD_ARGS say nothing."""
    values: dict[str, Any] = {"control_socket_disable": True}  # two masters of one user would share the path
    if os.path.isdir("/dev/shm"):
        values["worker_tmp_dir"] = "/dev/shm"  # a heartbeat on a slow disk looks like a hung worker
    if default_workers():
        values["workers"] = default_workers()
    if number("THREADS"):
        values["threads"] = number("THREADS")
    if number("TIMEOUT"):
        values["timeout"] = values["graceful_timeout"] = number("TIMEOUT")
    return values


def default_workers() -> int:
    """The number of worker processes where the line says nothing, or 0; the conventional WEB_CONCURRENCY wins."""
    return 0 if os.environ.get("WEB_CONCURRENCY") else number("WORKERS")


def prepare_uvicorn(sockets: list[socket.socket]) -> None:
    """uvicorn: ``run`` gets our entry as a factory, server and worker processes get the sockets."""
    module = load_module("uvicorn.main")
    run, serve = module.run, module.Server.run

    def run_wrapped(app: Any, **options: Any) -> Any:
        if isinstance(app, str):
            os.environ["PAASCTL_ENTRY"] = app + ("()" if options.get("factory") else "")
            app, options["factory"] = APPLICATION, True
        if sockets:
            options["uds"] = options["fd"] = None
        if options.get("workers") is None and default_workers():
            options["workers"] = default_workers()
        return run(app, **options)

    def serve_handed(self: Any, sockets: Any = sockets) -> Any:
        return serve(self, sockets=sockets)

    def supervisor(original: Any) -> Any:
        def start(config: Any, *target: Any, **options: Any) -> Any:
            for one in options["sockets"]:
                one.close()
            return original(config, *target, **dict(options, sockets=sockets))

        return start

    module.run = run_wrapped
    if sockets:
        end_connections()
        serve_handed.__name__ = "run"  # a bound method is pickled by its name
        module.Server.run = serve_handed
        module.Config.bind_socket = unbound_socket
        module.Multiprocess, module.ChangeReload = supervisor(module.Multiprocess), supervisor(module.ChangeReload)


def unbound_socket(config: Any) -> socket.socket:
    """In place of the address of the line, which is not used."""
    import socket

    return socket.socket()


def prepare_hypercorn(sockets: list[socket.socket]) -> None:
    """hypercorn: the configuration that its command line made is changed right before it runs."""
    module = load_module("hypercorn.__main__")
    run = module.run

    def run_wrapped(config: Any) -> Any:
        mode, entry = split_mode(config.application_path)
        os.environ["PAASCTL_ENTRY"] = entry
        config.application_path = mode + APPLICATION + "()"
        if sockets:
            end_connections()
            config.bind = ["fd://%d" % one.detach() for one in sockets]
            config.insecure_bind, config.quic_bind = [], []
            if config.graceful_timeout == type(config).graceful_timeout:  # 3 s, which cut longer answers off
                config.graceful_timeout = ENDS
        if default_workers() and not any(word.startswith(("-w", "--workers")) for word in sys.argv):
            config.workers = default_workers()
        return run(config)

    module.run = run_wrapped


def split_mode(path: str) -> tuple[str, str]:
    """hypercorn's ``[asgi:|wsgi:]module[:attr]`` as the mode with its colon, and our entry.

    A module in another folder (``src/app``) is made importable as hypercorn would.
    """
    mode = ""
    if path.startswith(("asgi:", "wsgi:")) and path.count(":") == 2:
        mode, path = path[:5], path[5:]
    module, _, attribute = path.partition(":")
    folder, name = os.path.split(module)
    if folder:
        sys.path.insert(0, os.path.abspath(folder))
    return mode, "%s:%s" % (name[:-3] if name.endswith(".py") else name, attribute or "app")


def prepare_waitress(sockets: list[socket.socket]) -> None:
    """waitress: its runner calls our ``serve`` with the app it has imported."""
    waitress, module = load_module("waitress"), load_module("waitress.runner")
    run = module.run

    def serve(app: Any, **options: Any) -> Any:
        if sockets:
            for name in ("host", "port", "listen", "unix_socket"):
                options.pop(name, None)
            options["sockets"] = sockets
            # refuses a mixture of Internet and Unix sockets, which its server handles well
            waitress.adjustments.Adjustments.check_sockets = classmethod(lambda cls, sockets: None)
            end_waitress_connections()
        if "trusted_proxy" not in options:
            options.setdefault("clear_untrusted_proxy_headers", "false")  # the wrapper judges them
        if number("THREADS"):
            options.setdefault("threads", number("THREADS"))
        server = waitress.create_server(wrap(app), **options)
        server.print_listen("Serving on http://{}:{}")
        run_waitress(server)  # waitress.serve itself, less its logging.basicConfig

    def run_wrapped(argv: Any = None) -> Any:
        return run(argv or sys.argv, _serve=serve)

    module.run = run_wrapped


SERVERS = {
    "gunicorn": prepare_gunicorn,
    "uvicorn": prepare_uvicorn,
    "hypercorn": prepare_hypercorn,
    "waitress": prepare_waitress,  # python -m waitress
    "waitress-serve": prepare_waitress,
}


def prepare_program(name: str) -> None:
    """Get a server ready that is about to run in this process; any other program only gets Sentry."""
    with guard("sentry"):
        if name not in SERVERS:
            start_sentry_with_program([name, *sys.argv[1:]])
        elif name == "waitress-serve":  # which imports the app before it calls us
            start_sentry()
    if name not in SERVERS:
        return
    sockets = handed_sockets()
    with guard("the server " + name):
        SERVERS[name](sockets)
        in_force["server"] = "%s, %d sockets handed on" % (name, len(sockets))
        return
    for one in sockets:  # nobody will answer on them here; a sibling that shares one does
        one.close()
