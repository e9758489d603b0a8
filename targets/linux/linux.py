"""A Linux host over ssh: its own Supervisor and nginx, prepared once by `paasctl setup`."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from paasctl.errors import UsageError
from paasctl.model import Desired, Plan, PlatformFacts, Say, Setting, Step
from paasctl.target import OPERATIONS, Context

from .channel import Channel
from .host import HostTarget
from .plans import Planner
from .spec import tuning
from .ssh import Ssh

FACTS = PlatformFacts(
    log="file",
    log_reason="the app's own files stay, in a folder that outlives releases; Supervisor rotates the processes' output",
    services_beside_app=True,
    proxy_hops=1,
)
CTL = ["sudo", "-n", "/usr/bin/supervisorctl", "-c", "/etc/supervisor/supervisord.conf"]


class Linux:
    """The adapter ``linux``."""

    summary: ClassVar[str] = "Debian or Ubuntu over ssh: gunicorn under Supervisor behind nginx"
    settings: ClassVar[Mapping[str, Setting]] = {
        "hosts": Setting(list, "ssh destinations, as you would type them after ssh"),
        "domain": Setting(str, "the site's name; none: the host's default site"),
        "ssh_config": Setting(str, "another ssh client configuration than your own"),
        "client_max_body_size": Setting(str, "how large an upload nginx lets through (default 25m)"),
    }
    abilities: ClassVar[Mapping[str, str]] = dict.fromkeys(OPERATIONS, "")

    @staticmethod
    def connect(name: str, settings: Mapping[str, Any], context: Context) -> LinuxTarget:
        """Begin to connect; the connection is made while the app is being read.

        Raises:
            UsageError: no host is named.
        """
        hosts = settings.get("hosts") or []
        if len(hosts) != 1:
            raise UsageError(f"[targets.{name}] needs hosts", hint='for example: hosts = ["deploy@203.0.113.7"]')
        config = context.root / settings["ssh_config"] if settings.get("ssh_config") else None
        ssh = Ssh(hosts[0], config, context.cache / "ssh", context.environ)
        return LinuxTarget(name, ssh, settings, context)


class LinuxTarget(HostTarget):
    """An app on one Linux host."""

    def __init__(self, name: str, ssh: Ssh, settings: Mapping[str, Any], context: Context) -> None:
        self._ssh, self._settings, self._context = ssh, settings, context
        app, cache = context.app, context.cache / f"{name}-{context.app}.json"
        self._hello = {
            "root": f"/srv/{app}",
            "logs": f"/var/log/{app}",
            "setup": f"/etc/paasctl/{app}.json",
            "public": f"/var/www/paasctl-{app}",
            "name": app,
            "origin": "",
        }
        hello = {
            **self._hello,
            "app_user": ["sudo", "-n", "-u", app, "--", "python3", "-I", "-c"],
            "supervisorctl": CTL,
        }
        channel = Channel(ssh.python(), hello, context.environ, ssh.explain)
        host = settings.get("domain") or ssh.host
        planner = Planner(channel, context.who, cache, name, host)
        super().__init__(FACTS, channel, planner, f"http://{host}/", None, cache)

    def run(self, command: Sequence[str]) -> int:
        """Run a one-off command on the host as the app's user; its exit status is the result."""
        words = ["sudo", "-n", "-u", self._context.app, "--", *self.command(command)]
        # the command's own terminal where there is one: a shell wants it
        argv = self._ssh.argv(shlex.join(words), tty=sys.stdin.isatty())
        return subprocess.run(argv, env=dict(self._context.environ)).returncode

    def setup(self, desired: Desired, remove: bool) -> Plan:
        """The plan that prepares the host as root, or takes away what an earlier one put there."""
        root = Channel(
            self._ssh.python("sudo -n"), {**self._hello, "role": "setup"}, self._context.environ, self._ssh.explain
        )
        if remove:
            step = Step("remove what setup put there; data stays", lambda say: root.call("remove", say, purge=False))
            return Plan(prepare=(step,))
        config = self._setup_config(desired)
        titles = root.call("plan", config=config)
        steps = []
        for title in titles:

            def act(say: Say, title: str = title) -> None:
                root.call("act", say, config=config, title=title)

            steps.append(Step(title, act))
        return Plan(prepare=tuple(steps))

    def _setup_config(self, desired: Desired) -> dict[str, Any]:
        settings = {name: tuning(name, desired) for name in desired.processes}
        return {
            "app": self._context.app,
            "user": self._ssh.user,
            "domain": self._settings.get("domain", ""),
            "client_max_body_size": self._settings.get("client_max_body_size", "25m"),
            "settings": {n: {k: each[k] for k in ("instances", "stop_wait")} for n, each in settings.items()},
            "handover": desired.handover,
            "static": dict(desired.app.static),
            "python": desired.app.python,
        }
