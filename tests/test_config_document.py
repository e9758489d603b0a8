"""The line of every key, for any TOML file; and reading text that is no text."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from paasctl.config.document import locate, read
from paasctl.config.paths import folder_path
from paasctl.errors import UsageError
from paasctl.textfile import read_text

KEYS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs", "Cc"]), max_size=8)
VALUES = st.recursive(
    st.booleans() | st.integers(-9, 9) | st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"])),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=5,
)
TABLES = st.recursive(
    st.dictionaries(KEYS, VALUES, max_size=3),
    lambda inner: st.dictionaries(KEYS, VALUES | inner, max_size=3),
    max_leaves=12,
)


def paths(data: dict[str, Any], at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found = []
    for key, value in data.items():
        found += paths(value, (*at, key)) if isinstance(value, dict) and value else [(*at, key)]
    return found


@given(TABLES)
def test_every_key_is_found_and_no_other(data: dict[str, Any]) -> None:
    text = tomlkit.dumps(data)
    parsed = tomllib.loads(text)
    located = locate(text)
    assert set(paths(parsed)) <= set(located)
    assert all(_get(parsed, path) is not None for path in located)


@given(st.dictionaries(KEYS, st.just("X"), max_size=6), st.lists(st.sampled_from(["", "# [no] = 1", "  "]), max_size=4))
def test_the_line_is_the_one_that_the_key_stands_on(data: dict[str, str], noise: list[str]) -> None:
    lines = [line for key in data for line in [*noise, tomlkit.dumps({key: "X"}).rstrip("\n")]]
    located = locate("\r\n".join(lines))
    for key in data:
        assert tomllib.loads(lines[located[(key,)] - 1]) == {key: "X"}


def _get(data: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def test_values_of_every_kind_are_stepped_over() -> None:
    text = '''
a = """
b = 1
[c]
"""
d = [ # ]
  "]", ']', { x = 1 }, # e = 2
]
f = { g = "}", h = [1,
  2] }
i.j = 'k = 1'   # l = 3
[[m]]
n = """a\\"""b"""
"o.p".q = 1
[ r . s ]
t = 1979-05-27T07:32:00Z
'''
    assert tomllib.loads(text)
    assert locate(text) == {
        ("a",): 2, ("d",): 6, ("f",): 9, ("i", "j"): 11, ("m",): 12, ("m", "n"): 13, ("m", "o.p", "q"): 14,
        ("r", "s"): 15, ("r", "s", "t"): 16,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xff\xfea\x00", "x.toml is encoded in UTF-16"),
        (b"a = 1\nb = '\xe9'\n", "x.toml:2: not valid UTF-8"),
        (b"a = 1\n\nb = [1,\n", "x.toml:3: not valid TOML"),
        (b"a = 1\na = 2\n", "x.toml:2: not valid TOML: Cannot overwrite a value"),
    ],
)
def test_a_file_that_cannot_be_understood_gives_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.toml").write_bytes(content)
    with pytest.raises(UsageError) as caught:
        read(tmp_path / "x.toml", "x.toml")
    assert caught.value.message.startswith(message)


def test_a_file_that_cannot_be_read_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name, reason in (("missing", "no such file"), ("folder", "is a directory")):
        with pytest.raises(UsageError, match=f"{name} cannot be read: {reason}"):
            read_text(tmp_path / name, name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root can read everything")
def test_a_file_without_permission_gives_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "x").touch(mode=0o000)
    with pytest.raises(UsageError, match="x cannot be read: permission denied"):
        read_text(tmp_path / "x", "x")


@pytest.mark.parametrize(
    ("path", "plain"),
    [
        ("data.db", "data.db"),
        ("./a//b/", "a/b/"),
        ("a/../b", "b"),
        ("..data/", "..data/"),
        ("a b/", "a b/"),
        ("", None),
        (" ", None),
        (".", None),
        ("./", None),
        ("..", None),
        ("a/../..", None),
        ("../x", None),
        ("/etc", None),
        ("~/x", None),
        ("C:\\data", None),
    ],
)
def test_a_path_stays_in_the_apps_folder(path: str, plain: str | None) -> None:
    assert folder_path(path) == plain
