"""The servers, really started: they serve the wrapped app on the sockets that are handed on, or as the line says."""

from __future__ import annotations

import http.client
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from runtime_lab import Bench, PythonOf, Server, eventually, get

pytestmark = pytest.mark.e2e

WSGI = """
import os
def app(environ, start):
    start("200 OK", [("Content-Type", "text/plain")])
    null = os.path.samefile("/proc/self/fd/0", os.devnull)
    facts = [environ["wsgi.url_scheme"], environ.get("REMOTE_ADDR"), os.getpid(), os.getppid()]
    return ["|".join(map(str, facts + [os.environ.get("PAASCTL_ENTRY"), null])).encode()]
def make(x=None): return app
"""
ASGI = """
import os
async def app(scope, receive, send):
    if scope["type"] != "http": return
    null = os.path.samefile("/proc/self/fd/0", os.devnull)
    facts = [scope["scheme"], (scope["client"] or [""])[0], os.getpid(), os.getppid()]
    facts += [os.environ.get("PAASCTL_ENTRY"), null]
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": "|".join(map(str, facts)).encode()})
def make(): return app
"""
ENV = {"PAASCTL_RELEASE": "r7", "PAASCTL_PROXY_HOPS": "1"}
NEW = ("3.11", "gunicorn", "uvicorn", "uvicorn-worker", "hypercorn", "waitress")
OLD = ("3.8", "gunicorn==20.1.0", "setuptools<70", "uvicorn==0.20.0", "hypercorn==0.14.4", "waitress==2.1.2")

LINES = {
    "gunicorn -b 0.0.0.0:$PORT -w 2 wsgi:app": "wsgi:app",
    "gunicorn --threads 2 --keep-alive 5 wsgi:app": "wsgi:app",
    "gunicorn --bind unix:other.sock --reuse-port wsgi:make('x')": "wsgi:make('x')",
    "python -m gunicorn wsgi:app --log-file -": "wsgi:app",
    "gunicorn -k uvicorn_worker.UvicornWorker asgi:app": "asgi:app",
    "uvicorn asgi:app --host 0.0.0.0 --port $PORT": "asgi:app",
    "uvicorn --factory asgi:make --workers 2": "asgi:make()",
    "python -m uvicorn asgi:app --uds other.sock": "asgi:app",
    "uvicorn wsgi:app --interface wsgi": "wsgi:app",
    "hypercorn asgi:app -b 0.0.0.0:$PORT": "asgi:app",
    "hypercorn wsgi:wsgi:app --workers 2": "wsgi:app",
    "waitress-serve --listen=*:$PORT wsgi:app": None,
    "waitress-serve --call wsgi:make": None,
}


@contextmanager
def listening(where: Path | None = None) -> Iterator[socket.socket]:
    """A socket that a supervisor would hold: TCP, or a Unix socket in a folder."""
    with socket.socket(socket.AF_UNIX if where else socket.AF_INET) as held:
        held.bind(str(where) if where else ("127.0.0.1", 0))
        held.listen(64)
        yield held


@contextmanager
def started(
    bench: Bench, line: str, name: str = "web.0", held: socket.socket | None = None, **env: str
) -> Iterator[Server]:
    """A web process as paasctl's Supervisor section starts it: the shared socket as its standard input."""
    probe = bench.folder / name
    given = {
        **ENV,
        "PORT": "1",
        "PAASCTL_PROBE_SOCKET": str(probe),
        **({"PAASCTL_SHARED_FD": "0"} if held else {}),
        **env,
    }
    out, err = bench.folder / f"{name}.out", bench.folder / f"{name}.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        process = subprocess.Popen(
            bench.argv(line.replace("$PORT", "1").split()),
            cwd=bench.folder, env=bench.env(given), stdin=held or subprocess.DEVNULL, stdout=stdout, stderr=stderr,
        )  # fmt: skip
        server = Server(process, 0, out, err)
        try:
            assert eventually(lambda: process.poll() is not None or answers(probe), 30)
            assert process.poll() is None, server.stdout + server.stderr
            yield server
        finally:
            server.stop()


def answers(path: Path) -> bool:
    try:
        return get(str(path), "/").status == 200
    except OSError:
        return False


@pytest.fixture
def app(bench: Bench, python_of: PythonOf) -> Bench:
    bench.write(wsgi=WSGI, asgi=ASGI)
    bench.python = python_of(*NEW)
    return bench


