"""Programs run in the runtime's own process exactly as they would run without it, with the env of the release."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from runtime_lab import Bench, PythonOf

SHOW = """import __main__, os, sys
print(__name__, sys.argv, sys.path[0], os.environ.get("WHO"), __main__.__dict__ is globals(), sep="|")"""


def env_file(folder: Path, **values: str) -> str:
    path = folder / "env.json"
    path.write_text(json.dumps({"env": values}))
    return str(path)


# ------------------------------------------------------------------------------------------------------------ env


def test_values_arrive_byte_for_byte_and_before_the_app(bench: Bench) -> None:
    odd = {
        "A": 'it\'s "$HOME" `x` %s #no',
        "B": "line\nline\r\n\ttab",
        "C": " ä€𝄞 ",
        "D": "",
        "E": "x" * 30_000,
        "WHO": "release",
    }
    bench.write(dotenv_like="import os\nfor n, v in [('WHO', 'dotenv')]: os.environ.setdefault(n, v)")
    bench.write(app="import dotenv_like, json, os, sys; json.dump(dict(os.environ), sys.stdout)")
    done = bench.run("python", "app.py", PAASCTL_ENV_FILE=env_file(bench.folder, **odd), WHO="inherited")
    assert {name: json.loads(done.stdout)[name] for name in odd} == odd


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"env": 3}', '{"other": {}}', '{"env": {"A": 3}}'])
def test_an_env_file_that_is_broken_is_one_line_and_the_app_runs(bench: Bench, content: str | None) -> None:
    path = bench.folder / "env.json"
    if content is not None:
        path.write_text(content)
    bench.write(app="print('runs')")
    done = bench.run("python", "app.py", PAASCTL_ENV_FILE=str(path))
    assert (done.returncode, done.stdout) == (0, "runs\n")
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("paasctl: ")


def test_what_a_line_sets_itself_wins_over_the_releases_env(bench: Bench) -> None:
    bench.write(app=SHOW)
    file = env_file(bench.folder, WHO="release")
    done = bench.run("python", "app.py", PAASCTL_ENV_FILE=file, WHO="line", PAASCTL_ASSIGNED="A,WHO")
    assert "|line|" in done.stdout


def test_words_in_front_of_a_program_are_its_env(bench: Bench) -> None:
    bench.write(app=SHOW)
    done = bench.run("WHO=line", "python", "app.py", PAASCTL_ENV_FILE=env_file(bench.folder, WHO="release"))
    assert "|line|" in done.stdout


# ------------------------------------------------------------------------------------------------------- programs


def same(bench: Bench, *words: str) -> None:
    """The program prints and exits with the runtime as without it."""
    with_it, without = bench.run(*words), bench.run(*words, runtime=False)
    assert (with_it.returncode, with_it.stdout, with_it.stderr) == (without.returncode, without.stdout, without.stderr)


@pytest.mark.parametrize(
    "words",
    [
        ("python", "app.py", "a", "--b"),
        ("python", "-u", "app.py"),
        ("python", "sub/inner.py", "x"),
        ("python", "package"),
        ("python", "-m", "package"),
        ("python", "-m", "package.other", "1"),
        ("python", "-c", "import sys; print(sys.argv, sys.path[0], __name__)", "2"),
        ("python", "-W", "error", "-X", "utf8", "app.py", "z"),
        ("python", "-E", "-m", "package"),
        ("python3", "app.py"),
        ("python", "exits.py"),
        ("python", "where.py"),
        ("python", "-c", "class A:\n    x: int = 1\nprint(A.__annotations__)"),
        ("python", "-V"),
        ("echo", "another program", "$HOME"),
    ],
    ids=" ".join,
)
def test_a_program_cannot_tell_the_difference(bench: Bench, words: tuple[str, ...]) -> None:
    for folder in ("sub", "package"):
        (bench.folder / folder).mkdir()
    for name in ("app.py", "sub/inner.py", "package/__main__.py", "package/other.py"):
        (bench.folder / name).write_text(SHOW)
    bench.write(exits="import sys; sys.exit(7)", where="class A:\n    x: int\nprint(__file__, A.__annotations__)")
    same(bench, *words)


def test_an_apps_own_modules_do_not_stand_in_for_the_standard_librarys(bench: Bench) -> None:
    """An app may have a queue.py: the runtime imports the library's, the app its own."""
    bench.write(queue="raise SystemExit('the app\\'s queue')", json="raise SystemExit('the app\\'s json')")
    bench.write(app="import sys; print('runs', sys.path[0])")
    done = bench.run("python", "app.py", PAASCTL_LOG="stdout", PAASCTL_ENV_FILE=env_file(bench.folder, A="b"))
    assert done.stdout == f"runs {bench.folder}\n", done.stderr


def test_console_scripts_run_in_the_same_process(bench: Bench) -> None:
    """A console script of the environment, found beside the interpreter: hooks are in force in it."""
    bench.write(
        conftest="import os, _paasctl_runtime as r\nprint(os.getpid() == int(os.environ['PID']), 'logs' in r.in_force)"
    )
    done = bench.run(
        "sh",
        "-c",
        f"PID=$$ exec {sys.executable} -m _paasctl_runtime pytest --collect-only -q -s",
        PAASCTL_LOG="stdout",
    )
    assert "True True" in done.stdout, done.stdout + done.stderr


