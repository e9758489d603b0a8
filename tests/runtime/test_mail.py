"""Errors by mail against a real SMTP server: one mail an error, nothing secret in it, and no request that waits."""

from __future__ import annotations

import re
import signal
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from mail_lab import Kept, settings, smtp
from runtime_lab import Bench, PythonOf, Server, eventually, free_port

APP = """
import logging, os, threading
log = logging.getLogger("app")
def app(environ, start):
    path = environ["PATH_INFO"]
    if path == "/boom":
        try: raise RuntimeError("failed: %s %s" % (os.environ["DATABASE_URL"], environ.get("QUERY_STRING")))
        except RuntimeError: log.exception("Exception on %s cookie %s", path, environ.get("HTTP_COOKIE"))
    if path == "/outside":
        thread = threading.Thread(target=log.error, args=("in a job",)); thread.start(); thread.join()
    if path == "/warn": log.warning("not mailed")
    start("200 OK", []); return [b"x"]
"""


@pytest.fixture
def app(bench: Bench, python_of: PythonOf) -> Bench:
    bench.python = python_of("3.11", "gunicorn", "flask")
    bench.write(app=APP)
    return bench


@pytest.mark.e2e
def test_an_error_in_a_request_is_one_mail_that_says_where(app: Bench) -> None:
    kept = Kept()
    with (
        smtp(kept) as port,
        app.serve("gunicorn -b 127.0.0.1:$PORT app:app", PAASCTL_PROXY_HOPS="1", **settings(port)) as server,
    ):
        server.get("/warn")
        server.get(
            "/boom?token=sentinel-query-3",
            X_Forwarded_For="1.2.3.4",
            Cookie="session=sentinel-cookie",
            Authorization="Bearer sentinel-auth",
        )
        assert eventually(lambda: kept.mails)
        server.get("/outside")
        assert eventually(lambda: len(kept.mails) == 2)
    first, second = kept.texts()
    assert kept.mails[0]["To"] == "admin@example.com"
    assert first.startswith("[staging] ERROR: Exception on /boom")
    for fact in (
        f"request     GET http://127.0.0.1:{server.port}/boom\n",
        "address     1.2.3.4\n",
        "release     r7\n",
        "Traceback",
        "RuntimeError",
    ):
        assert fact in first
    assert "request" not in second, "outside of a request there is none to speak of"
    assert "in a job" in second
    for text in (first, second):
        assert "sentinel" not in text
        assert "7351" not in text
    assert "[DATABASE_URL]" in first


@pytest.mark.e2e
def test_flask_as_it_is(app: Bench) -> None:
    """An unhandled exception in a view; nothing of Flask's is set up."""
    app.write(app="import flask\napp = flask.Flask('app')\n@app.route('/boom')\ndef boom(): 1/0")
    kept = Kept()
    with smtp(kept) as port, app.serve("gunicorn -b 127.0.0.1:$PORT app:app", **settings(port)) as server:
        assert server.get("/boom?x=sentinel-query").status == 500
        assert eventually(lambda: kept.mails)
    (text,) = kept.texts()
    assert "ZeroDivisionError" in text
    assert f"GET http://127.0.0.1:{server.port}/boom\n" in text
    assert "sentinel" not in text


@pytest.mark.e2e
def test_fastapi_as_it_is(bench: Bench, python_of: PythonOf) -> None:
    """An unhandled exception in an ASGI app: the URL without its query string, the client's address, nothing secret."""
    bench.python = python_of("3.14", "fastapi", "uvicorn")
    bench.write(
        app="""import fastapi, os
app = fastapi.FastAPI()
@app.get("/")
def index(): return "x"
@app.get("/boom")
def boom(): raise RuntimeError("failed: " + os.environ["DATABASE_URL"])"""
    )
    kept = Kept()
    with (
        smtp(kept) as port,
        bench.serve("uvicorn --port $PORT app:app", PAASCTL_PROXY_HOPS="1", **settings(port)) as server,
    ):
        secret = {"Cookie": "session=sentinel-cookie", "Authorization": "Bearer sentinel-auth"}
        assert server.get("/boom?token=sentinel-query", X_Forwarded_For="1.2.3.4", **secret).status == 500
        assert eventually(lambda: kept.mails), server.stderr
    (text,) = kept.texts()
    assert f"request     GET http://127.0.0.1:{server.port}/boom\n" in text
    assert "address     1.2.3.4\n" in text
    assert "RuntimeError: failed: [DATABASE_URL]" in text
    assert "sentinel" not in text


