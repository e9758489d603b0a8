"""What a target of several hosts says when one of them fails: each host's state, and exit 5 where they differ."""

from __future__ import annotations

import threading
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from paasctl import push
from paasctl.errors import Busy, HalfApplied, PaasctlError, UsageError
from paasctl.model import Desired, Env, Observed, Plan, Provenance, Release, Step
from paasctl.target import load
from paasctl.testing.checkout import Log

ROOM = load("linux").__module__.rpartition(".")[0]
plans, state, fleet = (import_module(f"{ROOM}.{name}") for name in ("plans", "state", "fleet"))
CUT = PaasctlError("the conversation with the host broke off")


class Agent:
    """A host with v1 and v2. ``fails``: at which requests, and how; one that is cut answers nothing any more."""

    def __init__(self, live: str = "v2", **fails: PaasctlError) -> None:
        self.live, self.fails, self.calls = live, fails, list[str]()

    def call(self, name: str, say: Any = None, **args: Any) -> None:
        self.calls.append(name)
        if name in self.fails:
            error = self.fails[name]
            if error is CUT:
                self.fails = dict.fromkeys(("lock", "canary", "switch", "roll", "undo", "prune"), CUT)
            raise error
        if name == "switch":
            self.live = args["release"]
        if name == "undo":
            self.live = args["undo_to"]

    def observed(self) -> Observed:
        settings = {"web": {"instances": 2, "stop_wait": 35}}
        same = {"settings": settings, "handover": True, "port": 1, "runtime": True, "health": None, "migrations": []}
        documents = {release: {**same, "id": release, "before": "v1"} for release in ("v1", "v2", "v3")}
        here = state.HostState(
            documents=documents, live=documents[self.live], good=("v1", "v2", "v3"), supervised=True, last=3
        )
        return Observed(True, url="http://x/", live=Release(self.live, None, "eva", "live"), extra=here)  # type: ignore[arg-type]


def rollback(**agents: Agent) -> Plan:
    """All hosts to v1; they are called as the arguments are."""
    each = {name: agent.observed() for name, agent in agents.items()}
    planners = {name: plans.Planner(agent, "eva", Path("cache"), "linux", name) for name, agent in agents.items()}
    return fleet.merge({n: p.rollback(each[n], "v1") for n, p in planners.items()}, fleet.alive(each))


def failure(plan: Plan) -> PaasctlError:
    with pytest.raises(PaasctlError) as caught:
        push.apply(plan, Log())
    return caught.value


def sick(message: str = "web.0 of v1 is not healthy") -> PaasctlError:
    return PaasctlError(message, hint="mend the app", output="its last words")


def test_a_host_that_is_not_healthy_is_undone_on_all_and_they_agree() -> None:
    one, two = Agent(), Agent(roll=sick())
    error = failure(rollback(one=one, two=two))
    assert (one.live, two.live) == ("v2", "v2")
    assert (error.exit_code, error.message) == (1, "two: web.0 of v1 is not healthy; v2 serves again")
    assert (error.hint, error.output) == ("mend the app", "its last words")


def test_a_host_that_is_lost_after_another_was_switched_is_half_a_push_and_each_host_is_named() -> None:
    one, two, three = Agent(), Agent(switch=CUT), Agent()
    error = failure(rollback(one=one, two=two, three=three))
    assert (one.live, three.live) == ("v2", "v2"), "one that can be asked is undone although another cannot"
    assert error.exit_code == 5
    for told in ("one: v2 serves again", f"two: not known ({CUT.message})", "three: v2 serves again"):
        assert told in error.message
    assert "`paasctl rollback linux v1`" in error.hint


def test_a_failure_before_anything_was_switched_leaves_all_as_they_were() -> None:
    one, two = Agent(), Agent(canary=sick("v1 is not healthy"))
    error = failure(rollback(one=one, two=two))
    assert (error.exit_code, error.message) == (1, "two: v1 is not healthy")
    assert "switch" not in one.calls + two.calls


@pytest.mark.parametrize("at", ["canary", "roll"])
def test_hosts_that_differed_and_still_do_are_half_a_push(at: str) -> None:
    error = failure(rollback(one=Agent("v2"), two=Agent("v3", **{at: sick("it is sick")})))
    assert error.exit_code == 5
    assert "two: it is sick; the hosts still differ (v2 on one, v3 on two)" in error.message


