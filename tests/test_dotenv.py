"""Reading env files: what is plain is read as python-dotenv reads it, everything else is an error with its line."""

from __future__ import annotations

import io
import json
import os
import traceback
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from paasctl import dotenv
from paasctl.errors import UsageError

CORPUS = [
    json.loads(line) for line in (Path(__file__).parent / "data" / "dotenv-corpus.jsonl").read_text().splitlines()
]


def plain(values: dict[str, object]) -> dict[str, str]:
    return {name: value.reveal() for name, value in values.items()}  # type: ignore[attr-defined]


def refusal(root: Path, content: str | bytes, target: str = "heroku") -> UsageError:
    (root / ".env").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as caught:
        dotenv.read(root, None, target)
    return caught.value


@pytest.mark.parametrize("case", [c for c in CORPUS if "values" in c], ids=lambda c: c["id"])
def test_reads_the_corpus_as_python_dotenv_does(case: dict[str, object]) -> None:
    contents = dotenv.parse(str(case["input"]).encode(), ".env")
    assert not contents.problems
    assert plain(contents.values) == case["values"]


@pytest.mark.parametrize("case", [c for c in CORPUS if "errors" in c], ids=lambda c: c["id"])
def test_refuses_the_corpus_where_python_dotenv_would_guess(case: dict[str, object]) -> None:
    contents = dotenv.parse(str(case["input"]).encode(), ".env")
    assert [problem.line for problem in contents.problems] == case["errors"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('A=1\n\n\n# c\nB="hunter2\nC=2\n', 5, ": this is not `NAME=value`"),
        ("A=1\n\n\nhunter2\n", 4, "no `=`"),
        ("A=1\r\n\r\nA=hunter2\r\n", 3, "already set on line 1"),
        ("A=x${hunter2}y\n", 1, "A uses a ${...}"),
        ("A=1\nB=${C}hunter2\nC=2\n", 2, "set only on line 3"),
        ("hunter-2=hunter2\n", 1, "letters, digits"),
        ("\ufeff\n=hunter2\n", 2, "NAME=value"),
    ],
)
def test_an_error_has_the_true_line_and_no_value(tmp_path: Path, text: str, line: int, says: str) -> None:
    error = refusal(tmp_path, text)
    assert error.message.startswith(f".env:{line}: ")
    assert says in error.message
    assert error.exit_code == 2 and "write each as NAME=value" in error.hint
    assert "hunter" not in f"{error.message}{error.hint}{''.join(traceback.format_exception(error))}"


def test_all_errors_of_all_files_are_named_at_once(tmp_path: Path) -> None:
    (tmp_path / ".env.heroku").write_text("ok=1\nbroken\n")
    error = refusal(tmp_path, "a b=1\nC=1\nC=2\n")
    assert [line.split(": ")[0] for line in error.message.splitlines()] == [".env:1", ".env:3", ".env.heroku:2"]


def test_inner_lines_of_an_unquoted_key_file_are_not_shown_as_names(tmp_path: Path) -> None:
    error = refusal(tmp_path, "KEY=-----BEGIN KEY-----\nhunterAAAA\nhunterBBBB==\nhunter/CCCC=\n-----END KEY-----\n")
    assert "hunter" not in error.message


WRAPPED = "Zm9vYmFy" * 8  # as long as openssl makes a line of base64


@pytest.mark.parametrize("rest", ["YyRPqX7bKd2mNw8sTf3LhV==", "q9==", "aB3=", "YyRPqX7bKd2mNw8sTf3LhVz=", "aB3= \r"])
@pytest.mark.parametrize("export", ["", "A=1\n\nexport "])
def test_the_end_of_wrapped_base64_is_no_name(tmp_path: Path, rest: str, export: str) -> None:
    error = refusal(tmp_path, f"{export}SECRET_KEY={WRAPPED}\n{rest}\nB=2\n")
    assert f".env:{export.count(chr(10)) + 2}: this is the end of the value above" in error.message
    assert rest.strip(" =\r") not in error.message + error.hint
    assert "\n" not in error.message


@pytest.mark.parametrize(
    ("above", "name"),
    [
        (f"KEY={WRAPPED}\n", "URL="),  # an empty value below a long token
        (f"KEY={WRAPPED}\n", "url="),
        (f"KEY={WRAPPED}\n", "Mail_Url="),
        (f"KEY={WRAPPED}\n", "CSV_SEPS=="),
        (f"KEY={WRAPPED}\n", "ab3=="),  # not how base64 is padded
        (f"KEY={WRAPPED}\n", 'aB3=""'),
        (f"KEY={WRAPPED}\n", "aB3=x"),
        (f"KEY={WRAPPED[:60]}\n", "aB3="),
        (f"KEY={WRAPPED[:56]}\n", "ab=="),
        (f'KEY="{WRAPPED}"\n', "ab=="),
        (f"KEY={WRAPPED}\n\n", "ab=="),
        (f"# KEY={WRAPPED}\n", "ab=="),
    ],
)
def test_a_name_below_a_long_value_stays_one(above: str, name: str) -> None:
    contents = dotenv.evaluate(f"{above}{name}\n")
    assert not contents.problems
    assert name.partition("=")[0] in contents.values


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"A=1\nB=h\xe9llo\n", ".env:2: a byte that is not UTF-8"),
        ("A=1\n".encode("utf-16"), ".env:1: a byte that is not UTF-8"),
        (b"A=1\n\nB=a\0b\n", ".env:3: a NUL character"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, data: bytes, where: str) -> None:
    error = refusal(tmp_path, data)
    assert error.message.startswith(where)
    chain = error
    while chain is not None:  # a UnicodeDecodeError in the chain would carry the whole file into a traceback
        assert not isinstance(chain, UnicodeDecodeError)
        chain = chain.__context__  # type: ignore[assignment]


