"""The configuration file: what it says, and the sentence for everything that is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.trees import tree

from paasctl import config
from paasctl.config import APP_KEYS, COMMON_KEYS, PROCESS_KEYS
from paasctl.errors import UsageError
from paasctl.model import Tuning

EXAMPLE = """
[app]
name = "bluelog"
entry = "wsgi:app"
python = "3.11"
dependencies = "requirements.txt"
health = "/"
release = "flask db upgrade"
test = "pytest -q"
env = [".env"]
persist = ["data.db", "./uploads/", "logs//app/"]
exclude = ["tests/"]

[targets.heroku]
app = "bluelog-prod"

[targets.heroku.formation]
web = 1

[targets.linux]
hosts = ["deploy@203.0.113.7"]
domain = "blog.example.com"
log = "file"
pool_recycle = 280
runtime = false
send = ["FLASK_DEBUG"]
allow = ["sqlite", "localhost"]

[targets.linux.static]
"/static" = "blog/static/"

[targets.linux.processes.web]
instances = 2
workers = 2
threads = 4
stop_wait = 35

[targets.linux.processes.worker]
optional = true

[targets.staging]
adapter = "heroku"
app = "bluelog-staging"
"""


def load(root: Path, text: str, file: str = "paasctl.toml") -> config.Config:
    return config.load(tree(root, {file: text}))


def test_without_a_file_everything_is_left_to_detection(tmp_path: Path) -> None:
    assert config.load(tmp_path) == config.Config()


def test_the_whole_app_table_is_read(tmp_path: Path) -> None:
    app = load(tmp_path, EXAMPLE).app
    assert {key: getattr(app, key) for key in APP_KEYS} == {
        "name": "bluelog",
        "entry": "wsgi:app",
        "python": "3.11",
        "dependencies": "requirements.txt",
        "health": "/",
        "release": "flask db upgrade",
        "test": "pytest -q",
        "env": (".env",),
        "persist": ("data.db", "uploads/", "logs/app/"),
        "exclude": ("tests/",),
    }
    assert app.lines["persist"] == 10


def test_what_is_not_said_is_none_and_an_empty_array_is_said(tmp_path: Path) -> None:
    app = load(tmp_path, "[app]\npersist = []\n").app
    assert (app.persist, app.env, app.name) == ((), None, None)


def test_targets_are_read_and_the_adapters_own_keys_kept_apart(tmp_path: Path) -> None:
    targets = load(tmp_path, EXAMPLE).targets
    linux, staging = targets["linux"], targets["staging"]
    assert list(targets) == ["heroku", "linux", "staging"]
    assert (linux.adapter, staging.adapter) == ("linux", "heroku")
    assert (linux.log, linux.pool_recycle, linux.runtime) == ("file", 280, False)
    assert (linux.send, linux.allow) == (("FLASK_DEBUG",), ("sqlite", "localhost"))
    assert linux.static == {"/static/": "blog/static"}
    assert linux.processes["web"] == Tuning(instances=2, workers=2, threads=4, stop_wait=35)
    assert linux.processes["worker"] == Tuning(optional=True)
    assert linux.settings == {"hosts": ["deploy@203.0.113.7"], "domain": "blog.example.com"}
    assert targets["heroku"].settings == {"app": "bluelog-prod", "formation": {"web": 1}}
    assert (linux.lines[""], linux.lines["processes.web.workers"]) == (19, 33)


def test_pyproject_holds_the_same_under_tool_paasctl(tmp_path: Path) -> None:
    loaded = load(
        tmp_path,
        """
        [project]
        name = "x"
        [tool.paasctl.app]
        entry = "wsgi:app"
        [tool.paasctl.targets.local]
        port = 8000
        """,
        "pyproject.toml",
    )
    assert loaded.file == "pyproject.toml"
    assert (loaded.app.entry, loaded.app.lines["entry"]) == ("wsgi:app", 4)
    assert loaded.targets["local"].settings == {"port": 8000}


def test_a_pyproject_without_our_table_is_no_configuration(tmp_path: Path) -> None:
    assert load(tmp_path, '[project]\nname = "x"\n', "pyproject.toml").file is None


def test_two_configurations_are_refused(tmp_path: Path) -> None:
    tree(tmp_path, {"pyproject.toml": "[tool.x]\n\n[tool.paasctl.app]\n"})
    with pytest.raises(UsageError, match=r"configured twice: in paasctl.toml and in pyproject.toml:3") as caught:
        load(tmp_path, "[app]\n")
    assert caught.value.hint == "keep one of the two"


# fmt: off
WRONG = [
    # the text, the message, a word of the hint
    ('[app]\nname = \n', "paasctl.toml:2: not valid TOML: Invalid value", "quotes"),
    ('[app]\nname = "x', "paasctl.toml:2: not valid TOML", ""),
    ('[app\nname = "x"\n', "paasctl.toml:1: not valid TOML: Expected ']'", "a table's name stands in brackets: [app]"),
    ('[app]\nname = "x"\nname = "y"\n', "paasctl.toml:3: not valid TOML: Cannot overwrite a value", "key once"),
    ('\ufeff[app]\n', "paasctl.toml:1: the file starts with a byte order mark", "UTF-8"),
    ('[ap]\n', "paasctl.toml:1: the file has no key ap", "did you mean app?"),
    ('\n[target.heroku]\n', "paasctl.toml:2: the file has no key target", "did you mean targets?"),
    ('name = "x"\n', "paasctl.toml:1: the file has no key name", "app, targets"),
    ('[app]\n\nentri = "a:b"\n', "paasctl.toml:3: [app] has no key entri", "did you mean entry?"),
    ('[app]\nquux = 1\n', "paasctl.toml:2: [app] has no key quux", "dependencies, entry, env"),
    ('app = 3\n', "paasctl.toml:1: [app] must be a table, not a whole number", "[app]"),
    ('[targets]\nheroku = "x"\n', "paasctl.toml:2: [targets.heroku] must be a table, not a string", ""),
    ('[app]\nhealth = 1\n', "paasctl.toml:2: health must be a string, not a whole number", 'health = "..."'),
    ('[app]\nhealth = "healthz"\n', "paasctl.toml:2: health must be a path that starts with /", "/healthz"),
    ('[app]\npython = 3.10\n', "paasctl.toml:2: python must be a string", "3.10 is 3.1"),
    ('[targets.x]\npython = 3.10\n', "paasctl.toml:2: python must be a string", "3.10 is 3.1"),
    ('[app]\nentry = ""\n', "paasctl.toml:2: entry must be one line and not empty", "default"),
    ('[app]\nrelease = """\na\nb"""\n', "paasctl.toml:2: release must be one line and not empty", ""),
    ('[app]\nname = "My App"\n', "paasctl.toml:2: name must be 1 to 30 of a-z, 0-9 and -", ""),
    ('[app]\nname = "a-"\n', "paasctl.toml:2: name must be", ""),
    ('[app]\npersist = "data.db"\n', "paasctl.toml:2: persist must be an array, not a string", ""),
    ('[app]\npersist = ["a", 1]\n', "paasctl.toml:2: persist must be an array of strings", "persist = ["),
    ('[app]\npersist = ["/var/data"]\n', "paasctl.toml:2: persist holds a path that is not inside", "relative"),
    ('[app]\npersist = [\n "a",\n "b/../../c",\n]\n', "paasctl.toml:2: persist holds a path that is not", "relative"),
    ('[app]\npersist = ["."]\n', "paasctl.toml:2: persist holds a path that is not inside", ""),
    ('[targets.x]\npersist = ["~/data"]\n', "paasctl.toml:2: persist holds a path that is not inside", ""),
    ('[targets.x]\nlog = "stdot"\n', "paasctl.toml:2: log must be one of stdout, stderr, file, keep", "stdout?"),
    ('[targets.x]\npool_recycle = 0\n', "paasctl.toml:2: pool_recycle must be 1 or more", ""),
    ('[targets.x]\npool_recycle = true\n', "paasctl.toml:2: pool_recycle must be a whole number, not true", ""),
    ('[targets.x]\nruntime = "no"\n', "paasctl.toml:2: runtime must be true or false, not a string", ""),
    ('[targets.x]\nsend = ["A=1"]\n', "paasctl.toml:2: send must be an array of env names", "no values"),
    ('[targets.x.static]\nstatic = "a"\n', "paasctl.toml:2: the left side is a URL path", "/static/"),
    ('[targets.x.static]\n"/a b/" = "a"\n', "paasctl.toml:2: the left side is a URL path", "/static/"),
    ('[targets.x.static]\n"/a/../b" = "a"\n', "paasctl.toml:2: the left side is a URL path", "/static/"),
    ('[targets.x.static]\n"/a{;}/" = "a"\n', "paasctl.toml:2: the left side is a URL path", "/static/"),
    ('[targets.x.static]\n"/s/" = "../a"\n', "paasctl.toml:2: /s/ holds a path that is not inside", ""),
    ('[targets.x.processes]\nweb = 2\n', "paasctl.toml:2: [targets.x.processes.web] must be a table", ""),
    ('[targets.x.processes.web]\nworker = 2\n', "paasctl.toml:2: [targets.x.processes.web] has no key", "workers"),
    ('[targets.x.processes.web]\ninstances = 0\n', "paasctl.toml:2: instances must be 1 or more", ""),
    ('[targets."a b"]\n', "paasctl.toml:1: a target's name is made of letters", ".env.TARGET"),
    ('[targets.example]\n', "paasctl.toml:1: a target cannot be named example", ".env.example"),
]
# fmt: on


@pytest.mark.parametrize(("text", "message", "hint"), WRONG, ids=[case[1][:60] for case in WRONG])
def test_what_is_wrong_is_said_with_file_and_line(tmp_path: Path, text: str, message: str, hint: str) -> None:
    (tmp_path / "paasctl.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        config.load(tmp_path)
    assert caught.value.exit_code == 2
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "line",
    [
        'token = "sentinel-7f3a"',
        'api_key = "sentinel-7f3a"',
        'API-KEY = "sentinel-7f3a"',
        'heroku_api_token = "sentinel-7f3a"',
        'password = "sentinel-7f3a"',
        "password = 73731",
        'secret_key = "sentinel-7f3a"',
    ],
)
@pytest.mark.parametrize("table", ["app", "targets.heroku", "targets.heroku.extra"])
def test_credentials_are_refused_and_never_shown(tmp_path: Path, table: str, line: str) -> None:
    if table.endswith("extra") and "73731" in line:
        line = 'password = "73731"'
    with pytest.raises(UsageError, match=r"paasctl.toml:2: .* credentials never live in this file") as caught:
        load(tmp_path, f"[{table}]\n{line}\n")
    shown = caught.value.message + caught.value.hint
    assert "environment" in caught.value.hint
    assert "sentinel" not in shown and "73731" not in shown


@pytest.mark.parametrize(
    "value", ['"sentinel-7f3a"', "[1, 'sentinel-7f3a']", "{a = 'sentinel-7f3a'}", "'sentinel-7f3a"]
)
@pytest.mark.parametrize("key", ["health", "env", "persist", "log", "nonsense"])
def test_no_message_shows_a_value(tmp_path: Path, key: str, value: str) -> None:
    """Whatever a wrong value is, it may be a secret in the wrong place."""
    for table in ("app", "targets.x", "targets.x.processes.web"):
        try:
            load(tmp_path, f"[{table}]\n{key} = {value}\n")
        except UsageError as error:
            assert "sentinel" not in error.message + error.hint + error.output


@pytest.mark.parametrize("process", ["token", "secret"])
def test_a_process_may_have_any_name(tmp_path: Path, process: str) -> None:
    loaded = load(tmp_path, f"[targets.x.processes.{process}]\nworkers = 1\n[targets.x.formation]\n{process} = 2\n")
    assert loaded.targets["x"].processes[process].workers == 1


def test_the_documentation_names_every_key() -> None:
    text = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text("utf-8")
    for key in {*APP_KEYS, *COMMON_KEYS, *PROCESS_KEYS}:
        assert f"`{key}`" in text, f"docs/configuration.md does not document {key}"


def test_the_example_of_the_documentation_is_valid(tmp_path: Path) -> None:
    text = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text("utf-8")
    example = text.partition("```toml\n")[2].partition("```")[0]
    assert load(tmp_path, example).app.entry == "wsgi:app"
