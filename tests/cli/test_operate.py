"""Operations beyond a push, on a platform in memory: what they ask, print and exit with."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from paasctl.errors import Conflict, HalfApplied, PaasctlError
from paasctl.manifest import Entry, Manifest
from paasctl.model import Release
from paasctl.secret import Secret

LIVE = Release("r2", datetime(2026, 11, 22, 12, tzinfo=UTC), "eva@lap", "live", "d" * 64, "c" * 40, True, "fine")
OLD = Release("r1", datetime(2026, 11, 21, 12, tzinfo=UTC), "eva@lap", "good", "e" * 64, "b" * 40)


@pytest.fixture
def shop(world: Any) -> Any:
    """A site with two releases."""
    world["shop"].releases = [LIVE, OLD]
    return world["shop"]


def test_releases_are_listed(run: Any, shop: Any) -> None:
    out = run("releases", "shop").stdout
    assert out.splitlines()[0].split() == ["ID", "WHEN", "WHO", "COMMIT", "DIGEST", "STATE", "NOTE"]
    assert out.splitlines()[1].split() == ["r2", *_when(LIVE), "eva@lap", "cccccccccc+", "dddddddddd", "live", "fine"]
    assert len(out.splitlines()) == 3


def _when(release: Release) -> list[str]:
    return release.when.astimezone().strftime("%Y-%m-%d %H:%M").split()


def test_the_newest_release_is_first_whatever_the_adapter_says(run: Any, shop: Any) -> None:
    same = [Release(f"r{number}", LIVE.when, "eva", "good") for number in (9, 10, 11)]
    for order in ([OLD, *same], [*reversed(same), OLD]):
        shop.releases = order
        found = [each["id"] for each in json.loads(run("releases", "--json").stdout)["releases"]]
        assert found == ["r11", "r10", "r9", "r1"]


def test_releases_as_json(run: Any, shop: Any) -> None:
    document = json.loads(run("releases", "--json").stdout)
    assert document["target"] == "shop"
    assert document["releases"][0] == {
        "id": "r2",
        "when": "2026-11-22T12:00:00+00:00",
        "who": "eva@lap",
        "state": "live",
        "commit": "c" * 40,
        "dirty": True,
        "unpushed": False,
        "digest": "d" * 64,
        "note": "fine",
    }


def test_no_releases_yet(run: Any) -> None:
    assert run("releases").stdout == "nothing was pushed to shop yet\n"


def test_status_names_the_data_that_a_down_left(run: Any, world: Any) -> None:
    assert "nothing was pushed yet" in run("status", "shop").stdout
    world["shop"].kept = "/data/shop/shared"
    out = run("status", "shop").stdout
    assert "data of an earlier push is in /data/shop/shared (`paasctl down shop --purge` removes it)" in out
    assert "nothing was pushed yet" not in out


def test_rollback_runs_its_plan_and_says_that_env_is_newer(run: Any, shop: Any) -> None:
    result = run("rollback", "shop", "r1", "--yes")
    assert shop.done == ["go back to r1", "close"]
    assert result.stdout.splitlines()[-1] == "rolled back: https://shop.example.com/"
    assert "paasctl env diff" in result.stderr


def test_a_dry_run_shows_the_steps_and_changes_nothing(run: Any, shop: Any) -> None:
    for words in (["rollback", "shop"], ["restart"], ["down"]):
        assert "  1. " in run(*words, "--dry-run").stdout
    assert shop.done == ["close"] * 3


@pytest.mark.parametrize("words", [["rollback"], ["restart"], ["down", "--purge"]])
def test_without_a_terminal_a_change_needs_yes(run: Any, shop: Any, words: list[str]) -> None:
    result = run(*words, code=2)
    assert "--yes" in result.stderr and "  1. " in result.stdout
    assert shop.done == ["close"]


def test_no_is_an_answer(run: Any, shop: Any) -> None:
    result = run("restart", code=1, answers="n\n")
    assert shop.done == ["close"] and "nothing was changed" in result.stderr


def test_yes_is_an_answer(run: Any, shop: Any) -> None:
    run("restart", answers="y\n")
    assert shop.done == ["restart web", "close"]


def test_end_of_input_at_a_question_is_an_interruption(run: Any, shop: Any) -> None:
    run("restart", code=130, answers="")
    assert shop.done == ["close"]


def test_down_keeps_the_data_unless_purged(run: Any, shop: Any) -> None:
    assert run("down", "-y").stdout.endswith("down; the data is kept\n")
    run("down", "-y", "--purge")
    assert shop.done == ["remove code", "close", "remove all", "close"]


def test_nothing_to_take_down_or_to_unlock(run: Any) -> None:
    assert run("down").stdout == "nothing to do\n"
    assert run("unlock").stdout == "nothing to do\n"


def test_unlock_names_the_owner(run: Any, shop: Any) -> None:
    shop.lock = "bob@tower"
    assert "bob@tower" in run("unlock", "-y").stdout


@pytest.mark.parametrize("dotenv", [None, "SECRET_KEY=rotated-and-not-pushed\n"], ids=["absent", "rotated"])
@pytest.mark.parametrize("words", [["logs"], ["logs", "-f"], ["logs", "--json"], ["status"], ["status", "--json"]])
def test_live_values_are_masked_whatever_dotenv_says(
    run: Any, shop: Any, project: Path, dotenv: str | None, words: list[str]
) -> None:
    shop.env = {"SECRET_KEY": "live-sentinel-key"}
    shop.log = ["cannot use live-sentinel-key"]
    shop.health = "cannot use live-sentinel-key"
    shop.ends_following = True
    (project / ".env").unlink()
    if dotenv:
        (project / ".env").write_text(dotenv)
    said = run(*words).stdout  # the fixture looks for the value
    assert "cannot use ********" in said


def test_values_of_an_env_file_with_a_name_of_its_own_are_masked_from_the_start(
    run: Any, shop: Any, project: Path
) -> None:
    (project / "prod.env").write_text("PASSWORD='prod-sentinel-password\n")
    (project / "paasctl.toml").write_text('[app]\nenv = ["prod.env"]\n[targets.shop]\nadapter = "fake"\n')
    shop.log = ["prod-sentinel-password"]
    assert run("logs", "shop").stdout == "web | ********\n"
    shop.fails["observe"] = PaasctlError("no", output="prod-sentinel-password")
    assert "********" in run("restart", "shop", code=1).stderr


def test_the_values_of_the_release_that_is_rolled_back_to_are_masked(run: Any, shop: Any) -> None:
    shop.older = {"MAIL_PASSWORD": "older-sentinel-password"}
    shop.fails["go"] = PaasctlError("r1 is not healthy", output="RuntimeError: older-sentinel-password")
    assert "RuntimeError: ********" in run("rollback", "shop", "r1", "--yes", code=1).stderr


@pytest.mark.parametrize("word", ["releases", "rollback", "logs", "restart", "status", "down", "unlock", "setup"])
def test_what_a_platform_cannot_do_is_a_sentence_with_what_to_do_instead(run: Any, project: Path, word: str) -> None:
    (project / "paasctl.toml").write_text('[targets.old]\nadapter = "clumsy"\n')
    result = run(word, "old", code=2)
    assert f"`paasctl {word}` does not work on old" in result.stderr
    assert "hint: use the vendor's dashboard instead" in result.stderr


def test_logs_are_results(run: Any, world: Any) -> None:
    world["shop"].log = ["one", "two", "three"]
    assert run("logs", "-n", "2").stdout == "web | two\nweb | three\n"
    assert run("logs", "--process", "worker", "-n", "1").stdout == "worker | three\n"
    assert json.loads(run("logs", "-n", "1", "--json").stdout) == {"process": "web", "text": "three"}


def test_logs_of_a_process_that_is_not_there(run: Any, world: Any) -> None:
    world["shop"].log = []
    result = run("logs", "--process", "wbe", code=2)
    assert "there is no process 'wbe'" in result.stderr and "its processes: web" in result.stderr
    for process in ("web", "web.1"):
        assert run("logs", "--process", process).stdout == ""


def test_values_of_env_are_masked_in_logs(run: Any, world: Any) -> None:
    world["shop"].log = ["the key is kkkk-sentinel-1-kkkk-kkkk"]
    assert run("logs").stdout == "web | the key is ********\n"


def test_run_hands_the_command_over_and_its_exit_status_back(run: Any, world: Any) -> None:
    run("run", "shop", "--", "seven", "-n", "--yes", "--", "x", code=7)
    run("run", "--", "flask", "shell", code=0)
    run("run", "shop", "flask", "-v", code=0)
    assert [line for line in world["shop"].done if line != "close"] == [
        "run ['seven', '-n', '--yes', '--', 'x']",
        "run ['flask', 'shell']",
        "run ['flask', '-v']",
    ]


def test_a_line_of_shell_in_one_word_gets_a_hint(run: Any, world: Any) -> None:
    result = run("run", "shop", "--", "echo $X | cat", code=127)
    assert result.stderr.endswith("for a line of shell: paasctl run shop -- sh -c '...'\n")
    assert not result.stdout
    assert "hint" not in run("run", "shop", "--", "gone", code=127).stderr
    assert "hint" not in run("run", "shop", "--", "gone", "a b", code=127).stderr


def test_run_needs_a_command_and_can_be_rehearsed(run: Any, world: Any) -> None:
    assert "no command" in run("run", "shop", code=2).stderr
    assert "flask" in run("run", "-n", "shop", "--", "flask", "x").stdout
    assert world["shop"].done == ["close"]


def test_status_says_how_it_is(run: Any, shop: Any) -> None:
    out = run("status").stdout
    for words in (
        "shop",
        "r2 by eva@lap",
        "healthy (HTTP 200)",
        "web.1",
        "running",
        "7 GB",
        "https://shop.example.com/",
    ):
        assert words in out


def test_status_as_json_names_the_drift(run: Any, shop: Any) -> None:
    manifest = Manifest.new()
    entry = Entry(manifest.digest("TITLE", Secret("written")), 1, "eva", "2026-11-22")
    gone = Entry(manifest.digest("GONE", Secret("written")), 1, "eva", "2026-11-22")
    shop.manifest = Manifest(manifest.salt, 1, {"TITLE": entry, "GONE": gone}).to_json()
    shop.env = {"TITLE": "changed by hand"}
    (document,) = json.loads(run("status", "--json").stdout)["targets"]
    assert document["drift"] == ["GONE", "TITLE"]
    assert document["release"]["id"] == "r2" and document["healthy"] is True and document["exists"] is True
    assert document["processes"] == [
        {"name": "web.1", "state": "running", "since": "2026-11-22T12:00:00+00:00", "detail": "pid 7"}
    ]


def test_status_of_several_targets_is_the_worst(run: Any, project: Path, world: Any) -> None:
    (project / "paasctl.toml").write_text('[targets.shop]\nadapter = "fake"\n[targets.dead]\nadapter = "fake"\n')
    world["dead"].fails["status"] = PaasctlError("dead does not answer", hint="is it on?")
    result = run("status", "--all", "--json", code=1)
    shop, dead = json.loads(result.stdout)["targets"]
    assert shop["exists"] is False and dead == {"target": "dead", "error": "dead does not answer", "hint": "is it on?"}
    assert "error: dead does not answer" in result.stderr and "hint: is it on?" in result.stderr


def test_open_prints_the_url_and_starts_a_browser(run: Any, shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    assert run("open").stdout == "https://shop.example.com/\n"
    assert opened == ["https://shop.example.com/"]


def test_open_without_a_browser_or_a_site(run: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    assert "paasctl push shop" in run("open", code=2).stderr
    world["shop"].releases = [LIVE]
    assert "no browser" in run("open").stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [(PaasctlError("no"), 1), (Conflict("somebody"), 4), (HalfApplied("half"), 5), (KeyboardInterrupt(), 130)],
)
def test_the_exit_code_follows_the_failure(run: Any, shop: Any, error: BaseException, code: int) -> None:
    shop.fails["observe"] = error
    run("restart", "-y", code=code)


def test_setup_and_its_removal(run: Any, world: Any) -> None:
    run("setup", "shop", "--yes")
    run("setup", "shop", "--remove", "--yes")
    assert [line for line in world["shop"].done if line != "close"] == ["install nginx", "remove nginx"]
