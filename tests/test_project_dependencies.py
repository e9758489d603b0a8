"""Which file decides, and what comes out of lock files; compared with what their own tools export."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from support.trees import Files, tree

from paasctl.errors import UsageError
from paasctl.model import Dependencies
from paasctl.project.dependencies import dependencies, read_needs
from paasctl.project.poetry import poetry_lines, specifier

PROJECTS = Path(__file__).parent / "projects"


def read(root: Path, servers: Iterable[str] = (), configured: tuple[str, str] | None = None) -> Dependencies:
    pyproject = root / "pyproject.toml"
    data = tomllib.loads(pyproject.read_text()) if pyproject.is_file() else {}
    return dependencies(read_needs(root, configured, data), tuple(servers))


PYPROJECT = '[project]\nname = "x"\ndependencies = ["flask"]\n'
PIPFILE = '{"_meta": {"sources": []}, "default": {"flask": {"version": "==3.0"}}}'


@pytest.mark.parametrize(
    ("files", "file", "others"),
    [
        ({"requirements.txt": "flask", "Pipfile.lock": PIPFILE, "pyproject.toml": PYPROJECT},
         "requirements.txt", ("Pipfile.lock", "pyproject.toml")),
        ({"Pipfile.lock": PIPFILE, "pyproject.toml": PYPROJECT}, "Pipfile.lock", ("pyproject.toml",)),
        ({"poetry.lock": "", "pyproject.toml": "[tool.poetry]"}, "poetry.lock", ()),
        ({"pyproject.toml": PYPROJECT}, "pyproject.toml", ()),
        ({"pyproject.toml": "[tool.ruff]"}, None, ()),
        ({"requirements.txt": "flask", "pyproject.toml": "[tool.ruff]"}, "requirements.txt", ()),
        ({}, None, ()),
    ],
)  # fmt: skip
def test_the_first_file_decides_and_the_others_are_named(
    tmp_path: Path, files: Files, file: str | None, others: tuple[str, ...]
) -> None:
    found = read(tree(tmp_path, files))
    assert (found.file, found.others) == (file, others)


def test_the_configuration_decides_before_all(tmp_path: Path) -> None:
    tree(tmp_path, {"requirements.txt": "flask", "requirements/prod.txt": "-r base.txt", "requirements/base.txt": "a"})
    found = read(tmp_path, configured=("requirements/prod.txt", "paasctl.toml:2"))
    assert (found.file, found.requirements, found.others) == ("requirements/prod.txt", "a\n", ())


@pytest.mark.parametrize(
    ("files", "configured", "message"),
    [
        ({}, "x.txt", "paasctl.toml:2: there is no file x.txt"),
        ({}, "../x.txt", "paasctl.toml:2: dependencies is not a file inside the app's folder"),
        ({"Pipfile": ""}, None, "Pipfile has no Pipfile.lock beside it"),
        ({"pyproject.toml": "[tool.poetry.dependencies]\nflask = '*'"}, None, "pyproject.toml is Poetry's and has no"),
        ({"pyproject.toml": "[project]\ndynamic = ['dependencies']"}, None, "pyproject.toml: the dependencies are dyn"),
        ({"pyproject.toml": "[project]\ndependencies = 'flask'"}, None, "pyproject.toml: dependencies is not an array"),
        ({"pyproject.toml": "[project]\ndependencies = ['a b']"}, None, "pyproject.toml (dependencies): this is not a"),
        ({"Pipfile.lock": "{"}, None, "Pipfile.lock:1: not valid JSON"),
        ({"Pipfile.lock": "[]"}, None, "Pipfile.lock is not a lock file of pipenv"),
        ({"Pipfile.lock": "{}"}, None, "Pipfile.lock is not a lock file of pipenv"),
        ({"poetry.lock": "[[package]\n", "pyproject.toml": ""}, None, "poetry.lock:1: not valid TOML"),
        ({"poetry.lock": "[[package]]\n", "pyproject.toml": ""}, None, "poetry.lock is not a lock file of Poetry"),
        ({"poetry.lock": "", "pyproject.toml": PYPROJECT}, None, "poetry.lock does not hold flask, which is needed"),
        ({"uv.lock": "version = 1", "pyproject.toml": PYPROJECT}, None, "uv.lock could not be read by uv"),
        ({"uv.lock": "<<<<<<< HEAD", "pyproject.toml": PYPROJECT}, None, "uv.lock could not be read by uv"),
    ],
)
def test_a_broken_file_gives_one_sentence(tmp_path: Path, files: Files, configured: str | None, message: str) -> None:
    tree(tmp_path, files)
    with pytest.raises(UsageError) as caught:
        read(tmp_path, configured=(configured, "paasctl.toml:2") if configured else None)
    assert caught.value.message.startswith(message)
    assert caught.value.hint


def test_a_missing_server_is_added(tmp_path: Path) -> None:
    tree(tmp_path, {"requirements.txt": "Flask\nGunicorn>=20"})
    assert read(tmp_path, ["gunicorn"]).added == ()
    assert read(tmp_path, ["gunicorn", "uvicorn"]).added == ("uvicorn",)


def test_the_digest_is_of_the_set_and_not_of_the_text(tmp_path: Path) -> None:
    def digest(files: Files, *servers: str) -> str:
        return read(tree(tmp_path, files), servers).digest

    plain = digest({"requirements.txt": "Flask>=3\n"})
    assert digest({"requirements.txt": "# a comment\nflask >= 3  # another\n"}) == plain
    assert digest({"requirements.txt": "-r a.txt", "a.txt": "flask>=3"}) == plain
    others = {
        digest({"requirements.txt": "flask>=3"}, "gunicorn"),
        digest({"requirements.txt": "flask>=3\ngunicorn"}),
        digest({"requirements.txt": "-c c.txt\nflask>=3", "c.txt": "gunicorn"}),
        digest({"requirements.txt": "flask>=3.1"}),
        plain,
    }
    assert len(others) == 5


def environments() -> Iterable[dict[str, str]]:
    platforms = [("linux", "posix", "Linux"), ("win32", "nt", "Windows"), ("darwin", "posix", "Darwin")]
    for minor, (name, os_name, system) in product(range(9, 15), platforms):
        yield {
            **{key: str(value) for key, value in default_environment().items()},
            "python_version": f"3.{minor}", "python_full_version": f"3.{minor}.2",
            "sys_platform": name, "os_name": os_name, "platform_system": system,
        }  # fmt: skip


def installed(lines: Iterable[str], environment: dict[str, str]) -> set[tuple[str, str]]:
    parsed = (Requirement(line) for line in lines)
    return {
        (canonicalize_name(each.name), str(each.specifier))
        for each in parsed
        if each.marker is None or each.marker.evaluate(environment)
    }


@pytest.mark.parametrize("project", ["poetry-1-with-extras-and-markers", "poetry-2-with-extras-and-markers"])
def test_a_poetry_lock_installs_what_poetry_exports(project: str) -> None:
    """``poetry-export.txt`` is what poetry-plugin-export made of the same files."""
    exported = (PROJECTS / project / "poetry-export.txt").read_text().splitlines()
    ours = read(PROJECTS / project).requirements.splitlines()
    for environment in environments():
        assert installed(ours, environment) == installed(exported, environment)


def test_the_dev_group_and_optional_packages_stay_out() -> None:
    ours = read(PROJECTS / "poetry-1-with-extras-and-markers").requirements
    assert "pytest" not in ours and "gevent" not in ours and "argon2-cffi" in ours


def poetry(packages: list[dict[str, Any]], *needs: str) -> list[str]:
    return [line.text for line in poetry_lines({"package": packages}, {"project": {"dependencies": list(needs)}})]


def test_poetrys_other_sources_are_kept() -> None:
    git = {"type": "git", "url": "https://example.com/a.git", "reference": "main", "resolved_reference": "abc"}
    packages = [
        {"name": "a", "version": "1", "source": {**git, "subdirectory": "sub"}},
        {"name": "b", "version": "1", "source": {"type": "url", "url": "https://example.com/b.zip"}},
        {"name": "c", "version": "1", "source": {"type": "directory", "url": "lib/c"}},
        {"name": "d", "version": "1", "source": {"type": "legacy", "url": "https://packages.example.com/simple"}},
    ]
    assert poetry(packages, "a", "b", "c", "d") == [
        "--extra-index-url https://packages.example.com/simple",
        "a @ git+https://example.com/a.git@abc#subdirectory=sub",
        "b @ https://example.com/b.zip",
        "./lib/c",
        "d==1",
    ]


def test_two_ways_to_a_package_join_their_conditions() -> None:
    packages = [
        {"name": "a", "version": "1", "dependencies": {"z": {"version": "*", "markers": "os_name == 'nt'"}}},
        {"name": "b", "version": "1", "dependencies": {"z": {"version": "*", "markers": "python_version < '3.9'"}}},
        {"name": "z", "version": "2", "dependencies": {"a": "*"}},
    ]
    z = poetry(packages, "a", "b")[-1]
    assert z == 'z==2 ; os_name == "nt" or python_version < "3.9"'
    assert poetry(packages, "a", "b", "z")[-1] == "z==2"


def click(*versions: str) -> list[dict[str, Any]]:
    return [{"name": "click", "version": version, "python-versions": ">=3.7"} for version in versions]


def table(packages: list[dict[str, Any]], **needs: Any) -> list[str]:
    """What is installed of a lock file for the needs that ``[tool.poetry.dependencies]`` lists."""
    pyproject = {"tool": {"poetry": {"dependencies": {"python": ">=3.8", **needs}}}}
    return [line.text for line in poetry_lines({"package": packages}, pyproject)]


def on(lines: list[str], python: str) -> set[str]:
    here = {**default_environment(), "python_version": python, "python_full_version": f"{python}.1"}
    return {version for _, version in installed(lines, {key: str(value) for key, value in here.items()})}


@pytest.mark.parametrize(
    ("old", "new"),
    [("8.1.7", "8.1.8"), ("<8.1.8", ">=8.1.8"), ("<8.0 || 8.1.7", ">8.1.7,<9"), (">=8.0 <8.1.8", "^8.1.8")],
)
def test_each_locked_version_has_the_conditions_of_those_who_want_it(old: str, new: str) -> None:
    wanted = [{"version": old, "python": "<3.10"}, {"version": new, "python": ">=3.10"}]
    through = [{"name": "a", "version": "1", "dependencies": {"click": wanted}}]
    packages = click("8.1.7", "8.1.8")
    for lines in (table(packages, click=wanted), table([*packages, *through], a="*")):
        assert on(lines, "3.9") - {"==1"} == {"==8.1.7"}
        assert on(lines, "3.10") - {"==1"} == {"==8.1.8"}


def test_who_takes_any_version_gets_the_one_that_another_wants() -> None:
    """A project names two versions, with what each needs, and Flask takes both."""
    wanted = [{"version": "8.1.7", "python": "<3.10"}, {"version": "8.1.8", "python": ">=3.10"}]
    old, new = click("8.1.7", "8.1.8")
    old |= {"dependencies": {"z": "1"}}
    new |= {"dependencies": {"z": "2"}}
    others = [
        {"name": "flask", "version": "3", "dependencies": {"click": ">=8"}},
        {"name": "z", "version": "1"},
        {"name": "z", "version": "2"},
    ]
    for lines in (
        table([old, new, *others], click=wanted, flask="*"),
        table([old, new, *others], flask="*", click=wanted),
    ):
        assert on(lines, "3.9") == {"==3", "==8.1.7", "==1"}
        assert on(lines, "3.10") == {"==3", "==8.1.8", "==2"}


def test_a_version_that_only_the_dev_group_wants_stays_out() -> None:
    assert poetry(click("7.0", "8.1.8"), "click>=8") == ['click==8.1.8 ; python_version >= "3.7"']


def test_a_constraint_that_fits_no_locked_version_tells_none_apart() -> None:
    assert len(poetry(click("8.1.7", "8.1.8"), "click>=9")) == 2


@pytest.mark.parametrize(
    ("python", "pythons"),
    [
        (">=3.8,<3.9 || >=3.10", ["3.8", "3.10", "3.11"]),
        ("~3.8 | ^3.11", ["3.8", "3.11"]),
        (">=3.8 <3.10", ["3.8", "3.9"]),
        ("<3.9 || *", ["3.8", "3.9", "3.10", "3.11"]),
    ],
)
def test_the_pythons_of_a_need(python: str, pythons: list[str]) -> None:
    lines = table(click("8.1.8"), click={"version": "*", "python": python, "markers": "os_name != 'nt'"})
    assert [each for each in ("3.8", "3.9", "3.10", "3.11") if on(lines, each)] == pythons


@pytest.mark.parametrize("path", ["../lib", "/home/me/lib"])
def test_a_locked_path_outside_the_app_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match=r"poetry.lock: the path is not inside the app's folder"):
        poetry([{"name": "a", "version": "1", "source": {"type": "directory", "url": path}}], "a")


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        ("^3.8", ">=3.8,<4"), ("^0.2.3", ">=0.2.3,<0.3"), ("^0.0.3", ">=0.0.3,<0.0.4"), ("~3.8", ">=3.8,<3.9"),
        ("~3", ">=3,<4"), ("~1.2.3", ">=1.2.3,<1.3"), (">=3.8,<3.13", ">=3.8,<3.13"), ("3.11", "==3.11"), ("*", ""),
        (">=3.8 <4.0", ">=3.8,<4.0"), (">= 3.8, < 4", ">= 3.8,< 4"), ("~2.7 || ^3.6", ">=3.6,<4"), ("", ""),
    ],
)  # fmt: skip
def test_poetrys_constraints_become_specifiers(constraint: str, expected: str) -> None:
    assert specifier(constraint) == expected


def test_a_uv_lock_is_exported_without_network() -> None:
    found = read(PROJECTS / "uv-lock-with-a-local-package")
    lines = found.requirements.splitlines()
    assert "./lib/thing" in lines and found.local
    assert "flask==3.1.3" in lines
    assert 'tomli==2.5.0 ; python_full_version < "3.11"' in lines
    assert not any(line.startswith("ruff") for line in lines)


def test_the_indexes_of_uv_are_kept(tmp_path: Path) -> None:
    pyproject = """
    [project]
    name = "x"
    version = "0"
    requires-python = ">=3.9"
    [[tool.uv.index]]
    url = "https://packages.example.com/simple"
    default = true
    """
    lock = (
        'version = 1\nrequires-python = ">=3.9"\n[[package]]\nname = "x"\nversion = "0"\nsource = { virtual = "." }\n'
    )
    found = read(tree(tmp_path, {"pyproject.toml": pyproject, "uv.lock": lock}))
    assert found.requirements == "--index-url https://packages.example.com/simple\n"


def test_a_pipfile_lock_gives_its_default_section() -> None:
    found = read(PROJECTS / "pipenv-with-markers").requirements.splitlines()
    assert any(line.startswith("celery[redis]==") for line in found)
    assert 'waitress ; sys_platform == "win32"' in found
    assert not any(line.startswith(("ruff", "--index-url")) for line in found)


def test_pipenvs_other_sources_are_kept(tmp_path: Path) -> None:
    lock = {
        "_meta": {"sources": [{"name": "ours", "url": "https://${USER}:${PASS}@packages.example.com/simple"}]},
        "default": {
            "a": {"git": "https://example.com/a.git", "ref": "abc"},
            "b": {"path": "./lib/b", "editable": True},
            "c": {"file": "https://example.com/c.zip"},
            "d": {"version": "*"},
        },
    }
    assert read(tree(tmp_path, {"Pipfile.lock": json.dumps(lock)})).requirements.splitlines() == [
        "--index-url https://${USER}:${PASS}@packages.example.com/simple",
        "a @ git+https://example.com/a.git@abc",
        "-e ./lib/b",
        "c @ https://example.com/c.zip",
        "d",
    ]


def test_a_credential_in_a_lock_file_is_refused(tmp_path: Path) -> None:
    lock = {"_meta": {"sources": [{"name": "x", "url": "https://u:sentinel-4@example.com/"}]}, "default": {}}
    with pytest.raises(UsageError, match=r"Pipfile.lock: a URL holds a user name, password or token") as caught:
        read(tree(tmp_path, {"Pipfile.lock": json.dumps(lock)}))
    assert "sentinel" not in caught.value.message + caught.value.hint
