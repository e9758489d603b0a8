"""A Linux host over ssh: its own Supervisor and nginx, prepared once by `paasctl setup`."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from paasctl import recycle
from paasctl.errors import UsageError
from paasctl.model import Desired, Observed, Plan, PlatformFacts, Say, Setting, Step
from paasctl.target import OPERATIONS, Context

from . import names
from .channel import Channel
from .fleet import Fleet
from .host import HostTarget, exit_status
from .plans import REMOVING, Planner
from .spec import tuning
from .ssh import Ssh

FACTS = PlatformFacts(
    log="file",
    log_reason="the app's own files stay, in a folder that outlives releases; Supervisor rotates the processes' output",
    recycle=recycle.usual,
    services_beside_app=True,
    proxy_hops=1,
)
CTL = ["sudo", "-n", "/usr/bin/supervisorctl", "-c", "/etc/supervisor/supervisord.conf"]
ENDING = "the host brings this step to its end; a second Ctrl-C does not wait for it"


class Linux:
    """The adapter ``linux``."""

    summary: ClassVar[str] = "Debian or Ubuntu over ssh: gunicorn under Supervisor behind nginx"
    facts: ClassVar[PlatformFacts] = FACTS
    settings: ClassVar[Mapping[str, Setting]] = {
        "hosts": Setting(list, "ssh destinations, as you would type them after ssh"),
        "domain": Setting(
            str, "the site's name alone, as blog.example.com; none: the host's default site", check=names.domain
        ),
        "ssh_config": Setting(str, "another ssh client configuration than your own"),
        "setup_user": Setting(str, "who logs in for `paasctl setup`, where that is another user (root)"),
        "client_max_body_size": Setting(
            str, "how large an upload nginx lets through, as 500k, 25m (the default) or 1g", check=names.size
        ),
    }
    abilities: ClassVar[Mapping[str, str]] = dict.fromkeys(OPERATIONS, "")

    @staticmethod
    def connect(name: str, settings: Mapping[str, Any], context: Context) -> LinuxTarget | Fleet:
        """Begin to connect; the connection is made while the app is being read.

        Raises:
            UsageError: no host is named.
        """
        hosts = settings.get("hosts") or []
        if not hosts:
            raise UsageError(f"[targets.{name}] needs hosts", hint='for example: hosts = ["deploy@203.0.113.7"]')
        config = context.root / settings["ssh_config"] if settings.get("ssh_config") else None
        if config and not config.is_file():
            raise UsageError(f"ssh_config names {settings['ssh_config']}, which is not there", hint="mend paasctl.toml")
        targets = {}
        for host in hosts:
            ssh = Ssh(host, config, context.cache / "ssh", context.environ)
            targets[host] = LinuxTarget(name, ssh, settings, context)
        return next(iter(targets.values())) if len(targets) == 1 else Fleet(targets)


class LinuxTarget(HostTarget):
    """An app on one Linux host."""

    def __init__(self, name: str, ssh: Ssh, settings: Mapping[str, Any], context: Context) -> None:
        self._ssh, self._settings, self._context = ssh, settings, context
        self._roots: list[Channel] = []
        app, cache = context.app, context.cache / f"{name}-{context.app}-{_file_name(ssh.destination)}.json"
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
        otherwise = ssh.otherwise()
        channel = Channel(ssh.python(), hello, context.environ, ssh.explain, otherwise=otherwise, cached=True)
        host = settings.get("domain") or ssh.host
        planner = Planner(channel, context.who, cache, name, host, site=_site(settings))
        super().__init__(FACTS, channel, planner, f"http://{host}/", None, cache, context.learn)

    def run(self, command: Sequence[str]) -> int:
        """Run a one-off command on the host as the app's user; its exit status is the result."""
        words = ["sudo", "-n", "-u", self._context.app, "--", *self.command(command)]
        # the command's own terminal where there is one: a shell wants it
        argv = self._ssh.argv(shlex.join(words), tty=sys.stdin.isatty())
        return exit_status(subprocess.run(argv, env=dict(self._context.environ)).returncode)

    def down(self, observed: Observed, purge: bool) -> Plan:
        """Take the app off the host, and what setup put there, the site too, where this user may become root."""
        state = observed.extra
        there, set_up = observed.exists or state.begun, state.setup or state.half_set_up
        if not there and not set_up and not purge:
            return Plan()
        root = self._may_become_root()
        # where nothing is live, root takes away all there is
        plan = super().down(observed, purge) if observed.exists or (there and not root) else Plan()
        if root:
            return replace(plan, prepare=(*plan.prepare, self._removal(purge=purge)))
        if not set_up:
            return plan
        left = (
            f"the site, and what else setup put on {self._ssh.destination}, stays: this user may not become root there"
        )
        return replace(plan, notes=(f"{left}; `paasctl setup {self._planner.target} --remove` takes it away",))

    def setup(self, desired: Desired, remove: bool) -> Plan:
        """The plan that prepares the host as root, or takes away what an earlier one put there."""
        if remove:
            return Plan(prepare=(self._removal(purge=False),))
        root, config = self._root(), self._setup_config(desired)
        titles: list[str] = root.call("plan", config=config)
        return Plan(prepare=tuple(_act(root, config, title) for title in titles))

    def _removal(self, *, purge: bool) -> Step:
        kept = "" if purge else "; data stays"
        title = f"remove what setup put on {self._ssh.destination}{kept}"

        def remove(say: Say) -> None:
            self._root().call("remove", say, purge=purge, user=self._ssh.user)

        return _of_root(title, remove, REMOVING)

    def _root(self) -> Channel:
        """An agent that runs as root, for this plan alone."""
        ssh, before = self._as_root()
        act_as = ["runuser", "-u", self._context.app, "--", "python3", "-I", "-c"]
        hello = {**self._hello, "role": "setup", "app_user": act_as}
        otherwise = ssh.otherwise(before)
        channel = Channel(ssh.python(before), hello, self._context.environ, ssh.explain, otherwise=otherwise)
        self._roots.append(channel)
        return channel

    def _as_root(self) -> tuple[Ssh, str]:
        """How setup logs in, and what makes a command root's then."""
        ssh = replace(self._ssh, login=self._settings.get("setup_user", ""))
        # what sudo and apt-get say is read here, so it must not be in another language
        return ssh, "env LC_ALL=C" if ssh.user == "root" else "env LC_ALL=C sudo -n"

    def _may_become_root(self) -> bool:
        ssh, before = self._as_root()
        answer = subprocess.run(
            ssh.argv(f"{before} true"),
            env=dict(self._context.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
        )
        return answer.returncode == 0

    def close(self) -> None:
        for channel in self._roots:
            channel.close()
        super().close()

    def _setup_config(self, desired: Desired) -> dict[str, Any]:
        settings = {name: tuning(name, desired) for name in desired.processes}
        return {
            "app": self._context.app,
            "user": self._ssh.user,
            **_site(self._settings),
            "settings": {n: {k: each[k] for k in ("instances", "stop_wait")} for n, each in settings.items()},
            "handover": desired.handover,
            "static": dict(desired.app.static),
            "python": desired.app.python,
        }


def _act(root: Channel, config: Mapping[str, Any], title: str) -> Step:
    left = "the host may be prepared in part; run the same command again"
    return _of_root(title, lambda say: root.call("act", say, config=config, title=title), left)


def _of_root(title: str, call: Callable[[Say], Any], leaves: str) -> Step:
    """A step that goes on to its end on the host when it is interrupted here."""

    def act(say: Say) -> None:
        try:
            call(say)
        except KeyboardInterrupt:
            say(ENDING)
            raise

    return Step(title, act, leaves=leaves)


def _site(settings: Mapping[str, Any]) -> dict[str, str]:
    """What the site in nginx has of the configuration."""
    return {
        "domain": settings.get("domain", ""),
        "client_max_body_size": settings.get("client_max_body_size", "25m"),
    }


def _file_name(destination: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "_", destination)