def test_the_second_file_wins_and_the_origin_is_its_line(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nB=2\n")
    (tmp_path / ".env.heroku").write_text("\nB=3\n")
    env = dotenv.read(tmp_path, None, "heroku")
    assert plain(dict(env.values)) == {"A": "1", "B": "3"}
    assert dict(env.origins) == {"A": ".env:1", "B": ".env.heroku:2"}
    assert env.files == (".env", ".env.heroku")
    assert dotenv.read(tmp_path, None, "linux").files == (".env",)


def test_interpolation_sees_the_files_own_earlier_names_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAPTOP", "laptop")
    (tmp_path / ".env").write_text('A=1\nB="${A}-${LAPTOP:-default}-${:-$}{A}"\n')
    assert plain(dict(dotenv.read(tmp_path, None, "x").values)) == {"A": "1", "B": "1-default-${A}"}
    (tmp_path / ".env.x").write_text("C=${A}\n")
    with pytest.raises(UsageError, match=r"^\.env\.x:1: C uses"):
        dotenv.read(tmp_path, None, "x")


def test_flask_app_alone_comes_from_flaskenv(tmp_path: Path) -> None:
    (tmp_path / ".flaskenv").write_text("FLASK_APP=bluelog\nFLASK_DEBUG=1\nFLASK_RUN_PORT=${PORT}\n")
    env = dotenv.read(tmp_path, None, "heroku")
    assert plain(dict(env.values)) == {"FLASK_APP": "bluelog"}
    assert dict(env.origins) == {"FLASK_APP": ".flaskenv:1"}
    assert not env.managed
    (tmp_path / ".env").write_text("FLASK_APP=wsgi\n")
    env = dotenv.read(tmp_path, None, "heroku")
    assert plain(dict(env.values)) == {"FLASK_APP": "wsgi"}
    assert env.managed


def test_a_broken_flaskenv_is_named(tmp_path: Path) -> None:
    (tmp_path / ".flaskenv").write_text('\nFLASK_APP="x\n')
    with pytest.raises(UsageError, match=r"^\.flaskenv:2: "):
        dotenv.read(tmp_path, None, "heroku")


def test_without_any_file_the_env_is_not_managed(tmp_path: Path) -> None:
    env = dotenv.read(tmp_path, None, "heroku")
    assert (env.managed, env.files, dict(env.values)) == (False, (), {})


def test_an_empty_file_is_a_managed_env(tmp_path: Path) -> None:
    (tmp_path / ".env").touch()
    assert dotenv.read(tmp_path, None, "heroku").managed


def test_files_named_in_the_configuration_must_exist(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    assert dotenv.read(tmp_path, [".env"], "heroku").files == (".env",)
    with pytest.raises(UsageError, match=r"deploy/prod\.env"):
        dotenv.read(tmp_path, [".env", "deploy/prod.env"], "heroku")


def test_a_link_to_nowhere_is_not_an_absent_file(tmp_path: Path) -> None:
    (tmp_path / ".env").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="link"):
        dotenv.read(tmp_path, None, "heroku")


def test_a_folder_in_place_of_the_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(UsageError, match="cannot be read"):
        dotenv.read(tmp_path, None, "heroku")


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_read_permission_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\n")
    (tmp_path / ".env").chmod(0)
    with pytest.raises(UsageError, match="cannot be read"):
        dotenv.read(tmp_path, None, "heroku")


def test_the_example_is_read_leniently(tmp_path: Path) -> None:
    assert dotenv.read_example(tmp_path) is None
    (tmp_path / ".env.example").write_text('SECRET_KEY\nA=1\nA=2\nB="\nC=${NOPE}\nMAIL=\n')
    example = dotenv.read_example(tmp_path)
    assert example is not None
    assert plain(dict(example)) == {"SECRET_KEY": "", "A": "2", "C": "${NOPE}", "MAIL": ""}


def test_repr_of_everything_that_was_read_is_masked(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=hunter2\n")
    assert "hunter2" not in repr(dotenv.read(tmp_path, None, "x"))
    assert "hunter2" not in repr(dotenv.parse(b"A=hunter2\n", ".env"))


FRAGMENTS = st.sampled_from(
    ["A", "B", "C", "=", '"', "'", "\n", "\r\n", " ", "#", "\\", "x", "$", "${A}", "${Z:-d}", "{", "}", "export ", "é"]
)


@given(st.lists(FRAGMENTS, max_size=25).map("".join))
def test_what_is_accepted_is_what_python_dotenv_gives(text: str) -> None:
    contents = dotenv.evaluate(text)
    if not contents.problems:
        expected = dotenv_values(stream=io.StringIO(text, newline=None), interpolate=True)
        assert plain(contents.values) == expected


@given(
    st.lists(st.sampled_from(["A{}=1", "# c", "", 'B{}="x\ny"', "export C{} = 'z' # c", "   "]), max_size=12), st.data()
)
def test_a_broken_statement_is_found_on_its_own_line(lines: list[str], data: st.DataObject) -> None:
    lines = [line.format(number) for number, line in enumerate(lines)]
    at = data.draw(st.integers(0, len(lines)))
    lines.insert(at, data.draw(st.sampled_from(["bare", 'Q="x', "a b=1", "1A=1"])))
    text = data.draw(st.sampled_from(["\n", "\r\n"])).join("\n".join(lines).split("\n")) + "\n"
    expected = "\n".join(lines[:at]).count("\n") + 1 + (at > 0)
    if '"' not in "".join(lines[at + 1 :]):  # an unclosed quote may find a partner further down
        assert [problem.line for problem in dotenv.evaluate(text).problems] == [expected]
