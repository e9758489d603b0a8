"""What a target should be: what is sent, what is refused, and the names derived from the platform's facts."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.envs import APP, env, plain, secrets

from paasctl import desired, recycle
from paasctl.errors import UsageError
from paasctl.model import App, Desired, LogDestination, PlatformFacts, Provenance
from paasctl.target import load


@dataclass(frozen=True)
class Settings:
    log: LogDestination | None = None
    pool_recycle: int | None = None
    runtime: bool = True
    send: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()


def pool(kind: str, host: str) -> tuple[int, str] | None:
    if kind == "":
        return None
    return (
        (80, "ClearDB closes after 90 s") if recycle.under(host, "cleardb.net") else (280, f"{kind} closes after 300 s")
    )


FACTS = PlatformFacts("stdout", "the platform collects stdout", recycle=pool, adds_time=True)
LOCAL = replace(FACTS, log="file", local=True, services_beside_app=True)
BASE = {"PAASCTL_TARGET": "heroku", "PAASCTL_LOG": "stdout", "LOG_TO_STDOUT": "1", "PYTHONUNBUFFERED": "1"}
POOL = {"PAASCTL_POOL_RECYCLE": "280", "SQLALCHEMY_POOL_RECYCLE": "280"}
FLASK_POOL = {f"{desired.FLASK_OPTIONS}__pool_recycle": "280", f"{desired.FLASK_OPTIONS}__pool_pre_ping": "true"}
REMOTE_DB = "mysql+pymysql://u:p@db.example.com/x"


def build(
    values: dict[str, str] | None, facts: PlatformFacts = FACTS, options: Settings | None = None, **more: object
) -> Desired:
    settings = options or Settings()
    return desired.build("heroku", APP, env(values), None, Provenance("ann"), facts, settings, **more)  # type: ignore[arg-type]


def derived(wanted: Desired) -> dict[str, str]:
    return {each.name: each.value for each in wanted.derived}


def test_an_app_in_src_is_on_the_import_path_and_the_plan_says_why() -> None:
    app = replace(APP, source="src")
    wanted = desired.build("heroku", app, env({"PYTHONPATH": "/me"}), None, Provenance("ann"), FACTS, Settings())
    assert [each.reason for each in wanted.derived if each.name == "PYTHONPATH" and each.value == "src"] == [
        "the app is in src/, and the dependencies do not install it"
    ]
    assert "PYTHONPATH" not in derived(build({}))


def test_local_only_names_are_taken_out_and_listed() -> None:
    wanted = build({"A": "1", "FLASK_DEBUG": "1", "DEBUG": "1"}, options=Settings(send=("DEBUG",)))
    assert plain(wanted.env.values) == {"A": "1", "DEBUG": "1"}
    assert wanted.env.local_only == ("FLASK_DEBUG",)
    assert plain(build({"FLASK_DEBUG": "1"}, LOCAL).env.values) == {"FLASK_DEBUG": "1"}


def test_all_unfit_values_are_named_at_once_with_line_and_fix() -> None:
    with pytest.raises(UsageError) as caught:
        build({"SECRET_KEY": "hunter2", "A": "1", "REDIS_URL": "redis://:hunter2@localhost"})
    head, one, other = caught.value.message.splitlines()
    assert head == "2 values are not fit for heroku; nothing was sent"
    assert one.startswith("  .env:1: SECRET_KEY has fewer than 16 characters; `paasctl env secret SECRET_KEY`")
    assert other.startswith("  .env:3: REDIS_URL points at localhost")
    assert "hunter2" not in f"{caught.value.message}{caught.value.hint}"
    assert caught.value.exit_code == 2


def test_on_this_machine_they_are_warnings() -> None:
    wanted = build({"SECRET_KEY": "dev"}, LOCAL)
    assert len(wanted.warnings) == 1
    assert wanted.warnings[0].startswith(".env:1: SECRET_KEY")


def test_names_that_are_not_sent_are_not_judged() -> None:
    build({"DATABASE_URL": "mysql://u:p@localhost/x"}, protected=("DATABASE_URL",))
    build({"FLASK_RUN_HOST": "redis://localhost"})
    with pytest.raises(UsageError):
        build({"FLASK_RUN_HOST": "redis://localhost"}, options=Settings(send=("FLASK_RUN_HOST",)))


def test_allow_lets_pass_and_an_unknown_key_is_a_warning() -> None:
    wanted = build({"SECRET_KEY": "dev"}, options=Settings(allow=("secret_key", "sqllite")))
    assert ["sqllite" in warning for warning in wanted.warnings] == [True]


def test_reserved_names_are_refused_unless_they_stay_here_anyway() -> None:
    facts = replace(FACTS, reserved={"PORT": "Heroku sets it", "PATH": "Heroku sets it"})
    with pytest.raises(UsageError, match=r"^\.env:1: PORT cannot be set here: Heroku sets it$"):
        build({"PORT": "1"}, facts)
    assert build({"PATH": "/bin"}, facts).env.local_only == ("PATH",)


def test_an_env_that_is_too_large_is_refused() -> None:
    facts = replace(FACTS, max_env_bytes=100)
    build({"A": "x" * 99}, facts)
    with pytest.raises(UsageError, match="101 bytes"):
        build({"A": "é" * 50}, facts)


def test_the_example_makes_placeholders() -> None:
    key = "5f352379324c22463451387a0aec5d2f"
    with pytest.raises(UsageError, match="placeholder"):
        build({"SECRET_KEY": key}, examples=secrets({"SECRET_KEY": key}))


# -------------------------------------------------------------------------------------------------------- derived names


def test_derived_names_carry_the_platforms_reason() -> None:
    wanted = build({"DATABASE_URL": REMOTE_DB})
    assert derived(wanted) == BASE | POOL
    reasons = {each.name: each.reason for each in wanted.derived}
    assert reasons["PAASCTL_POOL_RECYCLE"] == "mysql closes after 300 s"
    assert reasons["PAASCTL_LOG"] == "the platform collects stdout"
    assert wanted.notes == ()


@pytest.mark.parametrize(
    ("facts", "options", "expected"),
    [
        (FACTS, Settings(), BASE | POOL),
        (FACTS, Settings(log="file"), {**BASE, **POOL, "PAASCTL_LOG": "file"} | {"LOG_TO_STDOUT": ""}),
        (FACTS, Settings(log="stderr"), {**BASE, **POOL, "PAASCTL_LOG": "stderr", "PAASCTL_LOG_FORMAT": "text"}),
        (replace(FACTS, adds_time=False), Settings(), {**BASE, **POOL, "PAASCTL_LOG_FORMAT": "time"}),
        (replace(FACTS, adds_time=False), Settings(log="stderr"), {**BASE, **POOL, "PAASCTL_LOG": "stderr"}),
        (
            replace(FACTS, adds_time=False),
            Settings(runtime=False),
            {**BASE, **POOL, **FLASK_POOL} | {"PAASCTL_LOG": "", "PAASCTL_POOL_RECYCLE": ""},
        ),
        (FACTS, Settings(log="keep"), {**BASE, **POOL, "PAASCTL_LOG": "keep"} | {"LOG_TO_STDOUT": ""}),
        (FACTS, Settings(pool_recycle=99), {**BASE, "PAASCTL_POOL_RECYCLE": "99", "SQLALCHEMY_POOL_RECYCLE": "99"}),
        (
            FACTS,
            Settings(runtime=False),
            {**BASE, **POOL, **FLASK_POOL} | {"PAASCTL_LOG": "", "PAASCTL_POOL_RECYCLE": ""},
        ),
        (replace(FACTS, proxy_hops=1), Settings(), {**BASE, **POOL, "PAASCTL_PROXY_HOPS": "1"}),
        (
            replace(FACTS, proxy_hops=1),
            Settings(runtime=False),
            {**BASE, **POOL, **FLASK_POOL} | {"PAASCTL_LOG": "", "PAASCTL_POOL_RECYCLE": ""},
        ),
        (
            replace(FACTS, reserved={"PYTHONUNBUFFERED": "always set"}),
            Settings(),
            {**BASE, **POOL} | {"PYTHONUNBUFFERED": ""},
        ),
        (LOCAL, Settings(), {**BASE, **POOL, "PAASCTL_LOG": "file"} | {"LOG_TO_STDOUT": ""}),
    ],
)
def test_facts_and_configuration_decide(facts: PlatformFacts, options: Settings, expected: dict[str, str]) -> None:
    assert derived(build({"DATABASE_URL": REMOTE_DB}, facts, options)) == {n: v for n, v in expected.items() if v}


@pytest.mark.parametrize(
    ("adapter", "form"), [("heroku", None), ("pythonanywhere", "time"), ("linux", None), ("local", None)]
)
def test_log_lines_have_the_time_once_on_every_platform(adapter: str, form: str | None) -> None:
    """The runtime's own default is without the time on stdout, and with it elsewhere."""
    facts: PlatformFacts = sys.modules[load(adapter).__module__].FACTS
    assert derived(build({}, facts)).get("PAASCTL_LOG_FORMAT") == form
    assert (facts.log == "stdout") == (adapter in ("heroku", "pythonanywhere"))


