"""What the app's own handlers and formatters see of a record, and what becomes of the text that they make."""

from __future__ import annotations

import json

import pytest
from runtime_lab import Bench, PythonOf

INTERCEPTS = """
import inspect, logging, sys
class Intercepts(logging.Handler):
    def emit(self, record):  # as loguru's README has it, for the frame that its depth leads to
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame, depth = frame.f_back, depth + 1
        print(type(self).__name__, frame.f_code.co_name, record.funcName)
class Console(Intercepts, logging.StreamHandler): pass
L = logging.getLogger("app"); L.addHandler(Intercepts()); L.addHandler(Console(sys.stdout))
def view(): L.error("x")
def helper(): L.error("x", stacklevel=2)
def calls(): helper()
view(); calls()
class Speaks:
    def __str__(self): view(); return "x"
logging.getLogger("f").addHandler(logging.StreamHandler(sys.stdout)); logging.getLogger("f").warning("%s", Speaks())
"""


@pytest.mark.parametrize("log", ["stdout", "file"])
def test_who_walks_the_frames_out_of_logging_finds_the_caller(bench: Bench, log: str) -> None:
    """Also with error mails, whose function is one more in the way; logging's own way to the caller is as it was."""
    bench.write(app=INTERCEPTS)
    mail = {"MAIL_ADMIN": "a@example.org", "MAIL_SERVER": "127.0.0.1", "MAIL_PORT": "1"}
    lines = bench.run("python", "app.py", PAASCTL_LOG=log, **mail).stdout.splitlines()
    view = ["Intercepts view view", "Console view view"]
    assert lines == [*view, "Intercepts helper calls", "Console helper calls", *view, "x"]


@pytest.mark.e2e
def test_loguru_names_the_module_that_logged(bench: Bench, python_of: PythonOf) -> None:
    bench.python = python_of("3.12", "loguru")
    bench.write(
        app="""import inspect, logging, sys, module
from loguru import logger
class InterceptHandler(logging.Handler):
    def emit(self, record):
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame, depth = frame.f_back, depth + 1
        logger.opt(depth=depth, exception=record.exc_info).log(record.levelname, record.getMessage())
logger.remove(); logger.add(sys.stdout, format="{name}:{function} {message}", filter="module")
logging.basicConfig(handlers=[InterceptHandler()], level=0, force=True)
module.view(); logging.error("filtered")""",
        module="import logging\ndef view(): logging.getLogger('any').error('seen')",
    )
    assert bench.run("python", "app.py", PAASCTL_LOG="stdout").stdout == "module:view seen\n"


def in_a_request(bench: Bench, setup: str, **env: str) -> list[str]:
    """The lines of stdout of an app that logs, after its ``setup``, in ``view()``, which a request calls."""
    serve = """
import _paasctl_runtime as r
def app(environ, start): view(); start("200 OK", []); return []
r.wrap_wsgi(app)({"HTTP_X_REQUEST_ID": "the-id-of-it"}, lambda *a: None)
"""
    bench.write(app="import logging, logging.handlers, sys\n" + setup + serve)
    done = bench.run("python", "app.py", **{"PAASCTL_LOG": "stdout", **env})
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


FORMATS = """
L = logging.getLogger("app"); L.addHandler(logging.StreamHandler(sys.stdout)); say = L.error
"""


def test_json_of_the_apps_own_stays_json(bench: Bench) -> None:
    """The id is a member of it, unless there is one already."""
    view = """
def view():
    say('{"status": 200, "n": 1.50 }'); say("{}"); say(' {"a": 1}'.strip()); say('{"request_id": "own"}')
    say('{"text": "the-id-of-it"}')
"""
    lines = in_a_request(bench, FORMATS + view)
    assert lines == [
        '{"status": 200, "n": 1.50, "request_id": "the-id-of-it"}',
        '{"request_id": "the-id-of-it"}',
        '{"a": 1, "request_id": "the-id-of-it"}',
        '{"request_id": "own"}',
        '{"text": "the-id-of-it"}',
    ]


def test_json_of_many_lines_and_json_before_a_traceback(bench: Bench) -> None:
    view = """
def view():
    say('{\\n  "a": 1\\n}')
    try: 1/0
    except ZeroDivisionError: say('{"b": 2}', exc_info=True)
"""
    whole, first = "\n".join(in_a_request(bench, FORMATS + view)).split("\nTraceback")[0].rsplit("\n", 1)
    assert json.loads(whole) == {"a": 1, "request_id": "the-id-of-it"}
    assert json.loads(first) == {"b": 2, "request_id": "the-id-of-it"}


