"""What is installed from the wheel works, from any folder, and `--help` starts without the heavy modules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import uv
from support import processes
from support.cli import Home
from support.projects import Project
from support.pythons import pythons
from support.web import fetch

ROOT = Path(__file__).resolve().parent.parent.parent
HEAVY = ("requests", "heroku3", "rich", "supervisor", "uv", "paasctl.targets")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["push", "--help"]], ids=" ".join)
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    script = (
        "import runpy, sys\n"
        f"sys.argv = ['paasctl', *{words!r}]\n"
        "try:\n    runpy.run_module('paasctl', run_name='__main__', alter_sys=True)\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "print('\\nMODULES', *sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd="/")
    assert done.returncode == 0, done.stderr
    modules = done.stdout.rpartition("MODULES")[2].split()
    assert "paasctl.cli" in modules
    assert not [name for name in modules if any(name == one or name.startswith(one + ".") for one in HEAVY)]


def test_no_garbage_is_looked_for_among_what_was_imported() -> None:
    """It took a third of the time of a short command; see bench/heroku_env_diff.py."""
    script = (
        "import atexit, gc, sys\n"
        "from paasctl.cli import main\n"
        "atexit.register(lambda: print(gc.get_threshold()[0] > 10_000, gc.get_freeze_count() > 10_000))\n"
        "sys.argv = ['paasctl', '--version']\nmain()"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd="/", check=True).stdout
    assert said.endswith("True True\n")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", "tests", ".*_cache")
    shutil.copytree(ROOT, source, ignore=ignored)
    (source / "README.md").touch()
    run(uv.find_uv_bin(), "build", "-q", "--wheel", "-o", folder, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an empty virtual environment with the wheel in it."""
    return install(wheel, sys.executable, tmp_path_factory.mktemp("installed") / "venv")


def install(wheel: Path, base: str, venv: Path) -> Path:
    """Make a virtual environment with the wheel in it; its Python."""
    run(uv.find_uv_bin(), "venv", "-q", "--python", base, venv)
    python = venv / "bin" / "python"
    run(uv.find_uv_bin(), "pip", "install", "-q", "--python", python, wheel)
    return python


def run(*words: str | Path, cwd: Path | None = None) -> str:
    environ = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, cwd=cwd, env=environ)
    assert done.returncode == 0, f"{words}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.e2e
def test_the_wheel_works_beside_folders_of_the_same_names(installed: Path, tmp_path: Path) -> None:
    for name in ("targets", "procfiles", "tests"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise ImportError('this is the project of a user')\n")
    (tmp_path / "wsgi.py").write_text("def application(environ, start_response): ...\n")
    said = run(installed.parent / "paasctl", "targets", cwd=tmp_path)
    assert {"local", "heroku", "pythonanywhere"} <= set(said.split())
    assert "paasctl" in run(installed, "-m", "paasctl", "--version", cwd=tmp_path)


@pytest.mark.e2e
def test_every_adapter_of_the_wheel_can_be_imported(installed: Path, tmp_path: Path) -> None:
    script = "from paasctl.target import installed, load\nfor name in installed(): load(name); print(name)\n"
    script += "import heroku3.api; from heroku3.models.app import App"  # as the adapter does before its first write
    assert {"local", "heroku", "pythonanywhere"} <= set(run(installed, "-c", script, cwd=tmp_path).split())


@pytest.mark.e2e
def test_the_wheel_holds_one_top_level_name_and_every_module(installed: Path, tmp_path: Path) -> None:
    script = "import importlib.metadata as m\nfor f in m.files('paasctl'): print(f)"
    files = run(installed, "-I", "-c", script, cwd=tmp_path).split()
    tops = {name.split("/")[0] for name in files if ".dist-info/" not in name and not name.startswith("..")}
    assert tops == {"paasctl"}
    for package in ("paasctl", "targets", "procfiles"):
        inside = "paasctl" if package == "paasctl" else f"paasctl/{package}"
        ours = {path.relative_to(ROOT / package) for path in (ROOT / package).rglob("*") if path.is_file()}
        ours = {path for path in ours if "__pycache__" not in path.parts}
        assert not (missing := {f"{inside}/{path}" for path in ours} - set(files)), missing


@pytest.mark.e2e
def test_the_wheel_pushes(installed: Path, tmp_path: Path) -> None:
    """The installed program, not the checkout, serves an app."""
    pushes(installed, tmp_path)


@pytest.mark.e2e
@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_under_every_python_that_it_is_for(wheel: Path, version: str, tmp_path: Path) -> None:
    if version not in pythons():
        pytest.skip(f"paasctl is NOT TESTED under Python {version}: it is not on this machine")
    python = install(wheel, pythons()[version], tmp_path / "venv")
    assert "Usage: paasctl" in run(python.parent / "paasctl", "--help", cwd=tmp_path)
    assert {"local", "heroku", "linux", "pythonanywhere"} <= set(run(python.parent / "paasctl", "targets").split())
    pushes(python, tmp_path)


def pushes(python: Path, folder: Path) -> None:
    """Push an app to this machine with the paasctl beside ``python``, see that it serves, and take it down."""
    home, project = Home(folder / "h"), Project.copy("plain_wsgi", folder / "h" / "app")
    paasctl = [str(python.parent / "paasctl"), "-C", str(project.root)]
    try:
        done = subprocess.run([*paasctl, "push", "local", "-y"], env=home.environ(), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert fetch(done.stdout.split()[-1]).status == 200
        subprocess.run([*paasctl, "down", "local", "--purge", "-y"], env=home.environ(), check=True)
    finally:
        assert not processes.sweep(home.root)


@pytest.mark.e2e
def test_setup_mends_a_virtual_environment_that_was_interrupted(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "setup", tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "house"\nversion = "1"\n[tool.setuptools]\npy-modules = []\n'
    )
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / ".venv")
    run("sh", tmp_path / "scripts" / "setup")
    assert "house" in run(tmp_path / ".venv/bin/python", "-m", "pip", "list")