def test_what_the_env_file_sets_wins_and_the_plan_says_so() -> None:
    wanted = build({"PAASCTL_LOG": "keep", "LOG_TO_STDOUT": "hunter2"}, options=Settings(log="file"))
    assert "PAASCTL_LOG" not in derived(wanted)
    assert wanted.notes == (
        "PAASCTL_LOG is taken from .env:1; without it, it would be file: `log` in the configuration",
    )
    noted = build({"LOG_TO_STDOUT": "hunter2"}).notes
    assert noted[0].startswith("LOG_TO_STDOUT is taken from .env:1; without it, it would be 1")
    assert "hunter2" not in noted[0]


@pytest.mark.parametrize(
    ("requirements", "noted"),
    [
        ("flask==3.1\nSQLAlchemy>=2\n", True),
        ("Flask_SQLAlchemy==3.1.1", True),
        ("sqlmodel", True),
        ("sqlalchemy @ https://example.com/sqlalchemy-2.0.36.tar.gz", True),
        ("-e git+https://example.com/pallets/flask-sqlalchemy.git@3.1#egg=x", True),
        ("flask\nSQLAlchemy==1.3.24 ; python_version > '3'\nflask-sqlalchemy==2.5.1", False),
        ("sqlalchemy[asyncio] >=1.3, <1.4", False),
        ("sqlalchemy~=1.3.0", False),
        ("sqlalchemy~=1.3", True),
        ("sqlalchemy<1.4.50", True),
        ("SQLAlchemy!=1.3.1,>=1.2", True),
        ("SQLAlchemy==1.4.54\nSQLAlchemy-Utils==0.41", True),
        ("psycopg2\ndj-database-url  # not sqlalchemy\n", False),
    ],
)
def test_a_url_that_the_app_will_see_otherwise_is_noted(requirements: str, noted: bool) -> None:
    """In .env or on the target; never its value."""
    app = replace(APP, dependencies=replace(APP.dependencies, requirements=requirements))

    def notes(options: Settings, **theirs: str) -> tuple[str, ...]:
        values = {"REPLICA_URL": "postgres://u:hunter2@db.example.com/x", "OTHER_URL": "postgresql://h.example.com/x"}
        wanted = desired.build(
            "heroku", app, env(values), None, Provenance("ann"), FACTS, options, theirs=secrets(theirs)
        )
        return wanted.notes

    found = notes(Settings(), DATABASE_URL="postgres://u:hunter2@db.example.com/y")
    text = "the app gets postgres:// as postgresql://, on which SQLAlchemy 1.4 and later insist"
    assert found == ((f"DATABASE_URL: {text}", f"REPLICA_URL: {text}") if noted else ())
    assert notes(Settings(runtime=False)) == ()


