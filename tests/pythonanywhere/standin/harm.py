"""The end of a push's process after so many requests, without the process of the test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests


class Killed(BaseException):
    """The process is gone: nothing runs after it, no undo either."""


@contextmanager
def killed_after(count: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Every request of this process after the first ``count`` is its end."""
    sent = [0]
    whole = requests.Session.request

    def request(self: Any, *words: Any, **more: Any) -> Any:
        if sent[0] >= count:
            raise Killed
        sent[0] += 1
        answer = whole(self, *words, **more)
        if sent[0] >= count:
            raise Killed
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(requests.Session, "request", request)
        yield sent
