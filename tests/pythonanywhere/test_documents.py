"""``deploy.json`` and ``active.json``: which releases they keep, and that both sides read what either writes."""

import importlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from paasctl.procfiles.pythonanywhere.document import check_deploy, check_record
from paasctl.procfiles.pythonanywhere.places import Invalid
from paasctl.procfiles.pythonanywhere.release import slug

from paasctl.errors import PaasctlError, UsageError
from paasctl.target import load

ROOM = load("pythonanywhere").__module__
plans, documents, checking, room = (
    importlib.import_module(f"{ROOM}.{name}") for name in ("plans", "documents", "checking", "room")
)


def record(number: int, **more: Any) -> Any:
    archive = documents.Archive(f"c{number}", 1, 1, ({"name": "p", "sha256": "0" * 64, "size": 1},))
    base = {"python": "3.11", "entry": "wsgi:app", "code": archive, "env": {"id": "e", "mac": "0" * 64}}
    return documents.Record(f"r{number}", documents.now(), "ann", **{**base, **more})


def test_what_is_kept() -> None:
    all_of_them = tuple(record(n, state="failed" if n % 3 == 0 else "good") for n in range(1, 21))
    kept = documents.trimmed(all_of_them, "r4")
    assert [r.id for r in kept if r.state == "good"] == ["r20", "r19", "r17", "r16", "r4"]
    assert [r.id for r in kept if r.state == "failed"] == ["r18", "r15", "r12", "r9", "r6"]
    assert not [r for r in kept if r.state == "failed" and r.code]


def test_the_way_back_is_kept_however_many_were_rolled_away_from() -> None:
    fled = [record(n, before="r2") for n in range(3, 12)]
    kept = documents.trimmed((record(1), record(2, before="r1"), *fled, record(12, before="r2")), "r12")
    assert [r.id for r in kept] == ["r12", "r11", "r10", "r9", "r8", "r2", "r1"]


def test_no_release_goes_whose_files_are_needed() -> None:
    """Releases of the env alone share their code."""
    live = record(4)
    same = (live, replace(record(3), code=live.code), replace(record(2), code=live.code))
    deploy = documents.Deploy("ab" * 12, "cd" * 32, "ann", "", "r4", same)
    assert room.oldest(deploy, record(5)) == ()
    other, first = record(1), record(0)
    deploy = replace(deploy, releases=(*same, other, first))
    assert room.oldest(deploy, record(5)) == (first,)
    shared = replace(first, code=other.code)
    deploy = replace(deploy, releases=(*same, other, shared))
    assert room.oldest(deploy, record(5)) == (other, shared)


def test_rollback_chooses() -> None:
    known = (record(5, before="r4"), record(4, before="r2"), record(3, state="failed", before="r2"), record(2))
    deploy = documents.Deploy("ab" * 12, "cd" * 32, "ann", "", "r4", known)
    assert plans.choose(deploy, None).id == "r2"
    # pushed after r5 was rolled away from
    after = replace(deploy, release="r6", releases=(record(6, before="r4"), *known))
    assert plans.choose(after, None).id == "r4"
    assert plans.choose(deploy, "r5").id == "r5"
    for release, said in (("r3", "no good release r3"), ("r4", "is live already"), ("r9", "no good release r9")):
        with pytest.raises(UsageError, match=said):
            plans.choose(deploy, release)
    with pytest.raises(UsageError, match="before the live one"):
        plans.choose(replace(deploy, release="r2"), None)


texts = st.text(max_size=40)
names = st.from_regex(r"[0-9a-z][0-9a-z._-]{0,20}", fullmatch=True)


@given(
    texts, names, st.lists(st.from_regex(r"[a-z]{1,9}(/[a-z]{1,9}){0,2}/?", fullmatch=True), max_size=3), st.booleans()
)
def test_what_is_written_is_read_by_the_site_and_back(who: str, name: str, persist: list[str], flag: bool) -> None:
    made = record(1, persist=tuple(persist), static={"/static/": "static"}, runtime=flag, note=who)
    made = replace(made, code=replace(made.code, name=name))
    deploy = documents.Deploy("ab" * 12, "cd" * 32, who, documents.now(), "r1", (made,), ("ef" * 12,))
    found = json.loads(deploy.to_json())
    assert check_deploy(found) == found
    assert documents.Deploy.from_json(found, "") == deploy


@given(st.lists(st.from_regex(r"/([\w./~+ -]{0,8}/)?", fullmatch=True), max_size=4, unique=True))
def test_a_static_url_that_a_plan_takes_is_one_that_the_site_takes(urls: list[str]) -> None:
    static = dict.fromkeys(urls, "static")
    site = record(1, static=static, runtime=True).to_json()
    try:
        check_record(site)
        taken = len({slug(url) for url in urls}) == len(urls)
    except Invalid:
        taken = False
    if taken:
        checking.check_static(static)
    else:
        with pytest.raises(UsageError):
            checking.check_static(static)


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{}", b'{"live": {"v": 1}}', b'{"live": []}', b"\xff", b'{"released": 1, "failures": [1]}']
)
def test_a_damaged_state_is_one_sentence(text: bytes) -> None:
    with pytest.raises(PaasctlError, match="cannot be read; the site is as it was") as caught:
        documents.Active.read(text, "/home/eric/x/active.json")
    assert caught.value.hint.startswith("delete /home/eric/x/active.json on the Files page")


def test_a_newer_paasctl_is_not_overwritten() -> None:
    with pytest.raises(PaasctlError, match="a newer paasctl pushed"):
        documents.Active.read(b'{"live": {"v": 99}, "released": "", "failures": []}', "")
