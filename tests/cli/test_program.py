"""The program as a process: what it imports, how it ends, and what it does to odd terminals."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

HEAVY = ("requests", "heroku3", "rich", "urllib3", "tomlkit", "dotenv", "uv", "platformdirs", "paasctl.targets")


@pytest.fixture
def environ(plugins: Path, tmp_path: Path) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(plugins),
        "PYTHONIOENCODING": "utf-8",
    }


def paasctl(project: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "paasctl", "-C", str(project), *words]


def imported(words: list[str], environ: dict[str, str]) -> set[str]:
    """The modules that are loaded when the program has run with these words."""
    script = (
        "import json, sys\nfrom paasctl.cli import cli\n"
        f"cli.main({words!r}, standalone_mode=False)\nprint('\\n' + json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], env=environ, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("words", [["--help"], ["--version"], [], ["push", "--help"], ["env", "--help"]], ids=" ".join)
def test_help_and_version_import_nothing_heavy(words: list[str], environ: dict[str, str]) -> None:
    modules = imported(words, environ)
    assert "click" in modules
    found = [name for name in modules for heavy in HEAVY if name == heavy or name.startswith(f"{heavy}.")]
    assert (not words or words[0] != "push") or "paasctl.cli.push" in modules
    if words[:1] != ["push"]:
        assert not found
        assert not [name for name in modules if name.startswith("paasctl.cli.") and name.count(".") == 2
                    and name.rpartition(".")[2] not in ("base", "failures", "env")]  # fmt: skip
    assert not [name for name in found if not name.startswith("dotenv")]


def test_env_diff_does_not_import_what_reads_the_app(project: Path, environ: dict[str, str]) -> None:
    """A user waits for it often; its imports are most of its time."""
    needless = ("packaging", "pathspec", "tarfile", "tomlkit", "uv", "heroku3", "rich")
    own = ("paasctl.project", "paasctl.bundle", "paasctl.overlay", "paasctl.archive")
    modules = imported(["-C", str(project), "env", "diff"], environ)
    assert "paasctl.pipeline" in modules
    assert modules.isdisjoint((*needless, *own))


def test_without_a_terminal_nothing_is_drawn(project: Path, environ: dict[str, str]) -> None:
    assert "rich" not in imported(["-C", str(project), "targets"], environ)


def test_python_m_is_the_same_program(project: Path, environ: dict[str, str]) -> None:
    done = subprocess.run(paasctl(project, "--version"), env=environ, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("paasctl ")
    done = subprocess.run(paasctl(project, "pusj"), env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean push?" in done.stderr.lower()


def in_a_terminal(command: list[str], environ: dict[str, str]) -> str:
    """What a command writes to a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(command, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    while True:
        try:
            data = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not data:
            break
        text += data
    os.close(ours)
    assert child.wait() == 0, text
    return text.decode()


def test_colour_only_where_it_is_wanted(project: Path, environ: dict[str, str]) -> None:
    command = paasctl(project, "targets")
    assert "\x1b[1m" in in_a_terminal(command, environ | {"TERM": "xterm"})
    for plain in ({"TERM": "xterm", "NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert "\x1b" not in in_a_terminal(command, environ | plain)


def test_a_narrow_terminal(project: Path, environ: dict[str, str]) -> None:
    text = in_a_terminal(paasctl(project, "targets"), environ | {"TERM": "xterm", "COLUMNS": "20"})
    assert "fake" in text


def test_a_terminal_that_cannot_show_a_letter(project: Path, environ: dict[str, str]) -> None:
    (project / "paasctl.toml").write_text('[app]\ntest = "é"\n[targets.shop]\nadapter = "fake"\n', encoding="utf-8")
    (project / "wsgi.py").rename(project / "wsgí.py")
    latin = environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(paasctl(project, "push", "-n"), env=latin, capture_output=True, check=False)
    assert b"Traceback" not in done.stderr and b"UnicodeEncodeError" not in done.stderr
    done.stdout.decode("ascii")
    done.stderr.decode("ascii")


def test_a_closed_stdout_and_a_full_disk(project: Path, environ: dict[str, str]) -> None:
    words = paasctl(project, "releases")
    closed = subprocess.run(["sh", "-c", '"$@" >&-', "sh", *words], env=environ, capture_output=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, b"")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, env=environ, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    full_disk = "error: the output cannot be written (no space left on device); nothing was changed"
    assert done.stderr.startswith(full_disk) and "Exception ignored" not in done.stderr


#: replaces stdout by a full disk once the plan has been shown, which then runs
FULL_LATER = """
import os
import paasctl.push
apply = paasctl.push.apply
def then_full(*args):
    apply(*args)
    os.dup2(os.open("/dev/full", os.O_WRONLY), 1)
paasctl.push.apply = then_full
"""


@pytest.mark.parametrize(
    ("before", "code", "state"),
    [("", 1, "nothing was changed"), (FULL_LATER, 5, "what it was to do is done")],
)
def test_a_full_disk_under_the_output_of_a_push(
    project: Path, environ: dict[str, str], before: str, code: int, state: str
) -> None:
    script = f"import sys; sys.argv = ['paasctl', '-C', {str(project)!r}, 'push', '-y']\n" + (
        f"{before}\nfrom paasctl.cli import main\nmain()\n"
    )
    with Path("/dev/full").open("w") as full:
        out = subprocess.PIPE if before else full
        words = [sys.executable, "-c", script]
        done = subprocess.run(words, env=environ, stdout=out, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.splitlines()[-2]) == (
        code,
        f"error: the output cannot be written (no space left on device); {state}",
    )


def follow(project: Path, environ: dict[str, str]) -> subprocess.Popen[str]:
    words = paasctl(project, "logs", "-f")
    child = subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "web | hello\n"
    assert child.stdout.readline() == "web | world\n"
    return child


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_following(project: Path, environ: dict[str, str], number: int) -> None:
    child = follow(project, environ)
    child.send_signal(number)
    out, err = child.communicate(timeout=30)
    assert (child.returncode, out, err) == (130, "", ""), "it is the way out of -f, and no failure"


def test_a_reader_who_goes_away_ends_the_program_quietly(project: Path, environ: dict[str, str]) -> None:
    script = f"import sys; sys.argv = ['paasctl', '-C', {str(project)!r}, 'logs', '-n', '100000']\n" + (
        "import fake_paas\nfake_paas.WORLD['shop'].log = ['x' * 1000] * 100000\nfrom paasctl.cli import main\nmain()\n"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", script], env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stderr is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.stderr.read() == ""
    assert child.wait(30) == 141
    child.stderr.close()


def test_a_signal_ends_the_apps_tests_too(project: Path, environ: dict[str, str]) -> None:
    pid = project / "tests.pid"
    config = f'[app]\ntest = "sleep 600 & echo $! > {pid}.new; mv {pid}.new {pid}; wait"\n'
    (project / "paasctl.toml").write_text(config + '[targets.shop]\nadapter = "fake"\n')
    words = paasctl(project, "push", "--yes")
    child = subprocess.Popen(words, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not pid.exists() and child.poll() is None:
        time.sleep(0.05)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=60)
    assert (child.returncode, err.splitlines()[-1]) == (130, "interrupted")
    state = Path(f"/proc/{pid.read_text().strip()}/stat")
    assert not state.exists() or " Z " in state.read_text(), "the tests go on"