@contextmanager
def silent_server() -> Iterator[int]:
    """The kernel accepts connections for it; nobody ever says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield listening.getsockname()[1]


@pytest.mark.e2e
def test_a_dead_mail_server_costs_a_request_nothing(app: Bench) -> None:
    """A failing request whose mail server accepts and is silent, against the same without mail: at most 1.2 times.

    The median of pairs of requests, one to each server, so that the machine's load meets both; more pairs where a few
    do not settle it, as many as there is room for in the queue. A request that waited for the server would take 20 s.
    """
    slow = "import time\n" + APP.replace('start("200 OK"', 'time.sleep(0.02); start("200 OK"')
    other = Bench(app.folder.parent / "other", app.python)
    for bench in (app, other):
        bench.write(app=slow)
    line = "gunicorn -b 127.0.0.1:$PORT app:app"
    plain = {name: value for name, value in settings(1).items() if not name.startswith("MAIL_")}
    with silent_server() as port, app.serve(line, **settings(port)) as mailing, other.serve(line, **plain) as without:
        ratios: list[float] = []
        while len(ratios) < 20 or (len(ratios) < 100 and statistics.median(ratios) > 1.2):
            first, second = (mailing, without) if len(ratios) % 2 else (without, mailing)
            took = {server.port: seconds(server) for server in (first, second)}
            ratios.append(took[mailing.port] / took[without.port])
        mailing.stop(signal.SIGKILL)  # it would wait for its mails
    assert statistics.median(ratios) <= 1.2, ratios


def seconds(server: Server) -> float:
    """How long a failing request takes."""
    start = time.perf_counter()
    assert server.get("/boom").status == 200
    return time.perf_counter() - start


AN_HOUR_LATER = """
import time
monotonic = time.monotonic
time.monotonic = lambda: monotonic() + 3601
"""


def test_at_most_so_many_an_hour_and_a_count_of_the_rest(bench: Bench) -> None:
    bench.write(
        app=f"""import logging, _paasctl_runtime as r
for n in range(7): logging.error("number %d", n)
r.mailers[0].queue.join()
{AN_HOUR_LATER}
logging.error("the next one")
r.mailers[0].queue.join()"""
    )
    kept = Kept()
    with smtp(kept) as port:
        done = bench.run("python", "app.py", **settings(port, PAASCTL_MAILS_PER_HOUR="3"))
    assert done.returncode == 0, done.stderr
    assert [text.splitlines()[0] for text in kept.texts()] == [f"[staging] ERROR: number {n}" for n in range(3)] + [
        "[staging] ERROR: the next one"
    ]
    assert "4 more errors were not mailed: at most 3 mails an hour." in kept.texts()[-1]


def test_all_processes_of_a_release_share_the_hour(bench: Bench) -> None:
    """Four workers at the same time, then another process: as if they were one."""
    bench.write(
        app="""import logging, os
def log(n):
    for _ in range(n): logging.error("x")
for _ in range(4):
    if os.fork() == 0: log(5); raise SystemExit
for _ in range(4): os.wait()""",
        later=f"import logging{AN_HOUR_LATER}logging.error('an hour later'); logging.error('again')",
    )
    kept = Kept()
    with smtp(kept) as port:
        env = settings(port, PAASCTL_MAILS_PER_HOUR="3", TMPDIR=str(bench.folder))
        assert bench.run("python", "app.py", **env).returncode == 0
        assert len(kept.mails) == 3
        bench.run("python", "app.py", **env)
        assert len(kept.mails) == 3
        bench.run("python", "later.py", **env)
    assert len(kept.mails) == 5
    assert "37 more errors were not mailed" in kept.texts()[3]
    assert "not mailed" not in kept.texts()[4]
    (file,) = bench.folder.glob("paasctl-mails-*")
    assert file.stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"[0-9. ]+", file.read_text())


def test_where_the_app_has_a_run_folder_the_count_is_there_for_all_releases(bench: Bench) -> None:
    run, kept = bench.folder / "run", Kept()
    run.mkdir()
    with smtp(kept) as port:
        env = settings(port, PAASCTL_MAILS_PER_HOUR="3", PAASCTL_RUN_FOLDER=str(run), TMPDIR=str(bench.folder))
        for release in ("v1", "v2"):
            other = Bench(bench.folder / release, bench.python)
            other.write(app="import logging\nfor _ in range(2): logging.error('x')")
            other.run("python", "app.py", **env)
    assert len(kept.mails) == 3
    assert not list(bench.folder.glob("paasctl-mails-*"))
    assert [file.name for file in run.iterdir()] == ["mails"]


def test_what_another_process_sent_just_now_counts(bench: Bench) -> None:
    """A moment must not be rounded into the future: there it looks as if it were from before the last boot."""
    bench.write(
        app="""import time, _paasctl_runtime as r
