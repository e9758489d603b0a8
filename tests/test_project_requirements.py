"""requirements.txt, line by line: what is kept, what is resolved, what a target could not install."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.trees import Files, tree

from paasctl.errors import UsageError
from paasctl.project.dependencies import dependencies, read_needs
from paasctl.project.requirement_lines import requirement
from paasctl.project.requirements_txt import read_requirements


def lines(root: Path, text: str | bytes, more: Files | None = None) -> list[str]:
    found = read_requirements(tree(root, {**(more or {}), "requirements.txt": text}), "requirements.txt")
    return [line.text for line in found.lines]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Flask>=3,<4\n", ["flask<4,>=3"]),
        ("Flask_SQLAlchemy  # the database\n", ["flask-sqlalchemy"]),
        ("flask[async] ; python_version>'3.8'\n", ['flask[async] ; python_version > "3.8"']),
        ("# a comment\n\n  flask\r\n", ["flask"]),
        ("\ufeffflask\n", ["flask"]),
        ("flask\nflask\n", ["flask"]),
        ("flask == \\\n  3.0.0 \\\n  --hash=sha256:aa \\\n  --hash=sha256:bb\nclick\n",
         ["flask==3.0.0 --hash=sha256:aa --hash=sha256:bb", "click"]),
        ("flask \\", ["flask"]),
        ("-i https://packages.example.com/simple\nflask", ["-i https://packages.example.com/simple", "flask"]),
        ("--extra-index-url https://${USER}:${TOKEN}@packages.example.com/simple",
         ["--extra-index-url https://${USER}:${TOKEN}@packages.example.com/simple"]),
        ("--no-binary :all:\n--pre", ["--no-binary :all:", "--pre"]),
        ("thing @ https://example.com/thing-1.0.zip", ["thing @ https://example.com/thing-1.0.zip"]),
        ("git+https://example.com/a/thing.git@v1#egg=thing", ["git+https://example.com/a/thing.git@v1#egg=thing"]),
        ("-e git+ssh://git@example.com/a/b.git#egg=b", ["-e git+ssh://git@example.com/a/b.git#egg=b"]),
        ("--editable=git+https://example.com/a/b.git#egg=b", ["-e git+https://example.com/a/b.git#egg=b"]),
    ],
)  # fmt: skip
def test_lines_come_out_in_their_normal_form(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert lines(tmp_path, text.encode()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (".\n", "."),
        ("./lib\n", "./lib"),
        ("lib/thing/\n", "./lib/thing"),
        ("file:./lib\n", "./lib"),
        (".[web]\n", ".[web]"),
        ("-e .\n", "-e ."),
        ('-e ".[dev]"\n', "-e .[dev]"),
        ("--editable='./lib' ; python_version > '3'\n", "-e ./lib ; python_version > '3'"),
        ("-e ./lib[x] ; python_version > '3'\n", "-e ./lib[x] ; python_version > '3'"),
        ("wheels/thing-1.0-py3-none-any.whl\n", "./wheels/thing-1.0-py3-none-any.whl"),
        ("thing-1.0.tar.gz\n", "./thing-1.0.tar.gz"),
        ("--find-links wheels\n", "--find-links ./wheels"),
        ("--find-links 'wheels'\n", "--find-links ./wheels"),
    ],
)
def test_paths_into_the_app_make_the_set_depend_on_the_code(tmp_path: Path, text: str, expected: str) -> None:
    tree(tmp_path, {"requirements.txt": text})
    found = dependencies(read_needs(tmp_path, None, {}), ())
    assert (found.requirements, found.local) == (f"{expected}\n", True)


def test_nested_files_are_relative_to_the_file_that_names_them(tmp_path: Path) -> None:
    more = {
        "requirements/prod.txt": "-r base.txt\ngunicorn\n",
        "requirements/base.txt": "flask\n--requirement=../extra.txt\n",
        "extra.txt": "click\n",
    }
    assert lines(tmp_path, "-r requirements/prod.txt\nredis", more) == ["flask", "click", "gunicorn", "redis"]


def test_a_cycle_of_files_ends(tmp_path: Path) -> None:
    assert lines(tmp_path, "-r a.txt\nflask", {"a.txt": "-rrequirements.txt\nclick"}) == ["click", "flask"]


def test_constraints_are_kept_apart_and_install_nothing(tmp_path: Path) -> None:
    tree(tmp_path, {"requirements.txt": "-c c.txt\nflask", "c.txt": "-r d.txt\nclick==8.1.8", "d.txt": "redis<6"})
    found = dependencies(read_needs(tmp_path, None, {}), ())
    assert found.requirements == "flask\n"
    assert found.constraints == "redis<6\nclick==8.1.8\n"


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("flask=3.0\n", "requirements.txt:1: this is not a pip requirement: flask=3.0", "write flask==3.0"),
        ("\nflask >== 3\n", "requirements.txt:2: this is not a pip requirement", "name==version"),
        ("pip install flask\n", "requirements.txt:1: this is not a pip requirement", "name==version"),
        ("-r missing.txt\n", "requirements.txt:1: there is no file missing.txt", "relative to the file"),
        ("-r ../x.txt\n", "requirements.txt:1: the nested file is not inside the app's folder", "copy it"),
        ("-r https://example.com/r.txt\n", "requirements.txt:1: a nested file cannot be a URL", "download"),
        ("-e /home/me/lib\n", "requirements.txt:1: the path is not inside the app's folder", "./path"),
        ("../lib\n", "requirements.txt:1: the path is not inside the app's folder", "./path"),
        ("flask @ file:///home/conda/flask\n", "requirements.txt:1: the path is not inside the app's folder", ""),
        ("--frobnicate\n", "requirements.txt:1: pip's --frobnicate cannot stand in a requirements file", "remove"),
        ("flask @ https://[::1\n", "requirements.txt:1: the URL is not valid", ""),
    ],
)
def test_what_no_target_could_install_is_refused(tmp_path: Path, text: str, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        lines(tmp_path, text.encode())
    assert caught.value.message.startswith(message)
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "--index-url https://me:sentinel-9@packages.example.com/simple",
        "--extra-index-url=https://sentinel-9@packages.example.com/simple",
        "git+https://sentinel-9@example.com/a/b.git#egg=b",
        "-e git+https://x:sentinel-9@example.com/a/b.git#egg=b",
        "git+ssh://git:sentinel-9@example.com/a/b.git",
        "thing @ https://u:sentinel-9@example.com/thing.zip",
        "-f https://u:sentinel-9@example.com/wheels",
        "flask --config-settings=https://u:sentinel-9@example.com/",
    ],
)
def test_a_credential_in_a_url_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(UsageError, match=r"requirements.txt:1: a URL holds a user name, password or token") as caught:
        lines(tmp_path, text)
    assert "sentinel" not in caught.value.message + caught.value.hint
    assert "${NAME}" in caught.value.hint


def test_powershells_encoding_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"requirements.txt is encoded in UTF-16") as caught:
        lines(tmp_path, "flask\r\n".encode("utf-16"))
    assert "UTF-8" in caught.value.hint


@given(st.text(max_size=40))
def test_any_line_is_understood_or_refused_with_its_place(text: str) -> None:
    try:
        found = requirement(text, "requirements.txt:1")
    except UsageError as error:
        assert error.message.startswith("requirements.txt:1: ")
    else:
        assert found.text


@given(st.lists(st.sampled_from(["Flask", "flask>=3", "click[x]==8.* ; python_version<'4'"]), min_size=1))
def test_the_normal_form_is_a_fixed_point(texts: list[str]) -> None:
    once = [requirement(text, "x") for text in texts]
    assert [requirement(line.text, "x") for line in once] == once
