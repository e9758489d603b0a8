"""An app's entry: attribute, factory with or without arguments, bare module."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from paasctl.procfiles.runtime.entry import load_entry

MODULE = """
app = "the app"
class space:
    inner = "the inner one"
def make(a="d", b="e"):
    return (a, b)
"""


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (tmp_path / "entry_sample.py").write_text(MODULE)
    (tmp_path / "entry_both.py").write_text("app, application = 'app', 'application'")
    monkeypatch.syspath_prepend(tmp_path)
    yield
    for name in ("entry_sample", "entry_both"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ("entry_sample:app", "the app"),
        ("entry_sample:space.inner", "the inner one"),
        ("entry_sample:make()", ("d", "e")),
        ("entry_sample:make('x')", ("x", "e")),
        ("entry_sample:make('x', b=[1, {'y': None}])", ("x", [1, {"y": None}])),
        ("entry_sample", "the app"),
        ("entry_both", "application"),
    ],
)
def test_what_an_entry_names(entry: str, found: object) -> None:
    assert load_entry(entry) == found


@pytest.mark.parametrize(
    "entry",
    ["entry_sample:make(__import__('os'))", "entry_sample:a b", "entry_sample:app + app", "entry_sample:make()()"],
)
def test_an_entry_is_no_code(entry: str) -> None:
    with pytest.raises(ValueError):
        load_entry(entry)


def test_a_missing_name_is_the_apps_own_error() -> None:
    with pytest.raises(AttributeError):
        load_entry("entry_sample:nothing")
    with pytest.raises(ModuleNotFoundError):
        load_entry("entry_missing:app")
