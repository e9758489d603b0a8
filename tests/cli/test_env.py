"""``paasctl env`` on a platform in memory."""

from __future__ import annotations

import json
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from paasctl.errors import PaasctlError

ENV = "SECRET_KEY=kkkk-sentinel-1-kkkk-kkkk\nMAIL_SERVER=mail.sentinel-2.test\n"


@pytest.fixture
def shop(run: Any, world: Any) -> Any:
    """A site that was pushed."""
    run("push", "-y")
    world["shop"].done.clear()
    return world["shop"]


def write(project: Path, text: str) -> None:
    (project / ".env").write_text(text)


def two(project: Path) -> None:
    (project / "paasctl.toml").write_text('[targets.shop]\nadapter = "fake"\n[targets.prod]\nadapter = "fake"\n')


# ------------------------------------------------------------------------------------------------------- sync, diff


def test_diff_shows_names_and_writes_nothing(run: Any, shop: Any, project: Path) -> None:
    assert run("env", "diff").stdout == "shop is in sync\n"
    write(project, ENV + "NEW=1\n")
    assert run("env", "diff").stdout == "  + NEW (new in .env)\nshop differs\n"
    assert shop.done == ["close"] * 2 and "NEW" not in shop.env


def test_diff_knows_the_settings_that_a_push_tells_to_all_of_django(run: Any, world: Any, project: Path) -> None:
    """They are found in the code, which a diff does not read for other apps."""
    setdefault = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_x.{}')\n"
    application = "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
    (project / "manage.py").write_text(setdefault.format("dev"))
    (project / "wsgi.py").write_text(setdefault.format("production") + application)
    (project / "Procfile").write_text("web: gunicorn wsgi:application\n")
    (project / "requirements.txt").write_text("django\n")
    out = run("push", "-y").stdout
    assert "DJANGO_SETTINGS_MODULE=site_x.production (wsgi.py:2 names it for the server, manage.py:2 site_x.dev)" in out
    assert run("env", "diff").stdout == "shop is in sync\n"


def test_diff_knows_the_import_path_of_an_app_in_src(run: Any, world: Any, project: Path) -> None:
    (project / "src").mkdir()
    (project / "wsgi.py").rename(project / "src" / "shop.py")
    (project / "wsgi.py").write_text("from shop import app\n")
    assert "  + PYTHONPATH=src (the app is in src/" in run("push", "-y").stdout
    assert run("env", "diff").stdout == "shop is in sync\n"


def test_diff_before_the_first_push(run: Any, world: Any) -> None:
    result = run("env", "diff")
    assert "  + SECRET_KEY (new in .env)\n" in result.stdout
    assert "there is no app on shop yet" in result.stderr


def test_diff_as_json(run: Any, shop: Any, project: Path) -> None:
    write(project, ENV + "NEW=1\n")
    (document,) = json.loads(run("env", "diff", "--json").stdout)["targets"]
    assert set(document) == {"target", "exit_code", "in_sync", "env", "notes", "warnings"}
    assert document["in_sync"] is False
    assert {"name": "NEW", "op": "add", "reason": "new in .env", "held": False} in document["env"]


def test_sync_writes_the_env_and_nothing_else(run: Any, shop: Any, project: Path) -> None:
    write(project, ENV + "NEW=1\n")
    live = shop.live.digest
    result = run("env", "sync", "--yes")
    assert "the env of bluelog on shop is in sync" in result.stdout
    assert shop.env["NEW"] == "1" and shop.live.digest == live
    assert run("env", "sync").stdout.startswith("nothing to do\n")


def test_sync_needs_an_env_file(run: Any, shop: Any, project: Path) -> None:
    (project / ".env").unlink()
    assert "env pull" in run("env", "sync", "-y", code=2).stderr


def test_check_and_dry_run(run: Any, shop: Any, project: Path) -> None:
    run("env", "sync", "--check")
    write(project, ENV + "NEW=1\n")
    run("env", "sync", "--check", code=3)
    assert "  + NEW" in run("env", "sync", "--dry-run").stdout
    assert "NEW" not in shop.env


