"""Running a line of the Procfile in this very process: ``python -m _paasctl_runtime PROGRAM ARGS...``."""

from __future__ import annotations

import os
import re
import sys

from .base import FOLDER, NAME, RUN_AS_PROGRAM, guard, say
from .install import prepare
from .report import report
from .servers import prepare_program
from .wrap import application

TYPE_CHECKING = False
if TYPE_CHECKING:
    import types

PYTHON = re.compile(r"python(3(\.\d+)?)?")
ASSIGNMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_]*=")
USAGE = "usage: python -m _paasctl_runtime PROGRAM [ARGUMENT ...] | report | preflight [ENTRY]"


def main(arguments: list[str]) -> int:
    """Load the env, install the hooks, then run the program; returns or raises as the program does."""
    if FOLDER:
        sys.path.append(FOLDER)
    prepare()
    with guard("the output's buffering"):
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # what is printed is in the log at once
    arguments = with_assignments(arguments)
    while len(arguments) > 2 and PYTHON.fullmatch(arguments[0]) and arguments[1:3] == ["-m", NAME]:
        arguments = arguments[3:]  # ``paasctl run`` puts us in front of what already names us
    if not arguments:
        say(USAGE)
        return 2
    program, rest = arguments[0], arguments[1:]
    if program == "report":
        return report()
    if program == "preflight":
        return preflight(rest)
    if PYTHON.fullmatch(program):
        return run_python(program, rest)
    return run_program(program, rest)


def with_assignments(arguments: list[str]) -> list[str]:
    """Apply the ``NAME=value`` words before a program, as a shell would; returns the words from the program on."""
    rest = list(arguments)
    while rest and ASSIGNMENT.match(rest[0]):
        name, _, value = rest.pop(0).partition("=")
        os.environ[name] = value
    return rest


def preflight(arguments: list[str]) -> int:
    """Import the app as a server would: 0, or its traceback on stderr and 1."""
    import traceback

    in_folder(FOLDER)
    if arguments:
        os.environ["PAASCTL_ENTRY"] = arguments[0]
    if not os.environ.get("PAASCTL_ENTRY"):
        say("preflight: PAASCTL_ENTRY is not set, there is nothing to import")
        return 0
    try:
        application()
    except BaseException:  # an app that calls sys.exit() while it is imported cannot be served either
        traceback.print_exc()
        return 1
    return 0


def run_python(program: str, arguments: list[str]) -> int:
    """``python [-u] FILE | -m MODULE | -c CODE``; other options need the interpreter anew."""
    while arguments and arguments[0] == "-u":
        arguments = arguments[1:]
    if not arguments or arguments[0] in ("-V", "--version", "-"):
        return replace(sys.executable, arguments)
    if arguments[0] == "-m" and len(arguments) > 1:
        return run_module(arguments[1], arguments[2:])
    if arguments[0] == "-c" and len(arguments) > 1:
        return run_code(arguments[1], arguments[2:])
    if arguments[0].startswith("-"):
        return run_anew(arguments)
    return run_script(arguments[0], arguments[1:])


def run_anew(arguments: list[str]) -> int:
    """Start the interpreter with options that count from its start, this module again behind them."""
    options = []
    while arguments and arguments[0].startswith("-") and arguments[0] not in ("-m", "-c"):
        options.append(arguments[0])
        if arguments[0] in ("-X", "-W") and len(arguments) > 1:
            options.append(arguments[1])
            arguments = arguments[1:]
        arguments = arguments[1:]
    if not arguments:
        return replace(sys.executable, options)
    return replace(sys.executable, [*options, "-m", "_paasctl_runtime", "python", *arguments])


def run_module(name: str, arguments: list[str]) -> int:
    import runpy

    in_folder(FOLDER or os.getcwd())
    sys.argv = [name, *arguments]
    prepare_program(name)
    runpy.run_module(name, run_name="__main__", alter_sys=True)
    return 0


def run_code(code: str, arguments: list[str]) -> int:
    in_folder("")
    prepare_program("python")
    sys.argv = ["-c", *arguments]
    exec(compile(code, "<string>", "exec", dont_inherit=True), new_main().__dict__)
    return 0


def run_script(path: str, arguments: list[str]) -> int:
    """A Python file, or a folder with a ``__main__.py``, as ``python FILE`` would run it."""
    if path.endswith((".zip", ".pyz")):
        return replace(sys.executable, [path, *arguments])
    folder = os.path.isdir(path)
    in_folder(os.path.abspath(path if folder else os.path.dirname(path)))
    prepare_program(os.path.basename(path))
    sys.argv = [path, *arguments]
    file = os.path.abspath(os.path.join(path, "__main__.py") if folder else path)
    with open(file, "rb") as source:
        code = compile(source.read(), file, "exec", dont_inherit=True)  # without the annotations of this file
    exec(code, new_main(file).__dict__)
    return 0


def new_main(path: str = "") -> types.ModuleType:
    """A new ``__main__``, for a program to run in; this module keeps its own name."""
    main = type(sys)("__main__")
    main.__dict__.update(__builtins__=__builtins__, __cached__=None, __annotations__={})
    if path:
        main.__file__ = path
    sys.modules["__main__"] = main
    return main


def run_program(program: str, arguments: list[str]) -> int:
    """A Python program in this process (a file, a console script); any other program takes the process over."""
    path = find(program)
    if path and is_ours(path):
        return run_script(path, arguments)
    if not path:
        point = console_script(program)
        if point is not None:
            prepare_program(program)
            sys.argv = [program, *arguments]
            in_folder(FOLDER)
            sys.exit(point.load()())  # type: ignore[attr-defined]
    return replace(path or program, arguments)


def in_folder(folder: str) -> None:
    """Put first on the path what Python itself would put there."""
    if folder in sys.path[:1]:
        return
    sys.path.insert(0, folder)


def find(program: str) -> str:
    """The file of a program: as given, beside the interpreter, or on the PATH; "" when there is none."""
    if os.sep in program or (program.endswith(".py") and os.path.isfile(program)):
        return program if os.path.isfile(program) else ""
    beside = os.path.join(os.path.dirname(sys.executable), program)
    if os.path.isfile(beside):
        return beside
    import shutil

    return shutil.which(program) or ""


def is_ours(path: str) -> bool:
    """Whether a file is Python source for this interpreter: by its name, or by its first lines."""
    if path.endswith(".py"):
        return True
    try:
        with open(path, "rb") as file:
            first, second = file.readline(500), file.readline(500)
    except OSError:
        return False
    if first.startswith(b"#!/bin/sh") and second.startswith(b"'''exec'"):
        first = second  # pip and uv write this where the interpreter's path is too long for a first line
    if not first.startswith((b"#!", b"'''exec'")) or b"python" not in first:
        return False
    return os.path.dirname(os.path.abspath(path)) == os.path.dirname(sys.executable) or b"env python" in first


def console_script(name: str) -> object:
    """The entry point of an installed distribution that has no script file (packages in a plain folder)."""
    with guard("console scripts"):
        from importlib import metadata

        for distribution in metadata.distributions():
            for point in distribution.entry_points:
                if point.group == "console_scripts" and point.name == name:
                    return point
    return None


def replace(program: str, arguments: list[str]) -> int:
    """Run another program in place of this process, with the env that was loaded."""
    sys.stdout.flush()
    try:
        os.execvp(program, [program, *arguments])
    except OSError as error:
        say("%s cannot be run: %s" % (program, error.strerror))
    return 127


if RUN_AS_PROGRAM:
    sys.exit(main(sys.argv[1:]))
