"""Known secrets in an app's env: no output, argv, log or file that others may read gives one away, on either side."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hostlab.apps import HostApp
from support import execs
from support.cli import Result
from support.sentinels import Sentinels

pytestmark = [pytest.mark.hosts, pytest.mark.once]

#: follows every new program on a host and notes its arguments
WATCH = (
    "import os, time\nseen = set()\nout = open('/root/argv.log', 'ab', 0)\n"
    "while not os.path.exists('/root/argv.stop'):\n"
    "    for pid in filter(str.isdigit, os.listdir('/proc')):\n"
    "        try:\n            line = open('/proc/%s/cmdline' % pid, 'rb').read()\n"
    "        except OSError:\n            continue\n"
    "        if line not in seen:\n            seen.add(line)\n            out.write(line + b'\\n')\n"
    "    time.sleep(0.01)\n"
)
READABLE = (
    "cd /; find /etc /srv /var /tmp /run /home /root /usr/local -xdev -type f -size -2000k "
    "\\( -perm -o=r -o -group www-data \\) -newer /root/began -exec cat {} + 2>/dev/null"
)


def test_no_secret_is_given_away(make_app: Callable[..., HostApp]) -> None:
    app, secrets = make_app(), Sentinels()
    said: list[Result] = []
    app.paasctl.after = said.append
    if not execs.why_not():
        app.paasctl.recorder = execs.Recorder(app.folder / "execs")
    app.project.env(secrets.values)
    app.host.ssh("rm -f /root/argv.*; touch /root/began; cat > /root/watch.py", data=WATCH)
    app.host.ssh("setsid python3 /root/watch.py >/dev/null 2>&1 </dev/null &")
    try:
        app.setup()
        app.push("-v")
        assert app.get("/env/MAIL_PASSWORD").json()["set"]
        for broken in ("import", "release"):
            getattr(app.project, f"break_{broken}")()
            app.push("-v", code=1)
            app.project.restore()
        app.project.env({**secrets.values, "NEW": "unimportant"})
        app.push("--env-only", "-v")
        app.run("rollback", "linux", "--yes")
        for words in ("status", "releases", "logs"):
            app.run(words, "linux")
    finally:
        app.host.ssh("touch /root/argv.stop")
    assert len(said) >= 9
    for result in said:
        secrets.check(result.said, " ".join(result.words))
    argv = app.host.out("cat /root/argv.log | tr '\\0' ' '")
    assert "gunicorn" in argv, "no program of the app was seen"
    secrets.check(argv, "an argument on the host")
    secrets.check(app.host.out(READABLE), "a file on the host that others may read")
    secrets.check(app.host.out("journalctl --no-pager"), "the host's journal")
    secrets.check(app.host.out(f"find / -xdev -user {app.name} -o -xdev -user deploy"), "a file's name on the host")
    assert secrets.found(app.host.out(f"cat /srv/{app.name}/env/*.json")), "the search finds nothing where they are"
    secrets.check_files([app.home.cache, app.home.state, app.home.tmp, app.home.config])
    if app.paasctl.recorder:
        app.disconnect()  # a connection that is kept is a program that has not ended
        app.paasctl.recorder.stop()
        secrets.check(app.paasctl.recorder.text(), "an argument on this machine")
        app.paasctl.recorder = None
