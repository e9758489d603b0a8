"""Writing env files: the value that was written is the value that is read, and nothing else in the file moves."""

from __future__ import annotations

import io
import re

import pytest
from dotenv import dotenv_values
from dotenv.parser import parse_stream
from hypothesis import example, given
from hypothesis import strategies as st

from paasctl import envfile
from paasctl.dotenv import evaluate
from paasctl.errors import UsageError
from paasctl.secret import Secret

QUOTES = ["'", '"', "\\", "\\n", "\\'", '\\"', "`"]
SPACES_AND_ENDS = [" ", " #", "\t", "\n", "\r", "\r\n", "\x85", "\u2028"]
EXPANDED = ["$", "${", "}", "${X}", "${:-$}{", "%", "%(x)s", "#", "$(x)", "=", "export "]
NASTY = st.sampled_from([*QUOTES, *SPACES_AND_ENDS, *EXPANDED, "é", "漢", "😀", "\x01", "\x7f", "\ufeff"])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
VALUES = st.one_of(
    TEXT, st.lists(NASTY, max_size=12).map("".join), st.lists(st.one_of(NASTY, TEXT), max_size=6).map("".join)
)
STYLES = st.sampled_from(["", "'", '"'])


def read_back(text: str) -> dict[str, str | None]:
    """What python-dotenv gives for a file with this text; opened in text mode, it translates line ends."""
    return dotenv_values(stream=io.StringIO(text, newline=None))


@given(VALUES, STYLES)
@example("a\\", "'")
@example("${", "")
@example("${X}\\", '"')
@example("", "")
@example(" a # b ", "")
@example('it\'s "both"\r\n\\', "'")
def test_every_value_comes_back(value: str, style: str) -> None:
    line = envfile.assignment("NAME", Secret(value), style)
    assert read_back(f"BEFORE=1\n{line}\nAFTER='2'\n") == {"BEFORE": "1", "NAME": value, "AFTER": "2"}
    assert "\n" not in line
    assert "\r" not in line


@given(VALUES)
def test_what_is_written_without_quotes_needs_none_anywhere(value: str) -> None:
    written = envfile.quoted(Secret(value))
    assert written[0] in "'\"" or re.fullmatch(r"[A-Za-z0-9_./:@%+,=-]+", written)


@pytest.mark.parametrize("character", ["x", "'", '"', "\\", "\n", "$", "${", "#", "%", "é", "😀"])
def test_thirty_kilobytes_come_back(character: str) -> None:
    value = (character * 30_000)[:30_000]
    assert read_back(envfile.assignment("NAME", Secret(value))) == {"NAME": value}


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("NAME", "hunter\0", "NUL"),
        ("NAME", "hunter\ud800", "Unicode"),
        ("MY NAME", "hunter", "name"),
        ("É", "x", "name"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_reason(name: str, value: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        envfile.assignment(name, Secret(value))
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("A=1\nB=2\n", {"A": "9"}, "A=9\nB=2\n"),
        ("A='1'\n", {"A": "9"}, "A='9'\n"),
        ('A="1"\n', {"A": "9 9"}, 'A="9 9"\n'),
        ("A='1'\n", {"A": "it's"}, 'A="it\'s"\n'),
        ("A=1\n", {"A": "9 9"}, "A='9 9'\n"),
        ("export A=1 # why\n", {"A": "9"}, "export A=9 # why\n"),
        ("  export   A = '1'   # why\n", {"A": "9"}, "  export   A = '9'   # why\n"),
        ('A="1"# why\n', {"A": "9"}, 'A="9" # why\n'),
        ("A=\n", {"A": "9"}, "A=9\n"),
        ("A=\n", {"A": "9 # 9"}, "A='9 # 9'\n"),
        ("A=1 2   3  # why # so\n", {"A": "9"}, "A=9  # why # so\n"),
        ("A=1#2\n", {"A": "9"}, "A=9\n"),
        ("A=1   ", {"A": "9"}, "A=9   "),
        ("A=1", {"B": "2"}, "A=1\nB=2\n"),
        ("", {"B": "2"}, "B=2\n"),
        ("# c\r\nA=1\r\n", {"A": "9", "B": "2"}, "# c\r\nA=9\r\nB=2\r\n"),
        ("\ufeffA=1\n", {"A": "9"}, "\ufeffA=9\n"),
        ("\ufeff# c\n", {"A": "9"}, "\ufeff# c\nA=9\n"),
        ('A="1\n2"\n\n\nB=3\n', {"A": "x\ny"}, 'A="x\\ny"\n\n\nB=3\n'),
        ("A=1\n\n# about B\nB=2\n\nC=3\n", {"B": None}, "A=1\n\n# about B\n\nC=3\n"),
        ("A=1\n\n\n  B=2\nC=3\n", {"B": None}, "A=1\n\n\nC=3\n"),
        ("A=1\nB=2", {"B": None}, "A=1\n"),
        ("A=1\n", {"B": None}, "A=1\n"),
        ("A='1' # same\n", {"A": "1"}, "A='1' # same\n"),
        ("'A'=1\n", {"A": "2"}, "'A'=2\n"),
    ],
)
def test_only_the_value_changes(before: str, change: dict[str, str | None], after: str) -> None:
    changes = {name: None if value is None else Secret(value) for name, value in change.items()}
    assert envfile.rewrite(before, changes) == after


