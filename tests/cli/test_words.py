"""Usage errors, help without a command, and the options that work everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from paasctl.cli import cli, failures


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["push", "--froce"], "'--force'"),
        (["pusj"], "Did you mean push?"),
        (["env", "pul"], "Did you mean pull?"),
        (["logs", "-n", "x"], "invalid value for '-n'"),
        (["rollback", "shop", "r1", "more"], "unexpected extra argument"),
        (["rollback", "v3"], "`paasctl rollback shop v3`"),
        (["push", "nowhere"], "no target named 'nowhere'"),
        (["-C", "/nowhere/at/all", "push"], "does not exist"),
    ],
)
def test_a_wrong_command_line_is_exit_2_with_a_hint(run: Any, words: list[str], said: str) -> None:
    result = run(*words, code=2)
    assert result.stderr.startswith("error: ") and "\nhint: " in result.stderr
    assert said in result.stderr and result.stdout == ""


@pytest.mark.parametrize("words", [[], ["env"]])
def test_without_a_command_the_help_is_shown(words: list[str]) -> None:
    shown, asked = CliRunner().invoke(cli, words), CliRunner().invoke(cli, [*words, "--help"])
    assert (shown.exit_code, shown.stdout) == (0, asked.stdout)


def test_verbose_works_before_and_behind_the_command(run: Any) -> None:
    plain = run("push", "-n").stdout
    assert "python: runtime.txt" not in plain
    for words in (["-v", "push", "-n"], ["push", "-n", "-v"], ["push", "-nv"]):
        assert "python: runtime.txt" in run(*words).stdout


def test_tracebacks_need_vv_and_show_no_value(run: Any, world: Any) -> None:
    world["shop"].fails["observe"] = RuntimeError("cannot use kkkk-sentinel-1-kkkk-kkkk")
    for words in (["status"], ["-v", "status"]):
        assert "Traceback" not in run(*words, code=1).stderr
    for words in (["-vv", "push", "-n"], ["push", "-n", "-vv"]):
        shown = run(*words, code=1).stderr
        assert "Traceback" in shown and "RuntimeError: cannot use ********" in shown


def test_a_failure_before_env_is_read_shows_no_value_either(run: Any, project: Path, world: Any) -> None:
    (project / "paasctl.toml").write_text('[targets.shop]\nadapter = "fake"\n')
    (project / ".env").write_text("export KEY = 'kkkk-sentinel-1-kkkk-kkkk' # mine\nfree-sentinel-3-text\n")
    world["shop"].fails["logs"] = ValueError("kkkk-sentinel-1-kkkk-kkkk and free-sentinel-3-text")
    assert "ValueError: ******** and ********" in run("-vv", "logs", code=1).stderr


def test_the_name_of_the_apps_file_is_not_masked_in_a_failure(tmp_path: Path) -> None:
    from paasctl.redact import Redactor, values_in

    (tmp_path / ".flaskenv").write_text("FLASK_APP=wsgi.py\nexport DJANGO_SETTINGS_MODULE=site_x.settings\n")
    (tmp_path / ".env").write_text("FLASK_APP_KEY=hidden-value\n")
    redactor = Redactor()
    redactor.learn(values_in(tmp_path))
    assert redactor.clean("site_x/settings.py: wsgi.py, line 5; hidden-value") == (
        "site_x/settings.py: wsgi.py, line 5; ********"
    )


@pytest.mark.parametrize(
    ("codes", "worst"),
    [([], 0), ([0, 3], 3), ([3, 4], 4), ([4, 2], 2), ([2, 1], 1), ([1, 5], 5), ([5, 130], 130), ([1, 3], 1)],
)
def test_the_worst_exit_code(codes: list[int], worst: int) -> None:
    assert failures.worst(codes) == worst


def test_one_thing_is_not_several(run: Any) -> None:
    run("push", "-y")
    assert "python with 1 argument\n" in run("run", "shop", "-n", "--", "python", "x.py").stdout
    assert "python with 0 arguments\n" in run("run", "shop", "-n", "--", "python").stdout


def test_an_env_file_that_is_missing_is_named_with_the_line_that_names_it(run: Any, project: Path) -> None:
    (project / "paasctl.toml").write_text('[targets.shop]\nadapter = "fake"\nenv = [".env", "prod.env"]\n')
    for words in (["push", "-n"], ["env", "check"]):
        assert "error: paasctl.toml:3: the env file prod.env is not there\nhint: write" in run(*words, code=2).stderr