@pytest.mark.parametrize(
    ("requirements", "noted"),
    [("flask\n", True), ("flask\nsentry-sdk[flask]==2.1\n", False), ("Sentry_SDK\n", False), ("# sentry-sdk\n", True)],
)
def test_a_dsn_that_nothing_reads_is_noted(requirements: str, noted: bool) -> None:
    app = replace(APP, dependencies=replace(APP.dependencies, requirements=requirements))

    def notes(options: Settings, **values: str) -> tuple[str, ...]:
        return desired.build("heroku", app, env(values), None, Provenance("ann"), FACTS, options).notes

    dsn = "https://k@sentry.example.com/1"
    assert any("no error goes to Sentry" in note for note in notes(Settings(), SENTRY_DSN=dsn)) == noted
    assert notes(Settings(runtime=False), SENTRY_DSN=dsn) == notes(Settings()) == ()


def test_the_database_that_the_app_really_sees_decides() -> None:
    theirs = secrets({"CLEARDB_DATABASE_URL": "mysql://u:p@eu.cleardb.net/x?reconnect=true"})
    assert derived(build({}, theirs=theirs))["PAASCTL_POOL_RECYCLE"] == "80"
    # the strictest of several: renewing early is always safe
    assert derived(build({"DATABASE_URL": REMOTE_DB}, theirs=theirs))["PAASCTL_POOL_RECYCLE"] == "80"
    # what .env says of a name that an add-on owns is not what the app sees
    owned = {"theirs": secrets({"DATABASE_URL": "mysql://u:p@eu.cleardb.net/x"}), "protected": ("DATABASE_URL",)}
    assert derived(build({"DATABASE_URL": REMOTE_DB}, **owned))["PAASCTL_POOL_RECYCLE"] == "80"
    mine = {"theirs": secrets({"DATABASE_URL": "mysql://u:p@eu.cleardb.net/x"})}
    assert derived(build({"DATABASE_URL": REMOTE_DB}, **mine))["PAASCTL_POOL_RECYCLE"] == "280"


