"""No spelling of an env value survives the redactor; public words do."""

from __future__ import annotations

import base64
import html
import json
import shlex
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paasctl.redact import Redactor, values_in
from paasctl.secret import MASK, Secret

SPELLINGS = {
    "plain": str,
    "url": quote,
    "url, slashes too": lambda value: quote(value, safe=""),
    "form": quote_plus,
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "url-safe base64": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "json": json.dumps,
    "json, not ascii": lambda value: json.dumps(value, ensure_ascii=False),
    "repr": repr,
    "bytes repr": lambda value: repr(value.encode()),
    "html": html.escape,
    "shell": shlex.quote,
}


def redactor(*values: str) -> Redactor:
    made = Redactor()
    made.learn(Secret(value) for value in values)
    return made


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@settings(max_examples=30)
@given(value=st.text(st.characters(exclude_categories=["Cs"]), min_size=12, max_size=40))
def test_no_spelling_of_a_value_survives(spell, value: str) -> None:
    spelled = spell(value)
    cleaned = redactor(value).clean(f"before {spelled} after")
    core = spelled.strip("b'\"=")
    if len(core.strip()) >= 12:
        assert core not in cleaned


def test_text_around_a_value_stays() -> None:
    assert redactor("hunter2-long").clean("login with hunter2-long failed") == f"login with {MASK} failed"


def test_the_password_of_a_url_is_masked_alone_and_decoded() -> None:
    clean = redactor("postgres://bob:p%40ssw0rd!x@db.example.com/app").clean
    assert "p@ssw0rd!x" not in clean('password authentication failed for "bob" using p@ssw0rd!x')
    assert "p%40ssw0rd!x" not in clean("tried p%40ssw0rd!x")


def test_each_line_of_a_value_with_several_lines_is_masked() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANB\n-----END KEY-----"
    assert "MIIEvQIBADANB" not in redactor(key).clean("line 2 is MIIEvQIBADANB")


def test_overlapping_values_leave_no_tail() -> None:
    assert redactor("abcdefghij", "ghijklmnop").clean("<abcdefghijklmnop>") == f"<{MASK}>"


def test_a_short_word_is_masked_only_where_it_stands_alone() -> None:
    assert redactor("blue").clean("blue bluelog") == f"{MASK} bluelog"


def test_values_too_short_to_tell_apart_from_text_stay() -> None:
    assert redactor("1", "on").clean("1 process is on") == "1 process is on"


def test_public_words_stay_readable() -> None:
    made = redactor("blog.example.com", "bluelog", "s3cret-s3cret")
    made.keep(["https://blog.example.com/", "bluelog"])
    assert made.clean("bluelog is at https://blog.example.com/") == "bluelog is at https://blog.example.com/"
    assert "s3cret" not in made.clean("s3cret-s3cret")


def test_a_part_of_a_public_word_is_not_public() -> None:
    made = redactor("example-com-key")
    made.keep(["https://my-example-com-keyring/"])
    assert "example-com-key" not in made.clean("example-com-key")


def test_a_value_that_no_codec_can_write_is_masked_too() -> None:
    assert "\ud800secret" not in redactor("\ud800secret").clean("<\ud800secret>")


def test_an_ill_formed_url_is_still_masked() -> None:
    assert "x://[bad" not in redactor("x://[bad-bad").clean("see x://[bad-bad")


OWN = [
    "leave the key out for the default; worker.0 is STOPPED",
    "app.py:12: the app gets postgres:// as postgresql://",
    "port 8025 is in use by another program",
]
WORDS = ["default", "worker", "STOPPED", "postgres", "8025", "program", "app.py", "another"]


@pytest.mark.parametrize("sentence", OWN)
def test_a_sentence_of_our_own_keeps_its_words(sentence: str) -> None:
    made = redactor(*WORDS)
    assert made.clean(sentence, ours=True) == sentence
    assert MASK in made.clean(sentence)


@pytest.mark.parametrize(
    "secret", ["hunter2-long", "Tr0ub4dor", "correcthorsebatterystaple", "aBcDeFgHiJ", "0123456789"]
)
def test_what_looks_like_a_secret_is_masked_in_our_sentences_too(secret: str) -> None:
    assert redactor(secret).clean(f"the answer was {secret}", ours=True) == f"the answer was {MASK}"


def test_names_that_are_never_secret_are_not_read_as_values(tmp_path: Path) -> None:
    (tmp_path / ".flaskenv").write_text("export FLASK_APP=app.py\nFLASK_RUN_PORT=5050\n")
    (tmp_path / ".env").write_text('DJANGO_SETTINGS_MODULE="shop.settings"\nSECRET_KEY=s3cret-s3cret\n')
    made = Redactor()
    made.learn(values_in(tmp_path))
    text = "app.py, port 5050, shop.settings"
    assert made.clean(text) == text
    assert "s3cret" not in made.clean("s3cret-s3cret")
