"""The copies of SQLite databases before a release command."""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from paasctl.procfiles.host import database
from paasctl.procfiles.host.appside import AppSide
from paasctl.procfiles.host.deputy import Direct
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.rollout import Rollout
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


def test_a_clock_that_is_set_back_takes_no_newer_copy_away(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(str(shared.parent))
    made = list[str]()
    make(shared / "shop.db", "data")
    for hour in (7, 8, 9, 2, 3):
        monkeypatch.setattr(database.time, "strftime", lambda form, hour=hour: f"20261122-0{hour}0000")
        monkeypatch.setattr(database.time, "time", lambda hour=hour: hour * 3600.0)
        made += database.back_up(layout)
        assert Path(made[-1]).is_file()
    assert sorted(map(str, Path(layout.path("backups")).iterdir())) == sorted(made[-3:])


def test_the_copy_from_before_a_migration_stays(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each push that fails in the middle of it makes one more copy, of a database that is changed already."""
    make(shared / "shop.db", "data")
    layout = Layout(str(shared.parent))
    layout.make()
    side = AppSide(layout, print, lambda: False)
    monkeypatch.setattr(side, "do_run", lambda args, stream: {"status": 1, "output": ""})
    release: Any = SimpleNamespace(get=lambda id: {"release_command": "x"}, mark=lambda id, state: None)
    supervisor: Any = None
    for second in range(6):
        monkeypatch.setattr(database.time, "strftime", lambda form, second=second: f"20261122-00000{second}")
        with pytest.raises(Failure, match="the release command failed"):
            Rollout(layout, release, supervisor, Direct(side)).release_command("v2", print)
    names = sorted(path.name for path in Path(layout.path("backups")).iterdir())
    assert [name[-1] for name in names] == ["0", "3", "4", "5"]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("begin", ["BEGIN EXCLUSIVE", "PRAGMA locking_mode=EXCLUSIVE"])
def test_a_database_that_stays_locked_does_not_hold_the_push(
    shared: Path, monkeypatch: pytest.MonkeyPatch, begin: str
) -> None:
    make(shared / "shop.db", "data")
    monkeypatch.setattr(database, "PATIENCE", 1, raising=False)
    layout = Layout(str(shared.parent))
    holder = sqlite3.connect(shared / "shop.db", isolation_level=None)
    holder.execute(begin)
    holder.execute("INSERT INTO words VALUES ('more')")
    with pytest.raises(Failure, match="another program has kept it locked for 1 s") as failure:
        database.back_up(layout)
    assert failure.value.hint == "end what keeps it locked, then push again"
    holder.close()
    assert not list(Path(layout.path("backups")).iterdir())


def test_a_database_that_is_locked_for_a_while_is_waited_for(shared: Path) -> None:
    make(shared / "shop.db", "data")
    holder = sqlite3.connect(shared / "shop.db", isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN EXCLUSIVE")
    over = threading.Timer(1, holder.execute, ["COMMIT"])
    over.start()
    assert [read(copy) for copy in database.back_up(Layout(str(shared.parent)))] == ["data"]
    over.join()
    holder.close()


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
