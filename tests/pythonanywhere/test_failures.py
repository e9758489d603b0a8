"""Releases that hang, do not unpack or lose a race, by the real site: what is said, and what serves."""

import importlib
import re
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from standin import Account, Platform
from standin.laptop import Laptop
from standin.process import why_not
from standin.visitor import get
from support.cli import Home, Paasctl
from support.projects import Project

from paasctl.errors import PaasctlError
from paasctl.target import load

pytestmark = pytest.mark.e2e
Make = Callable[..., Laptop]


def test_a_release_that_takes_requests_and_does_not_answer(
    platform: Platform, laptop: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    signed = importlib.import_module(load("pythonanywhere").__module__ + ".signed")
    monkeypatch.setattr(signed, "STATUS_TIMEOUT", (5.0, 3.0))
    monkeypatch.setattr("standin.platform.PING", 2.0)
    app = laptop()
    app.push()
    hanging = "import time\ndef application(environ, start_response):\n    time.sleep(900)\n"
    app.write("wsgi.py", (app.root / "wsgi.py").read_text() + hanging)
    with pytest.raises(
        PaasctlError, match=r"release r2 does not answer /: .* did not answer within 3 s, 2 times"
    ) as caught:
        app.push()
    assert caught.value.exit_code == 1
    assert "r1 serves as before" in caught.value.hint
    assert "first v001" in get(platform).text


def test_a_traceback_begins_in_the_apps_own_code(platform: Platform, laptop: Make) -> None:
    app = laptop()
    app.push()
    good = (app.root / "wsgi.py").read_text()
    app.write("helper.py", "def of(x):\n    return 1 / x\n")
    app.write("damaged.py", "x = (\n")
    broken = {
        "import helper\nhelper.of(0)\n": ["wsgi.py", "helper.py"],
        "def application(environ, start_response):\n    import helper\n    helper.of(0)\n": ["wsgi.py", "helper.py"],
        "import json\njson.loads('{')\n": ["wsgi.py", "__init__.py", "decoder.py", "decoder.py"],
        "import damaged\n": ["wsgi.py", "damaged.py"],
    }
    for code, files in broken.items():
        app.write("wsgi.py", good + code)
        with pytest.raises(PaasctlError) as caught:
            app.push()
        assert [
            Path(p).name for p in re.findall(r'^  File "([^"]+)", line', caught.value.output, re.MULTILINE)
        ] == files
    app.write("wsgi.py", good)
    (app.root / "wsgi.py").unlink()
    app.write("other.py", good)
    app.config('[app]\nentry = "other:no_such_name"\n')
    with pytest.raises(PaasctlError, match="no_such_name") as caught:
        app.push()
    assert "File" not in caught.value.output


@pytest.mark.parametrize(
    ("path", "said"), [("deploy.json", "deploy.json is not JSON"), ("/env/", "the env file of release r2 is damaged")]
)
def test_a_file_that_arrives_cut_off_is_named(platform: Platform, laptop: Make, path: str, said: str) -> None:
    app = laptop()
    app.push()
    app.write("wsgi.py", (app.root / "wsgi.py").read_text().replace("v001", "v002"))
    app.env({"SECRET_KEY": "k1-Vn4tXq9bRw2LzJ7cMd5pHs8f", "GREETING": "hello"})
    platform.api.cut = {path: 20}
    with pytest.raises(PaasctlError) as caught:
        platform.faults = uncut_after(platform, "deploy.json")
        app.push()
    assert caught.value.message == f"release r2 could not be started: {said}"
    assert caught.value.hint == "r1 serves as before; push again"
    assert "first v001" in get(platform).text
    app.push()
    assert "first v002" in get(platform).text


def test_a_first_deploy_json_that_arrives_cut_off_is_named(platform: Platform, laptop: Make) -> None:
    app = laptop()
    platform.api.cut = {"deploy.json": 20}
    platform.faults = uncut_after(platform, "deploy.json")
    with pytest.raises(PaasctlError, match=r"r1 could not be started: deploy\.json is not what was uploaded") as caught:
        app.push()
    assert caught.value.hint == "nothing is live yet; push again"
    app.push()
    assert "first v001" in get(platform).text


def uncut_after(platform: Platform, path: str) -> Callable[[str, str], None]:
    """Uploads are whole again once this file has been written and the site was asked: the undo's are."""
    written: list[str] = []

    def look(method: str, asked: str) -> None:
        if method == "POST" and path in asked:
            written.append(asked)
        if written and "/__paasctl__/" in asked:
            platform.api.cut = {}

    return look


@pytest.fixture
def small(account: Account, tmp_path: Path) -> Iterator[Platform]:
    """A platform whose account has a disk of 3 MiB that the API's own quota knows nothing of."""
    reason = why_not()
    if reason:
        pytest.skip(f"A DISK THAT FILLS UP WHILE THE SITE UNPACKS WAS NOT TRIED: {reason}")
    home = tmp_path / "account/home/eric"
    home.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=755", "none", str(home)], check=True)
    platform = Platform(account)
    try:
        yield platform
    finally:
        platform.close()
        subprocess.run(["umount", "-l", str(home)], check=True)


def test_a_disk_that_is_full_when_the_site_unpacks(small: Platform, tmp_path: Path) -> None:
    app = Laptop.copy(small, "plain_wsgi", tmp_path / "shop", python=small.account.pythons[0])
    app.push()
    app.write("large.txt", "much of the same\n" * 200_000)  # 3.4 MB, and a small archive
    with pytest.raises(PaasctlError, match=r"release r2 could not be started: No space left on device$") as caught:
        app.push()
    assert caught.value.hint.startswith("r1 serves as before; the disk is full: delete files on the Files page")
    assert "first v001" in get(small).text
    releases = small.account.real("/home/eric/.paasctl/apps/shop/releases")
    assert len(list(releases.iterdir())) == 1
    (app.root / "large.txt").unlink()
    app.write("wsgi.py", (app.root / "wsgi.py").read_text().replace("v001", "v002"))
    app.push()
    assert "first v002" in get(small).text


@pytest.mark.parametrize("command", ["", '[app]\nrelease = "echo ran"\n'])  # who unpacks: the reload, or the command
def test_old_releases_go_when_the_site_finds_no_room(small: Platform, tmp_path: Path, command: str) -> None:
    app = Laptop.copy(small, "plain_wsgi", tmp_path / "shop", python=small.account.pythons[0])
    app.config(command)
    releases = small.account.real("/home/eric/.paasctl/apps/shop/releases")
    for number in (1, 2, 3):
        app.write("large.txt", f"much of the same {number}\n" * 60_000)  # 1.1 MB, and a small archive
        app.write("wsgi.py", (app.root / "wsgi.py").read_text().replace(f"v00{number - 1}", f"v00{number}"))
        app.push()
        assert f"first v00{number}" in get(small).text
    assert "the disk was full: old files went to make room; trying once more" in app.said
    assert len(list(releases.iterdir())) == 2
    assert [(r.id, r.state) for r in app.operate("releases")] == [("r3", "live"), ("r2", "good")]
    app.operate("rollback", None)
    assert "first v002" in get(small).text
    assert not app.plan(code=False)


def test_a_rollback_that_fails_shows_nothing_of_the_env_it_went_to(platform: Platform, tmp_path: Path) -> None:
    account, home = platform.account, Home(tmp_path / "h")
    project = Project.copy("plain_wsgi", home.root / "shop")
    project.write(
        "paasctl.toml",
        f'[app]\nname = "shop"\n[targets.pythonanywhere]\nusername = "eric"\npython = "{account.pythons[0]}"\n'
        f'api_url = "{platform.api_url}"\nsite_url = "{platform.site_url}"\n',
    )
    good = (project.root / "wsgi.py").read_text()
    leak = "import os\nif os.path.exists('/home/eric/broken'):\n    raise RuntimeError(os.environ['PASSWORD'])\n"
    project.write("wsgi.py", leak + good)
    paasctl = Paasctl(project.root, home, PYTHONANYWHERE_API_TOKEN=account.token)
    project.env({"PASSWORD": "first-S3NT1NEL-Vn4tXq9b"})
    paasctl.run("push", "pythonanywhere", "--yes")
    project.env({"PASSWORD": "second-S3NT1NEL-Vn4tXq9b"})
    project.write("wsgi.py", good.replace("v001", "v002"))
    paasctl.run("push", "pythonanywhere", "--yes")
    account.write("/home/eric/broken", b"")
    failed = paasctl.run("-vv", "rollback", "pythonanywhere", "--yes", code=1)
    assert "RuntimeError: ********" in failed.err
    assert "S3NT1NEL" not in failed.said
    assert "first v002" in get(platform).text


def test_two_programs_at_once(platform: Platform, tmp_path: Path) -> None:
    """Both have read the same state before either writes; one wins, the other exits with 4 and says who did."""
    account, programs = platform.account, []
    for who in ("ann", "bob"):
        home = Home(tmp_path / who)
        project = Project.copy("plain_wsgi", home.root / "shop")
        project.write(
            "paasctl.toml",
            f'[app]\nname = "shop"\n[targets.pythonanywhere]\nusername = "eric"\npython = "{account.pythons[0]}"\n'
            f'api_url = "{platform.api_url}"\nsite_url = "{platform.site_url}"\n',
        )
        programs.append((project, Paasctl(project.root, home, PYTHONANYWHERE_API_TOKEN=account.token, LOGNAME=who)))
    programs[0][1].run("push", "pythonanywhere", "--yes")
    for number, (project, _) in enumerate(programs, start=2):
        project.replace("wsgi.py", "v001", f"v00{number}")
    read, both = [0], threading.Condition()

    def meet(method: str, path: str) -> None:
        if method == "GET" and path.endswith("active.json"):
            with both:
                read[0] += 1
                both.notify_all()
                both.wait_for(lambda: read[0] >= 2, timeout=60)

    platform.faults = meet
    running = [paasctl.start("push", "pythonanywhere", "--yes") for _, paasctl in programs]
    results = [each.wait() for each in running]
    platform.faults = lambda method, path: None
    assert sorted(result.code for result in results) == [0, 4], [str(result) for result in results]
    winner = [result.code for result in results].index(0)
    assert f"first v00{winner + 2}" in get(platform).text
    name = ("ann", "bob")[winner]
    assert re.search(rf"error: .*{name}.*pushed", results[1 - winner].err), results[1 - winner].err


def test_a_site_that_refuses_everybody_is_a_warning(platform: Platform, laptop: Make) -> None:
    app = laptop("django_site", env={"SECRET_KEY": "k1-Vn4tXq9bRw2LzJ7cMd5pHs8f"})
    plan = app.push()
    assert get(platform).status == 400
    (warning,) = plan.late_warnings()
    assert warning.startswith("it answers 400 at /; ")
    assert "ALLOWED_HOSTS" in warning
    assert app.operate("restart").late_warnings()[0].startswith("it answers 400 at /; ")
    app.env({"SECRET_KEY": "k1-Vn4tXq9bRw2LzJ7cMd5pHs8f", "ALLOWED_HOSTS": "eric.pythonanywhere.com"})
    assert not app.push().late_warnings()
    assert get(platform).status == 200
    assert app.operate("rollback", None).late_warnings()[0].startswith("it answers 400 at /; ")
