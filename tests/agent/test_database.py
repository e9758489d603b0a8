"""The copies of SQLite databases before a release command."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from paasctl.procfiles.host import database
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.wire import Failure


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    (tmp_path / "shared").mkdir()
    return tmp_path / "shared"


def make(path: Path, word: str) -> None:
    path.parent.mkdir(exist_ok=True)
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE words (word TEXT)")
        connection.execute("INSERT INTO words VALUES (?)", (word,))
    connection.close()


def read(path: str) -> str:
    connection = sqlite3.connect(path)
    try:
        return str(connection.execute("SELECT word FROM words").fetchone()[0])
    finally:
        connection.close()


def test_each_database_has_a_copy_of_its_own(shared: Path) -> None:
    make(shared / "a" / "b.db", "one")
    make(shared / "a_b.db", "two")
    copies = database.back_up(Layout(str(shared.parent)))
    assert sorted(read(copy) for copy in copies) == ["one", "two"]
    assert {stat.S_IMODE(Path(copy).stat().st_mode) for copy in copies} == {0o600}


def test_three_copies_of_each_stay(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(shared / "shop.db", "data")
    layout = Layout(str(shared.parent))
    for second in range(5):
        monkeypatch.setattr(database.time, "strftime", lambda form, second=second: f"20261122-00000{second}")
        database.back_up(layout)
    names = sorted(path.name for path in Path(layout.path("backups")).iterdir())
    assert [name[-1] for name in names] == ["2", "3", "4"]


def test_a_pipe_among_the_data_is_not_opened(shared: Path) -> None:
    os.mkfifo(shared / "pipe")
    make(shared / "shop.db", "data")
    assert database.databases(Layout(str(shared.parent))) == ["shop.db"]


def test_a_damaged_database_is_named_before_anything_runs(shared: Path) -> None:
    (shared / "shop.db").write_bytes(database.MAGIC + b"\xff" * 4096)
    layout = Layout(str(shared.parent))
    with pytest.raises(Failure, match=r"shop\.db could not be copied before the release command"):
        database.back_up(layout)
    assert not list(Path(layout.path("backups")).iterdir())
