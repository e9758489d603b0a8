"""The adapter `linux` keeps the contract, on a real host."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from hostlab.apps import SAYS
from hostlab.fleet import Fleet, Host

from paasctl import push
from paasctl.model import Observed
from paasctl.target import Context, Target, load
from paasctl.testing import Checkout, Live, TargetContract
from paasctl.testing.checkout import FILES, Log

pytestmark = pytest.mark.hosts

APP = "contract"
APP_FILES = {**FILES, "Procfile": "web: gunicorn web:app\n", "requirements.txt": "gunicorn\n"}
#: what pushes left behind; the virtual environments stay, so that not every test downloads gunicorn
EMPTY = (
    f"{SAYS} stop {APP}-a-web:*; cd /srv/{APP} && find code objects releases tmp env shared run backups"
    f" /var/www/paasctl-{APP} -mindepth 1 -delete; find . -maxdepth 1 -type f -not -name start -delete; rm -f current"
)
#: everything but what running processes write themselves
FIND = r"find . \( -path ./run -o -path ./tmp \) -prune -o"
LISTING = (
    f"cd /srv/{APP} 2>/dev/null || exit 0; {FIND} -printf '%p %y %m %u %l\n' | sort;"
    f" {FIND} -type f -exec sha256sum {{}} + | sort"
)
OWN_RIGHTS, KEPT_RIGHTS = "/etc/sudoers.d/deploy", "/root/deploy.sudoers"


class HostWorld:
    """One app on a host, seen by root and by visitors."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.adapter, self.host, self.folder = load("linux"), host, folder

    def connect(self) -> Target:
        environ = {**os.environ, "HOME": str(self.folder)}
        context = Context(APP, self.folder, environ, self.folder, self.folder, self.folder / "cache", "ada@laptop")
        return self.adapter.connect("linux", {"hosts": [self.host.name], "ssh_config": str(self.host.config)}, context)

    def snapshot(self) -> object:
        return self.host.out(LISTING)

    def calls(self) -> int | None:
        return None

    def live(self) -> Live:
        try:
            answer: Any = requests.get(self.host.url, timeout=30).json()
        except requests.RequestException:
            return Live()
        return Live(answer["code"], answer["env"])

    def set_by_hand(self, name: str, value: str) -> None:
        release = self.host.ssh(f"cat /srv/{APP}/current/release.json", check=False).stdout
        if not release:
            raise NotImplementedError("there is no env before the first push")
        path = json.loads(release)["env_file"]
        document = json.loads(self.host.out(f"cat {path}"))
        document["env"][name] = value
        self.host.ssh(f"cat > {path}", data=json.dumps(document))

    def break_health(self, root: Path) -> None:
        (root / "web.py").write_text("raise SystemExit('broken on purpose')\n")

    def apply(self, operation: str, *words: Any) -> None:
        """Carry out the plan of an operation."""
        target: Any = self.connect()
        try:
            push.apply(getattr(target, operation)(*words), Log())
        finally:
            target.close()


@pytest.fixture(scope="module")
def prepared(fleet: Fleet) -> Iterator[HostWorld]:
    """A host that setup has prepared; the one who deploys has only the rights that setup gave."""
    fleet.renew()
    with tempfile.TemporaryDirectory(prefix="ph-") as folder:
        world = HostWorld(fleet.hosts[0], Path(folder))
        checkout = Checkout(world.connect, Path(folder) / "app", APP_FILES)
        with checkout.connected() as target:
            desired = checkout.desired(target, Observed(exists=False), code=False)
        world.apply("setup", desired, False)
        world.host.ssh(f"mv {OWN_RIGHTS} {KEPT_RIGHTS}")
        try:
            yield world
        finally:
            world.host.ssh(f"mv {KEPT_RIGHTS} {OWN_RIGHTS}")
            world.host.ssh(EMPTY)
            world.apply("setup", desired, True)
            for socket in (world.folder / "cache/ssh").iterdir():
                subprocess.run(["ssh", "-o", f"ControlPath={socket}", "-O", "exit", "nobody"], capture_output=True)


class TestLinux(TargetContract):
    def files(self) -> Mapping[str, str]:
        return APP_FILES

    @pytest.fixture
    def world(self, prepared: HostWorld, request: pytest.FixtureRequest) -> Iterator[HostWorld]:
        prepared.host.ssh(EMPTY)
        if request.node.name != "test_setup":
            yield prepared
            return
        prepared.host.ssh(
            f"mv {KEPT_RIGHTS} {OWN_RIGHTS}; rm /etc/paasctl/{APP}.json /etc/tmpfiles.d/paasctl-{APP}.conf"
        )
        try:
            yield prepared
        finally:
            prepared.host.ssh(f"mv {OWN_RIGHTS} {KEPT_RIGHTS}")
