"""What can be wrong with an app, and the sentence and the exit code of each."""

from __future__ import annotations

from collections.abc import Callable

from support.projects import Project

VALUE = "pa55-word-that-must-not-be-shown"


def no_app(project: Project) -> None:
    (project.root / "wsgi.py").unlink()
    project.write("notes.txt", "nothing to serve")


def two_entries(project: Project) -> None:
    project.write("app.py", "from flask import Flask\napp = Flask(__name__)\n")
    project.write("wsgi.py", "from flask import Flask\nserver = Flask(__name__)\n")
    project.write("requirements.txt", "Flask\n")


def broken_toml(project: Project) -> None:
    project.write("paasctl.toml", '[app]\nname = "shop"\nentry = wsgi:app\n')


def broken_pyproject(project: Project) -> None:
    project.write("pyproject.toml", '[project]\nname = "x"\n\n[tool.paasctl.app]\nname = \n')


def unknown_key(project: Project) -> None:
    project.write("paasctl.toml", '[app]\nhelth = "/"\n')


def unknown_target_key(project: Project) -> None:
    project.write("paasctl.toml", "[targets.local]\nprot = 8000\n")


def wrong_type(project: Project) -> None:
    project.write("paasctl.toml", '[targets.local]\nport = "8000"\n')


def unparsable_env(project: Project) -> None:
    project.write(".env", f"GOOD=1\nMAIL PASSWORD={VALUE}\n")


def duplicate_env(project: Project) -> None:
    project.write(".env", f"A=1\nB=2\nA={VALUE}\n")


def undefined_in_env(project: Project) -> None:
    project.write(".env", f"A={VALUE}-${{NOT_THERE}}\n")


def no_such_python(project: Project) -> None:
    project.write(".python-version", "3.99\n")


def python_not_here(project: Project) -> None:
    project.write(".python-version", "3.17\n")


def no_web(project: Project) -> None:
    (project.root / "wsgi.py").unlink()
    project.write("worker.py", "print('hello')\n")
    project.write("Procfile", "worker: python worker.py\n")


def indented_procfile(project: Project) -> None:
    project.write("Procfile", "worker: python worker.py\n web: gunicorn wsgi\n")


def duplicate_process(project: Project) -> None:
    project.write("Procfile", "web: gunicorn wsgi\nweb: gunicorn other\n")


def too_big(project: Project) -> None:
    for name in ("videos/a.bin", "videos/b.bin"):
        path = project.write(name, "")
        with path.open("wb") as file:
            file.truncate(600_000_000)  # sparse: it takes no room


def leaving_link(project: Project) -> None:
    (project.root / "passwd").symlink_to("/etc/passwd")


#: what is wrong -> (the exit code, what the sentence says, from its beginning)
TABLE: dict[Callable[[Project], None], tuple[int, str]] = {
    no_app: (2, "no app found: no Python file is here"),
    two_entries: (
        2,
        "there is more than one possible entry point: wsgi:server (wsgi.py:2), app:app (app.py:2)\n"
        'hint: put the right one under [app] in paasctl.toml: entry = "wsgi:server"',
    ),
    broken_toml: (2, "paasctl.toml:3: not valid TOML: "),
    broken_pyproject: (2, "pyproject.toml:5: not valid TOML: "),
    unknown_key: (2, "paasctl.toml:2: [app] has no key helth\nhint: did you mean health?"),
    unknown_target_key: (2, "paasctl.toml:2: [targets.local] has no key prot\nhint: did you mean port?"),
    wrong_type: (2, "paasctl.toml:2: port must be a whole number, not a string"),
    unparsable_env: (2, ".env:2: this is not `NAME=value` "),
    duplicate_env: (2, ".env:3: A is already set on line 1"),
    undefined_in_env: (2, ".env:1: A uses a ${...} that is not set above in this file"),
    no_such_python: (2, ".python-version:1: there is no Python 3.99 that paasctl knows"),
    python_not_here: (2, "Python 3.17 is not on this machine and could not be fetched; nothing was changed"),
    no_web: (2, "Procfile has no web process, and no app found: "),
    indented_procfile: (2, "Procfile:2: the line is indented"),
    duplicate_process: (2, "Procfile:2: web is already on line 1"),
    too_big: (
        2,
        "the app's files are 1.1 GB together and 1.0 GB is the limit; the largest are videos/ (1.1 GB)\n"
        'hint: under [app] in paasctl.toml: exclude = ["/videos/"]',
    ),
    leaving_link: (2, "the link passwd leads out of the app's folder, to /etc/passwd"),
}
