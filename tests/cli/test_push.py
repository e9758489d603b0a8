"""``paasctl push`` on a platform in memory."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.bundles import app

from paasctl.cli import failures
from paasctl.errors import Busy, Conflict, HalfApplied, PaasctlError, UsageError
from paasctl.model import Dependencies

STEPS = ["upload the code", "write the env", "switch to the new release", "check its health", "tidy up"]


def done(site: Any) -> list[str]:
    return [line for line in site.done if line != "close"]


def test_a_first_push_ends_with_the_url(run: Any, world: Any) -> None:
    result = run("push", "--yes")
    assert done(world["shop"]) == STEPS
    assert result.stdout.splitlines()[-1].endswith("https://shop.example.com/")
    assert world["shop"].env["SECRET_KEY"] == "kkkk-" + "sentinel-1-kkkk-kkkk"
    assert "\n[1/5] upload the code\n[2/5] write the env\n" in result.stderr


def test_the_plan_shows_names_marks_and_reasons(run: Any, world: Any, project: Path) -> None:
    world["shop"].env = {"HAND": "x"}
    (project / ".env").write_text((project / ".env").read_text() + "FLASK_DEBUG=1\n")
    out = run("push", "--dry-run").stdout
    assert "  + SECRET_KEY (new in .env)\n" in out
    assert "  ! HAND (foreign, left alone)\n" in out
    assert "  . FLASK_DEBUG (local only)\n" in out
    assert "  + PAASCTL_LOG=stdout (the platform collects it)\n" in out
    assert "wsgi:app (Procfile:1)" in out and "Python 3.11 (runtime.txt" in out


def test_the_plan_warns_of_a_file_that_is_not_what_it_seems(run: Any, project: Path) -> None:
    (project / "model.bin").write_text(f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 9\n")
    result = run("push", "-n")
    assert "model.bin; run `git lfs pull`" in result.stdout + result.stderr


def test_a_dry_run_prints_the_very_steps_and_runs_none(run: Any, world: Any) -> None:
    planned = run("push", "-n").stdout
    assert done(world["shop"]) == []
    assert [
        line.split(". ", 1)[1] for line in planned.splitlines() if line.lstrip()[:2] in ("1.", "2.", "3.", "4.", "5.")
    ] == STEPS


def test_a_second_push_has_nothing_to_do(run: Any, world: Any) -> None:
    run("push", "-y")
    before = done(world["shop"])
    result = run("push")
    assert result.stdout == "nothing to do\nhttps://shop.example.com/\n"
    assert done(world["shop"]) == before


def test_without_a_terminal_the_plan_is_printed_and_refused(run: Any, world: Any) -> None:
    result = run("push", code=2)
    assert "  1. upload the code\n       digest " in result.stdout
    assert "--yes" in result.stderr
    assert done(world["shop"]) == []


def test_a_person_is_asked(run: Any, world: Any) -> None:
    assert "nothing was changed" in run("push", answers="n\n", code=1).stderr
    assert done(world["shop"]) == []
    assert "Push bluelog to shop?" in run("push", answers="y\n").stderr
    assert done(world["shop"]) == STEPS


def test_check_exits_3_when_something_differs(run: Any, world: Any, project: Path) -> None:
    assert "differs" in run("push", "--check", code=3).stderr
    run("push", "-y")
    assert run("push", "--check").stdout.startswith("nothing to do\n")
    (project / ".env").write_text("SECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\n")
    run("push", "--check", code=3)


def test_env_only_and_code_only(run: Any, world: Any, project: Path) -> None:
    run("push", "-y")
    (project / ".env").write_text("SECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\nMAIL_SERVER=mail.sentinel-2.test\nNEW=1\n")
    (project / "wsgi.py").write_text("from flask import Flask\n\napp = Flask('x')\n")
    digest = world["shop"].live.digest
    run("push", "-y", "--env-only")
    assert world["shop"].live.digest == digest and world["shop"].env["NEW"] == "1"
    (project / ".env").write_text("SECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\nMAIL_SERVER=mail.sentinel-2.test\nNEW=2\n")
    run("push", "-y", "--code-only")
    assert world["shop"].live.digest != digest and world["shop"].env["NEW"] == "1"
    run("push", "--env-only", "--code-only", code=2)


def test_without_env_files_the_env_is_left_alone(run: Any, world: Any, project: Path) -> None:
    run("push", "-y")
    (project / ".env").unlink()
    result = run("push")
    assert "nothing to do" in result.stdout and "there is no .env here" in result.stderr


def test_deletions_need_their_own_yes(run: Any, world: Any, project: Path) -> None:
    run("push", "-y")
    (project / ".env").write_text("SECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\n")
    assert "MAIL_SERVER" in run("push", "-y", code=2).stderr
    assert "MAIL_SERVER" in world["shop"].env
    assert "nothing was changed" in run("push", answers="n\n", code=1).stderr
    assert "MAIL_SERVER" in world["shop"].env
    assert "Delete MAIL_SERVER on shop?" in run("push", answers="y\ny\n").stderr
    assert "MAIL_SERVER" not in world["shop"].env


def test_no_to_a_deletion_keeps_the_name_and_goes_on_with_the_rest(run: Any, world: Any, project: Path) -> None:
    run("push", "-y")
    (project / ".env").write_text("SECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\nNEW=1\n")
    run("push", answers="n\ny\n")
    assert {"MAIL_SERVER", "NEW"} <= set(world["shop"].env)
    (project / ".env").write_text("SECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\nNEW=2\n")
    said = run("env", "sync", answers="n\ny\n").stdout
    assert "MAIL_SERVER stayed, as you wished" in said
    assert "in sync" not in said
    run("env", "sync", answers="n\n", code=1)


def test_delete_accepts_deletions_without_a_terminal(run: Any, world: Any, project: Path) -> None:
    run("push", "-y")
    (project / ".env").write_text("SECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\n")
    run("push", "-y", "--delete")
    assert "MAIL_SERVER" not in world["shop"].env


def many(project: Path, count: int) -> None:
    lines = [f"NAME_{number}={number}\n" for number in range(count)]
    (project / ".env").write_text("SECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\n" + "".join(lines))


def test_deleting_more_than_a_third_asks_for_the_apps_name(run: Any, world: Any, project: Path) -> None:
    many(project, 6)
    run("push", "-y")
    many(project, 2)
    run("push", "-y", "--delete", code=2)
    assert "nothing was changed" in run("push", answers="y\nwrong\n", code=1).stderr
    assert "NAME_5" in world["shop"].env
    run("push", answers="y\nbluelog\ny\n")
    assert "NAME_5" not in world["shop"].env


def test_deleting_more_than_a_third_without_a_terminal_needs_force_too(run: Any, world: Any, project: Path) -> None:
    many(project, 6)
    run("push", "-y")
    many(project, 2)
    run("push", "-y", "--delete", "--force")
    assert "NAME_5" not in world["shop"].env


def test_drift_is_left_and_a_conflict_stops_a_push(run: Any, world: Any, project: Path) -> None:
    run("push", "-y")
    world["shop"].env["MAIL_SERVER"] = "by hand"
    (project / "wsgi.py").write_text("from flask import Flask\n\napp = Flask('x')\n")
    assert "! MAIL_SERVER (drift: " in run("push", "-y").stdout
    assert world["shop"].env["MAIL_SERVER"] == "by hand"
    (project / ".env").write_text("SECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\nMAIL_SERVER=mine\n")
    before = done(world["shop"])
    result = run("push", "-y", code=4)
    assert "MAIL_SERVER" in result.stderr and "env pull" in result.stderr
    assert done(world["shop"]) == before
    run("push", "-n", code=4)
    run("push", "-y", "--force")
    assert world["shop"].env["MAIL_SERVER"] == "mine"


def test_the_apps_tests_run_before_anything_is_changed(run: Any, world: Any, project: Path) -> None:
    config = '[app]\ntest = "echo from the tests; cat .env; exit 3"\n[targets.shop]\nadapter = "fake"\n'
    (project / "paasctl.toml").write_text(config)
    result = run("push", "-y", code=1)
    assert "      from the tests" in result.stderr and "exit status 3" in result.stderr
    assert "      from the tests" not in result.stdout
    assert done(world["shop"]) == []
    run("push", "-y", "--env-only", code=0)
    (project / "paasctl.toml").write_text(config.replace("exit 3", "test -f wsgi.py"))
    run("push", "-y")


def test_what_a_visitor_meets_is_a_warning_at_the_end(run: Any, world: Any, project: Path) -> None:
    world["shop"].late = ["it answers 400 at /"]
    assert run("push", "-y").stderr.endswith("warning: it answers 400 at /\n")
    world["shop"].fails["late"] = PaasctlError("it cannot be asked any more")
    (project / "new.py").write_text("")
    assert "is live" in run("push", "-y").stdout


def test_a_push_that_was_undone_says_what_serves(run: Any, world: Any) -> None:
    world["shop"].fails["check"] = PaasctlError("worker.0 of r2 is not healthy")
    assert "error: worker.0 of r2 is not healthy; r1 serves again\n" in run("push", "-y", code=1).stderr


def test_the_plan_says_that_the_tests_run_first(run: Any, project: Path) -> None:
    (project / "paasctl.toml").write_text('[app]\ntest = "pytest -q"\n[targets.shop]\nadapter = "fake"\n')
    assert "\n  first, here: pytest -q\n  1. " in run("push", "-n").stdout
    assert json.loads(run("push", "-n", "--json").stdout)["targets"][0]["test"] == "pytest -q"
    assert "pytest" not in run("push", "-n", "--env-only").stdout


MISSING = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'redis'"
MEND = "mend the app, then push again"


@pytest.mark.parametrize(
    ("output", "hint", "said"),
    [
        (MISSING, MEND, "add the package that holds `redis` to requirements.txt, then push again"),
        (
            f"{MISSING}\n[7] [INFO] Worker exiting\n",
            MEND,
            "add the package that holds `redis` to requirements.txt, then",
        ),
        (MISSING, "v1 serves as before; correct the app and push again", "v1 serves as before; add the package that"),
        (f"{MISSING}\nKeyError: 'x'", MEND, MEND),  # the app had caught it
        (MISSING.replace("redis", "settings.local"), MEND, MEND),  # its own, not pushed
        (MISSING.replace("redis", "_sqlite3"), MEND, MEND),  # no package has it
        (MISSING, "look at the host", "look at the host"),
    ],
)
def test_a_package_that_is_not_installed_is_named_in_the_hint(
    run: Any, world: Any, project: Path, output: str, hint: str, said: str
) -> None:
    (project / "settings").mkdir()
    world["shop"].fails["switch"] = PaasctlError("v2 is not healthy", hint=hint, output=output)
    assert f"hint: {said}" in run("push", "-y", code=None).stderr


@pytest.mark.parametrize(
    ("file", "where"),
    [
        ("uv.lock", "pyproject.toml, lock it anew,"),
        ("deps/Pipfile.lock", "Pipfile, lock it anew,"),
        ("deps/prod.txt", "deps/prod.txt,"),
        (None, "requirements.txt,"),
    ],
)
def test_what_is_missing_is_added_where_people_write(tmp_path: Path, file: str | None, where: str) -> None:
    shop = replace(app(tmp_path), dependencies=Dependencies(file, "", ""))
    hint = f"add the package that holds `redis` to {where} then push again"
    assert failures.with_module(MEND, MISSING, shop) == hint


def test_a_table_that_no_migration_made_is_explained(run: Any, world: Any, project: Path) -> None:
    (project / "migrations").mkdir()
    (project / "migrations" / "env.py").write_text("")
    (project / "requirements.txt").write_text("flask\nflask-migrate\n")
    missing = PaasctlError("v1 is not healthy", hint="mend the app", output="OperationalError: no such table: post")
    world["shop"].fails["switch"] = missing
    assert 'hint: the database lacks what the migrations make: set release = "flask db upgrade"' in (
        run("push", "-y", code=None).stderr
    )
    world["shop"].fails["switch"] = PaasctlError("v1 is not healthy", hint="mend the app", output="KeyError: post")
    assert "hint: mend the app" in run("push", "-y", code=None).stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [(PaasctlError("it broke"), 1), (UsageError("no"), 2), (Conflict("eva was here"), 4), (HalfApplied("half"), 5)],
)
def test_a_failing_step_decides_the_exit_code(run: Any, world: Any, error: Exception, code: int) -> None:
    world["shop"].fails["check"] = error
    result = run("push", "-y", code=code)
    assert f"error: {error}" in result.stderr and "undoing: back to the old release" in result.stderr


def test_a_bug_of_the_adapter_is_one_sentence(run: Any, world: Any) -> None:
    world["shop"].fails["write"] = KeyError("the value is kkkk-sentinel-1-kkkk-kkkk")
    result = run("push", "-y", code=1)
    assert "KeyError at" in result.stderr and "fake_paas.py" in result.stderr and "Traceback" not in result.stderr
    shown = run("-vv", "push", "-y", code=1).stderr
    assert "Traceback" in shown and "********" in shown


INTERRUPTS = [
    ("upload", "nothing was changed"),
    ("switch", "was undone"),
    ("check", "was undone"),
    ("tidy", "is live"),
]


@pytest.mark.parametrize(("step", "words"), INTERRUPTS)
def test_ctrl_c_says_what_it_left_behind(run: Any, world: Any, step: str, words: str) -> None:
    world["shop"].fails[step] = KeyboardInterrupt()
    assert words in run("push", "-y", code=130).stderr


@pytest.mark.parametrize("first", [KeyboardInterrupt(), PaasctlError("it broke")])
def test_ctrl_c_in_the_undo_does_not_claim_that_it_was_undone(run: Any, world: Any, first: BaseException) -> None:
    world["shop"].fails |= {"switch": first, "back": KeyboardInterrupt()}
    said = run("push", "-y", code=130).stderr
    assert "was undone" not in said
    assert "interrupted while it was switching back; run the same command again" in said


def test_ctrl_c_after_a_step_that_leaves_something_says_what(run: Any, world: Any) -> None:
    world["shop"].leaves = "the release command may have changed the database"
    world["shop"].fails["upload"] = KeyboardInterrupt()
    said = run("push", "-y", code=130).stderr
    assert "interrupted; the release command may have changed the database" in said
    assert "nothing was changed" not in said


def test_ctrl_c_where_the_platform_goes_on(run: Any, world: Any) -> None:
    world["shop"].keep_on_interrupt = "the build b7 goes on"
    world["shop"].fails["switch"] = KeyboardInterrupt()
    assert "the build b7 goes on" in run("push", "-y", code=130).stderr


def test_wait_tries_again_when_somebody_else_pushes(
    run: Any, world: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def free(_seconds: float) -> None:
        world["shop"].fails.clear()

    monkeypatch.setattr("paasctl.cli.pushing.time.sleep", free)
    run("push", "-y")
    for call in ("observe", "plan", "upload"):
        world["shop"].done.clear()
        (project / "wsgi.py").write_text(f"from flask import Flask\n\napp = Flask({call!r})\n")
        world["shop"].fails[call] = Busy("eva pushes since 12:00")
        run("push", "-y", code=1)
        assert "eva pushes since 12:00; waiting" in run("push", "-y", "--wait").stderr
        assert done(world["shop"]) == STEPS


def test_a_push_waits_before_it_looks(run: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another push has half done is not looked at twice: once it has ended there is nothing to do."""
    run("push", "-y")
    before = done(world["shop"])

    def ends(_seconds: float) -> None:
        world["shop"].lock = ""

    monkeypatch.setattr("paasctl.cli.waiting.time.sleep", ends)
    for words in (["push", "-y", "--wait"], ["push", "-y"], ["env", "sync", "-y"]):
        world["shop"].lock = "eva@lap"
        result = run(*words)
        assert "nothing to do" in result.stdout
        limit = "" if "--wait" in words else ", at most 10 s"
        assert f"eva@lap is busy with a push (since 12:00); waiting{limit}\n" in result.stderr
    assert done(world["shop"]) == before


