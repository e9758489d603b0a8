"""Known secrets in an app's env: no output, argv, log or file that others may read gives one away, on either side."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hostlab.apps import HostApp
from hostlab.execs import Execs
from support import execs
from support.cli import Result
from support.sentinels import Sentinels

pytestmark = [pytest.mark.hosts, pytest.mark.once, pytest.mark.timeout(1800)]

READABLE = (
    "cd /; find /etc /srv /var /tmp /run /home /root /usr/local -xdev -type f -size -2000k "
    "\\( -perm -o=r -o -group www-data \\) -newer /root/began -exec cat {} + 2>/dev/null"
)


#: something that only a program's arguments say, and that program is gone at once
MARK = "seen-once-f81c"


@pytest.fixture
def app(make_app: Callable[..., HostApp]) -> Iterator[HostApp]:
    """An app whose commands are followed on this machine."""
    if reason := execs.why_not():
        pytest.skip(f"NO ARGUMENT OF A PROGRAM ON A HOST IS CHECKED: {reason}")
    app = make_app()
    app.paasctl.recorder = execs.Recorder(app.folder / "execs")
    yield app
    app.paasctl.recorder = None


@pytest.fixture
def started(app: HostApp) -> Iterator[Execs]:
    """What is started on its host."""
    started = Execs(app.host, app.folder / "host-execs")
    yield started
    started.close()


def test_no_secret_is_given_away(app: HostApp, started: Execs) -> None:
    secrets, said = Sentinels(), list[Result]()
    app.paasctl.after = said.append
    app.host.ssh("touch /root/began")
    app.project.env(secrets.values)
    use_every_command(app, secrets)
    assert len(said) >= 19
    for result in said:
        secrets.check(result.said, " ".join(result.words))
    argv = started.text()
    for program in ("gunicorn", "supervisorctl", "sudo", "pip", "nginx", "worker.py", "useradd", "flask", MARK):
        assert program in argv, f"{program} was not seen to start"
    secrets.check(argv, "an argument on the host")
    secrets.check(app.host.out(READABLE), "a file on the host that others may read")
    secrets.check(app.host.out("journalctl --no-pager"), "the host's journal")
    secrets.check(app.host.out(f"find / -xdev -user {app.name} -o -xdev -user deploy"), "a file's name on the host")
    assert secrets.found(app.host.out(f"cat /srv/{app.name}/env/*.json")), "the search finds nothing where they are"
    secrets.check_files([app.home.cache, app.home.state, app.home.tmp, app.home.config])
    app.run("down", "linux", "--yes")
    app.run("down", "linux", "--purge", "--yes")
    for result in said:
        secrets.check(result.said, " ".join(result.words))
    secrets.check(started.text(), "an argument on the host, of the removal")
    app.disconnect()  # a connection that is kept is a program that has not ended
    assert app.paasctl.recorder
    app.paasctl.recorder.stop()
    secrets.check(app.paasctl.recorder.text(), "an argument on this machine")


def use_every_command(app: HostApp, secrets: Sentinels) -> None:
    """A life of the app, with all that may go wrong in it."""
    app.setup()
    app.push("-v")
    assert app.get("/env/MAIL_PASSWORD").json()["set"]
    for broken in ("import", "release", "health", "worker", "requirements"):
        getattr(app.project, f"break_{broken}")()
        app.push("-v", code=1)
        app.project.restore()
    app.project.env({**secrets.values, "NEW": "unimportant"})
    app.push("--env-only", "-v")
    app.project.env({**secrets.values, "NEW": "as unimportant"})
    app.run("env", "sync", "linux", "--yes")
    app.run("env", "diff", "linux")
    app.run("rollback", "linux", "--yes")
    app.run("restart", "linux", "--yes")
    app.run("run", "linux", "--", "/bin/echo", MARK)
    app.run("run", "linux", "--", "python", "-c", "raise SystemExit('on purpose')", code=1)
    for words in ("status", "releases", "logs"):
        app.run(words, "linux")
    app.run("unlock", "linux", "--yes", code=None)
    app.run("doctor", "linux", code=None)