def test_text_in_braces_that_is_no_json_stays_as_it_is(bench: Bench) -> None:
    lines = in_a_request(bench, FORMATS + "def view(): say('{text}'); say('{' * 9 + '}'); say('{a} b')")
    assert lines == ["{text}", "{" * 9 + "}", "{a} b request_id=the-id-of-it"]


WALKS = """
import copy, json, pickle, queue
known = set(vars(logging.makeLogRecord({}))) | {"message", "taskName"}
class Extras(logging.Formatter):
    def format(self, record):
        return super().format(record) + " " + json.dumps({k: str(v) for k, v in vars(record).items() if k not in known})
"""
HANDLERS = {
    "a file": "h = logging.FileHandler('a.log')",
    "a console": "h = logging.StreamHandler(sys.stdout)",
    "one of its own": """
class Own(logging.Handler):
    def emit(self, record): print(*[key for key in vars(record) if "paasctl" in key], self.format(record))
h = Own(); L.propagate = False""",
    "one around a file that changes a copy": """
class Around(logging.Handler):
    inner = logging.FileHandler("a.log"); setFormatter = inner.setFormatter
    def emit(self, record): record = copy.copy(record); record.msg = "changed"; self.inner.emit(record)
h = Around()""",
    "one around another of its own": """
class Prints(logging.Handler):
    def emit(self, record): print(self.format(record))
class Around(logging.Handler):
    inner = Prints(); setFormatter = inner.setFormatter
    def emit(self, record): self.inner.emit(pickle.loads(pickle.dumps(copy.copy(record))))
h = Around(); L.propagate = False""",
    "a queue": """
q = queue.Queue(); h = logging.FileHandler("a.log"); listener = logging.handlers.QueueListener(q, h)
L.addHandler(logging.handlers.QueueHandler(q))""",
    "a queue of pickles, as between processes": """
class Pickles(queue.Queue):
    def put_nowait(self, record): super().put_nowait(pickle.dumps(record))
    def get(self, block=True, timeout=None): return pickle.loads(super().get(block, timeout))
class Whole(logging.handlers.QueueHandler):
    def prepare(self, record): return record
q = Pickles(); h = logging.FileHandler("a.log"); listener = logging.handlers.QueueListener(q, h)
L.addHandler(Whole(q))""",
}


@pytest.mark.parametrize("factory", [False, True], ids=["plain records", "records of the app's own"])
@pytest.mark.parametrize("handler", HANDLERS)
def test_a_formatter_that_walks_a_record_sees_nothing_of_ours(bench: Bench, handler: str, factory: bool) -> None:
    """It comes out once all the same, with the request's id where the handler is one that gets it."""
    own = """
class Own(logging.LogRecord):
    __slots__ = ("slot",)
    def __init__(self, *given, **named): super().__init__(*given, **named); self.slot = 1
    def __eq__(self, other): return True
logging.setLogRecordFactory(Own)
"""
    view = """
h.setFormatter(Extras("%(message)s"))
if h not in L.handlers and "listener" not in globals(): L.addHandler(h)
def view():
    L.error("text", extra={"mine": 1})
    if "listener" in globals(): listener.start(); listener.stop()
"""
    setup = own * factory + WALKS + 'L = logging.getLogger("app")\n' + HANDLERS[handler] + view
    (line,) = in_a_request(bench, setup)
    id = line.partition(" request_id=the-id-of-it")[1]
    assert bool(id) == ("of its own" not in handler)
    extras = line.replace(id, "").partition(" ")[2]
    assert json.loads(extras) == {"mine": "1"}


def test_what_is_sent_over_a_socket_holds_nothing_of_ours(bench: Bench) -> None:
    setup = """
import pickle
class Sends(logging.handlers.SocketHandler):
    def send(self, sent): print(sorted(key for key in pickle.loads(sent[4:]) if "paasctl" in key))
L = logging.getLogger("app"); L.addHandler(Sends("127.0.0.1", 1)); L.propagate = False
def view(): L.error("x")
"""
    assert in_a_request(bench, setup) == ["[]"]
