"""What a plan for a host says before anything happens: gaps that visitors would notice, and that setup must run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from paasctl import push
from paasctl.changes import EnvChanges
from paasctl.errors import HalfApplied, PaasctlError, UsageError
from paasctl.manifest import Manifest
from paasctl.model import App, Bundle, Dependencies, Desired, Env, Observed, Provenance
from paasctl.overlay import through
from paasctl.secret import Secret
from paasctl.target import Context, load
from paasctl.testing.checkout import Log

ROOM = load("linux").__module__.rpartition(".")[0]
plans, state, spec, remarks, host, fleet = (
    import_module(f"{ROOM}.{name}") for name in ("plans", "state", "spec", "remarks", "host", "fleet")
)
SITE = {"domain": "", "client_max_body_size": "25m"}


def document(instances: int = 2, **changes: Any) -> dict[str, Any]:
    settings = {"web": {"instances": instances, "stop_wait": 35}}
    return {"settings": settings, "handover": True, "port": 8100, "static": {"/static/": "static"}, **changes}


def prepared(**changes: Any) -> dict[str, Any]:
    """What setup noted on the host."""
    return {**document(), **SITE, **changes}


def test_another_number_of_instances_is_a_gap_only_where_no_setup_brought_it() -> None:
    ready = state.HostState(live=document(), setup=prepared())
    assert remarks.gaps(document(3), ready) == []
    (gap,) = remarks.gaps(document(3), state.HostState(live=document()))
    assert "number of web instances" in gap


def test_one_instance_and_a_line_without_a_socket_are_gaps_everywhere() -> None:
    for setup in (None, prepared()):
        here = state.HostState(live=document(), setup=setup)
        assert remarks.gaps(document(1), here)
        assert remarks.gaps(document(handover=False), here)
        assert not remarks.gaps(document(), here)


@pytest.mark.parametrize(
    "changes",
    [
        {"domain": "other.example.com"},
        {"client_max_body_size": "1m"},
        {"static": {"/other/": "static"}},
        {"settings": {"web": {"instances": 3, "stop_wait": 35}}},
        {"handover": False},
    ],
)
def test_what_root_wrote_for_something_else_needs_setup(changes: dict[str, Any]) -> None:
    wanted = spec.Spec(document())
    plans.require_setup("linux", state.HostState(setup=prepared()), wanted, SITE)
    with pytest.raises(UsageError) as caught:
        plans.require_setup("linux", state.HostState(setup=prepared(**changes)), wanted, SITE)
    assert "paasctl setup linux" in caught.value.hint


def test_a_static_folder_under_the_same_url_is_the_pushs_own() -> None:
    moved = prepared(static={"/static/": "elsewhere"})
    plans.require_setup("linux", state.HostState(setup=moved), spec.Spec(document()), SITE)


def test_a_host_that_was_never_prepared_needs_setup_and_this_machine_never_does() -> None:
    with pytest.raises(UsageError, match="not prepared"):
        plans.require_setup("linux", state.HostState(setup={}), spec.Spec(document()), SITE)
    plans.require_setup("local", state.HostState(setup=None), spec.Spec(document()), {})


DJANGO = {"framework": "django", "static": {"/static/": "staticfiles"}}


@pytest.mark.parametrize(
    ("app", "setup", "named"),
    [
        (DJANGO, None, True),
        (DJANGO, {}, False),  # a web server in front serves them
        ({**DJANGO, "requirements": "django\nwhitenoise==6.9.0\n"}, None, False),
        ({**DJANGO, "static": {}}, None, False),
        ({**DJANGO, "framework": "flask", "origins": {"static:/static/": "blog/__init__.py:3"}}, None, False),
        ({**DJANGO, "framework": "flask", "origins": {"static:/static/": "paasctl.toml:7"}}, None, True),
    ],
)
def test_static_files_that_nobody_serves_are_named(app: dict[str, Any], setup: Any, named: bool) -> None:
    here = App(
        "shop", Path(), app["framework"], None, "wsgi", "3.11",
        Dependencies(None, app.get("requirements", "django"), ""), {},
        static=app["static"], origins=app.get("origins", {}),
    )  # fmt: skip
    wanted = Desired("local", here, Env(), (), Bundle("d", ()), Provenance("ada"))
    found = remarks.unserved(wanted, state.HostState(setup=setup))
    assert bool(found) == named and all("/static/ is served only if the app" in each for each in found)


@pytest.mark.parametrize(
    ("healthy", "answer", "said"),
    [(True, 200, ""), (True, 302, ""), (True, 400, "it answers 400 at /"), (False, 500, ""), (None, None, "")],
)
def test_an_error_that_counts_as_healthy_is_named(healthy: bool | None, answer: int | None, said: str) -> None:
    assert remarks.refused({"healthy": healthy, "answer": answer, "path": "/"}) == said


def test_a_release_that_visitors_do_not_reach_is_named_at_the_end_of_a_push() -> None:
    answer = {"healthy": False, "problem": "what answers 404 at / is not this release", "answer": 404, "path": "/"}
    agent = SimpleNamespace(call=lambda name: answer)
    (said,) = planner(agent)._answers()
    assert said.startswith("it runs, and visitors do not reach it: what answers 404")


@pytest.mark.parametrize(("answer", "hint"), [(400, "ALLOWED_HOSTS"), (404, 'health = "/..."')])
def test_what_to_do_about_an_error_that_counts_as_healthy(answer: int, hint: str) -> None:
    agent = SimpleNamespace(call=lambda name: {"healthy": True, "answer": answer, "path": "/"})
    (said,) = planner(agent)._answers()
    assert said.startswith(f"it answers {answer} at /; ") and hint in said


# ------------------------------------------------------------------------------- what goes wrong in the middle


class Recorder:
    """Stands for the agent: notes what it is asked to do, and is interrupted at one call."""

    def __init__(self, interrupted_at: str = "") -> None:
        self.calls: list[str] = []
        self._at = interrupted_at

    def call(self, name: str, say: Any = None, **args: Any) -> None:
        self.calls.append(name)
        if name == self._at:
            raise KeyboardInterrupt


def live(**changes: Any) -> dict[str, Any]:
    return document(1, id="v2", env="e1", runtime=True, health=None, release_command=None, **changes)


def observed(**changes: Any) -> Observed:
    here = state.HostState(**{"live": live(), "good": ("v1", "v2"), "supervised": True, **changes})
    return Observed(exists=True, url="http://x/", extra=here)


def planner(agent: Any) -> Any:
    return plans.Planner(agent, "eva@lap", Path("cache"), "local", "127.0.0.1", url="http://x:{port}/")


def test_a_restart_that_is_interrupted_brings_every_process_up_again() -> None:
    agent = Recorder(interrupted_at="restart")
    with pytest.raises(KeyboardInterrupt):
        push.apply(planner(agent).restart(observed()), Log())
    assert agent.calls == ["lock", "restart", "roll"]


def test_a_restart_of_a_fleet_is_undone_on_every_host() -> None:
    agents = {"one": Recorder(), "two": Recorder(interrupted_at="restart")}
    with pytest.raises(KeyboardInterrupt):
        push.apply(fleet.in_turn({name: planner(agent).restart(observed()) for name, agent in agents.items()}), Log())
    assert agents["one"].calls == agents["two"].calls == ["lock", "restart", "roll"]


def test_a_plan_that_finishes_a_push_says_what_it_finishes() -> None:
    wanted = Desired("local", None, Env(), (), None, Provenance("ada"))  # type: ignore[arg-type]
    extra = observed(unfinished={"to": "v2", "from": "v1"}, good=("v1",)).extra
    plan = planner(Recorder())._settle(wanted, spec.Spec({}), extra)
    titles = [step.title for step in plan.steps]
    assert "keep v2 current" in titles
    assert not [title for title in titles if "beside v2" in title or "was v2" in title]
    assert plan.notes == ("the last push was interrupted after it made v2 current; this one brings it to an end",)


def test_processes_that_run_what_was_there_before_a_mend_are_restarted() -> None:
    wanted = Desired("local", None, Env(), (), None, Provenance("ada"))  # type: ignore[arg-type]
    processes = ({"name": "web", "state": "RUNNING", "release": "v2"},)
    assert not planner(Recorder())._settle(wanted, spec.Spec({}), observed(processes=processes).extra)
    agent = Recorder()
    plan = planner(agent)._settle(wanted, spec.Spec({}), observed(processes=processes, remade=True).extra)
    push.apply(plan, Log())
    assert agent.calls == ["lock", "switch", "roll", "prune"]
    assert plan.notes == (remarks.REMADE,)


def test_a_push_that_goes_on_was_not_interrupted() -> None:
    assert remarks.interrupted(observed(unfinished={"to": "v2", "from": "v1"}, busy=True).extra) == []


@pytest.mark.parametrize("line", ["flask db upgrade", "A=1 B='x; y' flask db upgrade", "exec flask db upgrade"])
def test_a_release_command_is_shown_as_it_was_written(line: str) -> None:
    assert plans.shown(through(line)) == line


def test_the_urls_are_those_of_what_runs_then() -> None:
    assert planner(Recorder()).restart(observed(port=9999)).url == "http://x:8100/"
    earlier = {"v1": {**live(), "id": "v1", "port": 8200, "migrations": []}, "v2": live()}
    here = observed(port=9999, documents=earlier, live={**live(), "migrations": []})
    assert planner(Recorder()).rollback(here, "v1").url == "http://x:8200/"


def cut_short(
    to: str = "v2", start: str = "v3", back: bool = True, good: Sequence[str] = ("v1", "v2", "v3")
) -> Observed:
    """v2 is live, of three releases, and the command that made it so is not over."""
    before = {"v1": None, "v2": "v1", "v3": "v2"}
    documents = {id: {**live(), "id": id, "before": was, "migrations": []} for id, was in before.items()}
    unfinished = {"to": to, "from": start, "back": back}
    return observed(live=documents["v2"], documents=documents, good=tuple(good), unfinished=unfinished)


def goal(here: Observed, release: str | None = None) -> str:
    agent = SimpleNamespace(switched="")
    agent.call = lambda name, say=None, **args: setattr(agent, "switched", args["release"])
    planner(agent).rollback(here, release).commit[0].do(print)
    return str(agent.switched)


@pytest.mark.parametrize("release", [None, "v2"])
def test_a_rollback_that_was_cut_short_is_brought_to_its_end(release: str | None) -> None:
    assert goal(cut_short(), release) == "v2"
    plan = planner(Recorder()).rollback(cut_short(), release)
    assert plan.notes == ("the last rollback was interrupted after it made v2 current; this one brings it to an end",)
    assert goal(cut_short(), "v1") == "v1" and not planner(Recorder()).rollback(cut_short(), "v1").notes


@pytest.mark.parametrize(
    "changes",
    [
        {"start": "v1", "back": False, "good": ("v1",)},  # a push of v2, which nobody has seen healthy
        {"start": "v1", "back": False},  # a push of v2, which was healthy when its connection broke
        {"start": "v2"},  # a push that only mended v2
        {"to": "v3", "start": "v2"},  # nothing had been made live
    ],
)
def test_a_rollback_from_what_another_command_left_goes_back(changes: Any) -> None:
    assert goal(cut_short(**changes)) == "v1"
    if "good" not in changes:
        with pytest.raises(UsageError, match="v2 is live already"):
            planner(Recorder()).rollback(cut_short(**changes), "v2")


def test_a_rollback_whose_end_nobody_saw_names_its_release() -> None:
    agent = SimpleNamespace(call=lambda name, say=None, **args: args.get("undo_to") and broken())
    with pytest.raises(HalfApplied) as caught:
        push.apply(planner(agent).rollback(cut_short(), "v1"), Log())
    assert caught.value.hint.startswith("see `paasctl status local`, then run `paasctl rollback local v1`")


def broken() -> None:
    raise PaasctlError("the conversation broke off", hint="run the same command again")


WORKER = {"instances": 1, "stop_wait": 35}


@pytest.mark.parametrize(
    ("setup", "earlier", "named"),
    [
        ({}, {}, ""),
        ({"settings": {"web": {"instances": 1, "stop_wait": 35}, "worker": WORKER}}, {}, "worker: 1 with"),
        ({}, {"settings": {"web": {"instances": 2, "stop_wait": 35}}}, "web: 1 with stop_wait 35 there, 2 with"),
        ({}, {"settings": {"web": {"instances": 1, "stop_wait": 9}}}, "stop_wait 35 there, 1 with stop_wait 9 in v1"),
        ({"handover": False}, {}, "web: on $PORT there, on a socket that is handed on in v1"),
    ],
)  # fmt: skip
def test_a_rollback_to_what_the_host_is_not_prepared_for_is_refused_before_anything_happens(
    setup: dict[str, Any], earlier: dict[str, Any], named: str
) -> None:
    now = {**live(), "migrations": []}
    documents = {"v1": {**now, "commit": "abcdef0123456", "dirty": True, **earlier, "id": "v1"}, "v2": now}
    here = observed(setup={**prepared(settings=now["settings"]), **setup}, documents=documents, live=now)
    if not named:
        assert planner(Recorder()).rollback(here, "v1").prepare
        return
    with pytest.raises(UsageError) as caught:
        planner(Recorder()).rollback(here, "v1")
    assert named in caught.value.message and "v2 is live as before" in caught.value.message
    assert "`paasctl setup local` in a checkout of abcdef0123, with what was not" in caught.value.hint


def test_a_restart_of_what_the_host_is_not_prepared_for_any_more_is_refused() -> None:
    here = observed(setup=prepared())
    with pytest.raises(UsageError, match="v2 needs other processes than the host is prepared for"):
        planner(Recorder()).restart(here)


def running(**changes: Any) -> dict[str, Any]:
    return {"name": "web", "instance": "0", "state": "RUNNING", "release": "v2", "pid": 7, **changes}


@pytest.mark.parametrize(
    ("process", "words"),
    [
        ({}, ("running", "runs v2")),
        ({"release": None}, ("starting", "")),
        ({"state": "STOPPED", "release": None}, ("stopped", "")),
    ],
)
def test_a_process_in_words(process: dict[str, Any], words: tuple[str, str]) -> None:
    found = host.process_status(running(**process))
    assert (found.state, found.detail) == words


def test_what_should_run_and_does_not_is_named() -> None:
    def missing(*processes: dict[str, Any], **changes: Any) -> Any:
        return host.not_up(observed(processes=processes, **changes).extra)

    assert missing(running()) == missing(running(state="STARTING")) == []
    assert missing(running(), running(instance="1", state="STOPPED")) == ["web.1 is stopped"]
    assert missing() == ["web does not run"]
    assert missing(running(), supervised=False) == ["Supervisor does not run"]
    worker = {**live(), "settings": {"web": {"instances": 1}, "worker": {"instances": 1, "optional": True}}}
    assert missing(running(), running(name="worker", state="FATAL"), live=worker) == []
    assert missing(running(), running(name="beat", state="FATAL")) == [], "setup prepared the host for the next release"


# ------------------------------------------------------------------------------------- one database, or one each

IN_CODE = ("instance/shop.db",)
POSTGRES, SQLITE = "postgresql://u:p@db/x", "sqlite:///data.db"


@pytest.mark.parametrize(
    ("env", "files", "own"),
    [
        ({}, (), False),
        ({"DATABASE_URL": POSTGRES}, (), False),
        ({"DB_URL": POSTGRES}, IN_CODE, False),
        ({"POSTGRES_DSN": "host=db dbname=x"}, IN_CODE, False),
        ({"SETTINGS": "user=x dbname=shop"}, IN_CODE, False),
        ({"PGHOST": "db.internal", "PGUSER": "x"}, IN_CODE, False),
        ({"RDS_HOSTNAME": "db.internal"}, IN_CODE, False),
        ({"DATABASE_URL": POSTGRES, "CACHE_DB": SQLITE}, IN_CODE, False),
        ({"MONGO_URI": "mongodb://x/y", "SQLALCHEMY_DATABASE_URI": SQLITE}, (), True),
        ({"MONGO_URI": "mongodb://x/y"}, (), False),
        ({"REDIRECT_URI": "https://x/callback", "DB_HOST": ""}, IN_CODE, True),
        ({"DATABASE_URL": "sqlite:///:memory:"}, (), False),
        ({}, IN_CODE, True),
    ],
)
def test_a_database_is_each_hosts_own_only_where_that_is_certain(
    env: dict[str, str], files: tuple[str, ...], own: bool
) -> None:
    app = App("shop", Path(), "flask", None, "wsgi", "3.11", Dependencies(None, "", ""), {}, databases=files)
    changes = EnvChanges(result={name: Secret(value) for name, value in env.items()})
    assert plans.each_its_own(app, changes) == own


@pytest.mark.parametrize(("first", "files", "runs"), [(True, (), 1), (False, (), 0), (False, IN_CODE, 1)])
def test_the_release_command_is_planned_once_for_hosts_that_share_a_database(
    first: bool, files: tuple[str, ...], runs: int
) -> None:
    app = App("shop", Path(), "flask", None, "wsgi", "3.11", Dependencies(None, "", ""), {}, databases=files)
    wanted = Desired(
        "linux", app, Env(), (), Bundle("d", ()), Provenance("ada"), release_command="flask db upgrade", handover=True
    )
    here = Observed(exists=False, extra=state.HostState(setup={**prepared(settings={}), "static": {}}))
    plan = replace(planner(Recorder()), first=first).push(wanted, here, EnvChanges(manifest=Manifest.new()))
    assert len([step for step in plan.steps if "release command" in step.title]) == runs


@pytest.mark.parametrize(("first", "refused"), [("", False), ("--require-hashes\n", True)])
def test_hashes_let_a_server_in_where_uv_installs_and_nothing_requires_them(
    tmp_path: Path, first: str, refused: bool
) -> None:
    needs = Dependencies("requirements.txt", f"{first}flask==3.1.0 --hash=sha256:aa\n", "", added=("gunicorn",))
    app = App("shop", tmp_path, "flask", None, "wsgi", "3.12", needs, {})
    wanted = Desired("local", app, Env(), (), Bundle("d", ()), Provenance("ada"))
    changes, here = EnvChanges(manifest=Manifest.new()), Observed(exists=False, extra=state.HostState())
    context = Context("shop", tmp_path, dict(os.environ), tmp_path, tmp_path, tmp_path, "ada")
    with closing(load("local").connect("local", {}, context)) as target:
        if refused:
            with pytest.raises(UsageError, match="has hashes, so gunicorn cannot be added"):
                target.plan(wanted, here, changes)
        else:
            assert target.plan(wanted, here, changes)
    with pytest.raises(UsageError, match="has hashes, so gunicorn cannot be added"):  # pip
        planner(Recorder()).push(wanted, here, changes)
