"""`paasctl push pythonanywhere` as a user types it, and the script that tries the live service."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from standin import Platform
from standin.laptop import Laptop
from standin.visitor import get

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]
ROOT = Path(__file__).resolve().parents[2]
SECRET = "S3NT1NEL-Vn4tXq9bRw2LzJ7cMd5"


class Shell:
    """Commands in an app's folder, with a home of their own."""

    def __init__(self, app: Laptop, home: Path) -> None:
        home.mkdir()
        app.config()
        self.app, self.output = app, ""
        self.environ = {**app.environ, "HOME": str(home), "COLUMNS": "200"}
        for name in [n for n in self.environ if n.startswith("XDG_")]:
            del self.environ[name]

    def __call__(self, *words: str, code: int = 0) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "paasctl", *words],
            cwd=self.app.root,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        said = done.stdout + done.stderr
        self.output += said
        assert done.returncode == code, said
        return said


def test_the_commands(platform: Platform, laptop: Make, tmp_path: Path) -> None:
    app = laptop(env={"SECRET_KEY": SECRET})
    paasctl = Shell(app, tmp_path / "home")
    planned = paasctl("push", "pythonanywhere", "--dry-run")
    assert "create the web app eric.pythonanywhere.com" in planned
    assert not platform.account.webapps
    paasctl("push", "pythonanywhere", code=2)  # nobody can be asked
    said = paasctl("push", "pythonanywhere", "--yes")
    assert said.rstrip().endswith(platform.site_url + "/") or platform.site_url + "/" in said
    assert "first v001" in get(platform).text
    assert "nothing to do" in paasctl("push", "pythonanywhere", "--yes")
    assert "r1" in paasctl("releases", "pythonanywhere")
    assert "r1" in paasctl("status", "pythonanywhere")
    paasctl("push", "pythonanywhere", "--check")
    app.write("wsgi.py", (app.root / "wsgi.py").read_text().replace("v001", "v002"))
    paasctl("push", "pythonanywhere", "--check", code=3)
    paasctl("push", "pythonanywhere", "--yes", "-vv")
    assert "first v002" in get(platform).text
    app.write(
        "wsgi.py", (app.root / "wsgi.py").read_text() + "import os\nraise RuntimeError(os.environ['SECRET_KEY'])\n"
    )
    said = paasctl("push", "pythonanywhere", "--yes", "-vv", code=1)
    assert "could not be started" in said
    assert "RuntimeError" in said
    assert "first v002" in get(platform).text
    paasctl("rollback", "pythonanywhere", "--yes")
    assert "first v001" in get(platform).text
    assert "release r1 serves" in paasctl("logs", "pythonanywhere", "-n", "50")
    paasctl("run", "pythonanywhere", "--", "python", "-c", "import sys; sys.exit(7)", code=7)
    assert "nothing is ever locked" in paasctl("unlock", "pythonanywhere", code=2)
    app.env({"SECRET_KEY": SECRET, "MORE": "x"})
    paasctl("env", "diff", "pythonanywhere")
    paasctl("env", "sync", "pythonanywhere", "--yes")
    paasctl("restart", "pythonanywhere", "--yes")
    app.environ["PYTHONANYWHERE_API_TOKEN"] = paasctl.environ["PYTHONANYWHERE_API_TOKEN"] = "exp1redToken"
    assert "does not accept the token" in paasctl("status", "pythonanywhere", "-vv", code=2)
    paasctl.environ["PYTHONANYWHERE_API_TOKEN"] = platform.account.token
    paasctl("down", "pythonanywhere", "--purge", "--yes")
    assert not platform.account.webapps
    for hidden in (SECRET, platform.account.token, "exp1redToken"):
        assert hidden not in paasctl.output


def test_the_script_for_the_live_service(platform: Platform, laptop: Make) -> None:
    app = laptop()
    app.push()
    before = sorted(p.name for p in platform.account.real("/home/eric").iterdir())
    words = [
        str(ROOT / "scripts/pythonanywhere-check"),
        "eric",
        "--app",
        "shop",
        "--reload",
        "--throttle",
        "--upload",
        "2",
    ]
    platform.api.limit = 40
    done = subprocess.run(
        [sys.executable, *words, "--api-url", platform.api_url, "--site-url", platform.site_url],
        env={**os.environ, "PYTHONANYWHERE_API_TOKEN": platform.account.token},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for said in (
        "plan: 100 CPU seconds",
        "201, 200, b'two'",
        "an upload of 2 MiB: taken",
        "a 429: at request 40",
        "PATCH python_version: 3.",
        "HTTP_X_REAL_IP",
        "symlink works",
        "writing the WSGI file reloads: yes",
        "no warning; the process is",
    ):
        assert said in done.stdout, done.stdout
    assert sorted(p.name for p in platform.account.real("/home/eric").iterdir()) == before
    assert "first v001" in get(platform).text
