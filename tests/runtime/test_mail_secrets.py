"""What a mail server receives of an error whose text and request are full of secrets, in all their spellings."""

from __future__ import annotations

import base64
import json
import os
import random
from urllib.parse import quote, quote_plus

import pytest
from mail_lab import Kept, settings, smtp
from paasctl.procfiles.runtime.hidden import forms, hidden, kept_forms, without
from paasctl.procfiles.runtime.request import Request
from paasctl.procfiles.runtime.wrap import asgi_facts, wsgi_facts
from runtime_lab import Bench, PythonOf, eventually

KEY = "/x9GfQ0kT7sentinel+Q=="  # base64 begins with a slash once in 64
PEM = "-----BEGIN KEY-----\nsentinel'one\"two\\three\n-----END KEY-----\n"
WORD = "sentinel ähnlich & 100%"
URL = "postgresql://app:sentinel%40pass%2Fword@db.example.com/x"
ODD_URL = "mysql://app:senti/nel[@db.example.com/x"


@pytest.mark.e2e
@pytest.mark.parametrize("server", ["gunicorn -b 127.0.0.1:$PORT app:app", "uvicorn --port $PORT app:asgi"])
def test_a_secret_in_the_path_is_not_in_the_line_about_the_request(
    bench: Bench, python_of: PythonOf, server: str
) -> None:
    """As a chat bot's webhook has it; the rest of the path stays."""
    bench.python = python_of("3.11", "gunicorn", "uvicorn")
    bench.write(
        app="""import logging
def app(environ, start):
    if environ["PATH_INFO"] != "/": logging.error("failed")
    start("200 OK", []); return [b"x"]
async def asgi(scope, receive, send):
    if scope["type"] == "http" and scope["path"] != "/": logging.error("failed")
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"x"})
"""
    )
    kept, token = Kept(), "4711:sentinel-tökenAA"
    with smtp(kept) as port, bench.serve(server, **settings(port, BOT_TOKEN=token)) as running:
        assert running.get(f"/bot/{quote(token)}/update").status == 200
        assert eventually(lambda: kept.mails), running.stderr
    (text,) = kept.texts()
    assert "sentinel" not in text
    assert f"http://127.0.0.1:{running.port}/bot/[BOT_TOKEN]/update\n" in text


@pytest.mark.parametrize(
    ("name", "value", "expression"),
    [
        ("SIGNING_KEY", KEY, "v"),
        ("PRIVATE_KEY", PEM, "v"),
        ("PRIVATE_KEY", PEM, "repr(v)"),
        ("PRIVATE_KEY", PEM, "repr({'quoted': 'it is'}) + repr('\"' + v)"),
        ("PRIVATE_KEY", PEM, "json.dumps({'key': v})"),
        ("PASSWORD", WORD, "json.dumps([v])"),
        ("PASSWORD", WORD, "json.dumps([v], ensure_ascii=False)"),
        ("PASSWORD", WORD, "quote(v, safe='')"),
        ("PASSWORD", WORD, "urlencode({'p': v})"),
        ("DATABASE_URL", URL, "urlsplit(v).password"),
        ("DATABASE_URL", URL, "unquote(urlsplit(v).password)"),
        ("DATABASE_URL", ODD_URL, "'senti/nel['"),
    ],
)
def test_a_value_is_recognised_however_it_is_written(bench: Bench, name: str, value: str, expression: str) -> None:
    bench.write(
        app=f"""import json, logging, os
from urllib.parse import quote, unquote, urlencode, urlsplit
v = os.environ[{name!r}]
logging.error("failed with %s.", {expression})"""
    )
    kept = Kept()
    with smtp(kept) as port:
        done = bench.run("python", "app.py", **settings(port, **{name: value}))
    assert done.returncode == 0, done.stderr
    (text,) = kept.texts()
    assert "senti" not in text
    assert f"[{name}]" in text


def test_paths_of_the_machine_stay_readable(bench: Bench) -> None:
    bench.write(app='import logging, os\nlogging.error("at %s and %s", os.environ["DATA"], os.environ["HOME"])')
    kept = Kept()
    with smtp(kept) as port:
        bench.run("python", "app.py", **settings(port, DATA=os.path.realpath("/usr"), HOME="/nonexistent/home"))
    assert "at /usr and /nonexistent/home" in kept.texts()[0]


