"""Logging set-ups as apps have them: under the runtime every record comes out exactly once, where it should."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import runtime_lab
from runtime_lab import Bench, PythonOf, eventually
from setups import HEAD, SETUPS, TAIL

SEEN = re.compile(r"SEEN-(\d+)\.")


def check(bench: Bench, setup: str, destination: str = "stdout") -> None:
    bench.write(app=HEAD + SETUPS[setup] + TAIL)
    before = set(bench.folder.rglob("*"))
    done = bench.run("python", "app.py", PAASCTL_LOG=destination)
    assert done.returncode == 0, done.stderr
    there, elsewhere = (done.stdout, done.stderr) if destination == "stdout" else (done.stderr, done.stdout)
    count = int(re.search(r"COUNT (\d+)", done.stdout)[1])
    assert sorted(map(int, SEEN.findall(there))) == list(range(1, count + 1)), (setup, there)
    assert not SEEN.findall(elsewhere), (setup, elsewhere)
    assert "SILENT" not in there + elsewhere, setup
    made = {path for path in set(bench.folder.rglob("*")) - before if "__pycache__" not in path.parts}
    assert {path for path in made if path.name != "own.log"} == set(), (setup, made)


@pytest.mark.parametrize("setup", SETUPS)
def test_every_record_ends_on_stdout_once_and_no_file_is_made(bench: Bench, setup: str) -> None:
    check(bench, setup)


@pytest.mark.parametrize("setup", ["FileHandler", "no set-up at all", "a file and a console, in both orders"])
def test_or_on_stderr(bench: Bench, setup: str) -> None:
    check(bench, setup, "stderr")


@pytest.mark.e2e
def test_all_set_ups_under_every_python(every_python: str, tmp_path: Path) -> None:
    def one(item: tuple[int, str]) -> None:
        check(Bench(tmp_path / str(item[0]), every_python), item[1])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, enumerate(SETUPS)))


def test_keep_touches_nothing(bench: Bench) -> None:
    bench.write(
        app="""import logging
logging.getLogger("a").addHandler(logging.FileHandler("a.log")); logging.getLogger("a").error("one")
logging.getLogger("b").info("two"); logging.getLogger("b").warning("three")"""
    )
    with_it, without = bench.run("python", "app.py", PAASCTL_LOG="keep"), bench.run("python", "app.py", runtime=False)
    assert (with_it.stdout, with_it.stderr) == (without.stdout, without.stderr) == ("", "three\n")
    assert (bench.folder / "a.log").read_text() == "one\none\n"


def test_an_app_without_set_up_keeps_its_file_levels_once_it_has_one(bench: Bench) -> None:
    """INFO is shown while there is no set-up; the app's own set-up decides from the moment that it exists."""
    bench.write(
        app="""import logging
logging.getLogger("a").info("shown")
logging.getLogger("a").addHandler(logging.StreamHandler())
logging.getLogger("a").info("hidden, as the app would have it"); logging.getLogger("a").warning("shown too")"""
    )
    assert bench.run("python", "app.py", PAASCTL_LOG="stdout").stdout == "INFO [a] shown\nshown too\n"


def test_basic_config_without_arguments_is_a_set_up_when_the_app_calls_it(bench: Bench) -> None:
    """The logging package calls it too, for ``logging.info()`` and its like: that is none."""
    bench.write(
        app="""import logging
logging.info("shown"); logging.warning("shown")
logging.basicConfig()
logging.getLogger().handlers[0].setFormatter(logging.Formatter("own %(message)s"))
logging.info("hidden"); logging.warning("shown")"""
    )
    done = bench.run("python", "app.py", PAASCTL_LOG="stdout")
    assert (done.stdout, done.stderr) == ("INFO [root] shown\nWARNING [root] shown\nown shown\n", "")


def test_forms(bench: Bench) -> None:
    bench.write(
        app="""import logging
logging.warning("ä %s", "text")
try: 1/0
except ZeroDivisionError: logging.getLogger("a").exception("failed")"""
    )

    def lines(form: str) -> list[str]:
        return bench.run("python", "app.py", PAASCTL_LOG="stdout", PAASCTL_LOG_FORMAT=form).stdout.splitlines()

    assert lines("text")[:2] == ["WARNING [root] ä text", "ERROR [a] failed"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} WARNING \[root\] ä text", lines("time")[0])
    first, second = map(json.loads, lines("json"))
    assert (first["level"], first["logger"], first["message"]) == ("warning", "root", "ä text")
    assert "ZeroDivisionError" in second["exception"]


