"""Processes that multiprocessing spawns, itself or through a forkserver, have the runtime in force as their parent."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from runtime_lab import Bench, PythonOf

APP = """import logging, multiprocessing, os, sys
logging.getLogger("app").addHandler(logging.FileHandler("app.log"))
def show(number):
    logging.getLogger("app").error("child %d", number)
    return os.environ["WHO"], os.environ["SET"]
if __name__ == "__main__":
    os.environ["SET"] = "by the app"
    os.chdir(os.sep)
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        print(pool.map(show, [1, 2]))
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_a_pool_logs_where_its_program_does(every_python: str, tmp_path: Path, method: str) -> None:
    """With the env that its parent has by then, and what the runtime has to say is said once."""
    bench = Bench(tmp_path / "app", every_python)
    env_file = tmp_path / "env.json"
    env_file.write_text(
        json.dumps({"env": {"WHO": "release", "SET": "by the release", "PAASCTL_POOL_RECYCLE": "soon"}})
    )
    bench.write(app=APP, contextvars="raise SystemExit('a module of the app's own')")
    done = bench.run("WHO=line", "python", "app.py", method, PAASCTL_LOG="stdout", PAASCTL_ENV_FILE=str(env_file))
    told = ["[('line', 'by the app'), ('line', 'by the app')]", "child 1", "child 2"]
    assert sorted(done.stdout.splitlines()) == told, done.stderr
    assert done.stderr == "paasctl: PAASCTL_POOL_RECYCLE is not a whole number and is ignored\n"
    assert not list(bench.folder.glob("*.log"))


def test_without_the_runtimes_file_they_run_all_the_same(bench: Bench) -> None:
    bench.write(app=APP.replace("os.chdir(os.sep)", "os.remove('_paasctl_runtime.py')"))
    done = bench.run("python", "app.py", "spawn", WHO="me", PAASCTL_LOG="stdout")
    assert done.stdout == "[('me', 'by the app'), ('me', 'by the app')]\n", done.stderr


@pytest.mark.e2e
def test_workers_of_a_server_that_the_program_starts_itself(bench: Bench, python_of: PythonOf) -> None:
    bench.python = python_of("3.11", "uvicorn", "sqlalchemy==2.0.*", "pg8000")
    bench.write(
        serve="""import os, sqlalchemy, uvicorn
pool = sqlalchemy.create_engine("postgresql+pg8000://u:p@h/d").pool
async def app(scope, receive, send):
    if scope["type"] != "http": return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"%d %s" % (pool._recycle, str(pool._pre_ping).encode())})
if __name__ == "__main__":
    uvicorn.run("serve:app", port=int(os.environ["PORT"]), workers=2, lifespan="off")"""
    )
    with bench.serve("python serve.py", PAASCTL_POOL_RECYCLE="280") as server:
        assert server.get("/").body == "280 True"
