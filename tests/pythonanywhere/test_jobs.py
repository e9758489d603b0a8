"""Release commands whose answer is lost in one way or another: each is run once, and what is said of it is true."""

import contextlib
import errno
import importlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from paasctl.procfiles.pythonanywhere import jobs as site_jobs
from paasctl.procfiles.pythonanywhere.places import Places, exclusive
from standin import Platform
from standin.laptop import Laptop
from standin.visitor import get

from paasctl.errors import PaasctlError
from paasctl.target import load

Make = Callable[..., Laptop]
jobs = importlib.import_module(load("pythonanywhere").__module__ + ".jobs")
RAN = "/home/eric/ran.txt"


def lost(path: str, fault: Any) -> Callable[[str, str], Any]:
    """Does one harm, to the first request whose path ends so."""
    done: list[str] = []

    def harm(method: str, asked: str) -> Any:
        if not asked.endswith(path) or done:
            return None
        done.append(asked)
        return fault

    return harm


def changed(laptop: Make, command: str) -> Laptop:
    """An app that serves v001, with a second version and a release command that is due."""
    app = laptop()
    app.push()
    app.write("wsgi.py", (app.root / "wsgi.py").read_text().replace("v001", "v002"))
    app.config(f'[app]\nrelease = "{command}"\n')
    app.platform.forget()
    return app


def reloads(platform: Platform) -> int:
    return sum("/reload/" in line for line in platform.api_requests)


@pytest.mark.e2e
@pytest.mark.parametrize("fault", ["504 after", "drop after"])
def test_a_command_that_ran_is_known_to_have_run(platform: Platform, laptop: Make, fault: str) -> None:
    app = changed(laptop, "echo ran >> $HOME/ran.txt")
    platform.faults = lost("/job", fault)
    app.push()
    assert platform.account.read(RAN) == "ran\n"
    assert reloads(platform) == 1  # nothing was wrong with the web app
    assert "first v002" in get(platform).text


@pytest.mark.e2e
def test_a_command_that_ran_and_failed_is_known_to_have_failed(platform: Platform, laptop: Make) -> None:
    app = changed(laptop, "echo ran >> $HOME/ran.txt; echo why; exit 9")
    platform.faults = lost("/job", "504 after")
    with pytest.raises(PaasctlError, match="ended with status 9; nothing was switched") as caught:
        app.push()
    assert caught.value.output == "why"
    assert platform.account.read(RAN) == "ran\n"
    assert reloads(platform) == 0


@pytest.mark.e2e
def test_a_command_that_still_runs_is_not_reloaded_under(platform: Platform, laptop: Make) -> None:
    app = changed(laptop, "echo began >> $HOME/ran.txt; sleep 4; echo ended >> $HOME/ran.txt")
    platform.faults = lambda method, path: setattr(platform, "patience", 1.0 if path.endswith("/job") else 310.0)
    app.push()
    assert platform.account.read(RAN) == "began\nended\n"
    assert reloads(platform) == 1
    assert "first v002" in get(platform).text


@pytest.mark.e2e
def test_a_command_whose_worker_was_killed(platform: Platform, laptop: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "LOOKS", (1.0, 1.0))
    app = changed(laptop, "echo ran >> $HOME/ran.txt; kill -9 $PPID; sleep 1")
    with pytest.raises(PaasctlError, match="began and gave no result") as caught:
        app.push()
    assert "nothing was switched" in caught.value.hint
    assert platform.account.read(RAN) == "ran\n"
    assert reloads(platform) == 0
    assert "first v001" in get(platform).text


@pytest.mark.e2e
def test_a_command_that_has_not_begun_is_asked_for_again(platform: Platform, laptop: Make) -> None:
    app = changed(laptop, "echo ran >> $HOME/ran.txt")
    platform.faults = lost("/job", (502, b"<h1>502 Bad Gateway</h1>"))
    app.push()
    assert platform.account.read(RAN) == "ran\n"
    assert reloads(platform) == 2  # the web app was set right first
    assert "first v002" in get(platform).text


class Recalled:
    """A site and its files, as a job's answer is looked for: ``files`` are what its file holds at each look."""

    def __init__(self, answers: list[Any], files: list[bytes | None]) -> None:
        self.answers, self.files, self.settings = answers, files, None
        self.api = self.site = self.clock = self

    def path(self, *names: str) -> str:
        return "/".join(names)

    def write(self, path: str, content: bytes) -> None: ...

    def sleep(self, seconds: float) -> None: ...

    def read(self, path: str) -> bytes | None:
        return self.files.pop(0)

    def job(self, key: str, id: str) -> Any:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def run(self) -> Any:
        return jobs.run_job(self, "ab" * 32, jobs.Job("run", ("true",)), lambda line: None)


UNBEGUN, BEGUN, ENDED = b'{"id": "x"}', b'{"id": "x", "started": 1}', b'{"id": "x", "rc": 0, "output": "done"}'
GONE = {"error": "there is no such job", "refused": "gone"}


@pytest.mark.parametrize(
    ("answers", "files"),
    [
        ([{}], [ENDED]),
        ([{}], [BEGUN, BEGUN, ENDED]),
        ([{}, GONE], [UNBEGUN, BEGUN, ENDED]),  # the first request came through while the second was sent
        ([{}, {"error": "another job is running", "refused": "busy"}], [UNBEGUN, BEGUN, ENDED]),
        ([{}, {}], [UNBEGUN, ENDED]),
    ],
)
def test_the_file_of_a_job_says_how_it_ended(answers: list[Any], files: list[bytes | None]) -> None:
    lost = [jobs.NoAnswer("lost") if answer == {} else answer for answer in answers]
    recalled = Recalled(lost, files)
    assert recalled.run()["output"] == "done"
    assert not recalled.answers
    assert not recalled.files