def test_a_push_that_takes_long_is_named(run: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("paasctl.cli.waiting.PATIENCE", 0)
    world["shop"].lock = "eva@lap"
    for words in (["push", "-y"], ["rollback", "-y"], ["restart", "-y"], ["down", "-y"]):
        result = run(*words, code=1)
        assert "error: eva@lap is busy with a push (since 12:00); nothing was changed" in result.stderr
    assert done(world["shop"]) == []
    for words in (["push", "-n"], ["env", "diff"]):
        assert "warning: eva@lap is busy with a push" in run(*words).stderr


def two(project: Path) -> None:
    (project / "paasctl.toml").write_text('[targets.shop]\nadapter = "fake"\n[targets.prod]\nadapter = "fake"\n')


def test_several_targets_need_a_choice(run: Any, world: Any, project: Path) -> None:
    two(project)
    assert "shop, prod" in run("push", "-y", code=2).stderr
    run("push", "-y", answers="prod\n")
    assert (done(world["shop"]), done(world["prod"])) == ([], STEPS)
    run("push", "-y", "--all")
    assert done(world["shop"]) == STEPS
    run("push", "--all", "shop", code=2)
    assert "did you mean" in run("push", "shpo", code=2).stderr


def test_the_exit_code_of_several_targets_is_the_worst(run: Any, world: Any, project: Path) -> None:
    two(project)
    world["shop"].fails["observe"] = PaasctlError("it is down")
    run("push", "-y", "shop", "prod", code=1)
    assert done(world["prod"]) == STEPS


def test_json(run: Any, world: Any, project: Path) -> None:
    two(project)
    world["prod"].fails["observe"] = Conflict("eva was here", hint="talk to eva")
    shop, prod = json.loads(run("push", "-y", "--all", "--json", code=4).stdout)["targets"]
    assert set(shop) == {"target", "result", "exit_code", "env", "steps", "notes", "warnings", "url"}
    assert (shop["result"], shop["exit_code"], shop["url"]) == ("done", 0, "https://shop.example.com/")
    assert shop["steps"][0]["phase"] == "prepare" and shop["steps"][0]["title"] == "upload the code"
    assert {"name": "SECRET_KEY", "op": "add", "reason": "new in .env", "held": False} in shop["env"]
    assert prod == {
        "target": "prod",
        "result": "failed",
        "exit_code": 4,
        "error": "eva was here",
        "hint": "talk to eva",
    }
    (again,) = json.loads(run("push", "shop", "--json").stdout)["targets"]
    assert (again["result"], again["steps"]) == ("nothing to do", [])


def test_what_was_seen_is_remembered(run: Any, world: Any, project: Path) -> None:
    run("push", "-y")
    assert "shop" in json.loads((project / ".paasctl" / "seen.json").read_text())["targets"]


@pytest.mark.parametrize("words", [["push", "-n"], ["status"], ["env", "diff"], ["releases"], ["logs"]])
def test_json_of_a_configuration_error_is_one_document(run: Any, project: Path, words: list[str]) -> None:
    (project / "paasctl.toml").write_text('[targets.shop]\nadapter = "fake"\nnmae = 1\n[ap]\n')
    result = run(*words, "--json", code=2)
    document = json.loads(result.stdout)
    assert document["error"].startswith("paasctl.toml:4: ") and document["hint"] and document["exit_code"] == 2
    assert f"error: {document['error']}" in result.stderr


def test_json_of_a_command_line_that_is_wrong(run: Any) -> None:
    document = json.loads(run("push", "--jsn", "--json", code=2).stdout)
    assert "--jsn" in document["error"] and document["exit_code"] == 2
    assert json.loads(run("push", "--json", code=2).stdout)["targets"][0]["error"]


def test_a_setting_that_the_adapter_does_not_know(run: Any, project: Path) -> None:
    (project / "paasctl.toml").write_text('[targets.shop]\nadapter = "fake"\nregoin = "eu"\n')
    assert "did you mean region?" in run("push", "-y", code=2).stderr


def test_words_that_are_values_too_stay_in_sentences_and_are_masked_in_output(
    run: Any, world: Any, project: Path
) -> None:
    (project / ".env").write_text("QUEUE=default\nSECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\n")
    (project / ".flaskenv").write_text("FLASK_APP=wsgi.py\n")
    (project / "paasctl.toml").write_text('[targets.shop]\nadapter = "fake"\nhealth = ""\n')
    assert "leave the key out for the default" in run("push", "-n", code=2).stderr
    (project / "paasctl.toml").write_text('[targets.shop]\nadapter = "fake"\n')
    output = 'File "wsgi.py", line 3, queue default, key kkkk-sentinel-1-kkkk-kkkk'
    world["shop"].fails["check"] = PaasctlError("the default queue is full", hint="see wsgi.py", output=output)
    shown = run("push", "-y", code=1).stderr
    assert "error: the default queue is full" in shown and "hint: see wsgi.py" in shown
    assert '  | File "wsgi.py", line 3, queue ********, key ********' in shown
    world["shop"].log = [output]
    assert run("logs").stdout == 'web | File "wsgi.py", line 3, queue ********, key ********\n'


def test_a_table_of_a_process_that_the_app_does_not_have(run: Any, project: Path) -> None:
    table = '[targets.shop]\nadapter = "fake"\n[targets.shop.processes.wbe]\ninstances = 2\n'
    (project / "paasctl.toml").write_text(table)
    said = run("push", "-n", code=2).stderr
    assert "paasctl.toml:3: [targets.shop.processes.wbe]" in said and "did you mean web?" in said
    (project / "paasctl.toml").write_text(table.replace("wbe", "web"))
    run("push", "-n")


def test_the_plan_names_the_file_that_a_name_comes_from(run: Any, project: Path) -> None:
    (project / ".flaskenv").write_text("FLASK_APP=wsgi.py\n")
    (project / ".env.shop").write_text("ONLY_HERE=1\n")
    out = run("push", "-n").stdout
    for line in ("FLASK_APP (new in .flaskenv)", "ONLY_HERE (new in .env.shop)", "SECRET_KEY (new in .env)"):
        assert f"  + {line}\n" in out


def test_an_adapter_that_breaks_at_once(run: Any, project: Path) -> None:
    (project / "paasctl.toml").write_text('[targets.shop]\nadapter = "broken"\n')
    assert "could not be loaded" in run("push", "-y", code=1).stderr
    (project / "paasctl.toml").write_text('[targets.shop]\nadapter = "buggy"\n')
    result = run("push", "-y", code=1)
    assert "KeyError at" in result.stderr and "s3cret-token" not in result.stderr


def test_without_a_configuration_the_target_is_local(run: Any, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "paasctl.toml").unlink()
    asked: list[str] = []

    def load(name: str) -> Any:
        asked.append(name)
        raise UsageError("stop here")

    monkeypatch.setattr("paasctl.session.load", load)
    run("push", "-y", code=2)
    assert asked == ["local"]


def test_the_adapter_is_handed_a_context(run: Any, world: Any, project: Path) -> None:
    run("push", "-n")
    (context,) = world.contexts
    assert (context.app, context.root) == ("bluelog", project.resolve())
    assert context.data != context.cache and "@" in context.who
