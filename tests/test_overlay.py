"""The overlay of a bundle: the runtime, every line of the Procfile through it, and what it cannot reach."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paasctl.model import App, Dependencies
from paasctl.overlay import RUNTIME, generate, handover, runtime_source, through, why_unreached


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App(
        name="blog",
        root=tmp_path,
        framework="flask",
        entry="wsgi:app",
        interface="wsgi",
        python="3.11",
        dependencies=Dependencies(None, "", "0"),
        processes={"web": "gunicorn wsgi:app -b 0.0.0.0:$PORT", "worker": "python worker.py"},
        release="flask db upgrade",
    )


def test_every_line_goes_through_the_runtime(app: App) -> None:
    made = generate(app)
    assert made.processes == {
        "web": "python -m _paasctl_runtime gunicorn wsgi:app -b 0.0.0.0:$PORT",
        "worker": "python -m _paasctl_runtime python worker.py",
    }
    assert made.release == "python -m _paasctl_runtime flask db upgrade"
    assert made.files[RUNTIME] == runtime_source()
    assert made.files["Procfile"].decode() == (
        "web: python -m _paasctl_runtime gunicorn wsgi:app -b 0.0.0.0:$PORT\n"
        "worker: python -m _paasctl_runtime python worker.py\n"
        "release: python -m _paasctl_runtime flask db upgrade\n"
    )
    assert made.handover
    assert made.unreached == ()


def test_switched_off_nothing_is_added_but_a_procfile(app: App) -> None:
    made = generate(app, runtime=False)
    assert set(made.files) == {"Procfile"}
    assert b"_paasctl_runtime" not in made.files["Procfile"]
    assert made.processes == app.processes
    assert (made.release, made.handover, made.unreached) == ("flask db upgrade", False, ())


def test_an_app_without_processes_gets_no_procfile(app: App) -> None:
    assert set(generate(replace(app, processes={}, release=None)).files) == {RUNTIME}


UNREACHED = {
    "cd src && gunicorn wsgi:app": "it has shell operators",
    "python a.py | tee log": "it has shell operators",
    "python a.py > log 2>&1": "it has shell operators",
    "python a.py & python b.py": "it has shell operators",
    "(python a.py)": "it has shell operators",
    "python 'a.py": "its quotes do not match",
    "export A=b": "it begins with export, which only a shell understands",
    "$RUNNER app": "it begins with $RUNNER, which only a shell understands",
    "newrelic-admin run-program gunicorn wsgi:app": "newrelic-admin starts the program in a process of its own",
    "uv run gunicorn wsgi:app": "uv starts the program in a process of its own",
    "/usr/bin/env python x.py": "/usr/bin/env starts the program in a process of its own",
    "A=b bash start.sh": "bash starts the program in a process of its own",
    "bin/start": "bin/start is not a Python program",
    "uwsgi --http :$PORT --module wsgi:app": "uwsgi is not a Python program",
    "venv/bin/uwsgi uwsgi.ini": "venv/bin/uwsgi is not a Python program",
    "node server.js": "node is not a Python program",
    "A=b exec gunicorn wsgi:app": "it begins with exec, which only a shell understands",
    "A=b": "it is empty",
}


@pytest.mark.parametrize(("line", "reason"), UNREACHED.items(), ids=list(UNREACHED))
def test_a_line_that_the_runtime_cannot_reach_stays_and_is_named(app: App, line: str, reason: str) -> None:
    (app.root / "bin").mkdir()
    (app.root / "bin/start").write_text("#!/bin/sh\nexec gunicorn wsgi:app\n")
    made = generate(replace(app, processes={"web": line}, release=None))
    assert made.processes == {"web": line}
    assert made.unreached == (f"the runtime does not reach web: {reason}",)
    assert not made.handover


REACHED = [
    "gunicorn wsgi:app",
    "exec gunicorn wsgi:app",
    "A=1 B='two words' gunicorn wsgi:app",
    'gunicorn -w "$(nproc)" wsgi:app',
    "gunicorn -b 0.0.0.0:${PORT:-8000} wsgi:app",
    "python manage.py migrate",
    "./manage.py migrate",
    "bin/run",
    "celery -A app worker",
    "venv/bin/rq worker",
]


@pytest.mark.parametrize("line", REACHED)
def test_lines_that_it_reaches(app: App, line: str) -> None:
    (app.root / "bin").mkdir()
    (app.root / "bin/run").write_text("#!/usr/bin/env python3\n")
    (app.root / "manage.py").touch()
    assert why_unreached(line, app.root) == ""


@pytest.mark.parametrize(
    ("line", "takes"),
    [
        ("gunicorn wsgi:app", True),
        ("A=b exec gunicorn wsgi:app", False),
        ("exec A=b gunicorn wsgi:app", True),
        ("A=b gunicorn wsgi:app", True),
        ("uvicorn app:app --workers 2", True),
        ("hypercorn app:app", True),
        ("waitress-serve app:app", True),
        ("venv/bin/gunicorn wsgi:app", True),
        ("python -m gunicorn wsgi:app", True),
        ("python3.11 -u -m uvicorn app:app", True),
        ("python app.py", False),
        ("python -m app", False),
        ("python -m", False),
        ("flask run", False),
        ("daphne app:app", False),
        ("gunicorn wsgi:app | tee x", False),
        ("uv run gunicorn wsgi:app", False),
        ("", False),
    ],
)
def test_who_takes_handed_on_sockets(line: str, takes: bool) -> None:
    assert handover(line) is takes


WORD = st.text(st.characters(codec="utf-8", exclude_characters="\0\n\r"), max_size=12)


@given(st.lists(WORD, max_size=4))
def test_no_line_is_too_odd_to_judge(words: list[str]) -> None:
    line = " ".join(words)
    assert isinstance(why_unreached(line), str)
    assert handover(line) in (True, False)


def test_what_a_shell_makes_of_the_line_is_what_the_program_gets(tmp_path: Path) -> None:
    """Quotes, variables and words in front survive, because the shell sees the line as it is."""
    shim = tmp_path / "python"
    shim.write_text('#!/bin/sh\nshift 2\nfor word; do printf "%s\\n" "$word"; done\n')
    shim.chmod(0o755)
    line = through("""gunicorn -b 0.0.0.0:$PORT 'app:make("x")' --access-logfile -""")
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "PORT": "5000"}
    out = subprocess.run(["sh", "-c", line], env=env, capture_output=True, text=True, check=True).stdout
    assert out.splitlines() == ["gunicorn", "-b", "0.0.0.0:5000", 'app:make("x")', "--access-logfile", "-"]


FRONTS = [
    ("A=1", {"A": "1"}),
    ("A='x y' B=\"$HOME/z w\"", {"A": "x y", "B": "/home/me/z w"}),
    ("A=$SPACED", {"A": "--a  --b"}),
    ("A=~/x B=$A/y", {"A": "/home/me/x", "B": "/home/me/x/y"}),
    ("A=${NONE:-x y}z", {"A": "x yz"}),
    ("A=a\\ b C=", {"A": "a b", "C": ""}),
    ("exec A=1", {"A": "1"}),
]


@pytest.mark.parametrize(("front", "values"), FRONTS)
def test_words_in_front_are_the_shells_and_no_arguments(tmp_path: Path, front: str, values: dict[str, str]) -> None:

    shim = tmp_path / "python"
    shim.write_text(
        f"#!{sys.executable}\nimport json, os, sys\njson.dump([sys.argv[3:], dict(os.environ)], sys.stdout)"
    )
    shim.chmod(0o755)
    line = through(f"{front} gunicorn app:app")
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": "/home/me", "SPACED": "--a  --b"}
    out = subprocess.run(["sh", "-c", line], env=env, capture_output=True, text=True, check=True).stdout
    arguments, environ = json.loads(out)
    assert arguments == ["gunicorn", "app:app"]
    assert {name: environ[name] for name in values} == values
    assert environ["PAASCTL_ASSIGNED"].split(",") == list(values)


def test_no_shell_stays_between_supervisor_and_a_line_with_words_in_front(tmp_path: Path) -> None:
    shim = tmp_path / "python"
    shim.write_text(f"#!{sys.executable}\nimport os\nprint(os.getpid())")
    shim.chmod(0o755)
    line, env = through("A=1 B='x y' gunicorn app:app"), {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    with subprocess.Popen(["sh", "-c", line], env=env, stdout=subprocess.PIPE, text=True) as started:
        assert started.communicate()[0].strip() == str(started.pid)


@pytest.mark.parametrize("line", ["A=`cat x y` gunicorn app:app", "A=${B:-x y z} gunicorn app:app"])
def test_an_expression_with_spaces_in_front_stays_a_shells(line: str) -> None:
    assert "only a shell understands" in why_unreached(line)