def serves_both(bench: Bench, line: str, entry: str | None) -> None:
    with listening() as held, started(bench, line, held=held) as server:
        probe = get(str(bench.folder / "web.0"), "/", X_Paasctl_Probe="r7")
        assert probe.headers["x-paasctl-release"] == "r7"
        answer = get(
            held.getsockname(),
            "/",
            X_Forwarded_For="6.6.6.6, 1.2.3.4",
            X_Forwarded_Proto="https",
            X_Request_ID="an-id-of-mine",
        )
        scheme, address, pid, parent, loaded, null = answer.body.split("|")
        assert (answer.status, scheme, address, null) == (200, "https", "1.2.3.4", "True")
        assert str(server.process.pid) in (pid, parent), "served by this process or its own workers"
        assert answer.headers["x-request-id"] == "an-id-of-mine"
        assert "x-paasctl-release" not in answer.headers
        assert loaded == (entry or "None")
        assert stat.S_IMODE((bench.folder / "web.0").stat().st_mode) == 0o600
        assert not (bench.folder / "other.sock").exists()
        assert answer.headers["connection"] == "close", "or a client loses what it sends while this process ends"


@pytest.mark.parametrize(("line", "entry"), LINES.items(), ids=list(LINES))
def test_it_serves_on_exactly_the_sockets_it_is_handed(app: Bench, line: str, entry: str | None) -> None:
    serves_both(app, line, entry)


EACH_WSGI_ASGI = ("gunicorn wsgi:app", "uvicorn asgi:app", "hypercorn asgi:app")
EACH = (*EACH_WSGI_ASGI, "waitress-serve wsgi:app")


@pytest.mark.parametrize("line", [*EACH, "uvicorn asgi:app --workers 2"])
def test_versions_of_years_ago_do_it_too(app: Bench, line: str, python_of: PythonOf) -> None:
    app.python = python_of(*OLD)
    serves_both(app, line, None if line.startswith("waitress") else line.split()[1])


@pytest.mark.parametrize("line", EACH_WSGI_ASGI)
def test_one_ends_and_its_sibling_answers_on_the_shared_socket(app: Bench, line: str) -> None:
    shared = app.folder / "shared.sock"
    with listening(shared) as held, started(app, line, "web.1", held) as second:
        with started(app, line, "web.0", held) as first:
            assert first.process.pid != second.process.pid
            assert get(str(app.folder / "web.0"), "/").body != get(str(app.folder / "web.1"), "/").body
        assert first.process.returncode in (0, -signal.SIGTERM)
        assert shared.exists(), "the socket belongs to the supervisor"
        for _ in range(5):
            assert str(second.process.pid) in get(str(shared), "/").body.split("|")[2:4]


SLOW = """
import time
def app(environ, start):
    open("asked", "w").close()
    time.sleep(4)
    start("200 OK", [("Content-Length", "300000")])
    return [b"x" * 300000]
"""


@pytest.mark.parametrize(
    "line",
    ["gunicorn wsgi:app", "waitress-serve wsgi:app", "waitress-serve --port 1 wsgi:app", "hypercorn wsgi:wsgi:app"],
)
def test_what_is_being_answered_when_it_is_told_to_end_is_answered_whole(app: Bench, line: str) -> None:
    app.write(wsgi=SLOW)
    with listening() as held, started(app, line, held=held) as server, ThreadPoolExecutor(1) as pool:
        (app.folder / "asked").unlink()
        answer = pool.submit(get, held.getsockname(), "/")
        assert eventually((app.folder / "asked").exists)
        server.process.terminate()
        assert len(answer.result().body) == 300_000
        assert server.process.wait(10) in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    "line",
    [
        "uvicorn asgi:app",
        "uvicorn asgi:app --workers 2",
        "uvicorn wsgi:app --interface wsgi",
        "gunicorn -k uvicorn_worker.UvicornWorker asgi:app",
        "hypercorn asgi:app",
        "hypercorn wsgi:wsgi:app",
        "hypercorn asgi:app --workers 2",
        "hypercorn wsgi:wsgi:app --workers 2",
    ],
)
def test_a_connection_that_was_accepted_is_answered_though_the_server_is_told_to_end(app: Bench, line: str) -> None:
    with listening() as held, started(app, line, held=held) as server:
        with closing(http.client.HTTPConnection(*held.getsockname(), timeout=10)) as connection:
            connection.connect()
            assert eventually(lambda: accepted(connection.sock))
            server.process.terminate()
            time.sleep(0.4)
            connection.request("GET", "/")
            assert connection.getresponse().status == 200
        assert server.process.wait(10) in (0, -signal.SIGTERM)


