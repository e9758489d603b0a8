"""What is said when a virtual environment cannot be made, by why it cannot; its Python is not the one in use."""

from __future__ import annotations

from pathlib import Path

import pytest
from paasctl.procfiles.host.appside import AppSide
from paasctl.procfiles.host.deputy import Direct
from paasctl.procfiles.host.layout import Layout
from paasctl.procfiles.host.venv import Venvs
from paasctl.procfiles.host.wire import Failure

#: in place of uv: every command it was given is noted, and `uv venv` and `uv pip` end as the test says
UV = """#!/bin/sh
echo "$*" >> {folder}/asked
[ "$1" = venv ] && {{ cat {folder}/venv >&2; exit $(grep -c . {folder}/venv); }}
cat {folder}/pip >&2
exit $(grep -c . {folder}/pip)
"""
NO_PYTHON = "error: No interpreter found for Python 3.9 in managed installations or search path"
UNFETCHED = "error: Failed to download `https://mirror.example/cpython-3.9.tar.zst`\n  cause: tcp connect error"
SHIM = "error: Failed to inspect Python interpreter from first executable in the search path at `shims/python3.9`"
REFUSED = "error: Failed to create virtual environment\n  cause: Permission denied (os error 13)"
FULL = "error: Failed to create virtual environment\n  cause: No space left on device (os error 28)"
QUOTA = "error: failed to write to file `.gitignore`: Disk quota exceeded (os error 122)"
NO_INDEX = "error: Failed to fetch: `https://index.example/simple/flask/`\n  cause: error sending request for url"
NO_PACKAGE = "error: No solution found when resolving dependencies"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pyenv = tmp_path / "pyenv/versions/3.9.9/bin/python"
    pyenv.parent.mkdir(parents=True)
    pyenv.touch()
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    uv = tmp_path / "uv"
    uv.write_text(UV.format(folder=tmp_path))
    uv.chmod(0o755)
    return tmp_path


def failure(home: Path, venv: str = "", pip: str = "") -> Failure:
    """What making an environment fails with, when uv says this."""
    (home / "venv").write_text(venv)
    (home / "pip").write_text(pip)
    layout = Layout(str(home / "app"))
    layout.make()
    venvs = Venvs(layout, str(home / "uv"), Direct(AppSide(layout, print, lambda: False)))
    with pytest.raises(Failure) as caught:
        venvs.make("a1", "3.9", {"-r": "flask\n"}, str(home), False, print)
    assert not Path(venvs.path("a1")).exists()
    return caught.value


@pytest.mark.parametrize("words", [NO_PYTHON, UNFETCHED, SHIM])
def test_a_python_that_is_not_there_is_looked_for_in_pyenv_and_is_the_users_to_name(home: Path, words: str) -> None:
    found = failure(home, venv=words)
    assert found.message == "Python 3.9 is not on this machine and could not be fetched; nothing was changed"
    assert found.kind == "usage"
    asked = (home / "asked").read_text().splitlines()
    assert [("pyenv" in line) for line in asked] == [False, True]


@pytest.mark.parametrize(
    ("words", "said"),
    [(FULL, "the disk is full"), (QUOTA, "the disk is full"), (REFUSED, "the virtual environment could not be made")],
)
def test_what_the_machine_refuses_is_not_a_python_that_is_missing(home: Path, words: str, said: str) -> None:
    found = failure(home, venv=words)
    assert found.message == said + "; nothing was changed"
    assert found.kind != "usage"
    assert found.output == words
    assert len((home / "asked").read_text().splitlines()) == 1, "not tried again with another Python"


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (NO_INDEX, "the package index cannot be reached", "network"),
        (NO_PACKAGE, "the app's requirements could not be installed", "dependency file"),
        (FULL, "the disk is full", "room"),
    ],
)
def test_requirements_that_cannot_be_installed(home: Path, words: str, said: str, hint: str) -> None:
    found = failure(home, pip=words)
    assert found.message == said + "; nothing was changed"
    assert hint in found.hint
