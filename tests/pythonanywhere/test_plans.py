"""Plans are made without a request: what they hold, and what is refused before anything is asked."""

import hashlib
import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paasctl.errors import UsageError
from paasctl.manifest import Manifest
from paasctl.model import App, Bundle, BundleFile, Dependencies, Desired, Env, Observed, Provenance
from paasctl.secret import Secret
from paasctl.sync import EnvChanges
from paasctl.target import load

ROOM = load("pythonanywhere").__module__
plans, documents, pushing, settings, account, stub, remarks = (
    importlib.import_module(f"{ROOM}.{name}")
    for name in ("plans", "documents", "push", "settings", "account", "stub", "remarks")
)


class Untouched:
    """Any use of it is a request."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError("a plan must not ask anything")


def planner() -> Any:
    checked = settings.read_settings("pythonanywhere", "shop", {"username": "eric"}, {})
    nobody: Any = Untouched()
    return plans.Planner(account.Account(checked, "shop", "ann", nobody, nobody, nobody, nobody))


def file(path: str, text: str) -> BundleFile:
    return BundleFile(path, hashlib.sha256(text.encode()).hexdigest(), len(text), 0o644, 0, content=text.encode())


def bundle(**files: str) -> Bundle:
    found = tuple(file(path, text) for path, text in sorted(files.items()))
    return Bundle(hashlib.sha256(repr(found).encode()).hexdigest(), found, sum(f.size for f in found))


def desired(code: Bundle | None = None, command: str | None = None, **app: Any) -> Desired:
    needs = Dependencies("requirements.txt", "flask\n", "d" * 64)
    made = App("shop", Path("/x"), "flask", "wsgi:app", "wsgi", "3.11", needs, {"web": "gunicorn wsgi:app"})
    return Desired(
        "pythonanywhere",
        replace(made, **app),
        Env(),
        (),
        code or bundle(wsgi="x"),
        Provenance("ann"),
        release_command=command,
    )


def changes(**env: str) -> EnvChanges:
    values = {name: Secret(value) for name, value in env.items()}
    return EnvChanges(set=values, result=values, manifest=Manifest("ab" * 16))


def unchanged(**env: str) -> EnvChanges:
    return replace(changes(**env), set={})


def nothing(**seen: Any) -> Observed:
    return Observed(exists=False, extra=pushing.Seen(documents.Active(), **seen))


def live(wanted: Desired, released: str = "", **env: str) -> Observed:
    """What would be observed after a push of ``wanted``."""
    push = planner()
    seen = pushing.Seen(documents.Active())
    record, layer = push._record(wanted, seen, seen.base)
    part = {"name": "p", "sha256": "0" * 64, "size": 1}
    record = replace(
        record,
        code=documents.Archive(plans.code_name(wanted.bundle), 1, 1, (part,)),
        layer=documents.Archive(layer, 1, 1, (part,)),
        env={"id": "r1-x", "mac": "0" * 64},
        manifest=Manifest("ab" * 16).to_json(),
    )
    site = push._webapp(record).to_json()
    deploy = replace(seen.base, release="r1", releases=(record,), site=site, stub=stub.digest())
    return Observed(exists=True, extra=pushing.Seen(documents.Active(deploy, env, True, released)))


def titles(plan: Any) -> list[str]:
    return [step.title for step in plan.steps]


def test_a_first_push() -> None:
    plan = planner().push(desired(command="flask db upgrade"), nothing(), changes(A="x"))
    assert titles(plan) == [
        "resolve and upload the dependencies",
        "upload the code",
        "upload the env",
        "create the web app eric.pythonanywhere.com",
        "run the release command",
        "switch to release r1",
        "check that r1 serves and is well",
    ]
    assert plan.undo is not None
    assert "visitors wait" in plan.notes[0]
    shown = json.dumps([[s.title, s.details] for s in plan.steps])
    assert "python: 3.11" in shown


@pytest.mark.parametrize(
    ("webapp", "said"),
    [
        ({"expiry": "2099-10-16"}, "visitors wait: a free account has one worker"),
        ({"expiry": None}, "where it is the only one, visitors wait"),  # a paid account's
        ({}, "where it is the only one, visitors wait"),
        (None, "where it is the only one, visitors wait"),
    ],
)
def test_who_waits_for_the_release_command(webapp: Any, said: str) -> None:
    plan = planner().push(desired(command="true"), nothing(webapp=webapp, ours=True), changes())
    assert said in plan.notes[0]


@pytest.mark.parametrize(
    ("webapp", "value", "noted"),
    [
        (None, "mysql://eric:pw@eric.mysql.pythonanywhere-services.com/eric$shop", True),
        ({"expiry": "2099-10-16"}, "eric.mysql.eu.pythonanywhere-services.com", True),
        ({"expiry": None}, "mysql://eric:pw@eric.mysql.pythonanywhere-services.com/eric$shop", False),
        (None, "mysql://eric:pw@db.example.com/shop", False),
        (None, "sqlite:///shop.db", False),
    ],
)
def test_a_database_that_a_free_account_may_lack_is_named(webapp: Any, value: str, noted: bool) -> None:
    plan = planner().push(desired(), nothing(webapp=webapp, ours=True), changes(SHOP_DB=value, A="x"))
    found = [note for note in plan.notes if note.startswith("SHOP_DB leads to PythonAnywhere's MySQL; free accounts")]
    assert bool(found) is noted
    assert value not in str(plan.notes)


def test_a_database_that_is_in_use_is_not_named_again() -> None:
    env = {"SHOP_DB": "eric.mysql.pythonanywhere-services.com"}
    plan = planner().push(desired(bundle(wsgi="y")), live(desired(), **env), unchanged(**env))
    assert plan
    assert not plan.notes


def test_nothing_to_do() -> None:
    wanted = desired()
    assert not planner().push(wanted, live(wanted), unchanged())


@pytest.mark.parametrize(
    ("more", "steps"),
    [
        ({"python": "3.12"}, ["resolve and upload the dependencies", "change the web app's settings"]),
        ({"static": {"/s/": "static"}}, ["change the web app's settings"]),
        ({"persist": ("data.db",)}, []),
        ({"health": "/up"}, []),
        ({"entry": "wsgi:other"}, []),
        ({"dependencies": Dependencies("r.txt", "django\n", "e" * 64)}, ["resolve and upload the dependencies"]),
        ({"dependencies": Dependencies("r.txt", "", "e" * 64)}, []),
    ],
)
def test_what_differs_is_a_release(more: dict[str, Any], steps: list[str]) -> None:
    wanted = desired()
    plan = planner().push(replace(wanted, app=replace(wanted.app, **more)), live(wanted), unchanged())
    assert titles(plan) == [*steps, "switch to release r2", "check that r2 serves and is well"]


def test_the_env_alone() -> None:
    wanted = desired()
    plan = planner().push(replace(wanted, bundle=None), live(wanted), changes(A="x"))
    assert titles(plan) == ["upload the env", "switch to release r2", "check that r2 serves and is well"]
    with pytest.raises(UsageError, match="nothing is live"):
        planner().push(replace(wanted, bundle=None), nothing(), changes(A="x"))


def test_a_dependency_set_that_was_once_there_is_not_sent_again() -> None:
    wanted = desired()
    other = desired(bundle(wsgi="y"))
    assert "resolve and upload the dependencies" not in titles(planner().push(other, live(wanted), unchanged()))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"interface": "asgi"}, "is an ASGI app"),
        ({"entry": None}, "entry point is not known"),
        ({"python": "3"}, "Python 3 cannot be chosen"),
        ({"static": {"/a+b/": "static"}}, "the static URL /a\\+b/ cannot be mapped"),
        ({"static": {"/my static/": "static"}}, "cannot be mapped"),
        ({"static": {"/../": "static"}}, "cannot be mapped"),
        ({"static": {"/a//b/": "static"}}, "cannot be mapped"),
        ({"static": {f"/{'x' * 201}/": "static"}}, "cannot be mapped"),
        ({"static": {"/a/b/": "one", "/a_b/": "two"}}, "/a/b/ and /a_b/ would share one folder"),
        ({"static": {"/": "one", "/root/": "two"}}, "would share one folder"),
    ],
)
def test_what_is_refused_before_anything_is_asked(more: dict[str, Any], said: str) -> None:
    wanted = desired()
    with pytest.raises(UsageError, match=said) as caught:
        planner().push(replace(wanted, app=replace(wanted.app, **more)), nothing(), changes())
    assert caught.value.hint


def test_a_site_made_by_hand_is_refused_and_one_of_ours_is_not() -> None:
    hand = {"domain_name": "eric.pythonanywhere.com"}
    with pytest.raises(UsageError, match="not made by paasctl"):
        planner().push(desired(), nothing(webapp=hand), changes())
    for observed, wanted in (
        (nothing(webapp=hand, ours=True), desired()),
        (nothing(webapp=hand), replace(desired(), force=True)),
    ):
        assert "set up the web app eric.pythonanywhere.com" in titles(planner().push(wanted, observed, changes()))


def test_an_app_that_got_another_name_is_told_its_old_one() -> None:
    old = {"domain_name": "eric.pythonanywhere.com", "source_directory": "/home/eric/.paasctl/apps/bluelog"}
    with pytest.raises(UsageError, match="serves the app bluelog, which paasctl pushed; nothing was changed") as caught:
        planner().push(desired(), nothing(webapp=old), changes())
    assert 'name = "bluelog"' in caught.value.hint


def test_processes_that_will_not_run_are_named() -> None:
    wanted = desired(processes={"web": "x", "worker": "y", "beat": "z"})
    assert planner().push(wanted, nothing(), changes()).warnings[0].startswith("worker, beat: not started")


@pytest.mark.parametrize(("command", "again"), [("python release.py", True), ("flask db upgrade", False)])
def test_what_a_command_made_in_a_folder_that_is_gone_is_made_again(command: str, again: bool) -> None:
    """The push that ran it never came to the switch, so nothing keeps its code."""
    second = desired(bundle(wsgi="y"), command)
    observed = live(desired(command=command))
    mark = fingerprint(second, observed, unchanged())
    observed = replace(observed, extra=pushing.Seen(replace(observed.extra.active, released=mark)))
    assert bool(fingerprint(second, observed, unchanged())) is again


DJANGO = {"framework": "django", "static": {"/static/": "staticfiles"}}
#: the folder is one that the configuration names and the app writes, or one that the code calls STATIC_ROOT
UPLOADS = {"persist": ("staticfiles/",), "origins": {"static:/static/": "paasctl.toml:3"}}
IN_CODE = {"origins": {"static:/static/": "site/settings.py:9"}}


@pytest.mark.parametrize(
    ("app", "files", "due"),
    [
        (DJANGO, {"manage.py": "", "wsgi": "y"}, True),
        (DJANGO, {"wsgi": "x"}, False),  # the code that is live: it was collected when that was pushed
        (DJANGO, {"manage.py": "", "wsgi": "y", "staticfiles/site.css": "x"}, False),
        (DJANGO, {"wsgi": "y"}, False),
        (DJANGO | UPLOADS, {"manage.py": "", "wsgi": "y"}, False),
        (DJANGO | UPLOADS | IN_CODE, {"manage.py": "", "wsgi": "y"}, True),
        ({**DJANGO, "framework": "flask"}, {"manage.py": "", "wsgi": "y"}, False),
        ({"framework": "django"}, {"manage.py": "", "wsgi": "y"}, False),
    ],
)
def test_a_new_code_folder_of_django_is_collected_into(app: Any, files: dict[str, str], due: bool) -> None:
    plan = planner().push(desired(bundle(**files), "true", **app), live(desired(command="true")), changes(A="x"))
    title = "collect the static files into staticfiles"
    assert (title in titles(plan)) is due
    if due:
        assert titles(plan).index(title) == titles(plan).index("run the release command") - 1


def fingerprint(wanted: Desired, observed: Observed, outcome: EnvChanges) -> str:
    """What a push would remember after its release command; "" when it is not due."""
    seen = observed.extra
    record, layer = planner()._record(wanted, seen, seen.base)
    push = pushing.Push(None, seen, seen.base, record, None, None, None, outcome.result)
    return str(plans.due(push, layer)[0])


MIGRATED = {"wsgi": "x", "migrations/versions/1.py": "1"}
DUE = [
    ("flask db upgrade", {**MIGRATED, "wsgi": "y"}, {}, False),
    ("python -m _paasctl_runtime flask db upgrade", {**MIGRATED, "wsgi": "y"}, {}, False),
    ("flask db upgrade", {**MIGRATED, "migrations/versions/2.py": "2"}, {}, True),
    ("flask db upgrade", MIGRATED, {"DATABASE_URL": "other"}, True),
    ("flask db upgrade", MIGRATED, {"POSTGRES_HOST": "other"}, True),
    ("flask db upgrade", MIGRATED, {"DJANGO_SETTINGS_MODULE": "other"}, True),
    ("python manage.py migrate --noinput", {**MIGRATED, "wsgi": "y"}, {}, False),
    ("python manage.py migrate && echo", {**MIGRATED, "wsgi": "y"}, {}, True),
    ("python release.py", {**MIGRATED, "wsgi": "y"}, {}, True),
    ("python release.py", MIGRATED, {"GREETING": "other"}, True),
    ("python release.py", MIGRATED, {}, False),
]


@pytest.mark.parametrize(("command", "files", "env", "again"), DUE)
def test_when_the_release_command_runs_again(command: str, files: dict, env: dict, again: bool) -> None:
    before = {"DATABASE_URL": "mysql://one", "GREETING": "hello"}
    first = desired(bundle(**MIGRATED), command)
    observed = live(first, **before)
    mark = fingerprint(first, observed, unchanged(**before))
    done = replace(observed.extra.active, released=mark)
    observed = replace(observed, extra=pushing.Seen(done))
    second = desired(bundle(**files), command)
    assert bool(fingerprint(second, observed, unchanged(**{**before, **env}))) is again


@pytest.mark.parametrize(
    ("answer", "framework", "said"),
    [
        (200, "django", ""),
        (302, "django", ""),
        (
            400,
            "django",
            "it answers 400 at /; Django does so for hosts that ALLOWED_HOSTS does not name: add d.example",
        ),
        (400, "flask", 'it answers 400 at /; a path that answers, as health = "/..."'),
        (404, "django", 'it answers 404 at /; a path that answers, as health = "/..."'),
        (0, "django", ""),
    ],
)
def test_a_page_that_refuses_and_counts_as_alive_is_a_warning(answer: int, framework: str, said: str) -> None:
    found = remarks.refused(answer, documents.Record("r1", "", "ann"), "d.example", framework)
    assert bool(found) is bool(said)
    assert "".join(found).startswith(said)


def test_the_stub_is_the_same_for_every_app() -> None:
    one, two = (stub.stub("/home/eric", app, "d", "/w").decode() for app in ("a", "b"))
    assert [a for a, b in zip(one.splitlines(), two.splitlines(), strict=True) if a != b] == ["APP = 'a'"]