def accepted(client: socket.socket) -> bool:
    """Whether a process has taken a connection out of the queue: there it has no inode yet."""
    local, remote = (f"{socket.inet_aton(host)[::-1].hex().upper()}:{port:04X}" for host, port in (
        client.getpeername(), client.getsockname()
    ))  # fmt: skip
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1] == local and row[2] == remote and row[9] != "0" for row in rows)


@pytest.mark.parametrize("line", EACH)
def test_only_the_probe_and_a_stale_socket_in_its_place(app: Bench, line: str) -> None:
    (app.folder / "web.0").write_text("left over")
    with started(app, line):
        assert get(str(app.folder / "web.0"), "/").status == 200


OWN_ADDRESS = (
    "gunicorn -b 127.0.0.1:$PORT wsgi:app",
    "gunicorn wsgi:app",
    "uvicorn asgi:app --port $PORT",
    "hypercorn asgi:app -b 127.0.0.1:$PORT",
    "waitress-serve --port $PORT wsgi:app",
)


@pytest.mark.parametrize("line", OWN_ADDRESS)
def test_without_sockets_the_line_decides(app: Bench, line: str) -> None:
    with app.serve(line, **ENV) as server:
        assert "connection" not in server.get("/").headers or line.startswith("gunicorn"), "no sibling takes over"
        assert server.get("/", X_Forwarded_For="1.2.3.4").body.split("|")[1] == "1.2.3.4"
        assert server.get("/", X_Paasctl_Probe="r7").headers["x-paasctl-release"] == "r7"


SETTINGS = """
import gunicorn.config
def app(environ, start):
    start("200 OK", [])
    return [CFG.encode()]
"""
POST = """
def post_worker_init(worker):
    import wsgi
    c = worker.cfg
    control = getattr(c, "control_socket_disable", True)
    facts = c.workers, c.threads, c.timeout, c.graceful_timeout, c.worker_tmp_dir, control
    wsgi.CFG = " ".join(map(str, facts))
"""
DEFAULTS = {"PAASCTL_WORKERS": "2", "PAASCTL_THREADS": "3", "PAASCTL_TIMEOUT": "41"}


@pytest.mark.parametrize(
    ("line", "env", "conf", "shown"),
    [
        ("gunicorn wsgi:app", {}, "", "1 1 30 30 /dev/shm True"),
        ("gunicorn wsgi:app", DEFAULTS, "", "2 3 41 41 /dev/shm True"),
        ("gunicorn -w 1 --threads 1 --timeout 5 wsgi:app", DEFAULTS, "", "1 1 5 41 /dev/shm True"),
        ("gunicorn wsgi:app", DEFAULTS, "workers = 1\nworker_tmp_dir = '/tmp'\n", "1 3 41 41 /tmp True"),
        ("gunicorn wsgi:app", {**DEFAULTS, "GUNICORN_CMD_ARGS": "--threads 4"}, "", "2 4 41 41 /dev/shm True"),
        ("gunicorn wsgi:app", {**DEFAULTS, "WEB_CONCURRENCY": "1"}, "", "1 3 41 41 /dev/shm True"),
    ],
)
def test_gunicorn_defaults_give_way_to_the_users_own(
    app: Bench, line: str, env: dict[str, str], conf: str, shown: str
) -> None:
    app.write(wsgi=SETTINGS)
    (app.folder / "gunicorn.conf.py").write_text(conf + POST)
    shown = shown if Path("/dev/shm").is_dir() else shown.replace("/dev/shm", "None")
    with app.serve(line, **env) as server:
        assert server.get("/").body == shown


def test_the_apps_folder_is_as_it_would_be_for_gunicorns_chdir(app: Bench) -> None:
    (app.folder / "src").mkdir()
    (app.folder / "wsgi.py").rename(app.folder / "src/inner.py")
    with app.serve("gunicorn --chdir src inner:app") as server:
        assert server.get("/").status == 200


def test_sockets_that_a_server_cannot_take_do_not_stop_it(app: Bench) -> None:
    """A folder that is missing: no probe socket, one line, and the line's own address."""
    with app.serve("gunicorn -b 127.0.0.1:$PORT wsgi:app", PAASCTL_PROBE_SOCKET="/nowhere/at/all") as server:
        assert server.get("/").status == 200
        assert "the probe socket" in server.stderr
