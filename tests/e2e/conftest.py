"""Apps for the end-to-end tests; one is shared by a module where its order of tests allows it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.apps import Maker, apps


@pytest.fixture
def make_app() -> Iterator[Maker]:
    """Makes apps that live for one test."""
    with apps() as make:
        yield make


@pytest.fixture(scope="module")
def make_shared_app() -> Iterator[Maker]:
    """Makes apps that live for a module."""
    with apps() as make:
        yield make
