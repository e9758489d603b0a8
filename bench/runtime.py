"""What the runtime costs: milliseconds at the start of a process, and percent of the requests per second.

``python bench/runtime.py`` makes an environment with Flask and gunicorn, measures both interleaved (with and without
in turn, so that the machine's other load counts for both), and prints medians and a 95 % confidence interval.
"""

from __future__ import annotations

import http.client
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from paasctl.overlay import RUNTIME, runtime_source

STARTS, ROUNDS, REQUESTS = 20, 800, 100
PORT = {"without": 18761, "with": 18762}
ENV = {"PATH": "/usr/bin:/bin", "PAASCTL_LOG": "stdout", "PAASCTL_POOL_RECYCLE": "280", "PAASCTL_PROXY_HOPS": "1"}
APP = "from flask import Flask\napp = Flask(__name__)\n@app.route('/')\ndef index(): return 'hello'\n"


def prepare(folder: Path) -> str:
    """An app, the runtime beside it with its byte-code (as a target has it), and an interpreter to run them."""
    (folder / "app.py").write_text(APP)
    (folder / "bare.py").write_text("import logging\n")
    (folder / RUNTIME).write_bytes(runtime_source())
    python = f"{folder}/venv/bin/python"
    subprocess.run([sys.executable, "-m", "uv", "venv", "-q", f"{folder}/venv"], check=True)
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "install", "-q", "--python", python, "flask", "gunicorn"], check=True
    )
    subprocess.run([python, "-m", "compileall", "-q", str(folder), f"{folder}/venv"], check=True)
    return python


def start_once(argv: list[str], folder: Path) -> tuple[float, float]:
    """Milliseconds of the clock and of the processor that a program takes from its start to its end."""
    begin = time.perf_counter()
    process = subprocess.Popen(argv, cwd=folder, env=ENV)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0
    process.returncode = 0
    return (time.perf_counter() - begin) * 1000, (used.ru_utime + used.ru_stime) * 1000


def starts(python: str, folder: Path, program: str) -> dict[str, tuple[float, float]]:
    """Medians of 20 starts each."""
    lines = {"without": [python, program], "with": [python, "-m", "_paasctl_runtime", "python", program]}
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in lines}
    for _ in range(STARTS):
        for way, argv in lines.items():
            times[way].append(start_once(argv, folder))
    return {way: tuple(map(statistics.median, zip(*each, strict=True))) for way, each in times.items()}  # type: ignore[misc]


def serve(python: str, folder: Path, way: str) -> subprocess.Popen[bytes]:
    through = ["-m", "_paasctl_runtime"] if way == "with" else []
    server = ["python", "-m"] if through else ["-m"]
    argv = [python, *through, *server, "gunicorn", "-k", "gthread", "-b", f"127.0.0.1:{PORT[way]}", "app:app"]
    return subprocess.Popen(argv, cwd=folder, env=ENV, stderr=subprocess.DEVNULL)


def requests(port: int) -> None:
    """A round's requests of one client, on one connection that is kept."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    for _ in range(REQUESTS):
        connection.request("GET", "/", headers={"X-Forwarded-For": "1.2.3.4"})
        response = connection.getresponse()
        response.read()
        assert response.status == 200
    connection.close()


def processor_seconds(master: int) -> float:
    """What a server's worker, with all of its threads, has used so far."""
    nanoseconds = 0
    for child in Path(f"/proc/{master}/task/{master}/children").read_text().split():
        for thread in Path(f"/proc/{child}/task").glob("*/schedstat"):
            nanoseconds += int(thread.read_text().split()[0])
    return nanoseconds / 1e9


def answering(port: int) -> None:
    for _ in range(200):
        try:
            http.client.HTTPConnection("127.0.0.1", port, timeout=1).request("GET", "/")
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("the server does not answer")


def ratios(python: str, folder: Path) -> list[float]:
    """Processor time of a request without the runtime over that with it: the requests per second of a busy server.

    One number a round; the clock would measure the machine's other load, too.
    """
    servers = {way: serve(python, folder, way) for way in PORT}
    try:
        for port in PORT.values():
            answering(port)
            requests(port)
        found = []
        for turn in range(ROUNDS):
            cost = {}
            for way in list(PORT) if turn % 2 else list(PORT)[::-1]:
                before = processor_seconds(servers[way].pid)
                requests(PORT[way])
                cost[way] = processor_seconds(servers[way].pid) - before
            found.append(cost["without"] / cost["with"])
        return found
    finally:
        for server in servers.values():
            server.terminate()
            server.wait(10)


def interval(values: list[float]) -> tuple[float, float]:
    """The 95 % confidence interval of the median, by bootstrap."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(4000))
    return medians[100], medians[3899]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = prepare(folder)
        for program, what in (("bare.py", "a program that imports logging"), ("app.py", "a Flask app")):
            found = starts(python, folder, program)
            for measure, kind in enumerate(("clock", "processor")):
                without, with_it = found["without"][measure], found["with"][measure]
                print(f"start of {what}, {kind}: {without:.1f} ms, with {with_it:.1f} ms, {with_it - without:+.1f} ms")
        values = ratios(python, folder)
        low, high = interval(values)
        print(f"requests per second, with / without: {statistics.median(values):.3f} (95 % {low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
