"""Plans are made without a request: what they hold, and what is refused before anything is asked."""

import hashlib
import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paasctl.procfiles.pythonanywhere.document import check_deploy, check_record
from paasctl.procfiles.pythonanywhere.places import Invalid
from paasctl.procfiles.pythonanywhere.release import slug

from paasctl.errors import PaasctlError, UsageError
from paasctl.manifest import Manifest
from paasctl.model import App, Bundle, BundleFile, Dependencies, Desired, Env, Observed, Provenance
from paasctl.secret import Secret
from paasctl.sync import EnvChanges
from paasctl.target import load

ROOM = load("pythonanywhere").__module__
plans, documents, pushing, settings, account, stub, room = (
    importlib.import_module(f"{ROOM}.{name}")
    for name in ("plans", "documents", "push", "settings", "account", "stub", "room")
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
    ("flask db upgrade", MIGRATED, {"GREETING": "other"}, False),
    ("flask db upgrade", MIGRATED, {"DATABASE_URL": "other"}, True),
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


def record(number: int, **more: Any) -> Any:
    archive = documents.Archive(f"c{number}", 1, 1, ({"name": "p", "sha256": "0" * 64, "size": 1},))
    base = {"python": "3.11", "entry": "wsgi:app", "code": archive, "env": {"id": "e", "mac": "0" * 64}}
    return documents.Record(f"r{number}", documents.now(), "ann", **{**base, **more})


def test_what_is_kept() -> None:
    all_of_them = tuple(record(n, state="failed" if n % 3 == 0 else "good") for n in range(1, 21))
    kept = documents.trimmed(all_of_them, "r4")
    assert [r.id for r in kept if r.state == "good"] == ["r20", "r19", "r17", "r16", "r4"]
    assert [r.id for r in kept if r.state == "failed"] == ["r18", "r15", "r12", "r9", "r6"]
    assert not [r for r in kept if r.state == "failed" and r.code]


def test_the_way_back_is_kept_however_many_were_rolled_away_from() -> None:
    fled = [record(n, before="r2") for n in range(3, 12)]
    kept = documents.trimmed((record(1), record(2, before="r1"), *fled, record(12, before="r2")), "r12")
    assert [r.id for r in kept] == ["r12", "r11", "r10", "r9", "r8", "r2", "r1"]


def test_no_release_goes_whose_files_are_needed() -> None:
    """Releases of the env alone share their code."""
    live = record(4)
    same = (live, replace(record(3), code=live.code), replace(record(2), code=live.code))
    deploy = documents.Deploy("ab" * 12, "cd" * 32, "ann", "", "r4", same)
    assert room.oldest(deploy, record(5)) == ()
    other, first = record(1), record(0)
    deploy = replace(deploy, releases=(*same, other, first))
    assert room.oldest(deploy, record(5)) == (first,)
    shared = replace(first, code=other.code)
    deploy = replace(deploy, releases=(*same, other, shared))
    assert room.oldest(deploy, record(5)) == (other, shared)


def test_rollback_chooses() -> None:
    known = (record(5, before="r4"), record(4, before="r2"), record(3, state="failed", before="r2"), record(2))
    deploy = documents.Deploy("ab" * 12, "cd" * 32, "ann", "", "r4", known)
    assert plans.choose(deploy, None).id == "r2"
    # pushed after r5 was rolled away from
    after = replace(deploy, release="r6", releases=(record(6, before="r4"), *known))
    assert plans.choose(after, None).id == "r4"
    assert plans.choose(deploy, "r5").id == "r5"
    for release, said in (("r3", "no good release r3"), ("r4", "is live already"), ("r9", "no good release r9")):
        with pytest.raises(UsageError, match=said):
            plans.choose(deploy, release)
    with pytest.raises(UsageError, match="before the live one"):
        plans.choose(replace(deploy, release="r2"), None)


texts = st.text(max_size=40)
names = st.from_regex(r"[0-9a-z][0-9a-z._-]{0,20}", fullmatch=True)


@given(
    texts, names, st.lists(st.from_regex(r"[a-z]{1,9}(/[a-z]{1,9}){0,2}/?", fullmatch=True), max_size=3), st.booleans()
)
def test_what_is_written_is_read_by_the_site_and_back(who: str, name: str, persist: list[str], flag: bool) -> None:
    made = record(1, persist=tuple(persist), static={"/static/": "static"}, runtime=flag, note=who)
    made = replace(made, code=replace(made.code, name=name))
    deploy = documents.Deploy("ab" * 12, "cd" * 32, who, documents.now(), "r1", (made,), ("ef" * 12,))
    found = json.loads(deploy.to_json())
    assert check_deploy(found) == found
    assert documents.Deploy.from_json(found, "") == deploy


@given(st.lists(st.from_regex(r"/([\w./~+ -]{0,8}/)?", fullmatch=True), max_size=4, unique=True))
def test_a_static_url_that_a_plan_takes_is_one_that_the_site_takes(urls: list[str]) -> None:
    static = dict.fromkeys(urls, "static")
    site = record(1, static=static, runtime=True).to_json()
    try:
        check_record(site)
        taken = len({slug(url) for url in urls}) == len(urls)
    except Invalid:
        taken = False
    if taken:
        plans.check_static(static)
    else:
        with pytest.raises(UsageError):
            plans.check_static(static)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"live": {"v": 1}}', b'{"live": []}', b"\xff", b'{"released": 1, "failures": [1]}']
)
def test_a_damaged_state_is_one_sentence(text: bytes) -> None:
    with pytest.raises(PaasctlError, match="cannot be read; the site is as it was") as caught:
        documents.Active.read(text, "/home/eric/x/active.json")
    assert caught.value.hint.startswith("delete /home/eric/x/active.json on the Files page")


def test_a_newer_paasctl_is_not_overwritten() -> None:
    with pytest.raises(PaasctlError, match="a newer paasctl pushed"):
        documents.Active.read(b'{"live": {"v": 99}, "released": "", "failures": []}', "")


def test_the_stub_is_the_same_for_every_app() -> None:
    one, two = (stub.stub("/home/eric", app, "d", "/w").decode() for app in ("a", "b"))
    assert [a for a, b in zip(one.splitlines(), two.splitlines(), strict=True) if a != b] == ["APP = 'a'"]
