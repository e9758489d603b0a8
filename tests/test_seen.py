"""What a checkout remembers: in a private file that git ignores, per target, and never worth a failed sync."""

from __future__ import annotations

import multiprocessing
import os
import stat
from pathlib import Path

import pytest
from support.bundles import git
from support.envs import manifest, seen

from paasctl.seen import KEPT_STAMPS, Seen, load, remember, save, stamp


def test_nothing_is_remembered_at_first(tmp_path: Path) -> None:
    assert load(tmp_path, "heroku") == (None, "")


def test_what_is_saved_is_loaded_and_other_targets_stay(tmp_path: Path) -> None:
    one, other = seen(manifest({"A": "1"})), Seen("ff", 3, {"B": ("3.ab.cd",)}, {"C": "4.ab.cd"})
    assert save(tmp_path, "heroku", one) == ""
    assert save(tmp_path, "linux", other) == ""
    assert load(tmp_path, "heroku") == (one, "")
    assert load(tmp_path, "linux") == (other, "")


def test_the_folder_is_private_and_git_ignores_it(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    save(tmp_path, "heroku", seen(manifest({"A": "1"})))
    assert stat.S_IMODE((tmp_path / ".paasctl").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / ".paasctl" / "seen.json").stat().st_mode) == 0o600
    assert git(tmp_path, "status", "--porcelain", "--untracked-files=all") == ""


def test_no_value_is_in_the_file_nor_can_be_tried_out(tmp_path: Path) -> None:
    base = manifest({"PIN": "1234"})
    save(tmp_path, "heroku", seen(base))
    text = (tmp_path / ".paasctl" / "seen.json").read_text()
    assert "1234" not in text
    assert base.salt not in text  # the digests are worth nothing without it, and it is on the target


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"v": 2, "targets": {}}',
        '{"v": 1, "targets": []}',
        '{"v": 1, "targets": {"heroku": []}}',
        '{"v": 1, "targets": {"heroku": {"manifest": "x", "generation": 1}}}',
        '{"v": 1, "targets": {"heroku": {"manifest": "x", "generation": 1, "names": {"A": ["x"]}, "intents": {}}}}',
        '{"v": 1, "targets": {"heroku": {"manifest": "x", "generation": 1, "names": {"A": ["1"]}, "intents": {}}}}',
        '{"v": 1, "targets": {"heroku": {"manifest": "x", "generation": 1, "names": {"A": 1}, "intents": {}}}}',
        '{"v": 1, "targets": {"heroku": {"manifest": "x", "generation": "y", "names": {}, "intents": {}}}}',
        "\x00\ud800",
    ],
)
def test_a_damaged_file_is_no_memory_and_a_warning(tmp_path: Path, text: str) -> None:
    (tmp_path / ".paasctl").mkdir()
    (tmp_path / ".paasctl" / "seen.json").write_bytes(text.encode("utf-8", "surrogatepass"))
    found, warning = load(tmp_path, "heroku")
    assert found is None
    assert "seen.json is damaged" in warning
    assert save(tmp_path, "heroku", Seen("ab")) == ""
    assert load(tmp_path, "heroku") == (Seen("ab"), "")


def test_a_failed_write_leaves_the_old_file_and_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, "heroku", Seen("ab", 1))

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left" in save(tmp_path, "heroku", Seen("ab", 2))
    assert load(tmp_path, "heroku") == (Seen("ab", 1), "")
    assert sorted(path.name for path in (tmp_path / ".paasctl").iterdir()) == [".gitignore", "seen.json", "seen.lock"]


def test_a_checkout_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".paasctl").write_text("a file in the way")
    assert "could not be written" in save(tmp_path, "heroku", Seen("ab"))


def _save(root: str, number: int) -> None:
    save(Path(root), f"target{number}", Seen("ab", number))


def test_targets_that_are_synced_at_once_do_not_forget_each_other(tmp_path: Path) -> None:
    jobs = [multiprocessing.get_context("fork").Process(target=_save, args=(str(tmp_path), n)) for n in range(8)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [load(tmp_path, f"target{n}")[0] for n in range(8)] == [Seen("ab", n) for n in range(8)]


# ------------------------------------------------------------------------------------------------------- what it knows


def test_a_write_is_known_by_generation_value_and_writer() -> None:
    base = manifest({"A": "1"})
    memory = seen(base)
    assert memory.knows("A", base.entries["A"])
    for other in (
        manifest({"A": "1"}, generation=2),
        manifest({"A": "2"}),
        manifest({"A": "1"}, who="eve"),
    ):
        assert not memory.knows("A", other.entries["A"])
    assert not memory.knows("B", base.entries["A"])


def test_the_memory_of_another_manifest_is_dropped() -> None:
    base = manifest({"A": "1"})
    assert remember(Seen("ff", 9, {"B": ("1.ab.cd",)}), base, {}, frozenset()) == Seen(base.id, 1, {})


def test_old_stamps_are_forgotten_and_the_last_one_is_kept() -> None:
    memory = None
    for generation in range(1, KEPT_STAMPS + 5):
        base = manifest({"A": str(generation)}, generation=generation)
        memory = remember(memory, base, {"A": stamp(base.entries["A"])}, frozenset())
    assert memory is not None
    assert len(memory.names["A"]) == KEPT_STAMPS
    assert memory.last("A") == base.entries["A"].digest


def test_an_intent_counts_once_it_is_met_on_the_target() -> None:
    base = manifest({"A": "1"})
    intent = Seen(base.id, 0, {}, {"A": stamp(base.entries["A"])})
    assert intent.knows("A", base.entries["A"])
    assert intent.last("A") is None  # nobody knows whether it was ever written
    assert remember(intent, base, {}, frozenset()) == seen(base)
    assert remember(intent, manifest({}), {}, frozenset()).names == {}