def test_drift_stops_a_sync_before_any_write(run: Any, shop: Any, project: Path) -> None:
    shop.env["MAIL_SERVER"] = "by hand"
    write(project, ENV + "NEW=1\n")
    for words in ([], ["-y"], ["-n"], ["--check"]):
        assert "MAIL_SERVER" in run("env", "sync", *words, code=4).stderr
    assert "NEW" not in shop.env
    run("env", "sync", "-y", "--force")
    assert shop.env["MAIL_SERVER"] == "mail." + "sentinel-2.test" and shop.env["NEW"] == "1"


def test_a_person_answers_name_by_name(run: Any, shop: Any, project: Path) -> None:
    shop.env |= {"MAIL_SERVER": "by hand", "SECRET_KEY": "by hand, too, and long enough"}
    write(project, ENV + "NEW=1\n")
    result = run("env", "sync", answers="theirs\nours\ny\n")
    assert "MAIL_SERVER" in result.stderr
    for planned in (
        "2. write the env",
        "~ SECRET_KEY",
        "first, here: MAIL_SERVER from the target",
    ):  # as it is after the answers
        assert planned in result.stdout
    assert shop.env["MAIL_SERVER"] == "by hand" and shop.env["NEW"] == "1"
    assert dotenv_values(project / ".env")["MAIL_SERVER"] == "by hand"
    assert shop.env["SECRET_KEY"] == "kkkk-" + "sentinel-1-kkkk-kkkk"
    assert run("env", "diff").stdout == "shop is in sync\n"


def test_what_is_skipped_stays_and_the_exit_code_says_so(run: Any, shop: Any, project: Path) -> None:
    shop.env["MAIL_SERVER"] = "by hand"
    write(project, ENV + "NEW=1\n")
    assert "MAIL_SERVER still differ" in run("env", "sync", answers="skip\ny\n", code=4).stderr
    assert shop.env["MAIL_SERVER"] == "by hand" and shop.env["NEW"] == "1"


def test_prune_deletes_what_paasctl_never_wrote_but_not_the_platforms(run: Any, shop: Any) -> None:
    shop.env |= {"HAND": "1", "ADDON_URL": "2"}
    shop.protected = {"ADDON_URL": "the add-on postgres"}
    run("env", "sync", "-y", "--prune", code=2)
    run("env", "sync", "-y", "--prune", "--delete")
    assert "HAND" not in shop.env and "ADDON_URL" in shop.env


def test_several_targets_are_a_table(run: Any, world: Any, shop: Any, project: Path) -> None:
    two(project)
    run("push", "-y", "prod")
    write(project, ENV + "NEW=1\n")
    world["prod"].env["NEW"] = "1"
    out = run("env", "diff", "--all").stdout.splitlines()
    assert out[0].split() == ["NAME", "shop", "prod"]
    assert out[1].split() == ["NEW", "+", "add", "=", "adopt"]
    world["shop"].env["MAIL_SERVER"] = "by hand"
    result = run("env", "sync", "--all", "-y", code=4)
    assert "MAIL_SERVER  ! drift" in result.stdout
    assert world["prod"].done[-3:] == ["check its health", "tidy up", "close"]


def test_the_worst_exit_status_counts(run: Any, world: Any, shop: Any, project: Path) -> None:
    two(project)
    world["prod"].fails["observe"] = PaasctlError("it is down")
    result = run("env", "diff", "--all", "--json", code=1)
    assert json.loads(result.stdout)["targets"][1]["error"] == "it is down"
    assert "== prod\nerror: it is down" in result.stderr


# ------------------------------------------------------------------------------------------------------------- pull


def test_pull_takes_what_changed_on_the_target(run: Any, shop: Any, project: Path) -> None:
    write(project, "# mine\n" + ENV)
    shop.env |= {"MAIL_SERVER": "by hand", "HAND": "x y"}
    assert "  ~ MAIL_SERVER" in run("env", "pull", "--dry-run").stdout
    run("env", "pull", "--check", code=3)
    assert run("env", "pull", "-y").stdout.endswith("wrote .env\n")
    text = (project / ".env").read_text()
    assert text.startswith("# mine\n") and dotenv_values(project / ".env")["HAND"] == "x y"
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600
    assert run("env", "pull").stdout == "nothing to do\n"
    assert run("env", "diff").stdout.endswith("shop is in sync\n")


