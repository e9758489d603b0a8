"""Known secrets go through every command and every failure of the real program, and show nowhere.

Not on stdout or stderr, in no argument of a process (here, by strace, nor on the site's side), in no file here that
others may read at the moment of any request, in no file or log of the account, in no URL or header.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from standin import Platform
from standin.visitor import DOMAIN, get
from support import execs
from support.cli import Home, Paasctl, Result
from support.projects import Project
from support.sentinels import Sentinels

pytestmark = pytest.mark.e2e
APPS = "/home/eric/.paasctl/apps/plain-wsgi"
REMOTE = "zR9remoteQ4secretX7"  # a value that only the account has


class Watched:
    """A checkout whose ``.env`` is full of secrets, pushed by the real program, with eyes everywhere."""

    def __init__(self, platform: Platform, folder: Path) -> None:
        self.platform, self.sentinels = platform, Sentinels()
        home = Home(folder / "h")
        self.project = Project.copy("plain_wsgi", home.root / "shop")
        self.project.env(self.sentinels.values)
        self.project.write("requirements.txt", "six==1.16.0\n")
        self.settings()
        self.project.commit("mine")
        token = platform.account.token
        self.paasctl = Paasctl(self.project.root, home, PYTHONANYWHERE_API_TOKEN=token)
        self.paasctl.after = self.search
        self.closed = False  # the account's folder is closed to others from the first load of the stub on
        self.talks = False  # the app itself writes secrets to its log
        self.seen: list[str] = []
        self.leaked: list[str] = []
        platform.faults = self.look

    def settings(self, head: str = "") -> None:
        account = self.platform.account
        self.project.write(
            "paasctl.toml",
            f'[app]\nname = "plain-wsgi"\n{head}\n[targets.pythonanywhere]\nusername = "{account.username}"\n'
            f'python = "{account.pythons[0]}"\napi_url = "{self.platform.api_url}"\n'
            f'site_url = "{self.platform.site_url}"\n',
        )

    def leaks(self, text: str | bytes) -> list[str]:
        data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        others = {"the token": self.platform.account.token, "a remote value": REMOTE}
        base = self.platform.account.real(APPS)
        if (base / "deploy.json").exists():
            others["the site's key"] = json.loads((base / "deploy.json").read_text())["key"]
        return [*self.sentinels.found(data), *(what for what, value in others.items() if value.encode() in data)]

    def look(self, method: str, path: str) -> Any:
        """At the moment of each request: what could another user of either machine read?"""
        self.seen.append(f"{method} {path}")
        found = [path] if self.leaks(path) else []
        try:
            self.sentinels.check_files([self.paasctl.home.root], but=[self.project.root / ".env"])
        except AssertionError as error:
            found.append(str(error))
        if self.closed:
            readable = self.platform.account.readable_by_others()
            found += [f"{name} can be read by others" for name, content in readable if self.leaks(content)]
        self.leaked += found  # this is a server's thread: the test fails when the command has ended
        return None

    def search(self, result: Result) -> None:
        where = " ".join(result.words)
        assert not self.leaked, where
        assert not self.leaks(result.out), f"stdout of {where}"
        assert not self.leaks(result.err), f"stderr of {where}"
        logs = [] if self.talks else sorted((self.platform.account.root / "var/log").iterdir())
        for path in logs:
            assert not self.leaks(path.read_bytes()), f"{path.name} after {where}"
        if self.paasctl.recorder:
            assert not self.leaks(self.paasctl.recorder.text()), f"the arguments of a process of {where}"

    def run(self, *words: str, code: int | None = 0) -> Result:
        return self.paasctl.run("-vv", *words, code=code)


@pytest.fixture
def watched(platform: Platform, tmp_path: Path) -> Iterator[Watched]:
    watched = Watched(platform, tmp_path)
    recorder = None if execs.why_not() else execs.Recorder(tmp_path / "execs")
    watched.paasctl.recorder = recorder
    platform.trace = tmp_path / "site.execs" if recorder else None
    yield watched
    if recorder:
        recorder.stop()


COMMANDS = [
    ["push", "--dry-run"],
    ["push", "--yes", "--json"],
    ["push", "--check"],
    ["status"],
    ["status", "--json"],
    ["releases"],
    ["releases", "--json"],
    ["doctor"],
    ["doctor", "--json"],
    ["logs", "-n", "500"],
    ["env", "diff"],
    ["env", "diff", "--json"],
    ["env", "sync", "--yes"],
    ["env", "pull", "--dry-run"],
    ["restart", "--yes"],
    ["rollback", "no-such-release", "--yes"],
    ["unlock", "--yes"],
]


def words(command: list[str]) -> list[str]:
    """With the target behind the command's own words."""
    number = 2 if command[0] == "env" else 1
    return [*command[:number], "pythonanywhere", *command[number:]]


def test_arguments_of_processes_can_be_recorded() -> None:
    if execs.why_not():
        pytest.skip(f"THE ARGUMENTS OF PROCESSES WERE NOT SEARCHED ON PYTHONANYWHERE'S STAND-IN: {execs.why_not()}")


