"""The adapter's own decisions: history, ledger, streams, exit status, checks; reached by its entry point."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paasctl import bundle
from paasctl.errors import UsageError
from paasctl.manifest import Manifest
from paasctl.model import App, Dependencies, Desired, Env, Provenance
from paasctl.secret import Secret
from paasctl.target import load

PACKAGE = load("heroku").connect.__module__.rpartition(".")[0]


def room(name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.{name}")


history, ledger, records, running, checks = map(room, ("history", "ledger", "records", "running", "checks"))
Ledger = ledger.Ledger


def release(version: int, artifact: str, description: str = "", **fields: Any) -> Any:
    known = {"status": "succeeded", "current": False, "eligible": True} | fields
    when = datetime(2026, 1, 1, tzinfo=UTC)
    return records.HerokuRelease(
        id=f"id-{version}",
        version=version,
        description=description,
        artifact=artifact,
        who="",
        when=when,
        stream=None,
        **known,
    )


# ---------------------------------------------------------------------------------------------------------- history

FIRST = [release(1, "", "Initial release"), release(2, "", "Enable Logplex")]


def releases(*rest: tuple[str, str]) -> list[Any]:
    """Releases from v3 on: artifact and description."""
    found = [*FIRST, *(release(n, artifact, text) for n, (artifact, text) in enumerate(rest, start=3))]
    return [*found[:-1], replace(found[-1], current=True)]


SET = "Set PAASCTL_MANIFEST, A config vars"


@pytest.mark.parametrize(
    ("found", "notes", "version"),
    [
        # env and code, twice: before the second push there was v4
        (releases(("", SET), ("s1", "Deploy"), ("s1", SET), ("s2", "Deploy")), Ledger(4, "t2"), 4),
        # then a removal that belongs to the second
        (releases(("", SET), ("s1", "Deploy"), ("s1", SET), ("s2", "Deploy"), ("s2", SET)), Ledger(4, "t2"), 4),
        # code alone after it: the manifest was not written
        (releases(("", SET), ("s1", "Deploy"), ("s2", "Deploy"), ("s3", "Deploy")), Ledger(2, "t1"), 5),
        # something changed by hand since
        (releases(("", SET), ("s1", "Deploy"), ("s1", SET), ("s2", "Deploy"), ("s2", "Set X")), Ledger(4, "t2"), 4),
        # rolled back once: what was undone does not count any more
        (
            releases(
                ("s1", "Deploy"), ("s1", SET), ("s2", "Deploy"), ("s2", SET), ("s3", "Deploy"), ("s2", "Rollback to v5")
            ),
            Ledger(3, "t2"),
            3,
        ),
        # env alone, when nobody asked for the releases
        (releases(("", SET), ("s1", "Deploy"), ("s1", SET)), Ledger(None), 4),
        # no notes at all: the code before
        (releases(("s1", "Deploy"), ("s2", "Deploy"), ("s2", "Set X")), Ledger(None), 3),
        # a first push has nothing before it but the empty app
        (releases(("", SET), ("s1", "Deploy")), Ledger(2, "t1"), 2),
    ],
)
def test_the_push_before(found: list[Any], notes: Any, version: int) -> None:
    assert history.previous(found, notes).version == version


def test_a_list_that_is_too_short_says_so() -> None:
    assert history.previous(releases(("s1", "Deploy"), ("s1", SET))[3:], Ledger(2, "t1")) is None


def test_what_failed_never_was() -> None:
    found = releases(("s1", "Deploy"), ("s2", "Deploy"))
    found[-1] = replace(found[-1], status="failed", current=False)
    assert history.live(found).version == 3
    assert [one.version for one in history.timeline(found)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("found", "notes", "digest", "version"),
    [
        (releases(("s1", "Deploy")), Ledger(None), "t1", 3),
        (releases(("s1", "Deploy"), ("s1", SET)), Ledger(3, "t2"), "t1", 3),  # the code of this push never came
        (releases(("s1", "Deploy"), ("s1", SET), ("s1", "Set X")), Ledger(3, "t2"), "t1", 3),
        (releases(("s1", "Deploy"), ("s1", SET), ("s2", "Deploy")), Ledger(3, "t2"), "t2", 5),
        (releases(("s1", "Deploy"), ("s1", SET), ("s3", "Deploy")), Ledger(3, "t2"), "", 5),  # git push, by hand
        (releases(("s1", "Deploy"), ("s1", SET)), Ledger(3, ""), "t1", 4),  # env only
    ],
)
def test_where_a_push_begins(found: list[Any], notes: Any, digest: str, version: int) -> None:
    assert history.begun_from(found, notes, digest).version == version


@given(
    st.lists(st.tuples(st.sampled_from(["s1", "s2", "s3"]), st.sampled_from(["Deploy", SET, "Rollback to v3", "x"])))
)
def test_history_understands_anything(rest: list[tuple[str, str]]) -> None:
    found = releases(*rest) if rest else FIRST
    for before in (None, 2, 3, 99):
        for tree in ("", "t"):
            target = history.previous(found, Ledger(before, tree))
            assert target is None or target.version < found[-1].version
            assert history.begun_from(found, Ledger(before, tree), "d") in found


# ----------------------------------------------------------------------------------------------------------- ledger


@given(
    st.one_of(st.none(), st.integers(1, 10**6)),
    st.text(max_size=20),
    st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=8), max_size=3),
)
def test_the_ledger_comes_back(before: int | None, tree: str, addons: dict[str, str]) -> None:
    notes = Ledger(before, tree, "shop", "https://shop.example/", addons)
    manifest, warning = ledger.read(notes.written_with(Manifest.new()))
    assert warning == ""
    assert Ledger.of(manifest) == notes


@pytest.mark.parametrize("text", ["", "{", "[]", '{"v": 1}', '{"v": "x"}', "null"])
def test_a_damaged_ledger_is_a_warning(text: str) -> None:
    manifest, warning = ledger.read(Secret(text))
    assert manifest is None
    assert "damaged" in warning


@pytest.mark.parametrize("extra", [{"addons": 3}, {"before": "x"}, {"tree": None, "url": None}, {}])
def test_notes_that_are_not_understood_are_not_known(extra: dict[str, Any]) -> None:
    assert Ledger.of(replace(Manifest.new(), extra=extra)) == Ledger()


# ------------------------------------------------------------------------------------------------------ exit status

MARK = b"paasctl-exit-0123456789abcdef:"


@given(st.binary(max_size=60), st.integers(0, 255), st.data())
def test_output_is_passed_on_whole_and_the_status_found(output: bytes, status: int, data: st.DataObject) -> None:
    stream = output + MARK + str(status).encode() + b"\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    written: list[bytes] = []
    reader = running.Output(MARK, written.append)
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        reader.feed(stream[start:end])
        if reader.status is not None:
            break
    assert reader.status == status
    assert b"".join(written) == output


@given(st.binary(max_size=60))
def test_a_connection_that_ends_early_has_no_status(output: bytes) -> None:
    written: list[bytes] = []
    reader = running.Output(MARK, written.append)
    reader.feed(output + MARK[:5])
    reader.end()
    assert reader.status is None
    assert b"".join(written) == output + MARK[:5]


# ----------------------------------------------------------------------------------------------------------- checks


def app(root: Path, **fields: Any) -> App:
    known: dict[str, Any] = {
        "name": "shop",
        "framework": "flask",
        "entry": "wsgi:app",
        "interface": "wsgi",
        "python": "3.13",
        "dependencies": Dependencies("requirements.txt", "flask\ngunicorn\n", "d"),
        "processes": {"web": "gunicorn wsgi:app"},
    }
    return App(root=root, **{**known, **fields})


def desired(root: Path, names: list[str], generated: dict[str, bytes] | None = None, **fields: Any) -> Desired:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("x\n")
    one = app(root, **fields)
    code = bundle.build(one, {**(generated or {}), **checks.extra_files(one)})
    return Desired("heroku", one, Env(), (), code, Provenance("ada"))


GOOD = ["requirements.txt", "Procfile", "wsgi.py"]


def test_an_app_that_builds(tmp_path: Path) -> None:
    assert checks.check(desired(tmp_path, GOOD))


@pytest.mark.parametrize(
    ("names", "fields", "says", "fix"),
    [
        ([*GOOD, "uv.lock"], {}, "requirements.txt and uv.lock", 'exclude = ["uv.lock"]'),
        (
            [*GOOD, "poetry.lock"],
            {"dependencies": Dependencies("poetry.lock", "flask", "d")},
            "one dependency file",
            'exclude = ["requirements.txt"]',
        ),
        (["Procfile", "Pipfile"], {"dependencies": Dependencies(None, "", "d")}, "none of", "pipenv lock"),
        (["Procfile"], {"dependencies": Dependencies(None, "", "d")}, "none of", "requirements.txt"),
        (["requirements.txt"], {}, "no web process", "Procfile"),
        (GOOD, {"processes": {"worker": "python w.py"}}, "no web process", "web:"),
        (GOOD, {"python": "3.9"}, "no Python 3.9", "python ="),
        ([*GOOD, ".heroku/python/bin/x"], {}, ".heroku/python", "exclude"),
        (
            ["Procfile", "uv.lock"],
            {"dependencies": Dependencies("uv.lock", "flask", "d", added=("gunicorn",))},
            "gunicorn is not in uv.lock",
            "uv add gunicorn",
        ),
        (
            GOOD,
            {"dependencies": Dependencies("requirements.txt", "flask==3 --hash=sha256:aa", "d", added=("gunicorn",))},
            "requirements.txt has hashes",
            "add gunicorn to requirements.txt",
        ),
    ],
)
def test_what_would_fail(tmp_path: Path, names: list[str], fields: dict[str, Any], says: str, fix: str) -> None:
    with pytest.raises(UsageError) as caught:
        checks.check(desired(tmp_path, names, **fields))
    assert says in caught.value.message
    assert fix in caught.value.hint


def test_a_virtual_environment_in_the_bundle(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="virtual environment"):
        checks.check(desired(tmp_path, GOOD, {"env/pyvenv.cfg": b"home = /usr\n"}))


def test_all_reasons_at_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="for 2 reasons"):
        checks.check(desired(tmp_path, ["requirements.txt", "uv.lock"]))


@pytest.mark.parametrize(
    ("files", "python", "made"),
    [
        ({"runtime.txt": "python-3.13.1\n"}, "3.13", {".python-version": b"3.13\n"}),
        ({}, "3.13", {".python-version": b"3.13\n"}),
        ({".python-version": "3.13\n"}, "3.13", {}),
        ({".python-version": "# ours\n3.13.2\n"}, "3.13", {}),
        ({".python-version": "python-3.13\n"}, "3.13", {".python-version": b"3.13\n"}),  # the buildpack refuses that
        # the configuration says otherwise, and the buildpack takes runtime.txt first
        ({".python-version": "3.12\n"}, "3.13", {".python-version": b"3.13\n"}),
        ({".python-version": "3.1\n"}, "3.13", {".python-version": b"3.13\n"}),
        ({".python-version": "3.13\n", "runtime.txt": "python-3.12.1\n"}, "3.13", {"runtime.txt": b"python-3.13\n"}),
    ],
)
def test_python_version(tmp_path: Path, files: dict[str, str], python: str, made: dict[str, bytes]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    found = checks.extra_files(app(tmp_path, python=python))
    assert {name: text for name, text in found.items() if name in (".python-version", "runtime.txt")} == made


@pytest.mark.parametrize(
    ("dependencies", "made"),
    [
        (Dependencies("requirements.txt", "flask\n", "d"), None),
        (Dependencies("requirements.txt", "flask\ngunicorn\n", "d", added=("gunicorn",)), b"own\n\ngunicorn\n"),
        (Dependencies("deps/prod.txt", "flask\n", "d"), b"-r deps/prod.txt\n"),
        (Dependencies("deps/prod.txt", "flask\n", "d", added=("gunicorn",)), b"-r deps/prod.txt\ngunicorn\n"),
        (Dependencies("pyproject.toml", "flask\ngunicorn\n", "d"), b"flask\ngunicorn\n"),
        (Dependencies(None, "", "d"), None),
    ],
)
def test_requirements(tmp_path: Path, dependencies: Dependencies, made: bytes | None) -> None:
    if dependencies.file == "requirements.txt":
        (tmp_path / "requirements.txt").write_text("own\n")
    assert checks.extra_files(app(tmp_path, dependencies=dependencies)).get("requirements.txt") == made


def test_a_lock_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "uv.lock").write_text("x")
    dependencies = Dependencies("uv.lock", "flask", "d", added=("gunicorn",))
    assert "requirements.txt" not in checks.extra_files(app(tmp_path, dependencies=dependencies))


def test_notes_and_warnings(tmp_path: Path) -> None:
    notes, warnings = checks.check(desired(tmp_path, [*GOOD, "runtime.txt"], framework="django", python="3.10"))
    assert any("collectstatic" in note for note in notes)
    assert any("January 2027" in warning for warning in warnings)
    assert any("runtime.txt" in warning for warning in warnings)


def test_a_size_near_herokus_limit_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.check(desired(tmp_path, GOOD))[1] == ()
    monkeypatch.setattr(checks, "_LARGE", 1)
    (warning,) = checks.check(desired(tmp_path, GOOD))[1]
    assert "Heroku refuses more than 500 MB" in warning


# ------------------------------------------------------------------------------------------------------------ facts

facts = room("facts")


@pytest.mark.parametrize(
    ("kind", "host", "seconds"),
    [
        ("postgresql", "ec2-1.compute-1.amazonaws.com", 600),
        ("mysql", "us-cdbr-east-06.cleardb.net", 80),
        ("mysql", "x.jawsdb.com", 55),
        ("mssql", "x", 280),
        ("", "", 55),
    ],
)
def test_pool_recycle(kind: str, host: str, seconds: int) -> None:
    assert facts.pool_recycle(kind, host)[0] == seconds


Reader = Callable[[str, object], tuple[int, str]]


def test_formation_values() -> None:
    read: Reader = room("intent").read_formation
    assert read("web", 2) == (2, "")
    assert read("web", "2:standard-2x") == (2, "standard-2x")
    for wrong in (True, -1, "x", "", 1.5, "1.5:basic"):
        with pytest.raises(UsageError):
            read("web", wrong)
