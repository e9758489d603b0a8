"""Sentry in programs that patch the standard library for gevent or eventlet: it starts after the patch."""

from __future__ import annotations

import pytest
from runtime_lab import Bench, PythonOf
from test_sentry import stand_in

#: A stand-in for sentry-sdk that says when it is started and what it is told.
SDK = """import logging, sys, types
active = False
def get_client(): return types.SimpleNamespace(is_active=lambda: active)
def init():
    global active
    active = True
    print("sentry", "after" if "patched" in sys.modules else "before")
    hook, call = sys.excepthook, logging.Logger.callHandlers
    def told(*error): print("told", error[1]); hook(*error)
    def logged(logger, record): print("told", record.getMessage()); call(logger, record)
    sys.excepthook, logging.Logger.callHandlers = told, logged
"""
PATCH = (
    "import sys\ndef {name}(*a, **k):\n    print('patch', a, k); sys.modules['patched'] = sys\n    return 'result'\n"
)
GEVENT = "from gevent import monkey\nprint(monkey.patch_all(ssl=True))\n"
EVENTLET = "import eventlet\nprint(eventlet.monkey_patch(socket=True))\n"


@pytest.fixture
def green(bench: Bench) -> Bench:
    """An app's folder with stand-ins for sentry-sdk, gevent and eventlet."""
    for folder, files in {
        "gevent": {"__init__": "", "monkey": PATCH.format(name="patch_all")},
        "eventlet": {
            "__init__": "from eventlet import patcher\nmonkey_patch = patcher.monkey_patch",
            "patcher": PATCH.format(name="monkey_patch"),
        },
    }.items():
        (bench.folder / folder).mkdir()
        for name, text in files.items():
            (bench.folder / folder / f"{name}.py").write_text(text)
    bench.write(sentry_sdk=SDK)
    return bench


def printed(bench: Bench, *words: str, **env: str) -> list[str]:
    done = bench.run(*words, SENTRY_DSN="https://key@127.0.0.1/1", **env)
    assert "paasctl:" not in done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    "words", [("w.py",), ("w.py", "x"), ("-m", "w"), ("-m", "w", "x"), ("-m", "package"), ("package",), ("-c", GEVENT)]
)
def test_it_starts_after_the_programs_own_patch(green: Bench, words: tuple[str, ...]) -> None:
    (green.folder / "package").mkdir()
    (green.folder / "package/__init__.py").touch()
    (green.folder / "package/__main__.py").write_text(GEVENT)
    green.write(w=GEVENT)
    assert printed(green, "python", *words) == ["patch () {'ssl': True}", "sentry after", "result"]


def test_eventlets_patch_is_one_too(green: Bench) -> None:
    green.write(w=EVENTLET)
    assert printed(green, "python", "w.py") == ["patch () {'socket': True}", "sentry after", "result"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("worker", "-P", "gevent"), ["patch () {}", "sentry after", "runs"]),
        (("worker", "--pool=gevent"), ["patch () {}", "sentry after", "runs"]),
        (("worker",), ["sentry before", "runs"]),
    ],
)
def test_a_worker_that_patches_when_its_line_says_so(green: Bench, words: tuple[str, ...], expected: list[str]) -> None:
    """As celery: its program says nothing of a patch, its package patches."""
    green.write(
        tool="import library",
        library="import sys\nif any('gevent' in word for word in sys.argv):\n"
        "    import gevent.monkey; gevent.monkey.patch_all()\nprint('runs')",
    )
    assert printed(green, "python", "tool.py", *words) == expected


MAY_PATCH = "import logging, os\nif os.environ.get('GREEN'):\n    from gevent import monkey; monkey.patch_all()\n"


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("logging.info('fine'); logging.error('first'); logging.error('second')", ["told first", "told second"]),
        ("raise RuntimeError('uncaught')", ["told uncaught"]),
        ("logging.error('first'); raise RuntimeError('uncaught')", ["told first", "told uncaught"]),
    ],
)
def test_where_no_patch_comes_the_first_error_starts_it(green: Bench, error: str, expected: list[str]) -> None:
    green.write(w=MAY_PATCH + error)
    assert printed(green, "python", "w.py", PAASCTL_LOG="keep") == ["sentry before", *expected]
    assert printed(green, "python", "w.py", PAASCTL_LOG="keep", GREEN="1") == ["patch () {}", "sentry after", *expected]


def test_an_uncaught_error_is_printed_once(green: Bench) -> None:
    green.write(w=MAY_PATCH + "raise RuntimeError('uncaught')")
    done = green.run("python", "w.py", SENTRY_DSN="https://key@127.0.0.1/1")
    assert (done.returncode, done.stderr.count("RuntimeError: uncaught")) == (1, 1)


def test_other_programs_have_it_from_the_start(green: Bench) -> None:
    green.write(w="print('runs')")
    assert printed(green, "python", "w.py") == ["sentry before", "runs"]


@pytest.mark.e2e
@pytest.mark.parametrize(("pool", "module"), [("gevent", "gevent.ssl"), ("eventlet", "eventlet.green.ssl")])
def test_https_works_after_the_patch(bench: Bench, python_of: PythonOf, pool: str, module: str) -> None:
    """The real packages: what urllib3 makes for each HTTPS connection is made of what the patch has left."""
    bench.python = python_of("3.11", "gevent", "eventlet", "sentry-sdk>=2", "setuptools")
    bench.write(
        w=(GEVENT if pool == "gevent" else EVENTLET)
        + """import urllib3.util.ssl_
print(type(urllib3.util.ssl_.create_urllib3_context()).__module__)
raise RuntimeError("in a worker")"""
    )
    with stand_in() as (dsn, events):
        done = bench.run("python", "w.py", SENTRY_DSN=dsn)
    assert done.stdout.splitlines()[-1] == module, done.stdout + done.stderr
    assert [event["exception"]["values"][0]["value"] for event in events] == ["in a worker"]