@pytest.mark.parametrize(
    ("answers", "files", "said"),
    [
        ([0], [None], "could not keep its result; nothing was switched"),
        ([0], [BEGUN] * len(jobs.LOOKS), "began and gave no result"),
        ([0, GONE], [UNBEGUN, UNBEGUN], "did not run the command: there is no such job"),
        ([0, 0], [UNBEGUN, b"{"], "lost"),
        ([404], [b"{"], "lost"),
        ([401], [], "lost"),
    ],
)
def test_what_is_said_of_a_job_without_a_result(answers: list[Any], files: list[bytes | None], said: str) -> None:
    lost = [jobs.NoAnswer("lost", status=answer) if isinstance(answer, int) else answer for answer in answers]
    with pytest.raises(PaasctlError, match=said):
        Recalled(lost, files).run()


@pytest.fixture
def uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """An app's folder with a job for a first release, whose files need no unpacking."""
    monkeypatch.setattr(site_jobs.Release, "lay", lambda release: None)
    monkeypatch.setattr(site_jobs.Release, "env", lambda release, key: ({}, True))
    places = Places(str(tmp_path), "shop", str(tmp_path / "wsgi.py"))
    places.close()
    record = {
        "id": "r1", "python": "3.11", "entry": "wsgi:app", "persist": [], "static": {}, "health": "/", "runtime": False,
        "env": {"id": "e", "mac": "0" * 64},
        "code": {"name": "c", "bytes": 1, "files": 1, "parts": [{"name": "p", "sha256": "0" * 64, "size": 1}]},
    }  # fmt: skip
    job = {"id": "ab" * 8, "kind": "release", "argv": ["sleep 9"], "key": "cd" * 32, "record": record, "parents": []}
    Path(places.path("jobs", "ab" * 8 + ".json")).write_text(json.dumps(job))
    Path(places.path("releases", "c")).mkdir(parents=True)
    return places


def test_a_jobs_time_counts_from_its_request(uploaded: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_jobs.Release, "lay", lambda release: time.sleep(1))
    started = time.monotonic()
    assert site_jobs.run_job(uploaded, "ab" * 8, 2.5)["rc"] == 124
    assert time.monotonic() - started < 3.2


def test_a_command_finds_modules_where_pythonpath_names_them(uploaded: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_jobs.Release, "env", lambda release, key: ({"PYTHONPATH": "src"}, True))
    job = Path(uploaded.path("jobs", "ab" * 8 + ".json"))
    job.write_text(job.read_text().replace("sleep 9", "echo $PYTHONPATH"))
    code = uploaded.path("releases", "c")
    assert site_jobs.run_job(uploaded, "ab" * 8, 9)["output"].strip() == f"{code}:{code}/src"


def test_a_command_is_not_begun_when_no_time_is_left(uploaded: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site_jobs, "execute", None)
    result = site_jobs.run_job(uploaded, "ab" * 8, 0.5)
    assert (result["rc"], result["kind"]) == (125, "failed")
    assert "no time was left" in result["output"]


def test_a_full_disk_is_told_apart(uploaded: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    def lay(release: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(site_jobs.Release, "lay", lay)
    result = site_jobs.run_job(uploaded, "ab" * 8)
    assert (result["rc"], result["kind"], result["output"]) == (125, "full", "No space left on device")


def test_a_success_is_answered_while_another_process_holds_the_lock(
    uploaded: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is noted as released by nobody then: the next push runs the command again."""
    monkeypatch.setattr(site_jobs, "MARK_WAIT", 0.1)
    with contextlib.ExitStack() as other:

        def ended(*words: Any) -> tuple[int, bytes]:
            assert other.enter_context(exclusive(uploaded.path("lock"), 0.0))
            return 0, b"done"

        monkeypatch.setattr(site_jobs, "execute", ended)
        assert site_jobs.run_job(uploaded, "ab" * 8)["rc"] == 0
    assert not Path(uploaded.active).exists()


def test_a_job_that_is_refused_has_not_begun(uploaded: Places) -> None:
    live = {"v": 1, "id": "ef" * 8, "key": "cd" * 32, "parents": [], "who": "bob", "when": "", "releases": []}
    Path(uploaded.active).write_text(json.dumps({"live": {**live, "release": None}}))
    with pytest.raises(site_jobs.Refused, match="bob pushed meanwhile"):
        site_jobs.run_job(uploaded, "ab" * 8)
    assert "started" not in json.loads(Path(uploaded.path("jobs", "ab" * 8 + ".json")).read_text())


MIGRATE = """import os, sys
if "down" in sys.argv:
    os.remove(os.environ["HOME"] + "/table")
    sys.exit(3)
open(os.environ["HOME"] + "/table", "w").close()
"""


@pytest.mark.e2e
def test_after_a_run_the_release_command_is_due_again(platform: Platform, laptop: Make) -> None:
    app = changed(laptop, "python manage.py migrate")
    app.write("manage.py", MIGRATE)
    app.push()
    assert platform.account.read("/home/eric/table") == ""
    assert app.operate("run", ["python", "manage.py", "migrate", "shop", "down"]) == 3
    app.write("wsgi.py", (app.root / "wsgi.py").read_text().replace("v002", "v003"))
    app.push()
    assert platform.account.read("/home/eric/table") == ""
