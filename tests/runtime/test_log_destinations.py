"""``PAASCTL_LOG`` = ``keep`` and ``file``: what the app's own logging set-up writes stays where the app wants it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from runtime_lab import Bench, PythonOf
from setups import HEAD, SETUPS, TAIL

SEEN = re.compile(r"SEEN-(\d+)\.")
Places = dict[str, list[str]]


def written(folder: Path, setup: str, log: str | None) -> Places:
    """Which records a set-up has where; with ``log`` None without the runtime."""
    bench = Bench(folder, sys.executable)
    (folder / "logs/deep").mkdir(parents=True)  # as the app needs it
    bench.write(app=HEAD + SETUPS[setup] + TAIL)
    done = bench.run("python", "app.py", runtime=bool(log), **({"PAASCTL_LOG": log} if log else {}))
    assert done.returncode == 0, done.stderr
    texts = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.log*")}
    texts |= {"stdout": done.stdout, "stderr": done.stderr}
    # sorted, for threads write in any order
    return {place: sorted(SEEN.findall(text)) for place, text in texts.items() if SEEN.search(text)}


@pytest.mark.e2e
@pytest.mark.parametrize("setup", SETUPS)
def test_the_apps_files_hold_what_they_hold_without_the_runtime(setup: str, tmp_path: Path) -> None:
    """``keep`` changes nothing else either; with ``file`` each record is shown somewhere."""
    plain, keep, file = (written(tmp_path / str(log), setup, log) for log in (None, "keep", "file"))
    assert keep == plain
    assert files(file) == files(plain)
    everywhere = {record for place in file.values() for record in place}
    assert everywhere == {str(number) for number in range(1, len(everywhere) + 1)}
    assert everywhere >= {record for place in plain.values() for record in place}


def files(places: Places) -> Places:
    return {place: records for place, records in places.items() if place not in ("stdout", "stderr")}


IN_A_REQUEST = """
import logging
def app(environ, start):
    if environ["PATH_INFO"] == "/log":
        logging.getLogger("app").addHandler(logging.FileHandler("app.log"))
        logging.getLogger("app").error("RECORD")
    start("200 OK", []); return [b"x"]
"""


@pytest.mark.e2e
@pytest.mark.parametrize(
    ("log", "places"), [("stdout", {"stdout": 3}), ("file", {"app.log": 6}), ("keep", {"app.log": 6})]
)
def test_a_handler_that_is_added_in_every_request(
    bench: Bench, python_of: PythonOf, log: str, places: dict[str, int]
) -> None:
    """The app's own mistake, one handler more with each request, is its own where files are; on stdout it is undone."""
    bench.python = python_of("3.14", "gunicorn")
    bench.write(app=IN_A_REQUEST)
    with bench.serve("gunicorn -b 127.0.0.1:$PORT app:app", PAASCTL_LOG=log) as server:
        assert [server.get("/log").status for _ in range(3)] == [200, 200, 200]
    file = bench.folder / "app.log"
    texts = {"stdout": server.stdout, "stderr": server.stderr, "app.log": file.read_text() if file.exists() else ""}
    assert {place: text.count("RECORD") for place, text in texts.items() if "RECORD" in text} == places
