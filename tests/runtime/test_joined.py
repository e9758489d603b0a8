"""The one file that is shipped: joined from its parts, whole, and fit for every Python that it is meant for."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest
import runtime_lab
from support.pythons import VERSIONS, pythons

from paasctl.overlay import PARTS, runtime_source

SOURCES = {name: (files("paasctl.procfiles.runtime") / f"{name}.py").read_text() for name in PARTS}


def defined(source: str) -> list[str]:
    """The names that the top level of a part binds by def, class or assignment."""
    names = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.append(node.target.id)
    return names


def test_every_part_is_shipped() -> None:
    there = {path.name for path in files("paasctl.procfiles.runtime").iterdir() if path.name.endswith(".py")}
    assert there == {f"{name}.py" for name in PARTS} | {"__init__.py"}


def test_no_two_parts_define_the_same_name() -> None:
    counted = Counter(name for source in SOURCES.values() for name in defined(source) if name != "TYPE_CHECKING")
    assert [name for name, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("part", PARTS)
def test_a_part_uses_only_parts_before_it(part: str) -> None:
    before = PARTS[: PARTS.index(part)]
    for node in ast.walk(ast.parse(SOURCES[part])):
        if isinstance(node, ast.ImportFrom) and node.level:
            assert node.module in before
            assert {alias.name for alias in node.names} <= set(defined(SOURCES[node.module]))
            assert node.col_offset == 0, "an import inside a function would stay in the joined file"


def test_joined_file_has_everything_and_no_import_of_a_part() -> None:
    tree = ast.parse(runtime_source())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level]
    assert set(defined(runtime_source().decode())) >= {name for part in SOURCES.values() for name in defined(part)}


def test_joining_gives_the_same_bytes_again() -> None:
    code = "import sys; from paasctl.overlay import runtime_source; sys.stdout.buffer.write(runtime_source())"
    again = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert again == runtime_source()


def test_it_runs_under_every_python_there_is(every_python: str, tmp_path: Path) -> None:
    bench = runtime_lab.Bench(tmp_path, every_python)
    bench.write(app="import logging; logging.getLogger('a').info('seen'); print(__name__)")
    done = bench.run("python", "app.py", PAASCTL_LOG="stdout", PAASCTL_POOL_RECYCLE="280")
    assert (done.returncode, done.stdout, done.stderr) == (0, "INFO [a] seen\n__main__\n", "")


def test_starting_imports_only_what_it_needs() -> None:
    """Reaching for one of these at the top would cost every process of every app."""
    heavy = {
        "asyncio",
        "email",
        "importlib.metadata",
        "inspect",
        "json",
        "pkgutil",
        "shutil",
        "socket",
        "smtplib",
        "ssl",
        "typing",
        "urllib.request",
    }
    code = f"""import sys; sys.argv = ["-c"]; exec(compile(sys.stdin.read(), "r", "exec"), {{"__name__": "r"}})
print(sorted({heavy!r} & set(sys.modules)))"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], input=runtime_source().decode(), capture_output=True, text=True
    )
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.e2e
def test_the_output_of_all_tests_lists_the_pythons_that_ran() -> None:
    """In the form of scripts/test: by processes of their own, for the whole folder."""
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "1", "tests"]
    one = "test_it_runs_under_every_python_there_is"
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run([*argv, "-k", one], cwd=Path(__file__).parents[2], env=env, capture_output=True, text=True)
    assert f"the runtime ran under Python {', '.join(pythons())}\n" in done.stdout, done.stdout
    for version in set(VERSIONS) - set(pythons()):
        assert f"NOT TESTED under Python {version}" in done.stdout
