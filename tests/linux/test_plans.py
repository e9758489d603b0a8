"""What a plan for a host says before anything happens: gaps that visitors would notice, and that setup must run."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from paasctl.errors import UsageError
from paasctl.model import App, Bundle, Dependencies, Desired, Env, Provenance
from paasctl.target import load

ROOM = load("linux").__module__.rpartition(".")[0]
plans, state, spec, remarks = (import_module(f"{ROOM}.{name}") for name in ("plans", "state", "spec", "remarks"))
SITE = {"domain": "", "client_max_body_size": "25m"}


def document(instances: int = 2, **changes: Any) -> dict[str, Any]:
    settings = {"web": {"instances": instances, "stop_wait": 35}}
    return {"settings": settings, "handover": True, "port": 8100, "static": {"/static/": "static"}, **changes}


def prepared(**changes: Any) -> dict[str, Any]:
    """What setup noted on the host."""
    return {**document(), **SITE, **changes}


def test_another_number_of_instances_is_a_gap_only_where_no_setup_brought_it() -> None:
    ready = state.HostState(live=document(), setup=prepared())
    assert plans.gaps(document(3), ready) == []
    (gap,) = plans.gaps(document(3), state.HostState(live=document()))
    assert "number of web instances" in gap


def test_one_instance_and_a_line_without_a_socket_are_gaps_everywhere() -> None:
    for setup in (None, prepared()):
        here = state.HostState(live=document(), setup=setup)
        assert plans.gaps(document(1), here)
        assert plans.gaps(document(handover=False), here)
        assert not plans.gaps(document(), here)


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
