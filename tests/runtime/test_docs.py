"""The code in docs/runtime.md runs, and does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from runtime_lab import Bench, PythonOf

PAGE = (Path(__file__).parents[2] / "docs/runtime.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)

pytestmark = pytest.mark.e2e


def block(words: str) -> str:
    (found,) = [text for text in BLOCKS if words in text]
    return found


USE = """
import flask
app = flask.Flask("blog.app", root_path=os.path.join(os.getcwd(), "blog"))
register_logging(app)
@app.route("/boom")
def boom(): raise RuntimeError("seen")
app.logger.error("outside")
app.test_client().get("/boom?token=secret")
"""


@pytest.mark.parametrize("runtime", [True, False])
def test_register_logging_logs_inside_and_outside_of_a_request(
    bench: Bench, python_of: PythonOf, runtime: bool
) -> None:
    bench.python = python_of("3.11", "flask")
    bench.write(app=block("def register_logging") + USE)
    done = bench.run("python", "app.py", runtime=runtime, PAASCTL_LOG="file")
    text = (bench.folder / "logs/app.log").read_text()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert re.search(r"ERROR blog\.app: outside\n", text)
    assert text.count("RuntimeError: seen") == 1


def test_its_mail_formatter_works_without_a_request_and_hides_the_query(bench: Bench, python_of: PythonOf) -> None:
    bench.python = python_of("3.11", "flask")
    show = """
h = logging.StreamHandler(); h.setFormatter(RequestFormatter("%(remote_addr)s %(url)s %(message)s"))
app.logger.addHandler(h)
app.logger.error("again")
with app.test_request_context("/x?token=secret", environ_base={"REMOTE_ADDR": "1.2.3.4"}): app.logger.error("inside")
"""
    bench.write(app=block("def register_logging") + USE + show)
    done = bench.run("python", "app.py", runtime=False)
    assert done.stderr == "- - again\n1.2.3.4 http://localhost/x inside\n"


SETTINGS = dict(re.findall(r"^(FLASK_SQLALCHEMY_ENGINE_OPTIONS__\w+)=(.*)$", PAGE, re.MULTILINE))


@pytest.mark.parametrize(
    ("words", "env"),
    [
        ("from_prefixed_env", SETTINGS),
        ('"SQLALCHEMY_POOL_RECYCLE", -1', {"SQLALCHEMY_POOL_RECYCLE": "280"}),
    ],
)
def test_the_lines_for_flask(bench: Bench, python_of: PythonOf, words: str, env: dict[str, str]) -> None:
    for version, packages in {
        "3.11": ("flask>=3", "flask-sqlalchemy>=3.1", "sqlalchemy>=2.1", "pymysql"),
        "3.8": ("flask==2.2.5", "werkzeug<2.3", "flask-sqlalchemy==2.5.1", "sqlalchemy==1.4.54", "pymysql"),
    }.items():
        bench.python = python_of(version, *packages)
        bench.write(
            app=f"""import flask, flask_sqlalchemy, os
app = flask.Flask("app")
app.config.update(SQLALCHEMY_DATABASE_URI="mysql+pymysql://u@127.0.0.1:1/d", SQLALCHEMY_TRACK_MODIFICATIONS=False)
{block(words)}db = flask_sqlalchemy.SQLAlchemy(app)
with app.app_context(): print(db.engine.pool._recycle, db.engine.pool._pre_ping)"""
        )
        done = bench.run("python", "app.py", runtime=False, **env)
        assert done.stdout == "280 True\n", done.stderr


def test_the_variables_add_to_the_options_of_the_code(bench: Bench, python_of: PythonOf) -> None:
    bench.python = python_of("3.11", "flask>=3", "flask-sqlalchemy>=3.1", "sqlalchemy>=2.1", "pymysql")
    bench.write(
        app=f"""import flask
app = flask.Flask("app")
app.config["SQLALCHEMY_ENGINE_OPTIONS"] = {{"pool_size": 3}}
{block("from_prefixed_env")}print(app.config["SQLALCHEMY_ENGINE_OPTIONS"])"""
    )
    done = bench.run("python", "app.py", runtime=False, **SETTINGS)
    assert done.stdout == "{'pool_size': 3, 'pool_pre_ping': True, 'pool_recycle': 280}\n", done.stderr


def test_the_lines_for_django(bench: Bench) -> None:
    settings: dict[str, object] = {"os": __import__("os"), "DATABASES": {"default": {}}}
    exec(block("CONN_MAX_AGE"), settings)
    assert settings["DATABASES"] == {"default": {"CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": True}}


def test_every_setting_that_the_runtime_reads_is_on_the_page() -> None:
    from paasctl.overlay import runtime_source

    read = set(re.findall(r'(?:setting|number)\("([A-Z_]+)"', runtime_source().decode()))
    internal = {"ENTRY", "RELEASE", "TARGET", "PROBE_SOCKET", "SHARED_FD", "PROXY_HOPS", "CLIENT_HEADER", "LOG"}
    internal |= {"WORKERS", "THREADS", "TIMEOUT", "SHARED_FOLDER", "RUN_FOLDER", "CONNECTION"}
    assert {name for name in read - internal if f"PAASCTL_{name}" not in PAGE} == set()
