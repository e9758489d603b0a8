"""What the app's own handlers and formatters see of a record, and what becomes of the text that they make."""

from __future__ import annotations

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
