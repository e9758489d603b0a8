"""Which Python an app runs on."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from support.trees import Files, tree

from paasctl.errors import UsageError
from paasctl.project import python_version as module
from paasctl.project.python_version import PythonVersion, parse, python_version


def version(root: Path, files: Files, configured: tuple[str, str] | None = None) -> PythonVersion:
    tree(root, files)
    pyproject = files.get("pyproject.toml", "")
    return python_version(root, configured, tomllib.loads(str(pyproject)))


@pytest.fixture(autouse=True)
def runs_on_311(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.sys, "version_info", (3, 11, 7, "final", 0))


@pytest.mark.parametrize(
    ("files", "expected", "origin"),
    [
        ({".python-version": "3.12.1\n"}, "3.12", ".python-version"),
        ({".python-version": "# pinned\n\n3.9  # old\n3.12\n"}, "3.9", ".python-version"),
        ({".python-version": "cpython-3.13\n"}, "3.13", ".python-version"),
        ({".python-version": "system\n", "runtime.txt": "python-3.10.2\n"}, "3.10", "runtime.txt"),
        ({".python-version": "\n"}, "3.11", "the Python that runs paasctl; no file says one"),
        ({"runtime.txt": "python-3.11.9"}, "3.11", "runtime.txt"),
        ({"runtime.txt": "\ufeffpython-3.12\r\n"}, "3.12", "runtime.txt"),
        ({".python-version": "3.12", "runtime.txt": "python-3.9.1"}, "3.12", ".python-version"),
        ({}, "3.11", "the Python that runs paasctl; no file says one"),
    ],
)
def test_the_first_file_that_says_a_version_decides(tmp_path: Path, files: Files, expected: str, origin: str) -> None:
    found = version(tmp_path, files)
    assert (found.version, found.origin) == (expected, origin)


@pytest.mark.parametrize(
    ("requires", "expected"),
    [
        (">=3.8", "3.11"),
        (">=3.12", "3.14"),
        (">=3.12,<3.14", "3.13"),
        ("<3.11", "3.10"),
        (">=3.11.4", "3.11"),
        ("==3.9.*", "3.9"),
        ("~=3.10.2", "3.10"),
        ("!=3.11.*,>=3.10", "3.14"),
        ("", "3.11"),
    ],
)
def test_requires_python_allows_a_range(tmp_path: Path, requires: str, expected: str) -> None:
    assert version(tmp_path, {"pyproject.toml": f'[project]\nrequires-python = "{requires}"'}).version == expected


def test_poetrys_own_key_counts_as_requires_python(tmp_path: Path) -> None:
    assert version(tmp_path, {"pyproject.toml": '[tool.poetry.dependencies]\npython = "~3.9"'}).version == "3.9"


def test_the_configuration_decides_before_all_and_the_plan_says_so(tmp_path: Path) -> None:
    found = version(tmp_path, {".python-version": "3.9", "runtime.txt": "python-3.12"}, ("3.12.4", "paasctl.toml:3"))
    assert found == PythonVersion(
        "3.12", "paasctl.toml:3", (".python-version says Python 3.9; 3.12 is used, from paasctl.toml:3",)
    )


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        ({".python-version": "myproject-venv"}, ".python-version:1: this is not a Python version"),
        ({".python-version": "3.12-dev"}, ".python-version:1: this is not a Python version"),
        ({".python-version": "pypy3.9"}, ".python-version:1: pypy is not supported; apps run on CPython"),
        ({"runtime.txt": "python-2.7.18"}, "runtime.txt:1: Python 2.7 is too old; 3.8 is the oldest"),
        (
            {"pyproject.toml": '[project]\nrequires-python = "three"'},
            "pyproject.toml: requires-python is not a version specifier",
        ),
        (
            {"pyproject.toml": '[project]\nrequires-python = ">=4"'},
            "pyproject.toml: requires-python allows no Python from 3.8 to 3.14",
        ),
    ],
)
def test_what_a_later_file_says_wrongly_is_no_error_but_a_note(tmp_path: Path, files: Files, fault: str) -> None:
    found = version(tmp_path, files, ("3.12", "paasctl.toml:3"))
    assert found == PythonVersion("3.12", "paasctl.toml:3", (f"{fault}; 3.12 is used, from paasctl.toml:3",))


def test_a_wrong_first_file_is_an_error_whatever_the_later_ones_say(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.python-version:1: this is not a Python version"):
        version(tmp_path, {".python-version": "myproject-venv", "runtime.txt": "python-3.12"})


def test_a_range_that_does_not_allow_what_is_used_is_said(tmp_path: Path) -> None:
    files = {".python-version": "3.11", "pyproject.toml": '[project]\nrequires-python = ">=3.12,<3.13"'}
    (note,) = version(tmp_path, files).notes
    assert note == (
        "pyproject.toml (requires-python) does not allow Python 3.11; it is used all the same, from .python-version"
    )
    files["pyproject.toml"] = '[project]\nrequires-python = ">=3.10"'
    assert version(tmp_path, files).notes == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pypy3.9-7.3.11", "runtime.txt:1: pypy is not supported; apps run on CPython"),
        ("miniconda3-4.7.12", "runtime.txt:1: miniconda is not supported"),
        ("python-2.7.18", "runtime.txt:1: Python 2.7 is too old; 3.8 is the oldest"),
        ("3.7", "runtime.txt:1: Python 3.7 is too old"),
        ("4.0", "runtime.txt:1: Python 4.0 is not a version that paasctl knows"),
        ("3.99", "runtime.txt:1: there is no Python 3.99 that paasctl knows"),
        ("3", "runtime.txt:1: this is not a Python version"),
        ("my-virtualenv", "runtime.txt:1: this is not a Python version"),
        ("3.13t", "runtime.txt:1: this is not a Python version"),
    ],
)
def test_what_is_no_usable_version_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        version(tmp_path, {"runtime.txt": text})
    assert caught.value.message.startswith(message)
    assert 'python = "3.11"' in caught.value.hint


@pytest.mark.parametrize(
    ("requires", "message"),
    [
        ("three", "pyproject.toml: requires-python is not a version specifier"),
        ("<3.8", "pyproject.toml: requires-python allows no Python from 3.8 to 3.14"),
    ],
)
def test_a_useless_requires_python_is_refused(tmp_path: Path, requires: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        version(tmp_path, {"pyproject.toml": f'[project]\nrequires-python = "{requires}"'})
    assert caught.value.message == message


def test_the_patch_level_is_ignored() -> None:
    assert {parse(text, "x") for text in ("3.11", "3.11.7", "python-3.11.9", "3.11.0rc1", " 3.11\n")} == {"3.11"}