def test_without_a_network_database_the_pool_is_left_alone() -> None:
    assert derived(build({"A": "sqlite:////var/x.db", "B": "redis://r.example.com"})) == BASE


def test_an_app_that_puts_its_url_together_itself_asks_for_an_unknown_host() -> None:
    """Its driver tells that there is a database."""
    app = replace(APP, dependencies=replace(APP.dependencies, requirements="Flask\nPyMySQL\n"))
    facts = replace(FACTS, recycle=lambda kind, host: (280, "x") if (kind, host) == ("", "") else (55, "y"))

    def seconds(app: App, **values: str) -> str | None:
        wanted = desired.build("x", app, env(values), None, Provenance("ann"), facts, Settings())
        return derived(wanted).get("PAASCTL_POOL_RECYCLE")

    assert seconds(app, DB_HOST="db.example.com") == "280"
    assert seconds(app, DATABASE_URL=REMOTE_DB) == "55"
    assert seconds(APP, DB_HOST="db.example.com") is None


@pytest.mark.parametrize("adapter", ["heroku", "pythonanywhere", "linux", "local"])
def test_the_settings_of_djangos_server_are_those_of_every_process(adapter: str) -> None:
    facts: PlatformFacts = sys.modules[load(adapter).__module__].FACTS
    app = replace(APP, framework="django", settings="config.settings.production", origins={"settings": "wsgi.py:3"})
    wanted = desired.build("x", app, env({}), None, Provenance("ann"), facts, Settings(runtime=False))
    (found,) = [each for each in wanted.derived if each.name == "DJANGO_SETTINGS_MODULE"]
    assert (found.value, found.reason) == ("config.settings.production", "wsgi.py:3")


def test_flasks_own_variable_is_left_to_whoever_set_it() -> None:
    """And no other framework reads it."""
    off, own = Settings(runtime=False), {desired.FLASK_OPTIONS: '{"pool_recycle": 60}'}
    database = {"DATABASE_URL": REMOTE_DB}
    assert not FLASK_POOL.keys() & derived(build(database | own, options=off)).keys()
    assert not FLASK_POOL.keys() & derived(build(database, options=off, theirs=secrets(own))).keys()
    django = desired.build("x", replace(APP, framework="django"), env(database), None, Provenance("ann"), FACTS, off)
    assert not FLASK_POOL.keys() & derived(django).keys()