def test_every_command(watched: Watched) -> None:
    watched.settings("release = \"python -c 'import six'\"")
    watched.run("push", "pythonanywhere", "--yes")
    watched.closed = True
    for command in COMMANDS:
        result = watched.run(*words(command), code=None)
        assert result.said.strip(), command
        assert "Traceback" not in result.err or result.code, command
    watched.project.env({**watched.sentinels.values, "MORE": "x" * 20, "MAIL_PASSWORD": "changed" * 3})
    watched.run("env", "sync", "pythonanywhere", "--yes")
    watched.run("rollback", "pythonanywhere", "--yes")
    watched.run("run", "pythonanywhere", "--", "python", "-c", "print(1)")
    watched.run("env", "pull", "pythonanywhere", "--yes", code=None)
    watched.run("down", "pythonanywhere", "--yes", "--purge")
    assert len(watched.seen) > 60
    if watched.paasctl.recorder:
        text = watched.paasctl.recorder.text()
        assert "uv" in text
        assert watched.platform.trace is not None
        there = watched.platform.trace.read_bytes()
        assert b"import six" in there  # the release command: the record on the site's side is whole
        assert not watched.leaks(there.replace(watched.platform.account.token.encode(), b""))


def printing(watched: Watched) -> None:
    watched.settings('release = "env; exit 3"')


def broken_import(watched: Watched) -> None:
    path = watched.project.root / "wsgi.py"
    path.write_text("import os\nraise RuntimeError(f'cannot use {dict(os.environ)}')\n" + path.read_text())


def unwell(watched: Watched) -> None:
    watched.talks = True
    watched.project.write(
        "wsgi.py",
        "import os\ndef application(environ, start_response):\n    raise RuntimeError(sorted(os.environ.items()))\n",
    )


def refused(status: int) -> Callable[[Watched], None]:
    """An API whose refusal of the env file quotes what it was sent."""

    def harm(watched: Watched) -> None:
        quoted = {"detail": " ".join(watched.sentinels.values.values())}
        look = watched.look

        def fault(method: str, path: str) -> Any:
            look(method, path)
            return (status, quoted) if method == "POST" and "/env/" in path else None

        watched.platform.faults = fault

    return harm


def truncated(watched: Watched) -> None:
    watched.platform.api.cut = {"/env/": 700}


def no_disk(watched: Watched) -> None:
    watched.platform.account.quota = watched.platform.account.used() + 100


def by_hand(watched: Watched) -> None:
    """A colleague adds a name in the editor of the Files page."""
    base = watched.platform.account
    live = base.document(f"{APPS}/active.json")["live"]
    record = next(r for r in live["releases"] if r["id"] == live["release"])
    path = f"{APPS}/env/{record['env']['id']}.json"
    found = base.document(path)
    found["env"].update(REMOTE_ONLY=REMOTE, MAIL_PASSWORD=REMOTE)
    base.real(path).write_text(json.dumps(found))
    watched.platform._reload(DOMAIN)


TROUBLES = {
    "a release command that prints the env": printing,
    "an import that shows the env": broken_import,
    "a refusal that quotes": refused(400),
    "an error page that quotes": refused(500),
    "a truncated env": truncated,
    "a full disk": no_disk,
    "a page that shows the env": unwell,
}


def test_every_failure(watched: Watched) -> None:
    watched.run("push", "pythonanywhere", "--yes")
    watched.closed = True
    account = watched.platform.account
    for number, (name, harm) in enumerate(TROUBLES.items()):
        watched.project.env({**watched.sentinels.values, "ROUND": f"number {number}"})
        harm(watched)
        result = watched.run("push", "pythonanywhere", "--yes", code=1)
        assert "error: " in result.err, name
        watched.platform.faults, watched.platform.api.cut, account.quota = watched.look, {}, 512 << 20
        watched.project.restore()
        assert "first v001" in get(watched.platform).text, name
    by_hand(watched)
    for command in (
        ["push", "--yes"],
        ["push", "--yes", "--force"],
        ["env", "diff"],
        ["status"],
        ["env", "sync", "--yes"],
    ):
        watched.run(*words(command), code=None)
    watched.platform.faults = lambda method, path: "drop"
    watched.run("status", "pythonanywhere", code=1)
    watched.platform.faults = watched.look
    watched.paasctl.extra["PYTHONANYWHERE_API_TOKEN"] = "exp1redToken"
    assert "exp1redToken" not in watched.run("push", "pythonanywhere", "--yes", code=2).said


def test_the_app_has_every_value_as_it_is(watched: Watched) -> None:
    watched.project.write(
        "wsgi.py",
        "import hashlib, json, os\n"
        "def application(environ, start_response):\n"
        "    start_response('200 OK', [])\n"
        "    found = {n: hashlib.sha256(v.encode()).hexdigest() for n, v in os.environ.items()}\n"
        "    return [json.dumps(found).encode()]\n",
    )
    watched.run("push", "pythonanywhere", "--yes")
    import hashlib

    found = json.loads(get(watched.platform).text)
    for name, value in watched.sentinels.values.items():
        assert found[name] == hashlib.sha256(value.encode()).hexdigest(), name


def test_nothing_shows_in_a_repr(watched: Watched) -> None:
    from standin.clock import QuickClock

    from paasctl.target import Context, load

    watched.run("push", "pythonanywhere", "--yes")
    environ = {"PYTHONANYWHERE_API_TOKEN": watched.platform.account.token}
    root = watched.project.root
    context = Context("plain-wsgi", root, environ, root, root, root, "ada")
    settings = {"username": "eric", "api_url": watched.platform.api_url, "site_url": watched.platform.site_url}
    connect = sys.modules[load("pythonanywhere").__module__].connect
    target: Any = connect("pythonanywhere", settings, context, QuickClock())
    observed = target.observe()
    transport = target._account.api.transport
    told = "".join(
        map(repr, (observed, observed.extra, target, target._account, vars(transport), transport._session.auth))
    )
    target.close()
    assert not watched.leaks(told)
