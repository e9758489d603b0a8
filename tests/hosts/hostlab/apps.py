"""A sample app in a checkout and a home of its own, pushed to test hosts through the command line."""

from __future__ import annotations

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from support import processes
from support.cli import Home, Paasctl, Result
from support.projects import Project
from support.web import Answer, fetch

from hostlab.fleet import Fleet, Host

SECRET = "k1-Vn4tXq9bRw2LzJ7cMd5pHs8f"
SAYS = "/usr/bin/supervisorctl -c /etc/supervisor/supervisord.conf"


class HostApp:
    """A checkout, the paasctl that pushes it to hosts, and those hosts."""

    def __init__(self, fleet: Fleet, hosts: Sequence[Host], sample: str, name: str, settings: str = "") -> None:
        # short: the sockets of ssh's connections lie below it
        self.folder = Path(tempfile.mkdtemp(prefix="ph-"))
        self.fleet, self.hosts, self.host, self.name = fleet, list(hosts), hosts[0], name
        self.home = Home(self.folder / "h")
        self.project = Project.copy(sample, self.home.root / name)
        self.config, self.known = self.home.root / "ssh_config", self.home.root / "known_hosts"
        fleet.write_config(self.config, self.known)
        self.settings = settings
        self.configure()
        self.project.commit("configured")
        self.paasctl = Paasctl(self.project.root, self.home)
        self.url = self.host.url

    def configure(self, settings: str | None = None) -> None:
        """Write paasctl.toml; ``settings`` are further lines of the target."""
        self.settings = self.settings if settings is None else settings
        names = ", ".join(f'"{host.name}"' for host in self.hosts)
        self.project.write(
            "paasctl.toml",
            f'[app]\nname = "{self.name}"\n\n[targets.linux]\nhosts = [{names}]\nssh_config = "{self.config}"\n'
            + self.settings,
        )

    # ------------------------------------------------------------------------------------------------- commands

    def run(self, *words: str, code: int | None = 0) -> Result:
        return self.paasctl.run(*words, code=code)

    def setup(self, *words: str, code: int | None = 0) -> Result:
        return self.run("setup", "linux", "--yes", *words, code=code)

    def push(self, *words: str, code: int | None = 0) -> Result:
        return self.run("push", "linux", "--yes", *words, code=code)

    def first_push(self, **env: str) -> Result:
        """Prepare the hosts, write .env, push."""
        self.project.env({"SECRET_KEY": SECRET, **env})
        self.setup()
        return self.push()

    def status(self) -> dict[str, object]:
        return dict(self.run("status", "linux", "--json", code=None).json()["targets"][0])

    def live(self, host: Host | None = None) -> str:
        """The release that is live, from the host's own files."""
        return (host or self.host).out(f"readlink /srv/{self.name}/current").strip().rsplit("/", 1)[-1]

    # --------------------------------------------------------------------------------------------- what is seen

    def get(self, path: str = "/", data: bytes | None = None, host: Host | None = None) -> Answer:
        return fetch((host or self.host).url + path, data)

    def serves(self, host: Host | None = None) -> str:
        """The version that / is from; the response must be whole."""
        answer = self.get("/", host=host)
        assert answer.status == 200, answer
        (version,) = answer.versions
        return version

    def running(self, host: Host | None = None) -> dict[str, str]:
        """Every process of the app in Supervisor and its process id; a restart shows."""
        lines = (host or self.host).ssh(f"{SAYS} status", check=False).stdout.splitlines()
        found = [line.split() for line in lines if line.startswith(f"{self.name}-")]
        return {words[0]: words[3].rstrip(",") if words[1] == "RUNNING" else words[1] for words in found}

    def left(self) -> str:
        """What paasctl's setup has left of the app on its host; sudo and udev keep notes of their own."""
        places, but = "/etc /srv /var/log /var/www /run", "-not -path '/run/udev/*' -not -path '/run/sudo/*'"
        return self.host.out(f"find {places} -name '*{self.name}*' {but}; getent passwd {self.name} || true")

    def disconnect(self, *folders: Path) -> None:
        """End the connections that paasctl keeps; ``folders`` are others than the usual."""
        for socket in [path for folder in folders or self.home.cache.rglob("ssh") for path in folder.iterdir()]:
            words = ["ssh", "-F", str(self.config), "-o", f"ControlPath={socket}", "-O", "exit", "nobody"]
            subprocess.run(words, capture_output=True)

    def close(self) -> None:
        """Take everything away again, on the hosts and here."""
        try:
            for words in (("down", "linux", "--purge", "--yes"), ("setup", "linux", "--remove", "--yes")):
                self.paasctl.start(*words).wait(120)
        finally:
            self.disconnect()
            processes.sweep(self.folder)
            shutil.rmtree(self.folder, ignore_errors=True)


def fresh_name() -> str:
    """An app name that no other test has."""
    return f"shop{secrets.token_hex(2)}"