def test_pull_makes_an_env_file(run: Any, shop: Any, project: Path) -> None:
    (project / ".env").unlink()
    run("env", "pull", "-y")
    assert set(dotenv_values(project / ".env")) == {"SECRET_KEY", "MAIL_SERVER"}


def test_pull_needs_a_yes_and_an_app(run: Any, world: Any, shop: Any, project: Path) -> None:
    shop.env["HAND"] = "1"
    run("env", "pull", code=2)
    run("env", "pull", answers="n\n", code=1)
    assert "HAND" not in (project / ".env").read_text()
    two(project)
    assert "paasctl push prod" in run("env", "pull", "prod", "-y", code=2).stderr


def test_pull_stops_at_conflicts_or_asks(run: Any, shop: Any, project: Path) -> None:
    shop.env["MAIL_SERVER"] = "by hand"
    write(project, ENV.replace("mail.", "post."))
    for words in ([], ["-n"], ["-y"]):
        assert "MAIL_SERVER" in run("env", "pull", *words, code=4).stderr
    run("env", "pull", answers="skip\n", code=4)
    run("env", "pull", answers="theirs\ny\n")
    assert dotenv_values(project / ".env")["MAIL_SERVER"] == "by hand"


def test_pull_refuses_a_file_that_git_tracks(run: Any, shop: Any, project: Path) -> None:
    for words in (["init", "-q"], ["add", "-f", ".env"]):
        subprocess.run(["git", *words], cwd=project, check=True)
    shop.env["HAND"] = "1"
    assert "tracked by git" in run("env", "pull", "-y", code=2).stderr


def test_pull_as_json(run: Any, shop: Any, project: Path) -> None:
    shop.env["HAND"] = "1"
    (document,) = json.loads(run("env", "pull", "-y", "--json").stdout)["targets"]
    assert (document["target"], document["result"], document["exit_code"]) == ("shop", "done", 0)
    assert {"name": "HAND", "op": "add", "reason": "set on the target", "held": False} in document["env"]


# ---------------------------------------------------------------------------------------------------- check, secret


def test_check_against_the_example(run: Any, project: Path) -> None:
    assert "no .env.example" in run("env", "check").stdout
    (project / ".env.example").write_text("SECRET_KEY=\nMAIL_SERVER=localhost\nTITLE=x\n")
    write(project, ENV.replace("mail.sentinel-2.test", "") + "MORE=1\n")
    result = run("env", "check", code=3)
    assert result.stderr.endswith("hint: give a value in .env to TITLE, MAIL_SERVER\n")
    assert result.stdout.splitlines() == [
        "  - TITLE (in .env.example, not here)",
        "  ~ MAIL_SERVER (has no value)",
        "  + MORE (not in .env.example)",
    ]
    (document,) = json.loads(run("env", "check", "shop", "--json", code=3).stdout)["targets"]
    assert document == {
        "target": "shop",
        "files": [".env"],
        "missing": ["TITLE"],
        "empty": ["MAIL_SERVER"],
        "unknown": ["MORE"],
    }
    write(project, ENV + "TITLE=y\n")
    assert run("env", "check").stdout == "shop: .env is complete\n"


def test_check_reads_strictly(run: Any, project: Path) -> None:
    write(project, "A B=kkkk-sentinel-1-kkkk-kkkk\n")
    assert ".env:1" in run("env", "check", code=2).stderr


def test_secret_is_written_and_never_shown(run: Any, project: Path) -> None:
    (project / ".env").unlink()
    result = run("env", "secret", "-n")
    assert not (project / ".env").exists()
    result = run("env", "secret")
    value = dotenv_values(project / ".env")["SECRET_KEY"]
    assert value and len(value) >= 48 and value not in result.output
    assert stat.S_IMODE((project / ".env").stat().st_mode) == 0o600
    run("env", "secret", code=2)
    assert dotenv_values(project / ".env")["SECRET_KEY"] == value
    run("env", "secret", "--yes")
    assert dotenv_values(project / ".env")["SECRET_KEY"] != value
    run("env", "secret", "OTHER_KEY")
    assert dotenv_values(project / ".env")["OTHER_KEY"]


def test_secret_wants_a_name(run: Any) -> None:
    run("env", "secret", "not-a-name", code=2)
