"""What paasctl adds to a bundle: the runtime, and a Procfile whose every line goes through it."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from paasctl.model import App

RUNTIME = "_paasctl_runtime.py"
THROUGH = "python -m _paasctl_runtime "
#: The names that a line sets itself, which the release's env then leaves alone.
ASSIGNED = "PAASCTL_ASSIGNED"

#: The runtime's parts in the order in which they are joined; each one uses only names of those before it.
PARTS = (
    "base",
    "hooks",
    "env",
    "request",
    "notes",
    "files",
    "handlers",
    "logs",
    "databases",
    "hidden",
    "hourly",
    "mail",
    "sentry",
    "spawned",
    "install",
    "entry",
    "ending",
    "wrap",
    "sockets",
    "servers",
    "report",
    "programs",
)

SERVERS = frozenset({"gunicorn", "uvicorn", "hypercorn", "waitress-serve"})
SERVER_MODULES = frozenset({"gunicorn", "uvicorn", "hypercorn", "waitress"})
PYTHON = re.compile(r"python(3(\.\d+)?)?")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
#: ``NAME=value`` words as they are written in front of a program, with what a shell's quotes and braces hold.
WRITTEN = re.compile(
    r"""([A-Za-z_][A-Za-z0-9_]*)=(?:\\.|\$\{[^}]*\}|"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'\\])*\s+""", re.DOTALL
)
#: A word that ends within the shell's braces or backquotes, where spaces do not end it.
OPEN = re.compile(r"\$\{[^}]*$|^[^`]*`[^`]*$")

#: Words that only a shell understands; a line that begins with one stays a shell's.
SHELL_WORDS = frozenset(
    """! . : [ [[ { case cd command eval exec export for function if set source time trap ulimit umask unset until
    while""".split()  # noqa: SIM905
)
#: Programs that start another one in a process of its own, which the runtime then does not reach.
WRAPPERS = frozenset(
    """bash chamber dash ddtrace-run doppler dumb-init env foreman forego hatch honcho newrelic-admin nice nohup
    opentelemetry-instrument pdm pipenv poetry rye sh stdbuf sudo supervisord timeout tini uv watchmedo
    xvfb-run zsh""".split()  # noqa: SIM905
)
#: Programs that are not written in Python, by name: their files are on the target alone.
NATIVE = frozenset("caddy java memcached nginx node npm npx php redis-server ruby unitd uwsgi yarn".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Overlay:
    """What a bundle gets beside the app's own files.

    ``files`` maps a path in the bundle to its content; ``processes`` and ``release`` are the lines as they run on a
    target (by ``sh -c``, in the code's folder); ``handover`` says whether the web line takes handed-on sockets;
    ``unreached`` are sentences for the plan about lines that the runtime does not reach.
    """

    files: Mapping[str, bytes]
    processes: Mapping[str, str]
    release: str | None
    handover: bool
    unreached: tuple[str, ...] = ()


def generate(app: App, *, runtime: bool = True) -> Overlay:
    """Make the overlay of an app. With ``runtime=False`` its lines stay as they are and nothing else is added."""
    lines = {**app.processes, **({"release": app.release} if app.release else {})}
    unreached = []
    if runtime:
        for process, line in lines.items():
            reason = why_unreached(line, app.root)
            if reason:
                unreached.append(f"the runtime does not reach {process}: {reason}")
            else:
                lines[process] = through(line)
    added = {"Procfile": "".join(f"{process}: {line}\n" for process, line in lines.items()).encode()} if lines else {}
    if runtime:
        added[RUNTIME] = runtime_source()
    release = lines.pop("release", None)
    takes_sockets = runtime and handover(app.processes.get("web", ""))
    return Overlay(added, lines, release, takes_sockets, tuple(unreached))


def handover(line: str) -> bool:
    """Whether the program of a web line can serve on sockets that it is handed: a server that the runtime knows."""
    if why_unreached(line):
        return False
    words = command(line)
    if PYTHON.fullmatch(words[0]):
        rest = [word for word in words[1:] if word != "-u"]
        return rest[:1] == ["-m"] and len(rest) > 1 and rest[1] in SERVER_MODULES
    return words[0].rpartition("/")[2] in SERVERS


def through(line: str) -> str:
    """The line as it goes through the runtime. ``NAME=value`` words in front stay the shell's: some count from the
    interpreter's start, and a value must not be an argument, which everybody on a host can read."""
    stripped = line.strip()
    begin = "exec " if stripped.startswith("exec ") else ""
    front, program = assigned(stripped[len(begin) :].lstrip())
    if not front:
        return begin + THROUGH + program
    names = WRITTEN.findall(front)
    exported = " ".join([*names, ASSIGNED])
    return f"{front.rstrip()} {ASSIGNED}={','.join(names)}; export {exported}; exec {THROUGH}{program}"


def assigned(line: str) -> tuple[str, str]:
    """A line's ``NAME=value`` words in front, as they are written, and the rest from its program on."""
    end = 0
    while found := WRITTEN.match(line, end):
        end = found.end()
    return line[:end], line[end:]


def why_unreached(line: str, root: Path | None = None) -> str:
    """Why a line cannot go through the runtime, as the end of a sentence; "" when it can."""
    try:
        words = command(line)
        operators = any(set(word) <= set("();<>|&") for word in lexed(line))
    except ValueError:
        return "its quotes do not match"
    if operators:
        return "it has shell operators"
    if not words:
        return "it is empty"
    program, front = words[0], shlex.split(line)[: -len(words)]
    if program in SHELL_WORDS or "$" in program or "`" in program or any(map(OPEN.search, front)):
        return f"it begins with {program}, which only a shell understands"
    if program.rpartition("/")[2] in WRAPPERS:
        return f"{program} starts the program in a process of its own"
    if program.rpartition("/")[2] in NATIVE:
        return f"{program} is not a Python program"
    if "/" in program and root is not None and not is_python(root / program):
        return f"{program} is not a Python program"
    return ""


def command(line: str) -> list[str]:
    """The words of a line from its program on: without ``exec`` and assignments in front.

    Raises:
        ValueError: its quotes do not match.
    """
    words = shlex.split(line)
    if words[:1] == ["exec"]:
        del words[0]
    while words and ASSIGNMENT.match(words[0]):
        del words[0]
    return words


def lexed(line: str) -> Iterable[str]:
    """The words of a line with the shell's operators as words of their own."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    return lexer


def is_python(path: Path) -> bool:
    """Whether a file of the app (or of its virtual environment, which is not there yet) is a Python program."""
    if path.suffix == ".py" or not path.is_file():
        return True
    with path.open("rb") as file:
        first = file.readline(200)
    return first.startswith(b"#!") and b"python" in first


@cache
def runtime_source() -> bytes:
    """The one file that runs on a target, joined from its parts."""
    folder = files("paasctl.procfiles.runtime")
    parts = [joined(name, (folder / f"{name}.py").read_text("utf-8")) for name in PARTS]
    head = '"""What paasctl runs on a target (docs/runtime.md). Generated from its parts: do not edit."""\n'
    return (head + "\nfrom __future__ import annotations\n" + "".join(parts)).encode()


def joined(name: str, source: str) -> str:
    """One part without its docstring, its ``__future__`` line and its imports from other parts."""
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    title = (ast.get_docstring(tree) or "").partition("\n")[0]
    for node in tree.body:
        internal = isinstance(node, ast.ImportFrom) and (node.level > 0 or node.module == "__future__")
        if internal or node is tree.body[0]:
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return f"\n\n# ---- {name}: {title}\n" + "".join(lines).lstrip("\n")
