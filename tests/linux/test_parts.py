"""Parts of a push to a host: when the release command runs, what is uploaded, and what becomes of editable lines."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.bundles import app

from paasctl.bundle import build
from paasctl.errors import PaasctlError, UsageError
from paasctl.model import Dependencies
from paasctl.target import load

ROOM = load("linux").__module__.rpartition(".")[0]
plans, state, spec, upload, host, remarks = (
    import_module(f"{ROOM}.{name}") for name in ("plans", "state", "spec", "upload", "host", "remarks")
)


@pytest.mark.parametrize("changed", ["tree", "venv", "env", "release_command", ""])
def test_the_release_command_runs_when_code_lock_env_or_command_changed(changed: str) -> None:
    last = {"tree": "t1", "venv": "p1", "env": "e1", "release_command": "migrate"}
    wanted = {**last, "id": "v2", "runtime": True, "health": None}
    wanted |= {changed: "another"} if changed else {}
    planner = plans.Planner(None, "ann", Path(), "local", "host")
    steps = planner._try_out(wanted, state.HostState(released=last), True)
    assert any(step.title.startswith("run the release command") for step in steps) == bool(changed)


def test_a_file_that_changes_during_an_upload_is_named(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("x = 1\n")
    files = build(app(tmp_path), {}).files
    (tmp_path / "app.py").write_text("x = 2\n")  # of the same size
    with pytest.raises(PaasctlError, match=r"app\.py changed while it was being read"):
        list(upload.contents(files))


def test_the_status_of_a_command_that_a_signal_ended() -> None:
    assert [host.exit_status(code) for code in (0, 7, -2, -9)] == [0, 7, 130, 137]


def test_editable_folders_become_copies_and_the_plan_says_so() -> None:
    lines = "flask\n-e .\n-e ./libs/a[x] ; python_version > '3'\n-e git+https://example.com/b.git#egg=b\n"
    needs = Dependencies("requirements.txt", lines, "", local=True)
    wanted = SimpleNamespace(app=SimpleNamespace(dependencies=needs, python="3.12"), bundle=True)
    text = spec.requirement_lines(wanted)
    assert text == lines.replace("-e .", ".")
    (note,) = remarks.copied(wanted)
    assert note.startswith("requirements.txt: ., ./libs/a[x]")


@pytest.mark.parametrize(
    ("lines", "constraints"),
    [
        ("flask==3.1.0 --hash=sha256:aa\n", ""),
        ("--require-hashes\nflask==3.1.0\n", ""),
        ("flask\n", "flask==3.1.0 --hash=sha256:aa\n"),
    ],
)
def test_no_server_is_added_to_requirements_with_hashes(lines: str, constraints: str) -> None:
    needs = Dependencies("deps/prod.txt", lines, "", added=("gunicorn",), constraints=constraints)
    wanted = SimpleNamespace(app=SimpleNamespace(dependencies=needs, python="3.11"), bundle=True)
    with pytest.raises(UsageError, match=r"deps/prod.txt has hashes, so gunicorn cannot be added") as caught:
        spec.requirement_lines(wanted)
    assert "add gunicorn to deps/prod.txt" in caught.value.hint
    wanted.app.dependencies = replace(needs, added=())
    assert spec.requirement_lines(wanted) == lines, "setuptools would have no hash either"
