"""The Procfile's grammar: strict, and the same text back and forth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paasctl import procfile
from paasctl.errors import UsageError

NAMES = st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True)
COMMANDS = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1).map(str.strip).filter(bool)


@given(st.dictionaries(NAMES, COMMANDS, max_size=5))
def test_what_is_written_is_read_again(processes: dict[str, str]) -> None:
    text = procfile.format(processes)
    assert procfile.parse(text).processes == processes
    assert list(procfile.parse(text.replace("\n", "\r\n")).processes.items()) == list(processes.items())


@given(st.text())
def test_any_text_is_read_or_refused_with_its_line(text: str) -> None:
    try:
        found = procfile.parse(text, "Procfile")
    except UsageError as error:
        assert error.message.startswith("Procfile:") and error.hint
    else:
        assert procfile.parse(procfile.format(found.processes)).processes == found.processes


def test_comments_blank_lines_and_crlf_are_fine() -> None:
    text = (
        "# what runs\r\n\r\nweb:gunicorn wsgi:app --bind :$PORT  \r\n   \r\nrelease: flask db upgrade # not a comment"
    )
    found = procfile.parse(text)
    assert found.processes == {
        "web": "gunicorn wsgi:app --bind :$PORT",
        "release": "flask db upgrade # not a comment",
    }
    assert found.lines == {"web": 3, "release": 5}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\ufeffweb: x\n", "Procfile:1: the file starts with a byte order mark"),
        ("# a\n  web: x\n", "Procfile:2: the line is indented"),
        ("web: x\n\t--more\n", "Procfile:2: the line is indented"),
        ("  # indented comment\n", "Procfile:1: the line is indented"),
        ("web : x\n", "Procfile:1: there is a space before the colon"),
        ("web x\n", "Procfile:1: there is no colon after web"),
        ("web gunicorn wsgi:app\n", "Procfile:1: there is no colon after web"),
        ("web.1 gunicorn\n", "Procfile:1: there is no colon after the process's name"),
        ("web:\n", "Procfile:1: web has no command"),
        ("web:   \nworker: y", "Procfile:1: web has no command"),
        ("web.1: x\n", "Procfile:1: the process's name is not made of"),
        (": x\n", "Procfile:1: the process's name is not made of"),
        ("wéb: x\n", "Procfile:1: the process's name is not made of"),
        ("web: x\n\nweb: y\n", "Procfile:3: web is already on line 1"),
        ("web: a\0b\n", "Procfile:1: web's command holds a NUL character"),
    ],
)
def test_what_others_skip_in_silence_is_an_error(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        procfile.parse(text, "Procfile")
    assert caught.value.message.startswith(message)
    assert caught.value.hint
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("processes", [{"we b": "x"}, {"web": ""}, {"web": " x"}, {"web": "a\nb"}, {"": "x"}])
def test_what_could_not_be_read_again_is_not_written(processes: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        procfile.format(processes)
