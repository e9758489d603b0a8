"""What the runtime costs: milliseconds at the start of a process, and percent of the requests per second.

``python bench/runtime.py`` makes an environment with Flask and gunicorn, measures both interleaved (with and without
in turn, so that the machine's other load counts for both), and prints medians, a 95 % confidence interval and the load.
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

STARTS, ROUNDS, REQUESTS = 20, 400, 100
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


def show_starts(python: str, folder: Path, program: str, what: str) -> None:
    """Medians of 20 starts each, and what each start costs more than the one without beside it."""
    lines = {"without": [python, program], "with": [python, "-m", "_paasctl_runtime", "python", program]}
    times: dict[str, list[tuple[float, float]]] = {way: [] for way in lines}
    for turn in range(STARTS):
        for way in list(lines) if turn % 2 else list(lines)[::-1]:
            times[way].append(start_once(lines[way], folder))
    for measure, kind in enumerate(("clock", "processor")):
        without, with_it = ([each[measure] for each in times[way]] for way in ("without", "with"))
        more = [b - a for a, b in zip(without, with_it, strict=True)]
        low, high = interval(more)
        print(
            f"start of {what}, {kind}: {statistics.median(without):.1f} ms, with {statistics.median(with_it):.1f} ms; "
            f"more, median of {STARTS} pairs: {statistics.median(more):.1f} ms (95 % {low:.1f} to {high:.1f})"
        )


def serve(python: str, folder: Path, way: str) -> subprocess.Popen[bytes]:
    through = ["-m", "_paasctl_runtime"] if way == "with" else []
    server = ["python", "-m"] if through else ["-m"]
    argv = [python, *through, *server, "gunicorn", "-k", "gthread", "-b", f"127.0.0.1:{PORT[way]}", "app:app"]
    return subprocess.Popen(argv, cwd=folder, env=ENV, stderr=subprocess.DEVNULL)


def requests(port: int) -> None:
    """So many requests of one client, on one connection that is kept."""
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


def pairs(python: str, folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Seconds of the clock and of the server's processor that each round took, twice each way."""
    servers = {way: serve(python, folder, way) for way in PORT}
    try:
        for port in PORT.values():
            answering(port)
            requests(port)
        found: dict[str, list[tuple[float, float]]] = {way: [] for way in PORT}
        for _ in range(ROUNDS):
            took = {way: [0.0, 0.0] for way in PORT}
            for way in ("without", "with", "with", "without"):  # whoever comes first has no advantage
                used, begin = processor_seconds(servers[way].pid), time.perf_counter()
                requests(PORT[way])
                took[way][0] += time.perf_counter() - begin
                took[way][1] += processor_seconds(servers[way].pid) - used
            for way, (clock, processor) in took.items():
                found[way].append((clock, processor))
        return found
    finally:
        for server in servers.values():
            server.terminate()
            server.wait(10)


def show_requests(found: dict[str, list[tuple[float, float]]]) -> None:
    """Requests per second by the clock, and as many as the server's processor time allows; with / without in pairs."""
    for measure, what in enumerate(("requests per second", "requests per second of the server's processor time")):
        seconds = {way: [round_[measure] for round_ in rounds] for way, rounds in found.items()}
        rate = {way: 2 * REQUESTS / statistics.median(each) for way, each in seconds.items()}
        ratios = [without / with_it for without, with_it in zip(seconds["without"], seconds["with"], strict=True)]
        low, high = interval(ratios)
        print(
            f"{what}: {rate['without']:.0f}, with {rate['with']:.0f}; with / without, median of {ROUNDS} pairs: "
            f"{statistics.median(ratios):.3f} (95 % {low:.3f} to {high:.3f})"
        )


def interval(values: list[float]) -> tuple[float, float]:
    """The 95 % confidence interval of the median, by bootstrap."""
    draw = random.Random(1)
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(4000))
    return medians[100], medians[3899]


def main() -> None:
    print(f"{os.cpu_count()} processors; load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        python = prepare(folder)
        for program, what in (("bare.py", "a program that imports logging"), ("app.py", "a Flask app")):
            show_starts(python, folder, program, what)
        show_requests(pairs(python, folder))


if __name__ == "__main__":
    main()
