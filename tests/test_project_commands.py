"""What a Procfile's web line starts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paasctl.project.commands import is_development_server, server_call, web_line

# the line -> program, entry, interface, what it needs
LINES = [
    ("gunicorn wsgi:app", "gunicorn", "wsgi:app", None, ("gunicorn",)),
    ("gunicorn wsgi", "gunicorn", "wsgi:application", None, ("gunicorn",)),
    ("gunicorn mysite.wsgi --log-file -", "gunicorn", "mysite.wsgi:application", None, ("gunicorn",)),
    ("gunicorn -w 4 -b 0.0.0.0:$PORT wsgi:app", "gunicorn", "wsgi:app", None, ("gunicorn",)),
    ("gunicorn -w4 --preload wsgi:app", "gunicorn", "wsgi:app", None, ("gunicorn",)),
    ("gunicorn --bind=:$PORT wsgi:app", "gunicorn", "wsgi:app", None, ("gunicorn",)),
    ("gunicorn -c python:conf.gunicorn wsgi:app", "gunicorn", "wsgi:app", None, ("gunicorn",)),
    ("gunicorn 'blog:create_app()'", "gunicorn", "blog:create_app()", None, ("gunicorn",)),
    ("gunicorn \"blog:create_app('x')\"", "gunicorn", "blog:create_app('x')", None, ("gunicorn",)),
    ("exec gunicorn wsgi:app", "gunicorn", "wsgi:app", None, ("gunicorn",)),
    ("WEB=1 gunicorn wsgi:app", "gunicorn", "wsgi:app", None, ("gunicorn",)),
    ("python -m gunicorn wsgi:app", "gunicorn", "wsgi:app", None, ("gunicorn",)),
    ("poetry run gunicorn wsgi:app", "gunicorn", "wsgi:app", None, ("gunicorn",)),
    ("newrelic-admin run-program gunicorn wsgi:app", "gunicorn", "wsgi:app", None, ("gunicorn",)),
    ("bin/gunicorn wsgi:app", "gunicorn", "wsgi:app", None, ("gunicorn",)),
    ("gunicorn -k uvicorn.workers.UvicornWorker main:app", "gunicorn", "main:app", "asgi", ("gunicorn", "uvicorn")),
    ("gunicorn --chdir src wsgi:app", "gunicorn", None, None, ("gunicorn",)),
    ("gunicorn --pythonpath=src wsgi:app", "gunicorn", None, None, ("gunicorn",)),
    ("gunicorn -c gunicorn.conf.py", "gunicorn", None, None, ("gunicorn",)),
    ("gunicorn app:server.wsgi", "gunicorn", None, None, ("gunicorn",)),
    ("uvicorn main:app --host 0.0.0.0 --port $PORT", "uvicorn", "main:app", "asgi", ("uvicorn",)),
    ("uvicorn --factory main:create", "uvicorn", "main:create()", "asgi", ("uvicorn",)),
    ("uvicorn --app-dir src main:app", "uvicorn", None, "asgi", ("uvicorn",)),
    ("hypercorn asgi:main:app", "hypercorn", "main:app", "asgi", ("hypercorn",)),
    ("hypercorn main:app -b :$PORT", "hypercorn", "main:app", "asgi", ("hypercorn",)),
    ("waitress-serve --port=80 --call blog:create", "waitress-serve", "blog:create()", "wsgi", ("waitress",)),
    ("python -m waitress --listen=*:$PORT wsgi:app", "waitress-serve", "wsgi:app", "wsgi", ("waitress",)),
    ("daphne -b 0.0.0.0 -p $PORT mysite.asgi:application", "daphne", "mysite.asgi:application", "asgi", ("daphne",)),
]  # fmt: skip


@pytest.mark.parametrize(("line", "program", "entry", "interface", "needs"), LINES, ids=[case[0] for case in LINES])
def test_servers_are_recognised(
    line: str, program: str, entry: str | None, interface: str | None, needs: tuple[str, ...]
) -> None:
    call = server_call(line)
    assert call is not None
    assert (call.program, call.entry, call.interface, call.needs) == (program, entry, interface, needs)


@pytest.mark.parametrize(
    "line",
    [
        "python serve.py",
        "flask run",
        "cd src && gunicorn wsgi:app",
        "gunicorn wsgi:app | tee log",
        "gunicorn `cat entry`",
        "gunicorn $(cat entry)",
        "gunicorn 'unclosed",
        "sh -c 'gunicorn wsgi:app'",
        "FOO=1",
        "exec",
    ],
)
def test_other_lines_are_left_alone(line: str) -> None:
    assert server_call(line) is None


@given(st.text())
def test_no_line_is_too_strange(line: str) -> None:
    server_call(line)
    is_development_server(line)


@pytest.mark.parametrize(
    ("entry", "interface", "line"),
    [
        ("wsgi:app", "wsgi", "gunicorn wsgi:app"),
        ("blog:create_app()", "wsgi", "gunicorn 'blog:create_app()'"),
        ("blog:create_app('x')", "wsgi", "gunicorn \"blog:create_app('x')\""),
        ("main:app", "asgi", "uvicorn main:app"),
        ("main:create()", "asgi", "uvicorn --factory main:create"),
    ],
)
def test_the_generated_line_is_understood_again(entry: str, interface: str, line: str) -> None:
    assert web_line(entry, "asgi" if interface == "asgi" else "wsgi") == line
    call = server_call(line)
    assert call is not None and call.entry == entry


@pytest.mark.parametrize(
    ("line", "development"),
    [("flask run --port $PORT", True), ("python manage.py runserver", True), ("gunicorn wsgi:app", False)],
)
def test_development_servers_are_known(line: str, development: bool) -> None:
    assert is_development_server(line) is development
