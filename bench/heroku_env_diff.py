"""Time of `paasctl env diff heroku` against `heroku config`, on the same stand-in for Heroku.

Usage: python bench/heroku_env_diff.py [HEROKU [ROUNDS]]

HEROKU is the program of the npm package `heroku` (default: the one on PATH). Ours is installed from a wheel of this
checkout, as its users have it; an editable one starts more slowly. Both are processes of their own and ask the same
server on loopback for the same config vars; what is compared is what a user waits for. The runs alternate, so that the
load of the machine meets both, and the fastest of each, which it disturbed least, are compared. The time on processors
is shown too: where others keep them busy, it says more. Exits 1 when paasctl takes more than a quarter.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uv

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "heroku"))

from heroku_standin import Standin  # noqa: E402
from heroku_standin.server import TOKEN  # noqa: E402

UV = uv.find_uv_bin()
MOST = 0.25
NAMES = 20


def checkout(root: Path, url: str) -> None:
    """An app with an env, configured for the stand-in."""
    root.mkdir()
    (root / "wsgi.py").write_text("from flask import Flask\n\napp = Flask(__name__)\n")
    (root / "requirements.txt").write_text("flask==3.1.2\ngunicorn==23.0.0\n")
    (root / "Procfile").write_text("web: gunicorn wsgi:app\n")
    (root / ".python-version").write_text("3.13\n")
    (root / ".env").write_text("".join(f"NAME_{n}=value-of-name-{n}\n" for n in range(NAMES)))
    (root / ".env").chmod(0o600)
    (root / "paasctl.toml").write_text(f'[targets.heroku]\napp = "shop"\napi_url = "{url}"\n')


def installed(folder: Path) -> str:
    """Our program, from a wheel of a copy of this checkout, in a virtual environment of its own."""
    source, venv = folder / "source", folder / "venv"
    ignored = shutil.ignore_patterns(".git", ".venv", "build", "dist", "*.egg-info", "__pycache__", "tests", ".*_cache")
    shutil.copytree(ROOT, source, ignore=ignored)
    subprocess.run([UV, "build", "-q", "--wheel", "-o", folder, source], check=True)
    subprocess.run([UV, "venv", "-q", "--python", sys.executable, venv], check=True)
    install = [UV, "pip", "install", "-q", "--compile-bytecode", "--python", venv / "bin" / "python"]
    subprocess.run([*install, *folder.glob("*.whl")], check=True)
    return str(venv / "bin" / "paasctl")


def seconds(command: list[str], root: Path, environ: dict[str, str]) -> tuple[float, float]:
    """The time from start to end of a command, and its time on processors."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, stdin=subprocess.DEVNULL)
    taken, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr.decode()
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(heroku: str, rounds: int, paasctl: str, folder: Path) -> dict[str, list[tuple[float, float]]]:
    """Seconds of each run, by program; the first run of each, which fills caches, is left out."""
    root = folder / "shop"
    taken: dict[str, list[tuple[float, float]]] = {"paasctl": [], "heroku": []}
    with Standin() as standin:
        standin.world.app("shop")
        checkout(root, standin.url)
        environ = {"PATH": os.environ["PATH"], "HOME": str(folder), "HEROKU_HOST": standin.url}
        environ |= {"HEROKU_API_KEY": TOKEN, "DISABLE_TELEMETRY": "true"}
        seconds([paasctl, "env", "sync", "heroku", "-y"], root, environ)
        for number in range(rounds + 1):
            for name, command in (
                ("paasctl", [paasctl, "env", "diff", "heroku"]),
                ("heroku", [heroku, "config", "-a", "shop"]),
            ):
                spent = seconds(command, root, environ)
                if number:
                    taken[name].append(spent)
    return taken


def main() -> int:
    heroku = sys.argv[1] if len(sys.argv) > 1 else shutil.which("heroku")
    if heroku is None:
        print("the program `heroku` is not on PATH; it comes with the npm package of that name", file=sys.stderr)
        return 2
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    with tempfile.TemporaryDirectory() as folder:
        paasctl = installed(Path(folder))
        load = os.getloadavg()[0]
        taken = measure(heroku, rounds, paasctl, Path(folder))
    print(f"{os.cpu_count()} processors, load {load:.1f} before and {os.getloadavg()[0]:.1f} after")
    for name, values in taken.items():
        walls, cpus = zip(*values, strict=True)
        print(f"{name:8} {min(walls):.3f} s (median {statistics.median(walls):.3f}), on processors {min(cpus):.3f} s")
    ratio, on_processors = (min(v[n] for v in taken["paasctl"]) / min(v[n] for v in taken["heroku"]) for n in (0, 1))
    print(f"ratio {ratio:.2f} (at most {MOST}), on processors {on_processors:.2f}")
    return 0 if ratio <= MOST else 1


if __name__ == "__main__":
    sys.exit(main())