@pytest.mark.parametrize(
    ("before", "change", "after"),
    [
        ("H=a\nU=http://${H}/\n", {"H": "b"}, "H=b\nU=http://a/\n"),
        ("H=a\nU=http://${H}/\n", {"H": None}, "U=http://a/\n"),
        ("H=a\nU=${H}${H}\nV=${U}!\n", {"H": "b"}, "H=b\nU=aa\nV=${U}!\n"),
        ("H=a\nU=http://${H}/\n", {"H": "b", "U": "http://b/"}, "H=b\nU=http://b/\n"),
        ("H=a\nU=${H:-x}\n", {"U": "${H}"}, "H=a\nU='${:-$}{H}'\n"),
    ],
)
def test_values_made_of_a_changed_one_stay_what_they_are(
    before: str, change: dict[str, str | None], after: str
) -> None:
    changes = {name: None if value is None else Secret(value) for name, value in change.items()}
    assert envfile.rewrite(before, changes) == after


def test_a_file_with_problems_is_not_rewritten() -> None:
    with pytest.raises(UsageError, match=r"^\.env\.x:2: "):
        envfile.rewrite("A=1\nbroken\n", {"A": Secret("2")}, ".env.x")


COMMENTS = st.sampled_from(["", " # why", "  #x", "\t# é"])
SPACES = st.sampled_from(["", " ", "\t"])
NAMES = st.sampled_from(["A", "B", "C", "D", "E", "LONG_NAME"])


@st.composite
def statements(draw: st.DrawFn) -> tuple[str, str]:
    """A name, and a line that sets it as people write such lines."""
    name, quote = draw(NAMES), draw(st.sampled_from(["", "'", '"']))
    inner = st.text("abc é", max_size=5) if quote else st.text("abc", min_size=1, max_size=5)
    multi = draw(st.sampled_from(["", "\n", "\nx\n"])) if quote else ""
    prefix = draw(st.sampled_from(["", "export ", "  ", "\texport  "]))
    text = f"{prefix}{name}{draw(SPACES)}={draw(SPACES)}{quote}{draw(inner)}{multi}{quote}{draw(COMMENTS)}"
    return name, text


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file without problems: each name once, comments and blank lines between, one kind of line end."""
    used: set[str] = set()
    lines = []
    for name, text in draw(st.lists(statements(), max_size=6)):
        lines += draw(st.lists(st.sampled_from(["", "# c", "  # d = e", "\t"]), max_size=2))
        if name not in used:
            lines.append(text)
        used.add(name)
    text = "\n".join(lines) + draw(st.sampled_from(["", "\n", "\n\n"]))
    return draw(st.sampled_from(["", "\ufeff"])) + text.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


CHANGES = st.dictionaries(st.one_of(NAMES, st.just("NEW")), st.one_of(st.none(), VALUES.map(Secret)), max_size=4)


def originals(text: str) -> dict[str | None, list[str]]:
    found: dict[str | None, list[str]] = {}
    for binding in parse_stream(io.StringIO(text.removeprefix("\ufeff"), newline="")):
        found.setdefault(binding.key, []).append(binding.original.string)
    return found


@given(files(), CHANGES)
def test_rewriting_changes_what_it_is_told_and_not_a_byte_more(text: str, changes: dict[str, Secret | None]) -> None:
    before = evaluate(text.removeprefix("\ufeff"))
    assert not before.problems
    result = envfile.rewrite(text, changes)
    after = evaluate(result.removeprefix("\ufeff"))
    wanted = {name: value for name, value in {**before.values, **changes}.items() if value is not None}
    assert dict(after.values) == wanted
    untouched = {name for name in before.values if name not in changes or changes[name] == before.values[name]}
    old, new = originals(text), originals(result)
    for name in untouched:
        # the blank lines in front of a statement may be those that a removed one left behind
        assert [each.lstrip() for each in new[name]] == [each.lstrip() for each in old[name]] or name == last(before)
    comments = [each.strip() for each in old.get(None, []) if each.strip()]
    assert [each.strip() for each in new.get(None, []) if each.strip()] == comments
    kept = [statement.name for statement in before.statements if changes.get(statement.name, "") is not None]
    assert [statement.name for statement in after.statements][: len(kept)] == kept
    if "\r\n" in text and "\r\n" in result:
        assert not re.search(r"(?<!\r)\n", result)
    assert result.startswith("\ufeff") == text.startswith("\ufeff")


def last(contents: object) -> str:
    """The last name of a file: it may get the line end that it lacked."""
    return contents.statements[-1].name  # type: ignore[attr-defined, no-any-return]


@given(files())
def test_no_change_gives_the_very_same_text(text: str) -> None:
    values = evaluate(text.removeprefix("\ufeff")).values
    assert envfile.rewrite(text, {}) == text
    assert envfile.rewrite(text, values) == text


def test_a_change_goes_to_the_file_that_wins() -> None:
    contents = {".env": evaluate("A=1\nB=1\n"), ".env.x": evaluate("B=2\nC=2\n")}
    value = Secret("9")
    assert envfile.distribute(contents, {"A": value, "B": value, "N": value}) == {
        ".env.x": {"A": value, "B": value, "N": value}
    }
    assert envfile.distribute(contents, {"A": None, "B": None, "C": None, "N": None}) == {
        ".env": {"A": None, "B": None},
        ".env.x": {"B": None, "C": None},
    }


def test_a_random_secret_is_long_plain_and_new_each_time() -> None:
    one, other = envfile.random_secret(), envfile.random_secret()
    assert one != other
    assert envfile.BARE.match(one.reveal())
    assert len(one.reveal()) == 64
