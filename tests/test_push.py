"""What is told when a push fails and cannot be undone."""

from __future__ import annotations

import pytest

from paasctl import push
from paasctl.errors import HalfApplied, PaasctlError
from paasctl.model import Plan, Say, Step
from paasctl.testing.checkout import Log


def failing(title: str, output: str, hint: str = "") -> Step:
    def do(say: Say) -> None:
        raise PaasctlError(f"{title} failed", output=output, hint=hint)

    return Step(title, do)


@pytest.mark.parametrize(
    ("undo", "output"),
    [(None, "the app's last words"), (failing("undo", "other words"), "the app's last words")],
)
def test_the_last_words_of_the_app_are_not_lost(undo: Step | None, output: str) -> None:
    with pytest.raises(HalfApplied) as caught:
        push.apply(Plan(commit=(failing("restart", "the app's last words"),), undo=undo), Log())
    assert caught.value.output == output and "restart failed" in caught.value.message


@pytest.mark.parametrize(
    ("again", "own", "told"),
    [
        ("run `paasctl rollback`", "wait", "run `paasctl rollback`"),
        ("", "correct the app and push again", "correct the app and push again"),
        ("", "", "run the same command again"),
    ],
)
def test_what_to_do_after_an_undo_that_failed(again: str, own: str, told: str) -> None:
    plan = Plan(commit=(failing("restart", ""),), undo=failing("undo", "", own), again=again)
    with pytest.raises(HalfApplied) as caught:
        push.apply(plan, Log())
    assert caught.value.hint.startswith(told)