def test_a_program_that_is_not_there_is_exit_127(bench: Bench) -> None:
    done = bench.run("no-such-program")
    assert done.returncode == 127
    assert done.stderr == "paasctl: no-such-program cannot be run: No such file or directory\n"


def test_spawned_processes_of_the_app_still_work(bench: Bench) -> None:
    """multiprocessing imports the program's file again in its children, by the name that __main__ has."""
    bench.write(
        app="""import multiprocessing
def double(x): return 2 * x
if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print(pool.map(double, [1, 2]))"""
    )
    assert bench.run("python", "app.py").stdout == "[2, 4]\n"


def test_print_is_visible_at_once(bench: Bench) -> None:
    bench.write(app="import os, sys\nprint('now')\nos._exit(0)")
    assert bench.run("python", "app.py", PYTHONUNBUFFERED="").stdout == "now\n"


# ----------------------------------------------------------------------------------------- preflight and report


def test_the_runtime_in_front_of_itself_is_the_runtime(bench: Bench) -> None:
    """``paasctl run TARGET -- python -m _paasctl_runtime report`` goes through the runtime like any command."""
    done = bench.run("python", "-m", "_paasctl_runtime", "report", PAASCTL_LOG="stdout")
    assert json.loads(done.stdout)["in force"]["logs"] == "to stdout, as text"
    assert bench.run("python", "-m", "_paasctl_runtime", "echo", "once").stdout == "once\n"


def test_preflight_imports_the_app(bench: Bench) -> None:
    bench.write(good="def app(environ, start): pass", bad="import nothing_like_it", leaves="raise SystemExit(0)")
    assert bench.run("preflight", PAASCTL_ENTRY="good:app").returncode == 0
    assert bench.run("preflight", "good:app").returncode == 0
    missing = bench.run("preflight", PAASCTL_ENTRY="bad:app")
    assert missing.returncode == 1
    assert "No module named 'nothing_like_it'" in missing.stderr
    assert bench.run("preflight", PAASCTL_ENTRY="leaves:app").returncode == 1
    assert bench.run("preflight", PAASCTL_ENTRY="good:other").returncode == 1


def test_report_names_everything_and_shows_no_value(bench: Bench) -> None:
    bench.write(
        app="import logging\nlogging.getLogger('mine').addHandler(logging.FileHandler('x.log'))\ndef app(e, s): pass"
    )
    secret = "very-secret-value-7351"
    done = bench.run(
        "report",
        PAASCTL_ENTRY="app:app",
        PAASCTL_LOG="stdout",
        PAASCTL_POOL_RECYCLE="280",
        MAIL_ADMIN=f"{secret}@example.com",
        MAIL_SERVER=secret,
        SENTRY_DSN=f"https://{secret}@x/1",
        API_KEY=secret,
    )
    told = json.loads(done.stdout)
    assert told["in force"]["logs"] == "to stdout, as text"
    assert "280" in told["in force"]["databases"]
    assert told["handlers"] == ["mine: FileHandler (file)"]
    assert "API_KEY" in told["env"]
    assert secret not in done.stdout + done.stderr


# ------------------------------------------------------------------------------------------------- never in the way


PARTS = (
    "install_logs",
    "install_databases",
    "install_mail",
    "modern_urls",
    "install_spawns",
    "start_sentry",
    "fitting",
    "gunicorn_defaults",
)


@pytest.mark.e2e
@pytest.mark.parametrize("part", PARTS)
def test_an_error_of_the_runtime_is_one_line_and_the_app_runs(bench: Bench, part: str, python_of: PythonOf) -> None:
    """Each part is made to fail, with a secret in its error; the app starts, and the secret is not shown."""
    head, define, tail = bench.source.decode().partition(f"\n\ndef {part}(")
    broken = define + "*a, **k):\n    raise RuntimeError('secret-' + 'text')\n\n\ndef unused("
    (bench.folder / "_paasctl_runtime.py").write_text(head + broken + tail)
    bench.python = python_of("3.11", "gunicorn")
    bench.write(app="def app(environ, start):\n    start('200 OK', [])\n    return [b'serves']")
    with bench.serve("gunicorn -b 127.0.0.1:$PORT app:app", PAASCTL_LOG="stdout") as server:
        assert server.get("/").body == "serves"
    assert "secret-text" not in server.stderr
    assert server.stderr.count("paasctl:") == 1, server.stderr


#: modules that stand in the way of the hooks: (name of the module, its code)
EXOTIC = {
    "a Pool that is a function": "def Pool(): pass",
    "no Pool at all": "",
    "a Pool whose attributes cannot be set": "class Fixed(type):\n    def __setattr__(self, *a): raise TypeError(a)\n"
    "class Pool(metaclass=Fixed): pass",
}


