"""What stays on the laptop, what a platform reserves, and which values would do harm; no message holds a value."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from support.envs import APP, env, secrets

from paasctl import envfile, rules
from paasctl.errors import UsageError
from paasctl.model import App, PlatformFacts

HOME = Path("/home/dev")
REMOTE = PlatformFacts("stdout", "")
EPHEMERAL = replace(REMOTE, ephemeral_disk=True)
LINUX = replace(REMOTE, services_beside_app=True)
LOCAL = replace(LINUX, local=True)


def found(
    values: dict[str, str],
    facts: PlatformFacts = REMOTE,
    allow: tuple[str, ...] = (),
    examples: dict[str, str] | None = None,
    app: App = APP,
) -> list[tuple[str, str]]:
    """Name and ``allow`` key of every finding; none of the texts holds a value."""
    findings = rules.dangerous(env(values), app, facts, allow, secrets(examples or {}), home=HOME)
    for finding in findings:
        assert finding.origin.startswith(".env:")
        for value in values.values():
            assert len(value) < 9 or value not in str(finding)
    return [(finding.name, finding.allow_key) for finding in findings]


# ----------------------------------------------------------------------------------------------------- local-only names


def test_local_only_names() -> None:
    stay = ["DEBUG", "FLASK_DEBUG", "FLASK_ENV", "FLASK_RUN_PORT", "HEROKU_API_KEY", "HOME", "PAASCTL_TOKEN_STAGING"]
    stay += ["PATH", "PYTHONANYWHERE_API_TOKEN", "PYTHONPATH", "VIRTUAL_ENV", "WERKZEUG_DEBUG_PIN"]
    go = ["FLASK_APP", "SECRET_KEY", "DEBUG_LEVEL", "MY_PATH", "API_TOKEN", "flask_debug", "PAASCTL_LOG"]
    assert rules.local_only([*stay, *go]) == tuple(stay)
    assert rules.local_only(["DEBUG", "FLASK_DEBUG"], send=["DEBUG"]) == ("FLASK_DEBUG",)


def test_a_bare_api_token_is_a_credential_only_on_pythonanywhere() -> None:
    assert rules.local_only(["API_TOKEN", "PYTHONANYWHERE_SITE"]) == ("API_TOKEN",)


# ------------------------------------------------------------------------------------------------------- reserved names


def test_reserved_names_are_refused_with_line_and_reason() -> None:
    facts = replace(REMOTE, reserved={"PORT": "Heroku sets it", "HEROKU_*": "Heroku keeps such names for itself"})
    with pytest.raises(UsageError) as caught:
        rules.reserved(env({"A": "1", "PORT": "5000", "HEROKU_APP": "hunter2"}), facts)
    assert caught.value.message.splitlines() == [
        ".env:3: HEROKU_APP cannot be set here: Heroku keeps such names for itself",
        ".env:2: PORT cannot be set here: Heroku sets it",
    ]
    rules.reserved(env({"A": "1", "PORTAL": "x", "HEROKU": "x"}), facts)


# ---------------------------------------------------------------------------------------------------------- secret keys


@pytest.mark.parametrize(
    "value",
    [
        "",
        "dev",
        "secret",
        "django-insecure-8x!k2v9@w#q$z^m&n*b(c)d",
        "django-insecure-AAAA1111bbbb2222CCCC3333dddd4444EEEE",
        "0123456789abcde",
        "changeme",
        "change-me-in-production",
        "your-secret-key-goes-here",
        "xxxxxxxxxxxxxxxx",
        "<put something random here>",
        "super secret string of mine",
        "this-is-not-so-secret-at-all",
        "a-hard-to-guess-string",
        "replace_this_before_you_deploy",
        "my-flask-SECRET_KEY-0123456789",
        "0000000000000000000000",
        "keyboard cat and more words",
        "your-own-secret-key-here-please-change-me-now-or-later",
        "example-key-0123456789abcdef",
    ],
)
def test_a_placeholder_or_short_secret_key_is_found(value: str) -> None:
    assert found({"SECRET_KEY": value}) == [("SECRET_KEY", "secret_key")]


@pytest.mark.parametrize(
    "value",
    [
        "0123456789abcdef",
        "5f352379324c22463451387a0aec5d2f",
        "correct horse battery staple",
        '_5#y2L"F4Q8z\nì]/',
        "Zm9vYmFyTODO1234exampleABCDsecretkeyABCDEFGH12",
    ],
)
def test_a_real_secret_key_is_not(value: str) -> None:
    assert found({"SECRET_KEY": value}) == []


def test_a_key_that_paasctl_makes_is_never_taken_for_a_placeholder() -> None:
    for _ in range(300):
        assert found({"SECRET_KEY": envfile.random_secret().reveal()}) == []


def test_the_value_of_the_example_is_a_placeholder_whatever_it_looks_like() -> None:
    values = {"SECRET_KEY": "5f352379324c22463451387a0aec5d2f", "OTHER": "same"}
    assert found(values, examples=values) == [("SECRET_KEY", "secret_key")]
    assert found({"SECRET_KEY": "5f352379324c22463451387a0aec5d2f"}, examples={"SECRET_KEY": ""}) == []


def test_other_secret_names_are_not_judged() -> None:
    assert found({"AWS_SECRET_ACCESS_KEY": "x", "MAIL_PASSWORD": "changeme", "RECAPTCHA_SECRET_KEY": "short"}) == []
    assert found({"FLASK_SECRET_KEY": "dev", "DJANGO_SECRET_KEY": "dev", "JWT_SECRET_KEY": "dev"}) == [
        ("FLASK_SECRET_KEY", "secret_key"),
        ("DJANGO_SECRET_KEY", "secret_key"),
        ("JWT_SECRET_KEY", "secret_key"),
    ]


# ------------------------------------------------------------------------------------------------------------ localhost


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:p@localhost/db",
        "mysql+pymysql://u:p@127.0.0.1:3306/db",
        "postgres://localhost",
        "redis://localhost:6379/0",
        "postgresql+psycopg://u:p%40@[::1]:5432/db",
        "amqp://guest:guest@LOCALHOST:5672//",
        "mongodb://a,localhost:27017/db",
        "redis://0.0.0.0:6379",
        "postgresql:///db",
        "mysql://u:p@db.localhost/x",
        "mysql://u:p@host.docker.internal/x",
        "db+postgresql://u:p@127.0.1.1/x",
        "memcached://127.0.0.1:11211",
        "rediss://:p@localhost",
    ],
)
def test_services_at_localhost_are_found_where_the_app_does_not_run_beside_them(url: str) -> None:
    assert found({"X_URL": url}) == [("X_URL", "localhost")]
    assert found({"X_URL": url}, LINUX) == []
    assert found({"X_URL": url}, replace(REMOTE, local=True)) == []
    assert found({"X_URL": url}, allow=("localhost",)) == []


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:localhost@db.example.com/x",
        "http://localhost:5000",
        "localhost",
        "postgresql:///db?host=/cloudsql/a:b:c",
        "postgresql://u:p@/db?host=db.example.com",
        "redis://localhost.example.com",
        "mysql://u:p@128.0.0.1/x",
        "mailto://x",
        "mysql://u:p@[bad/x",
        "just text with redis://localhost in it",
    ],
)
def test_other_urls_are_not(url: str) -> None:
    assert found({"X_URL": url}) == []


# ---------------------------------------------------------------------------------------------------------------- paths


@pytest.mark.parametrize(
    "value",
    [
        "/home/dev/uploads",
        "/home/dev",
        "/srv/shop/data",
        "file:///home/dev/x",
        "/opt:/home/dev/bin",
        "/Users/ann/app/x",
        "C:\\Users\\ann\\app",
        "--dir=/home/dev/x",
    ],
)
def test_paths_of_this_machine_are_found(value: str) -> None:
    assert found({"UPLOADS": value}) == [("UPLOADS", "path")]
    assert found({"UPLOADS": value}, LOCAL) == ([("UPLOADS", "path")] if "/srv/shop" in value else [])
    assert found({"UPLOADS": value}, LINUX) == [("UPLOADS", "path")]


@pytest.mark.parametrize(
    "value", ["/home/developer/x", "https://example.com/home/dev/x", "/var/lib", "/home/de", "home/dev"]
)
def test_other_paths_are_not(value: str) -> None:
    assert found({"UPLOADS": value}) == []


def test_a_home_at_the_root_says_nothing() -> None:
    assert rules.dangerous(env({"X": "/data/x"}), APP, REMOTE, (), {}, home=Path("/")) == []


# --------------------------------------------------------------------------------------------------------------- SQLite


@pytest.mark.parametrize("url", ["sqlite:///data.db", "sqlite+aiosqlite:///data.db?x=1", "sqlite:////var/data.db"])
def test_sqlite_is_found_where_the_disk_is_ephemeral(url: str) -> None:
    assert found({"DATABASE_URL": url}, EPHEMERAL) == [("DATABASE_URL", "sqlite")]
    assert found({"DATABASE_URL": url}, EPHEMERAL, allow=("sqlite",)) == []


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true", "sqlite"])
def test_sqlite_in_memory_is_not(url: str) -> None:
    assert found({"DATABASE_URL": url}, EPHEMERAL) == []


@pytest.mark.parametrize(
    ("url", "persist", "framework", "fine"),
    [
        ("sqlite:///data.db", (), "django", False),
        ("sqlite:///data.db", ("data.db",), "django", True),
        ("sqlite:///./data/x.db", ("data/",), "django", True),
        ("sqlite:///data.db", ("instance/",), "flask", True),
        ("sqlite:///data.db", ("instance/",), "django", False),
        ("sqlite:////srv/shop/data.db", ("data.db",), "flask", True),
        ("sqlite:////srv/shop/data.db", ("database/",), "flask", True),
        ("sqlite:////var/lib/shop/data.db", (), "flask", True),
        ("sqlite:///../data.db", (), "flask", True),
    ],
)
def test_sqlite_inside_a_release_must_persist(url: str, persist: tuple[str, ...], framework: str, fine: bool) -> None:
    app = replace(APP, persist=persist, framework=framework)
    keys = [key for _, key in found({"DATABASE_URL": url}, LINUX, allow=("path",), app=app)]
    assert keys == ([] if fine else ["sqlite"])


# ------------------------------------------------------------------------------------------------------------ encrypted


def test_sqlite_in_the_checkout_is_shared_with_it_on_this_machine() -> None:
    values = env({"DATABASE_URL": "sqlite:////srv/shop/app.db"})
    (finding,) = rules.dangerous(values, APP, LOCAL, (), {}, home=HOME)
    assert str(finding).startswith(
        ".env:1: DATABASE_URL holds a path in this checkout, which every release would share"
    )
    assert "sqlite:///app.db" in finding.fix
    assert found({"DATABASE_URL": "sqlite:////srv/shop2/app.db"}, LOCAL) == []


def test_sqlite_of_a_flask_app_in_src_is_in_its_instance_folder() -> None:
    app = replace(APP, source="src", persist=("src/instance/",))
    assert found({"DATABASE_URL": "sqlite:///data.db"}, LINUX, app=app) == []


@pytest.mark.parametrize("value", ["encrypted:BDqDBibm4wsYqMpCjTQ6BsDHmMadg9K3dAt", "ENC[AES256_GCM,data:x,iv:y]"])
def test_ciphertext_is_found(value: str) -> None:
    assert found({"SECRET_KEY": value}) == [("SECRET_KEY", "encrypted")]


def test_every_finding_has_a_known_allow_key_and_is_named() -> None:
    values = {
        "SECRET_KEY": "dev",
        "A": "redis://localhost",
        "B": "/home/dev/x",
        "C": "sqlite:///x.db",
        "D": "encrypted:x",
    }
    assert {key for _, key in found(values, EPHEMERAL)} == set(rules.ALLOW)
    assert found(values, EPHEMERAL, allow=tuple(rules.ALLOW)) == []


# --------------------------------------------------------------------------------------------------------- .env.example


def test_the_env_is_compared_with_the_example() -> None:
    compared = rules.compare(
        env({"A": "1", "B": "", "C": "", "D": "1"}), secrets({"A": "x", "B": "x", "C": "", "MISSING": ""})
    )
    assert compared == rules.Comparison(missing=("MISSING",), empty=("B",), unknown=("D",))