def test_a_secret_inside_of_another_does_not_uncover_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHORT", "nti-")
    monkeypatch.setenv("LONG", "senti-nel-of-the-app")
    assert without("a senti-nel-of-the-app b nti- c", hidden(None)) == "a [LONG] b [SHORT] c"


@pytest.mark.parametrize("value", [KEY, PEM, WORD, os.fsdecode(b"caf\xe9 of old")])
def test_every_spelling_is_known(value: str) -> None:
    assert {value, repr(value)[1:-1], json.dumps(value)[1:-1]} <= forms(value)
    assert {quote(os.fsencode(value), safe=""), quote_plus(os.fsencode(value))} <= forms(value)


def basic(login: str) -> str:
    return "Basic " + base64.b64encode(login.encode()).decode()


def as_sent(text: str) -> str:
    """A header's text as WSGI has it."""
    return text.encode().decode("latin-1")


REQUESTS = {
    "the login": ("HTTP_AUTHORIZATION", basic("bob:hunter2secret"), "bad login bob:hunter2secret"),
    "the password": ("HTTP_AUTHORIZATION", basic("bob:hunter2secret"), "bad password hunter2secret"),
    "a login without its padding": ("HTTP_AUTHORIZATION", basic("bob:hunter2").rstrip("="), "bad login hunter2"),
    "a login beyond ASCII": ("HTTP_AUTHORIZATION", basic("bob:häuser2secret"), "bad login häuser2secret"),
    "a login, written out": ("HTTP_AUTHORIZATION", basic("bob:hunt'er2\"s"), repr("hunt'er2\"s")),
    "a query's value": ("QUERY_STRING", "token=gehe%27im%0Apw%22d4711", repr("gehe'im\npw\"d4711")),
    "a query's value in JSON": ("QUERY_STRING", "token=gehe%C3%AFim+4711", json.dumps({"token": "geheïim 4711"})),
    "a query's value in a URL": ("QUERY_STRING", "token=gehe/im+pw", "at https://x/" + quote("gehe/im pw", safe="")),
    "a cookie in quotes": ("HTTP_COOKIE", 'a=b; sess="s\\"ess-7788\\054x"', repr('s"ess-7788,x')),
    "a cookie with an equals sign": ("HTTP_COOKIE", 'sess="ess=7788\\054x"', "ess=7788,x"),
    "a cookie beyond ASCII": ("HTTP_COOKIE", 'sess="\\303\\274ss-7788"', "üss-7788"),
    "a cookie beyond ASCII, as sent": ("HTTP_COOKIE", as_sent("sess=üss-7788"), "üss-7788"),
    "a cookie with percent signs": ("HTTP_COOKIE", "sess=%7B%22ess%22%3A7788%7D", '{"ess":7788}'),
}


@pytest.mark.parametrize("kind", REQUESTS)
def test_what_a_request_holds_is_recognised_however_an_error_shows_it(kind: str) -> None:
    name, value, shown = REQUESTS[kind]
    told = without("KeyError: " + shown, hidden(Request("id", wsgi_facts, {name: value})))
    assert "[hidden]" in told
    for word in ("hunt", "er2", "ser2", "gehe", "im", "4711", "ess", "7788"):
        assert word not in told


def test_what_visitors_send_does_not_collect_in_memory() -> None:
    hidden(None)
    before = kept_forms.cache_info().currsize
    assert hidden(Request("id", wsgi_facts, {"QUERY_STRING": "token=sentinel%22one"}))
    assert kept_forms.cache_info().currsize == before


def test_nonsense_in_a_request_is_no_reason_to_lose_the_mail() -> None:
    chance = random.Random(7)
    pieces = [
        "Basic ",
        "basic",
        ":",
        "=",
        ";",
        '"',
        "\\",
        "\\377",
        "\\9",
        "%",
        "%ED%A0%80",
        "%zz",
        "&",
        "\xff",
        "\x00",
        " ",
        "é",
    ]
    for _ in range(2000):
        headers = ["".join(chance.choices(pieces, k=chance.randrange(9))).encode("latin-1") for _ in range(3)]
        scope = {"query_string": headers[0], "headers": [(b"cookie", headers[1]), (b"authorization", headers[2])]}
        hidden(Request("id", asgi_facts, scope))