@pytest.mark.parametrize("kind", EXOTIC)
def test_a_sqlalchemy_of_an_unknown_kind_is_one_line(bench: Bench, kind: str) -> None:
    package = bench.folder / "sqlalchemy" / "pool"
    package.mkdir(parents=True)
    for path, text in ((package.parent, ""), (package, "")):
        (path / "__init__.py").write_text(text)
    (package / "base.py").write_text(EXOTIC[kind])
    bench.write(app="import sqlalchemy.pool.base; print('runs')")
    done = bench.run("python", "app.py", PAASCTL_POOL_RECYCLE="280")
    assert done.stdout == "runs\n"
    expected = "" if kind == "a Pool that is a function" else "paasctl: sqlalchemy.pool.base is left as the app has it"
    assert done.stderr.startswith(expected)
    assert done.stderr.count("\n") == (1 if expected else 0)


IMPORTERS = {
    "a finder that finds nothing": "class F:\n    def find_spec(self, *a): return None",
    "a finder of the old kind": "class F:\n    def find_module(self, *a): return None",
    "a finder with a loader of its own": """
class Loader:
    def create_module(self, spec): return None
    def exec_module(self, module): module.Pool = type("Pool", (), {})
class F:
    def find_spec(self, name, *a):
        if name == "sqlalchemy.pool.base": return importlib.machinery.ModuleSpec(name, Loader())
""",
    "a lazy loader": """
class F:
    def find_spec(self, name, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path) if name == "sqlalchemy.pool.base" else None
        if spec: spec.loader = importlib.util.LazyLoader(spec.loader)
        return spec
""",
    "a finder that goes through all the others again": """
class F:
    busy = False
    def find_spec(self, name, path=None, target=None):
        if F.busy or name != "sqlalchemy.pool.base": return None
        F.busy = True
        try: return importlib.util.find_spec(name)
        finally: F.busy = False
""",
}


@pytest.mark.parametrize("place", ["sys.meta_path.insert(0, F())", "sys.meta_path.append(F())"])
@pytest.mark.parametrize("kind", IMPORTERS)
def test_import_hooks_of_others_live_beside_ours(bench: Bench, kind: str, place: str) -> None:
    package = bench.folder / "sqlalchemy" / "pool"
    package.mkdir(parents=True)
    for path in (package.parent, package):
        (path / "__init__.py").touch()
    (package / "base.py").write_text("class Pool: pass\n")
    bench.write(
        app=f"import importlib.machinery, importlib.util, sys\n{IMPORTERS[kind]}\n{place}\n"
        "import sqlalchemy.pool.base as b, _paasctl_runtime\nb.Pool.__name__\n"
        "_paasctl_runtime.wrap(len); print(type(vars(b.Pool).get('_recycle')).__name__)"
    )
    done = bench.run("python", "app.py", PAASCTL_POOL_RECYCLE="280")
    assert done.stdout == "property\n", done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_process_without_standard_streams(bench: Bench, stream: str) -> None:
    """As a daemon may have it; also the runtime's own lines have nowhere to go then."""
    bench.write(
        app="import logging; logging.error('x'); logging.getLogger('a').addHandler(logging.FileHandler('a.log'));"
        "logging.getLogger('a').error('y'); open('ran', 'w')"
    )
    for destination in ("stdout", "stderr", "file"):
        shell = f"exec {sys.executable} -m _paasctl_runtime python app.py {'>' if stream == 'stdout' else '2>'}&-"
        done = bench.run("sh", "-c", shell, runtime=False, PAASCTL_LOG=destination, PAASCTL_POOL_RECYCLE="x")
        assert done.returncode == 0, done.stderr
        assert (bench.folder / "ran").exists()
        (bench.folder / "ran").unlink()


def test_settings_that_are_no_numbers_are_named_and_ignored(bench: Bench) -> None:
    bench.write(app="print('runs')")
    done = bench.run("python", "app.py", PAASCTL_POOL_RECYCLE="soon", PAASCTL_LOG="printer")
    assert done.stdout == "runs\n"
    assert "PAASCTL_POOL_RECYCLE is not a whole number" in done.stderr
    assert "PAASCTL_LOG is none of" in done.stderr


@pytest.mark.parametrize(
    ("package", "scheme"),
    [("sqlalchemy==2.0.*", "postgresql"), ("sqlalchemy==1.4.54", "postgresql"), ("sqlalchemy==1.3.24", "postgres"),
     ("six", "postgres")],
)  # fmt: skip
def test_postgres_urls_become_what_sqlalchemy_takes(
    bench: Bench, python_of: PythonOf, package: str, scheme: str
) -> None:
    """Where nothing insists on it, nothing is changed."""
    bench.python = python_of("3.8", package)
    bench.write(app="import os; print(os.environ['DATABASE_URL'], os.environ['OTHER'])")
    rest = "://u:p@h:5/d?sslmode=require"
    done = bench.run("python", "app.py", DATABASE_URL=f"postgres{rest}", OTHER="mysql://x")
    assert done.stdout == f"{scheme}{rest} mysql://x\n"