moments = iter([100.0006, 100.0007])
time.monotonic = lambda: next(moments)
print([r.Hourly(1).ask(0)[0] for _ in range(2)])"""
    )
    done = bench.run("python", "app.py", **settings(1, TMPDIR=str(bench.folder)))
    assert done.stdout == "[True, False]\n", done.stderr


@pytest.mark.parametrize("kind", ["somebody else's link", "no folder", "nonsense"])
def test_without_a_shared_count_each_process_counts_for_itself(bench: Bench, kind: str) -> None:
    bench.write(app="import logging, _paasctl_runtime as r\nfor _ in range(5): logging.error('x')")
    kept, temporary = Kept(), bench.folder / "temporary"
    with smtp(kept) as port:
        env = settings(port, PAASCTL_MAILS_PER_HOUR="3", TMPDIR=str(temporary))
        temporary.mkdir()
        bench.run("python", "app.py", **env)
        (file,) = temporary.iterdir()
        if kind == "nonsense":
            file.write_text("x y 3 z")
        else:
            file.unlink()
            (bench.folder / "precious").write_text("kept")
            file.symlink_to(bench.folder / "precious") if kind != "no folder" else file.mkdir()
        done = bench.run("python", "app.py", **env)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(kept.mails) == 6
    if kind == "somebody else's link":
        assert (bench.folder / "precious").read_text() == "kept"


def test_a_full_queue_drops_and_counts(bench: Bench) -> None:
    """The first mail is on its way to a server that says nothing, five wait, the others are counted."""
    bench.write(
        app="""import logging, time, _paasctl_runtime as r
r.QUEUE = 5; r.AT_EXIT = 0
logging.error("x")
while not r.mailers[0].hourly.own: time.sleep(0.01)
for n in range(49): logging.error("x")
print(r.mailers[0].queue.qsize(), r.mailers[0].held)"""
    )
    with silent_server() as port:
        done = bench.run("python", "app.py", **settings(port, PAASCTL_MAILS_PER_HOUR="1000", PAASCTL_LOG="keep"))
    assert done.stdout == "5 44\n", done.stderr


def test_an_app_with_an_smtp_handler_mails_itself(bench: Bench) -> None:
    bench.write(
        app="""import logging, logging.handlers, os
server = "127.0.0.1", int(os.environ["MAIL_PORT"])
logging.getLogger("app").addHandler(logging.handlers.SMTPHandler(server, "a@x", ["own@x"], "own"))
logging.getLogger("app").error("x"); logging.getLogger("other").error("y")"""
    )
    kept = Kept()
    with smtp(kept) as port:
        bench.run("python", "app.py", **settings(port))
    assert [mail["Subject"] for mail in kept.mails] == ["own"]


@pytest.mark.parametrize(
    ("added", "subjects"),
    [
        ("", ["[staging] ERROR: x"]),
        ("logging.getLogger('app').addHandler(MemoryHandler(1, target=own))", ["own"]),
        ("QueueListener(q, own).start(); logging.getLogger('app').addHandler(QueueHandler(q))", ["own"]),
    ],
    ids=["never added", "behind a buffer", "behind a queue"],
)
def test_an_smtp_handler_counts_where_records_can_reach_it(bench: Bench, added: str, subjects: list[str]) -> None:
    bench.write(
        app=f"""import logging, os, queue, time
