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


def script(platform: Platform, *words: str, code: int = 0) -> str:
    """Run the script for the live service as docs/pythonanywhere.md says; what it prints."""
    places = ["--api-url", platform.api_url, "--site-url", platform.site_url]
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/pythonanywhere-check"), "eric", *words, *places],
        env={**os.environ, "PYTHONANYWHERE_API_TOKEN": platform.account.token},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert not done.stderr
    return done.stdout


#: What is tried with and without ``--reload``, and a part of what is said.
TRIED = {
    "plan": "100 CPU seconds",
    "files: write, overwrite, read, list, delete": "201, 200, b'two'",
    "the app": "shop, r1",
    "web app": "PATCH python_version: 3.",
    "the site's signed answer": "HTTP_X_REAL_IP",
    "inside a job": "status 0",
}
RELOADING = {
    "writing the WSGI file reloads": "yes, within",
    "touching the WSGI file from inside reloads": "yes, within",
    "a process that ends while it loads": "it ended; started again: yes",
    "a static mapping to a symbolic link": "200 'here'",
    "a reload": "no warning; the process is",
}


def test_the_script_for_the_live_service(platform: Platform, laptop: Make) -> None:
    laptop().push()
    home = platform.account.real("/home/eric")
    wsgi = platform.account.read("/var/www/eric_pythonanywhere_com_wsgi.py")
    before = sorted(p.name for p in home.iterdir())
    platform.api.limit = 40
    said = script(platform, "--reload", "--throttle", "--upload", "2")
    for title, part in {**TRIED, **RELOADING, "an upload of 2 MiB": "taken", "a 429": "at request 40"}.items():
        (line,) = (line for line in said.splitlines() if line.startswith(f"{title}: "))
        assert part in line, said
    assert "symlink works" in said
    assert "stdout in ['server'], stderr in ['error']" in said
    assert sorted(p.name for p in home.iterdir()) == before
    assert platform.account.read("/var/www/eric_pythonanywhere_com_wsgi.py") == wsgi
    assert not any(platform.account.static.values())
    assert "first v001" in get(platform).text


def test_the_script_reloads_nothing_unless_it_is_asked_to(platform: Platform, laptop: Make) -> None:
    laptop().push()
    platform.forget()
    said = script(platform)
    for title, part in TRIED.items():
        (line,) = (line for line in said.splitlines() if line.startswith(f"{title}: "))
        assert part in line, said
    changing = [line for line in platform.api_requests if "/reload/" in line or "wsgi.py" in line]
    assert not changing


@pytest.mark.parametrize("there", [True, False])
def test_the_script_leaves_a_site_alone_that_paasctl_did_not_push(platform: Platform, there: bool) -> None:
    if there:
        platform.api._create("eric.pythonanywhere.com", "python" + platform.account.pythons[0].replace(".", ""))
    said = script(platform, "--reload", code=1)
    assert ("was not made by paasctl" if there else "does not exist") in said
    assert [line for line in said.splitlines() if line.endswith("NOT TRIED")] == [
        f"{title}: NOT TRIED" for title in ("web app", "the site's signed answer", "inside a job", *RELOADING)
    ]
    assert not [line for line in platform.api_requests if line.startswith("PATCH") or "/reload/" in line]
