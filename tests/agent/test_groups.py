"""Which groups of processes a setup ends, and which port it gives an app."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from paasctl.procfiles.host.groups import both_generations, stale
from paasctl.procfiles.host.probe import free_port


def config(generation: str = "a", **instances: int) -> dict[str, Any]:
    settings = {name: {"instances": number, "stop_wait": 10} for name, number in instances.items()}
    return {"app": "shop", "generation": generation, "settings": settings}


NOTHING: dict[str, Any] = {}
CASES = {
    "a first setup": (NOTHING, config(web=2), NOTHING, set()),
    "no change": (config(web=2, worker=1), config(web=2, worker=1), NOTHING, set()),
    "more workers": (config(web=2, worker=1), config(web=2, worker=2), NOTHING, {"shop-a-worker"}),
    "no worker any more": (config(web=2, worker=1), config(web=2), NOTHING, {"shop-a-worker"}),
    "another generation": (
        config(web=2, worker=1),
        config("b", web=3, worker=1),
        NOTHING,
        {"shop-a-web", "shop-a-worker"},
    ),
    "one was cut short: its workers are not known": (
        config(web=2, worker=2),
        config(web=2, worker=2),
        config(web=2, worker=2),
        {"shop-a-worker"},
    ),
    "one was cut short that had a process more": (
        config(web=2),
        config(web=2),
        {**config(web=2), "names": ["web", "worker"]},
        {"shop-a-worker"},
    ),
}


@pytest.mark.parametrize(("known", "wanted", "begun", "ends"), CASES.values(), ids=list(CASES))
def test_what_is_not_wanted_any_more_ends(known: Any, wanted: Any, begun: Any, ends: set[str]) -> None:
    other = "b" if wanted["generation"] == "a" else "a"
    found = set(stale(known, wanted, begun))
    assert {group for group in found if f"-{wanted['generation']}-" in group or group in ends} == ends
    assert f"shop-{other}-web" in found, "of a generation that is over"


def test_a_removal_ends_all_that_was_ever_asked_for() -> None:
    groups = both_generations(config(web=2), {**config(web=2), "names": ["clock", "web"]})
    assert set(groups) == {"shop-a-web", "shop-b-web", "shop-a-clock", "shop-b-clock"}


def test_a_port_that_another_app_has_is_not_given_though_nobody_listens() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        first = probe.getsockname()[1]
    assert free_port(first, [first, first + 1]) > first + 1