def test_json_is_for_everything(bench: Bench) -> None:
    """Also for handlers with a format, or a way to write, of their own."""
    bench.write(
        app="""import logging, sys
class Colour(logging.StreamHandler):
    def emit(self, record): self.stream.write("colour " + self.format(record) + "\\n")
h = logging.FileHandler("a.log"); h.setFormatter(logging.Formatter("own %(message)s"))
logging.getLogger("a").addHandler(h); logging.getLogger("b").addHandler(Colour(sys.stdout))
for name in "abc": logging.getLogger(name).error("x")"""
    )
    done = bench.run("python", "app.py", PAASCTL_LOG="stdout", PAASCTL_LOG_FORMAT="json")
    assert [json.loads(line)["logger"] for line in done.stdout.splitlines()] == ["a", "b", "c"]


def test_the_apps_own_format_stays(bench: Bench) -> None:
    bench.write(
        app="""import logging
h = logging.FileHandler("a.log"); h.setFormatter(logging.Formatter("%(name)s<>%(message)s"))
logging.getLogger("a").addHandler(h)
logging.getLogger("a").error("x")"""
    )
    assert bench.run("python", "app.py", PAASCTL_LOG="stdout").stdout == "a<>x\n"


def test_flask_default_handler_gives_way_to_the_apps_own(bench: Bench, python_of: runtime_lab.PythonOf) -> None:
    bench.python = python_of("3.11", "flask")
    bench.write(
        app="""import logging, flask
app = flask.Flask("app"); plain = flask.Flask("plain")
app.logger.error("before")
h = logging.FileHandler("a.log"); h.setFormatter(logging.Formatter("own %(message)s")); app.logger.addHandler(h)
app.logger.error("after"); plain.logger.error("stop-gap")"""
    )
    done = bench.run("python", "app.py", PAASCTL_LOG="stdout")
    assert done.stdout == "ERROR [app] before\nown after\nERROR [plain] stop-gap\n", done.stderr
    assert done.stderr == ""


def test_request_id_ends_the_first_line_of_every_record(bench: Bench) -> None:
    bench.write(
        app="""import logging, logging.handlers, queue, _paasctl_runtime as r
q = queue.Queue(); l = logging.handlers.QueueListener(q, logging.FileHandler("q.log"))
logging.getLogger("q").addHandler(logging.handlers.QueueHandler(q))
logging.getLogger("f").addHandler(logging.FileHandler("f.log"))
def app(environ, start):
    for name in "fqn": logging.getLogger(name).error("in %s", name)
    try: 1/0
    except ZeroDivisionError: logging.getLogger("n").exception("tb")
    start("200 OK", []); return []
r.wrap_wsgi(app)({"HTTP_X_REQUEST_ID": "the-id-of-it"}, lambda *a: None).close()  # as a server does
logging.getLogger("n").error("outside")
l.start(); l.stop()"""
    )
    out = bench.run("python", "app.py", PAASCTL_LOG="stdout").stdout.splitlines()
    assert "in f request_id=the-id-of-it" in out
    assert "in q request_id=the-id-of-it" in out
    assert "ERROR [n] in n request_id=the-id-of-it" in out
    assert "ERROR [n] tb request_id=the-id-of-it" in out
    assert "ERROR [n] outside" in out
    assert out[-2:] == ["ERROR [n] outside", "in q request_id=the-id-of-it"] or out[-1].startswith("in q")


def test_a_handler_whose_formatter_makes_no_text_gets_what_it_made(bench: Bench) -> None:
    """As those that send records over a network."""
    bench.write(
        app="""import logging, _paasctl_runtime as r
class Packed(logging.Formatter):
    def format(self, record): return super().format(record).encode()
class Sends(logging.Handler):
    def emit(self, record): print("sent", self.format(record))
h = Sends(); h.setFormatter(Packed()); logging.getLogger("a").addHandler(h)
def app(environ, start): logging.getLogger("a").error("x"); start("200 OK", []); return []
r.wrap_wsgi(app)({"HTTP_X_REQUEST_ID": "the-id-of-it"}, lambda *a: None)"""
    )
    done = bench.run("python", "app.py", PAASCTL_LOG="stdout")
    assert "sent b'x'" in done.stdout.splitlines(), done.stderr


@pytest.mark.e2e
def test_the_access_log_names_the_request_of_a_plain_app(bench: Bench, python_of: PythonOf) -> None:
    """Its list is whole before the server writes that line."""
    bench.python = python_of("3.11", "gunicorn")
    bench.write(app='def app(environ, start): start("200 OK", [("Content-Length", "1")]); return [b"x"]')
    with bench.serve("gunicorn -b 127.0.0.1:$PORT --access-logfile - app:app", PAASCTL_LOG="stdout") as server:
        server.get("/here", X_Request_ID="the-id-of-it")
        assert eventually(lambda: "GET /here" in server.stdout)
    (line,) = [line for line in server.stdout.splitlines() if "GET /here" in line]
    assert line.endswith("request_id=the-id-of-it")
    assert not [line for line in server.stderr.splitlines() if "exiting" in line and "request_id" in line]