from logging.handlers import MemoryHandler, QueueHandler, QueueListener, SMTPHandler
q, own = queue.Queue(), SMTPHandler(("127.0.0.1", int(os.environ["MAIL_PORT"])), "a@x", ["own@x"], "own")
{added}
logging.getLogger("app").error("x"); time.sleep(0.5)"""
    )
    kept = Kept()
    with smtp(kept) as port:
        done = bench.run("python", "app.py", **settings(port))
    assert done.returncode == 0, done.stderr
    assert [mail["Subject"] for mail in kept.mails] == subjects


def test_bytes_that_are_no_text_are_mailed_written_out(bench: Bench) -> None:
    bench.write(app="import logging, os; logging.error('no file %s', os.fsdecode(b'caf\\xe9'))")
    kept = Kept()
    with smtp(kept) as port:
        done = bench.run("python", "app.py", **settings(port, PAASCTL_LOG="keep"))
    assert len(kept.mails) == 1, done.stderr
    assert "no file caf\\udce9" in kept.texts()[0]


def test_a_record_that_is_logged_right_before_the_end_still_arrives(bench: Bench) -> None:
    bench.write(app="import logging; logging.error('last words')")
    kept = Kept()
    with smtp(kept) as port:
        bench.run("python", "app.py", **settings(port))
    assert len(kept.mails) == 1


def test_after_a_fork_each_process_has_its_own_thread(bench: Bench) -> None:
    bench.write(
        app="""import logging, os, sys
logging.error("parent")
if os.fork() == 0:
    logging.error("child"); sys.exit()
os.wait()"""
    )
    kept = Kept()
    with smtp(kept) as port:
        bench.run("python", "app.py", **settings(port))
    assert sorted(mail["Subject"] for mail in kept.mails) == ["[staging] ERROR: child", "[staging] ERROR: parent"]


def test_the_thread_imports_nothing_that_a_forked_process_would_have_one_half_of(bench: Bench) -> None:
    bench.write(
        app="""import logging, sys, time, _paasctl_runtime as r
work = r.Mailer.work
def slow_work(self):
    while not ready: time.sleep(0.01)
    work(self)
ready, r.Mailer.work = [], slow_work
logging.error("x")
before = set(sys.modules)
ready.append(True); r.mailers[0].queue.join()
print(sorted(set(sys.modules) - before))"""
    )
    kept = Kept()
    with smtp(kept) as port:
        done = bench.run("python", "app.py", **settings(port))
    assert done.stdout.splitlines()[-1] == "[]", done.stdout + done.stderr
    assert len(kept.mails) == 1


FORKS = {
    "os._exit": "if os.fork() == 0:\n    logging.error('child'); os._exit(3)\nprint(os.wait()[1] >> 8)",
    "multiprocessing": "process = multiprocessing.get_context('fork').Process(target=logging.error, args=['child'])\n"
    "process.start(); process.join(); print(process.exitcode)",
}


@pytest.mark.parametrize(("way", "status"), [("os._exit", "3"), ("multiprocessing", "0")])
@pytest.mark.parametrize("before", ["", "logging.error('parent')"])
def test_what_a_forked_process_logs_right_before_its_hard_end_arrives(
    bench: Bench, way: str, status: str, before: str
) -> None:
    bench.write(app=f"import logging, multiprocessing, os\n{before}\n{FORKS[way]}")
    kept = Kept()
    with smtp(kept) as port:
        done = bench.run("python", "app.py", **settings(port))
    assert done.stdout.splitlines()[-1] == status, done.stderr
    expected = ["[staging] ERROR: child", *(["[staging] ERROR: parent"] if before else [])]
    assert sorted(mail["Subject"] for mail in kept.mails) == expected


def test_a_hard_end_waits_for_no_mails_but_its_own(bench: Bench) -> None:
    """A child is not held up by what its parent still has to send; what it waits for itself is bounded."""
    bench.write(
        app="""import logging, os, time, _paasctl_runtime as r
def took(log):
    start = time.monotonic()
    if os.fork() == 0:
        if log: logging.error("child")
        os._exit(0)
    os.wait(); return time.monotonic() - start
logging.error("parent")
print(took(False) < r.AT_EXIT / 2, r.AT_EXIT <= took(True) < 2 * r.AT_EXIT)
r.AT_EXIT = 0"""
    )
    with silent_server() as port:
        done = bench.run("python", "app.py", **settings(port, PAASCTL_LOG="keep"))
    assert done.stdout == "True True\n", done.stderr


def test_a_server_that_refuses_is_one_line_without_a_value(bench: Bench) -> None:
    bench.write(app="import logging; logging.error('x')")
    done = bench.run("python", "app.py", **settings(free_port(), MAIL_PASSWORD="sentinel-mail"))
    assert done.stderr == "paasctl: the error mail was not sent (ConnectionRefusedError)\n"
    assert done.returncode == 0
