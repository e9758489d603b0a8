"""Taking an app off a host: with root's rights the site goes too, without them the plan names who can."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from paasctl.model import Observed, Plan
from paasctl.target import load

ROOM = load("linux").__module__.rpartition(".")[0]
linux, plans, state = (import_module(f"{ROOM}.{name}") for name in ("linux", "plans", "state"))
REMOVAL = "remove what setup put on shop"


def down(*, root: bool, purge: bool = False, setup: bool = True, live: bool = True) -> Plan:
    """The plan for an app in some state; ``root``: the user may become root."""
    target: Any = object.__new__(linux.LinuxTarget)
    target._ssh, target._may_become_root = SimpleNamespace(destination="shop"), lambda: root
    target._planner = plans.Planner(None, "eva", Path("cache"), "linux", "shop")
    here = state.HostState(setup={"app": "blog"} if setup else {}, begun=live)
    plan: Plan = target.down(Observed(live, extra=here), purge)
    return plan


def test_it_claims_no_port() -> None:
    asked = dict[str, Any]()
    agent: Any = SimpleNamespace(call=lambda name, say, **args: asked.update(args))
    plan = plans.Planner(agent, "eva", Path("cache"), "local", "127.0.0.1").down(
        Observed(True, extra=state.HostState(live={"id": "v1", "port": 8100}, port=8100)), False
    )
    plan.prepare[0].do(print)
    assert (asked["live"], asked["port"]) == ("v1", None)


def titles(plan: Plan) -> list[str]:
    return [step.title for step in plan.steps]


@pytest.mark.parametrize("purge", [False, True])
def test_with_roots_rights_the_site_goes_after_the_app(purge: bool) -> None:
    lock, stop, removal = titles(down(root=True, purge=purge))
    assert (lock, stop.split(" and ")[0]) == ("lock the app", "stop the processes")
    assert removal == (REMOVAL if purge else f"{REMOVAL}; data stays")


@pytest.mark.parametrize("purge", [False, True])
def test_without_them_the_plan_names_the_command_that_removes_the_site(purge: bool) -> None:
    plan = down(root=False, purge=purge)
    assert len(plan.steps) == 2
    (note,) = plan.notes
    assert "`paasctl setup linux --remove`" in note


def test_a_site_that_an_earlier_one_had_to_leave_is_removed_or_named() -> None:
    assert titles(down(root=True, live=False)) == [f"{REMOVAL}; data stays"]
    later = down(root=False, live=False)
    assert not later
    assert "setup linux --remove" in later.notes[0]


def test_data_that_an_earlier_one_kept_is_purged_where_nothing_else_is_left() -> None:
    assert titles(down(root=True, purge=True, live=False, setup=False)) == [REMOVAL]
    assert not down(root=True, live=False, setup=False)
    assert not down(root=False, purge=True, live=False, setup=False)
