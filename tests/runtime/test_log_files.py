"""``PAASCTL_LOG=file``: the app's own files, written by several processes, lose no line and hold none twice."""

from __future__ import annotations

import re
import threading
from collections import Counter
from pathlib import Path

import pytest
from runtime_lab import Bench, PythonOf

RECORDS, WORKERS, AT_ONCE = 10_000, 4, 100

APP = """
import logging, logging.handlers, os
handler = logging.handlers.RotatingFileHandler("logs/app.log", maxBytes=100_000, backupCount=50)
handler.setFormatter(logging.Formatter("%(process)d %(message)s"))
log = logging.getLogger("app"); log.addHandler(handler); log.setLevel("INFO"); log.propagate = False
def app(environ, start):
    first = int(environ["PATH_INFO"].strip("/") or -1)
    if first >= 0:
        for n in range(first, first + 100): log.info("RECORD %05d %s", n, "x" * 60)
    start("200 OK", []); return [b"done"]
"""


def written(folder: Path) -> list[str]:
    """Every line of the log and of what it was rolled over to."""
    return [line for path in folder.glob("app.log*") for line in path.read_text().splitlines()]


@pytest.mark.e2e
def test_four_workers_and_10000_records_exactly_once(bench: Bench, python_of: PythonOf) -> None:
    bench.python = python_of("3.12", "gunicorn")
    bench.write(app=APP)
    with bench.serve(f"gunicorn -b 127.0.0.1:$PORT -w {WORKERS} app:app", PAASCTL_LOG="file") as server:
        starts = iter(range(0, RECORDS, AT_ONCE))
        threads = [threading.Thread(target=lambda: [server.get(f"/{n}") for n in starts]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lines = written(bench.folder / "logs")
    assert [line for line in lines if not re.fullmatch(r"\d+ RECORD \d{5} x{60} request_id=\w{32}", line)] == []
    counted = Counter(line.split()[2] for line in lines)
    assert len(counted) == RECORDS
    assert set(counted.values()) == {1}
    assert len({line.split()[0] for line in lines}) == WORKERS, "all of them wrote"
    assert len(list((bench.folder / "logs").glob("app.log.*"))) >= 3, "rolled over at least three times"


FORKS = """
import logging, logging.handlers, os, sys, time
handler = {handler}
log = logging.getLogger("app"); log.addHandler(handler); log.setLevel("INFO")
if {early}: log.info("RECORD first")
for child in range(3):
    if os.fork() == 0:
        for n in range({number}):
            log.info("RECORD %d-%d", child, n); time.sleep({pause})
        os._exit(0)
for child in range(3): os.wait()
"""
SLOW = """[setattr(h, "rotator", lambda a, b: (time.sleep(0.03), os.rename(a, b))) or h for h in
    [logging.handlers.RotatingFileHandler("logs/app.log", maxBytes=400, backupCount=99)]][0]"""
KINDS = {
    "slow to roll over": (SLOW, 60, 0),
    "rotating": ('logging.handlers.RotatingFileHandler("logs/app.log", maxBytes=2000, backupCount=99)', 500, 0),
    "timed": ('logging.handlers.TimedRotatingFileHandler("logs/app.log", when="S", backupCount=99)', 60, 0.05),
    "watched": ('logging.handlers.WatchedFileHandler("logs/app.log")', 500, 0),
    "plain": ('logging.FileHandler("logs/app.log")', 500, 0),
    "opened late": (
        'logging.handlers.RotatingFileHandler("logs/app.log", maxBytes=2000, backupCount=99, delay=True)',
        500,
        0,
    ),
}


@pytest.mark.parametrize("early", [True, False], ids=["opened before the fork", "after"])
@pytest.mark.parametrize("kind", KINDS)
def test_forked_processes_share_every_kind_of_file(bench: Bench, kind: str, early: bool) -> None:
    handler, number, pause = KINDS[kind]
    bench.write(app=FORKS.format(handler=handler, number=number, pause=pause, early=early))
    done = bench.run("python", "app.py", PAASCTL_LOG="file")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    expected = Counter([f"RECORD {child}-{n}" for child in range(3) for n in range(number)] + ["RECORD first"] * early)
    assert Counter(written(bench.folder / "logs")) == expected


def test_a_file_that_another_process_rolled_over_is_followed(bench: Bench) -> None:
    """The parent's open file is app.log.1 by then, and there would be room in it."""
    bench.write(
        app="""import logging, logging.handlers, os
log = logging.getLogger("app")
log.addHandler(logging.handlers.RotatingFileHandler("logs/app.log", maxBytes=100, backupCount=3))
log.error("first" * 8)
if os.fork() == 0:
    log.error("second" * 8); log.error("third" * 8); os._exit(0)
os.wait(); log.error("last")"""
    )
    bench.run("python", "app.py", PAASCTL_LOG="file")
    assert (bench.folder / "logs/app.log").read_text() == "third" * 8 + "\nlast\n"


def test_a_file_renamed_while_it_is_looked_at_is_still_written_in_turn(bench: Bench) -> None:
    """Another process rolls it over between two looks: no reason to take it for a device and write out of turn."""
    bench.write(
        app="""import fcntl, logging, os
real = os.stat
def moved_away(path, *rest, **more):
    found = real(path, *rest, **more)
    if str(path).endswith("app.log"): os.rename(path, path + ".1")
    return found
class Asks(logging.Formatter):
    def format(self, record):
        try: fcntl.flock(os.open("logs/.app.log.lock", os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError: print("in turn")
        return "text"
handler = logging.FileHandler("logs/app.log"); handler.setFormatter(Asks()); logging.getLogger("a").addHandler(handler)
logging.getLogger("a").error("first"); os.stat = moved_away; logging.getLogger("a").error("second")"""
    )
    done = bench.run("python", "app.py", PAASCTL_LOG="file")
    assert (done.stdout, done.stderr) == ("in turn\n" * 2, "")
    assert written(bench.folder / "logs") == ["text"] * 2


def test_what_a_queue_or_a_buffer_holds_is_only_in_the_file(bench: Bench) -> None:
    bench.write(
        app="""import logging, logging.handlers, queue
q = queue.Queue(); listener = logging.handlers.QueueListener(q, logging.FileHandler("q.log"))
logging.getLogger("q").addHandler(logging.handlers.QueueHandler(q))
logging.getLogger("m").addHandler(logging.handlers.MemoryHandler(9, target=logging.FileHandler("m.log")))
for name in "qm": logging.getLogger(name).warning("seen")
listener.start(); listener.stop(); logging.shutdown()"""
    )
    done = bench.run("python", "app.py", PAASCTL_LOG="file")
    assert done.stdout + done.stderr == ""
    assert [(bench.folder / name).read_text() for name in ("q.log", "m.log")] == ["seen\n", "seen\n"]


def test_consoles_and_files_stay_both_and_loggers_without_any_go_to_stderr(bench: Bench) -> None:
    bench.write(
        app="""import logging, sys
a = logging.getLogger("a")
a.addHandler(logging.FileHandler("logs/a.log")); a.addHandler(logging.StreamHandler(sys.stdout))
a.error("both"); logging.getLogger("b").error("nobody's")"""
    )
    done = bench.run("python", "app.py", PAASCTL_LOG="file")
    assert (bench.folder / "logs/a.log").read_text() == "both\n"
    assert done.stdout == "both\n"
    assert re.fullmatch(r"\S+ \S+ ERROR \[b\] nobody's\n", done.stderr)


def test_a_record_logged_while_another_is_formatted_does_not_hang(bench: Bench) -> None:
    bench.write(
        app="""import logging
one, two = logging.getLogger("one"), logging.getLogger("two")
for log in (one, two): log.addHandler(logging.FileHandler("app.log"))
class Speaks:
    def __str__(self): two.error("inner"); return "outer"
one.error("%s", Speaks())"""
    )
    bench.run("python", "app.py", PAASCTL_LOG="file")
    assert (bench.folder / "app.log").read_text() == "inner\nouter\n"


def test_a_device_is_no_file_to_lock(bench: Bench) -> None:
    bench.write(
        app="import logging; logging.basicConfig(filename='/dev/stdout', format='%(message)s'); logging.error('x')"
    )
    assert bench.run("python", "app.py", PAASCTL_LOG="file").stdout == "x\n"
    assert not Path("/dev/.stdout.lock").exists()


def test_a_folder_that_cannot_be_made_is_the_apps_own_error(bench: Bench) -> None:
    bench.write(app="import logging; logging.FileHandler('/proc/nothing/app.log')")
    done = bench.run("python", "app.py", PAASCTL_LOG="file")
    assert done.returncode == 1
    assert "paasctl: the folder of the log file app.log cannot be made" in done.stderr


def test_where_no_lock_can_be_made_or_taken_the_app_logs_on(bench: Bench) -> None:
    """A folder that lets nothing be made in it but has a file that may be written; a file system without locks."""
    bench.write(
        app="""import fcntl, logging, os, sys
real = os.open
def refused(path, *rest, **more):
    if str(path).endswith(".lock"): raise PermissionError(13, "Permission denied")
    return real(path, *rest, **more)
def unlockable(fd, how): raise OSError(37, "No locks available")
if sys.argv[1] == "made": os.open = refused
else: fcntl.flock = unlockable
logging.getLogger("a").addHandler(logging.FileHandler("a.log"))
for n in range(3): logging.getLogger("a").error("seen %d", n)"""
    )
    for how, words in (("made", "cannot be made (Permission denied)"), ("taken", "cannot be locked here (No locks")):
        done = bench.run("python", "app.py", how, PAASCTL_LOG="file")
        assert done.returncode == 0
        assert (bench.folder / "a.log").read_text() == "seen 0\nseen 1\nseen 2\n"
        (bench.folder / "a.log").unlink()
        assert done.stderr.count("\n") == 1, done.stderr
        assert words in done.stderr


def test_a_disk_that_is_full_stops_no_request(bench: Bench) -> None:
    """What the logging package itself does: a traceback on stderr, and the app goes on."""
    bench.write(
        app="""import logging, os
h = logging.FileHandler("a.log"); logging.getLogger("a").addHandler(h)
logging.getLogger("a").error("first")
class Full:
    def fileno(self): return h_fd
    def write(self, text): raise OSError(28, "No space left on device")
    def flush(self): raise OSError(28, "No space left on device")
    close = flush
h_fd = h.stream.fileno(); h.stream = Full()
logging.getLogger("a").error("second")
os.rename("a.log", "b.log")
logging.getLogger("a").error("third")
print("goes on"); logging.raiseExceptions = False"""
    )
    done = bench.run("python", "app.py", PAASCTL_LOG="file")
    assert (done.returncode, done.stdout) == (0, "goes on\n"), done.stderr
    assert done.stderr.count("OSError: [Errno 28] No space left on device") == 2


@pytest.mark.parametrize("name", ["app.log", "var/log/app.log", "linked.log", "logs/app.log"])
def test_a_file_in_the_release_itself_is_kept_in_the_shared_folder(bench: Bench, tmp_path: Path, name: str) -> None:
    """The release is read-only; where a persist path leads out of it already, that is where the file is."""
    shared = tmp_path / "shared"
    (shared / "logs").mkdir(parents=True)
    (bench.folder / "logs").symlink_to(shared / "logs")
    (bench.folder / "linked.log").symlink_to(shared / "linked.log")
    bench.write(
        app=f"""import logging, logging.handlers
handler = logging.handlers.RotatingFileHandler({name!r}, maxBytes=100, backupCount=9)
log = logging.getLogger("a"); log.addHandler(handler)
for n in range(9): log.error("RECORD %d %s", n, "x" * 40)"""
    )
    done = bench.run("python", "app.py", PAASCTL_LOG="file", PAASCTL_SHARED_FOLDER=str(shared))
    assert done.returncode == 0, done.stderr
    lines = [line.split()[1] for path in sorted(shared.rglob(f"{Path(name).name}*")) for line in path.open()]
    assert sorted(lines) == [str(n) for n in range(9)], done.stderr
    assert len(list((shared / name).parent.glob(f"{Path(name).name}.*"))) >= 3, "rolled over beside it"
    assert not (bench.folder / "app.log").exists()
    assert not (bench.folder / "var").exists()
    told = ["paasctl: the log file app.log is kept in the app's shared folder: its release is read-only"]
    assert done.stderr.splitlines() == (told if name in ("app.log", "var/log/app.log") else [])


def test_a_file_outside_of_the_release_stays_where_it_is(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere.log"
    bench.write(app=f"import logging; logging.FileHandler({str(path)!r}); logging.FileHandler('/dev/stderr')")
    done = bench.run("python", "app.py", PAASCTL_LOG="file", PAASCTL_SHARED_FOLDER=str(tmp_path / "shared"))
    assert (done.returncode, done.stderr) == (0, "")
    assert path.exists()
