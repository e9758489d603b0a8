"""The base of the sync as it is stored on a target: compact, stable, and without a value."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.envs import manifest

from paasctl.errors import PaasctlError
from paasctl.manifest import Entry, Manifest
from paasctl.secret import Secret

TEXT = st.text(max_size=8)
ENTRIES = st.builds(Entry, st.text("0123456789abcdef", max_size=32), st.integers(0, 10**6), TEXT, TEXT)
EXTRA = st.dictionaries(TEXT, st.one_of(st.none(), st.integers(), TEXT, st.lists(TEXT, max_size=2)), max_size=2)


@given(
    st.builds(Manifest, st.just("ab" * 16), st.integers(0, 10**6), st.dictionaries(TEXT, ENTRIES, max_size=4), EXTRA)
)
def test_what_is_written_is_read(found: Manifest) -> None:
    assert Manifest.from_json(found.to_json()) == found
    assert "\n" not in found.to_json()


def test_equal_manifests_are_equal_texts() -> None:
    one, other = manifest({"A": "1", "B": "2"}), manifest({"B": "2", "A": "1"})
    assert one.to_json() == other.to_json()


def test_digests_depend_on_salt_name_and_value() -> None:
    base = Manifest("00" * 16)
    digests = {
        base.digest("A", Secret("1")),
        base.digest("B", Secret("1")),
        base.digest("A", Secret("2")),
        Manifest("01" * 16).digest("A", Secret("1")),
    }
    assert len(digests) == 4
    assert {len(digest) for digest in digests} == {32}
    assert base.digest("A", Secret("1")) == Manifest("00" * 16).digest("A", Secret("1"))


def test_a_new_manifest_has_a_salt_and_an_id_of_its_own() -> None:
    one, other = Manifest.new(), Manifest.new()
    assert one.salt != other.salt
    assert one.id != other.id
    assert one.salt not in one.id


def test_no_value_is_in_the_text() -> None:
    assert "hunter2" not in manifest({"A": "hunter2"}).to_json()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '{"v": 1}',
        '{"v": 1, "salt": "zz", "generation": 1, "names": {}}',
        '{"v": "x"}',
        '{"v": 1, "salt": "00", "generation": 1, "names": {"A": ["d"]}}',
        '{"v": 1, "salt": 1, "generation": 1, "names": {}}',
    ],
)
def test_a_damaged_manifest_is_an_error_or_none_with_a_sentence(text: str) -> None:
    with pytest.raises(PaasctlError, match="damaged"):
        Manifest.from_json(text)
    found, warning = Manifest.read(text)
    assert found is None
    assert "damaged" in warning


def test_a_newer_manifest_is_never_treated_as_damaged() -> None:
    text = json.dumps({"v": 2, "salt": "00", "generation": 1, "names": {}})
    for read in (Manifest.from_json, Manifest.read):
        with pytest.raises(PaasctlError, match="newer paasctl"):
            read(text)
