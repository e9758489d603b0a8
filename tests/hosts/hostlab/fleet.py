"""Boots hosts over the base tree, each with its own network, systemd and sshd, and ends them by their own ids."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from hostlab import base
from hostlab.base import write
from hostlab.relay import Relay

#: fleets that may run beside each other on one machine, each with a network and a folder of its own
SLOTS = 8
#: the machine's, wherever the hosts' files are: its networks are shared
LOCKS = Path("/var/tmp/paasctl-test-hosts")
#: seconds that a host may take to boot or to end
PATIENCE = 180


class Host:
    """One host. Commands run as root over ssh; its files can be read from outside."""

    def __init__(self, name: str, slot: int, address: str, folder: Path, config: Path, tree: Path) -> None:
        self.name, self.address, self.folder, self.config, self._tree = name, address, folder, config, tree
        self._namespace = self._link = f"pctlt{slot}-{name}"
        self.root = folder / "root"
        self._process: subprocess.Popen[bytes] | None = None

    # ------------------------------------------------------------------------------------------------- its life

    def make(self, key: str, relay: str, bridge: str) -> None:
        """Lay its files over the base tree and give it a network."""
        for name in ("upper", "work", "root"):
            (self.folder / name).mkdir(parents=True)
        layers = f"lowerdir={self._tree},upperdir={self.folder}/upper,workdir={self.folder}/work"
        sh("mount", "-t", "overlay", "overlay", "-o", layers, str(self.root))
        for home in ("root", "home/deploy"):
            write(self.root / home / ".ssh/authorized_keys", key)
            (self.root / home / ".ssh").chmod(0o700)
        sh("chroot", str(self.root), "chown", "-R", "deploy:deploy", "/home/deploy/.ssh")
        self.new_key()
        write(self.root / "etc/hostname", self.name + "\n")
        write(self.root / "etc/hosts", f"127.0.0.1 localhost {self.name}\n")
        proxy = f"[global]\nproxy = {relay}\ncert = {base.CERTIFICATES}\ndisable-pip-version-check = true\n"
        write(self.root / "etc/pip.conf", proxy)
        write(self.root / "etc/apt/apt.conf.d/01relay", f'Acquire::http::Proxy "{relay}";\n')
        # a login in the moment when the manager of a user who had left ends can wait for two minutes
        write(self.root / "etc/systemd/logind.conf.d/test.conf", "[Login]\nUserStopDelaySec=infinity\n")
        self._network(bridge)

    def new_key(self) -> str:
        """Give it another host key; the public half."""
        path = self.root / "etc/ssh/ssh_host_ed25519_key"
        for old in (path, path.with_suffix(".pub")):
            old.unlink(missing_ok=True)
        sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", str(path))
        return self.public_key()

    def public_key(self) -> str:
        text = (self.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text()
        return " ".join(text.split()[:2])

    def _network(self, bridge: str) -> None:
        sh("ip", "netns", "add", self._namespace)
        sh("ip", "link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", self._namespace)
        sh("ip", "link", "set", self._link, "master", bridge, "up")
        inside = ("ip", "-n", self._namespace)
        sh(*inside, "link", "set", "lo", "up")
        sh(*inside, "addr", "add", f"{self.address}/24", "dev", "eth0")
        sh(*inside, "link", "set", "eth0", "up")  # no default route: the relay is the only way out

    def boot(self) -> None:
        """Start it; see :meth:`wait`."""
        words = ["setpriv", "--pdeathsig", "TERM"]  # asked to end when whoever runs the tests is killed
        words += ["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--boot", "-D", str(self.root)]
        words += ["--kill-signal=SIGRTMIN+4", "-M", self._namespace, f"--hostname={self.name}", "--console=pipe"]
        words += [f"--network-namespace-path=/run/netns/{self._namespace}"]
        words += ["--resolv-conf=off", "--timezone=off", "--link-journal=no"]
        with (self.folder / "console.log").open("wb") as log:
            self._process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        (self.folder / "pid").write_text(str(self._process.pid))

    def wait(self) -> None:
        """Wait until it lets people in, who may come in later than root."""
        end = time.monotonic() + PATIENCE
        while self.ssh("true", user="deploy", check=False).returncode:
            assert time.monotonic() < end, f"{self.name} did not boot: {self.folder}/console.log"
            time.sleep(0.2)

    def reboot(self) -> None:
        """End it as a reboot does, and start it again."""
        self.end()
        self.boot()
        self.wait()

    def end(self) -> None:
        """Shut it down; what does not end in time is killed, by its own id."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            kill_with_children(process.pid)
            process.wait()

    def clear_leftovers(self) -> None:
        """End and remove what a session that was killed has left behind."""
        try:
            pid = int((self.folder / "pid").read_text())
            if str(self.root) in Path(f"/proc/{pid}/cmdline").read_text():
                kill_with_children(pid)
        except (OSError, ValueError):
            pass
        if self.folder.exists():
            self.remove()

    def remove(self) -> None:
        """End it and leave nothing of it."""
        self.end()
        sh("ip", "netns", "del", self._namespace, check=False)
        sh("ip", "link", "del", self._link, check=False)
        for _ in range(20):
            if not os.path.ismount(self.root) or not sh("umount", str(self.root), check=False).returncode:
                break
            time.sleep(0.2)
        assert not os.path.ismount(self.root), f"{self.root} cannot be unmounted"
        shutil.rmtree(self.folder)

    # ------------------------------------------------------------------------------------------- what tests do

    def ssh(
        self, command: str, *, user: str = "root", check: bool = True, data: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell command line on it, on a connection of its own."""
        words = ["ssh", "-F", str(self.config), "-o", "ConnectTimeout=5", "-o", "LogLevel=ERROR"]
        words += ["-l", user, self.name, command]
        done = subprocess.run(
            words,
            input=data,
            stdin=None if data else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
        )
        assert not check or done.returncode == 0, f"{command!r} on {self.name}: {done.stdout}{done.stderr}"
        return done

    def out(self, command: str, *, user: str = "root") -> str:
        return self.ssh(command, user=user).stdout

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def init(self) -> int:
        """The process id that its first process has on this machine."""
        assert self._process
        (child,) = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        return int(child)

    def cable(self, plugged: bool) -> None:
        """Plug its network cable in, or pull it."""
        sh("ip", "link", "set", self._link, "up" if plugged else "down")


class Fleet:
    """Some hosts of one release of Debian; ``config`` is an ssh client configuration that reaches them.

    ``bare``: as a provider hands them over, without what setup installs.
    """

    def __init__(self, number: int, suite: str = base.SUITE, bare: bool = False) -> None:
        slot, self._lock = free_slot()
        self.folder = folder = base.CACHE / f"fleet{slot}"
        self._bridge, self._network = f"pctltest{slot}", f"10.78.{77 + slot}"
        self.config, self.known = folder / "ssh_config", folder / "known_hosts"
        tree = base.tree(suite, bare)
        self.hosts = [
            Host(f"t{n}", slot, f"{self._network}.{10 + n}", folder / f"t{n}", self.config, tree)
            for n in range(1, number + 1)
        ]
        self._relay: Relay | None = None

    def up(self) -> None:
        """Make and boot all of them."""
        for host in self.hosts:
            host.clear_leftovers()
        sh("ip", "link", "del", self._bridge, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        sh("ip", "link", "add", self._bridge, "type", "bridge")
        sh("ip", "addr", "add", f"{self._network}.1/24", "dev", self._bridge)
        sh("ip", "link", "set", self._bridge, "up")
        self._relay = Relay(f"{self._network}.1")
        sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / "key"))
        key = (self.folder / "key.pub").read_text()
        for host in self.hosts:
            host.make(key, self._relay.url, self._bridge)
        self.write_config(self.config, self.known)
        for host in self.hosts:
            host.boot()
        for host in self.hosts:
            host.wait()

    def renew(self) -> None:
        """Take new hosts where one has what another test could not take away: that must not fail the tests to come."""
        if any(host.ssh("ls /etc/paasctl", check=False).stdout for host in self.hosts):
            for host in self.hosts:
                host.remove()
            if self._relay:
                self._relay.close()
            self.up()

    def write_config(self, config: Path, known: Path, keys: Sequence[str] | None = None) -> None:
        """Write an ssh client configuration; ``keys`` instead of the hosts' real ones."""
        keys = [host.public_key() for host in self.hosts] if keys is None else keys
        known.write_text("".join(f"{host.name} {key}\n" for host, key in zip(self.hosts, keys, strict=False)))
        sections = [
            f"Host {host.name}\n  HostName {host.address}\n  HostKeyAlias {host.name}\n  User deploy\n"
            f"  IdentityFile {self.folder}/key\n  IdentitiesOnly yes\n  UserKnownHostsFile {known}\n"
            "  GlobalKnownHostsFile none\n  StrictHostKeyChecking yes\n"
            for host in self.hosts
        ]
        config.write_text("\n".join(sections))

    def down(self) -> None:
        """End and remove everything that :meth:`up` made."""
        for host in self.hosts:
            if host.folder.exists():
                host.remove()
        if self._relay:
            self._relay.close()
        sh("ip", "link", "del", self._bridge, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._lock.close()


def free_slot() -> tuple[int, IO[str]]:
    """The number of a fleet that nobody uses, and the lock that keeps it until it is closed."""
    LOCKS.mkdir(parents=True, exist_ok=True)
    for slot in range(SLOTS):
        lock = (LOCKS / f"slot{slot}.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
        else:
            return slot, lock
    raise AssertionError(f"{SLOTS} fleets run already")


def kill_with_children(pid: int) -> None:
    """Kill a host's nspawn and its PID 1, and with that everything in it."""
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(child), signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def sh(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a program of this machine."""
    done = subprocess.run(words, capture_output=True, text=True)
    assert not check or done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done