def test_a_lock_that_somebody_holds_is_still_that_where_the_hosts_differ() -> None:
    assert type(failure(rollback(one=Agent("v2"), two=Agent("v3", lock=Busy("bob is busy"))))) is Busy


def test_every_host_that_failed_is_named() -> None:
    error = failure(rollback(one=Agent(canary=sick("one")), two=Agent(lock=sick("two")), three=Agent(lock=sick("3"))))
    assert error.message == "one: one; two: two; three: 3"
    assert not isinstance(error, HalfApplied)


def test_all_hosts_are_prepared_at_the_same_time_and_the_first_is_tried_out_before_the_others() -> None:
    names, order, meeting = ("one", "two", "three"), list[str](), threading.Barrier(3)

    def plan(name: str) -> Plan:
        def upload(say: Any) -> None:
            meeting.wait(60)  # nobody comes past it alone

        def step(title: str) -> Step:
            return Step(title, lambda say: order.append(f"{title} {name}"))

        prepare = (Step("upload", upload), step("release"), step("try"))
        return Plan(prepare=prepare, commit=(step("switch"),), verify=(step("roll"),))

    push.apply(fleet.merge({name: plan(name) for name in names}, {}), Log())
    assert sorted(order[:4]) == ["release one", "release three", "release two", "try one"]
    assert sorted(order[4:6]) == ["try three", "try two"]
    assert order[6:8] == ["switch one", "roll one"]
    assert sorted(order[8:]) == ["roll three", "roll two", "switch three", "switch two"]


def test_no_host_is_asked_for_anything_when_one_cannot_be_planned() -> None:
    targets = {"one": Planning("v3"), "two": Planning("v3", refuses=True)}
    hosts = fleet.Fleet(targets)
    wanted = Desired("linux", None, Env(), (), None, Provenance("ada"))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not prepared"):
        hosts.plan(wanted, hosts.observe(), None)  # type: ignore[arg-type]
    assert [target.agent.calls for target in targets.values()] == [[], []]


class Planning:
    """A host's target that only plans."""

    def __init__(self, live: str, refuses: bool = False) -> None:
        self.agent, self.told, self.refuses = Agent(live), tuple[Any, ...](), refuses

    def observe(self) -> Observed:
        return self.agent.observed()

    def in_fleet(self, *told: Any) -> None:
        self.told = told

    def plan(self, *_: Any) -> Plan:
        if self.refuses:
            raise UsageError("the host is not prepared for this app")
        return Plan()

    def rollback(self, observed: Observed, release: str | None) -> Plan:
        planner = plans.Planner(self.agent, "eva", Path("cache"), "linux", "host")
        made: Plan = planner.rollback(observed, release)
        return made


def test_a_host_that_is_back_already_keeps_none_of_the_others() -> None:
    """A rollback was cut short after the first host."""
    targets = {"one": Planning("v2"), "two": Planning("v3"), "three": Planning("v3")}
    hosts = fleet.Fleet(targets)
    push.apply(hosts.rollback(hosts.observe(), "v2"), Log())
    assert {name: target.agent.live for name, target in targets.items()} == dict.fromkeys(targets, "v2")
    assert targets["one"].agent.calls == []
    with pytest.raises(UsageError, match="v2 is live already"):
        hosts.rollback(hosts.observe(), "v2")


@pytest.mark.parametrize(("two", "differ"), [("v3", False), ("v2", True)])
def test_hosts_that_differ_are_all_given_a_new_release_with_one_number(two: str, differ: bool) -> None:
    targets = {"one": Planning("v3"), "two": Planning(two)}
    hosts = fleet.Fleet(targets)
    observed = hosts.observe()
    assert [target.told for target in targets.values()] == [(3, True, differ), (3, False, differ)]
    alone = Desired("linux", None, Env(), (), None, Provenance("ada"))  # type: ignore[arg-type]
    if differ:
        with pytest.raises(UsageError, match="v3 on one, v2 on two"):
            hosts.plan(alone, observed, None)  # type: ignore[arg-type]
    else:
        hosts.plan(alone, observed, None)  # type: ignore[arg-type]