def test_an_env_that_is_not_managed_still_has_derived_names() -> None:
    wanted = build(None, theirs=secrets({"DATABASE_URL": REMOTE_DB}))
    assert derived(wanted) == BASE | POOL
    assert not wanted.env.managed


# -------------------------------------------------------------------------------------------------------------- recycle


@pytest.mark.parametrize(
    ("limit", "seconds"),
    [(300, 280), (90, 80), (240, 220), (350, 320), (1800, 1680), (28800, 3600), (30, 20), (29, 28), (5, 4), (1, 1)],
)
def test_the_rule(limit: int, seconds: int) -> None:
    assert recycle.recycle(limit) == seconds
    assert seconds < limit or limit == 1


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgres://u:p@h/x", ("postgresql", "h")),
        ("postgresql+asyncpg://u:p@H:5432/x", ("postgresql", "h")),
        ("mysql+pymysql://u:p@ss@h/x", ("mysql", "h")),
        ("mariadb://h", ("mysql", "h")),
        ("mysql:///x?unix_socket=/tmp/s", ("mysql", "")),
        ("mysql://u:[p@h/x", ("mysql", "")),
        ("MSSQL+pyodbc://h/x", ("mssql", "h")),
        ("sqlite:///x", None),
        ("redis://h", None),
        ("https://h", None),
        ("mysql", None),
        ("", None),
    ],
)
def test_database_urls_are_understood(url: str, expected: tuple[str, str] | None) -> None:
    assert recycle.database(url) == expected


@pytest.mark.parametrize(
    ("kind", "host", "seconds"),
    [
        ("mysql", "eu-cdbr-west.cleardb.net", 80),
        ("mysql", "eric.mysql.pythonanywhere-services.com", 280),
        ("mysql", "db.example.com", 280),
        ("mysql", "notcleardb.net", 280),
        ("postgresql", "db.example.com", 280),
        ("mssql", "db.example.com", 280),
        ("", "", 280),
    ],
)
def test_what_is_usual(kind: str, host: str, seconds: int) -> None:
    assert recycle.usual(kind, host)[0] == seconds


@pytest.mark.parametrize("adapter", ["heroku", "pythonanywhere", "linux", "local"])
@pytest.mark.parametrize("kind", ["", "mysql", "postgresql", "mssql", "oracle"])
def test_every_platform_has_a_number_for_every_network_database(adapter: str, kind: str) -> None:
    facts: PlatformFacts = sys.modules[load(adapter).__module__].FACTS
    seconds, reason = facts.recycle(kind, "") or (0, "")
    assert seconds > 0
    assert reason


@pytest.mark.parametrize(
    ("requirements", "has"),
    [
        ("Flask\nPyMySQL==1.1.1\n", True),
        ("mysqlclient", True),
        ("psycopg[binary]>=3", True),
        ("psycopg2-binary==2.9", True),
        ("asyncpg", True),
        ("pyodbc", True),
        ("cx_Oracle", True),
        ("Flask-SQLAlchemy\nredis  # not mysql\n", False),
        ("", False),
    ],
)
def test_a_driver_shows_that_there_is_a_network_database(requirements: str, has: bool) -> None:
    assert recycle.has_driver(requirements) is has


def test_the_settings_of_the_configuration_are_understood(tmp_path: Path) -> None:
    from paasctl.config import TargetSettings

    settings: desired.Settings = TargetSettings("x", "heroku", log="stderr")
    wanted = desired.build("x", replace(APP, root=tmp_path), env({}), None, Provenance("ann"), FACTS, settings)
    assert derived(wanted)["PAASCTL_LOG"] == "stderr"


def test_strictest_of_several() -> None:
    assert recycle.strictest([None, None]) is None
    assert recycle.strictest([None, (280, "a"), (80, "b"), (600, "c")]) == (80, "b")
