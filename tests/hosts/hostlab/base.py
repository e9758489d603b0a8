"""The files that every host starts from: one tree for each release of Debian, made once and kept."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

CACHE = Path(os.environ.get("PAASCTL_TEST_HOSTS") or "/var/tmp/paasctl-test-hosts")
#: what a fresh virtual server has, where only root may do anything
PACKAGES = (
    "systemd-sysv,dbus,libpam-systemd,openssh-server,python3,ca-certificates,iproute2,procps,cron,logrotate,adduser,"
    "tzdata"
)
#: what setup would install, there so that not every test downloads it, and what the tests use
FURNISHED = "sudo,nginx,supervisor,python3-venv,zstd,rsync"
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "ip": "iproute2",
}
#: the release that hosts have unless a test asks for another one
SUITE = "bookworm"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def why_not() -> str:
    """Why there can be no test hosts here; empty when there can."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return "needs root: NO push to a real Linux host is tested (run pytest as root on a Debian machine)"
    if not shutil.which("apt-get"):
        return "needs Debian: NO push to a real Linux host is tested"
    if subprocess.run(["unshare", "--mount", "--net", "true"], capture_output=True).returncode:
        return "needs the rights to mount and to make networks: NO push to a real Linux host is tested (a container?)"
    missing = sorted({package for program, package in TOOLS.items() if not shutil.which(program)})
    if missing:
        return f"NO push to a real Linux host is tested: apt-get install {' '.join(missing)}"
    return ""


def mirror() -> str:
    """The Debian mirror that this machine's own apt uses."""
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    lines = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    return lines[0]


def tree(suite: str = SUITE, bare: bool = False) -> Path:
    """The base tree of a release of Debian; made when it is not there yet (a minute or two, 300 MB).

    ``bare``: without what setup installs.
    """
    key = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]  # another recipe, another tree
    name = f"{suite}-bare" if bare else suite
    root, done = CACHE / f"base-{name}-{key}", CACHE / f"base-{name}-{key}.ok"
    CACHE.mkdir(parents=True, exist_ok=True)
    CACHE.chmod(0o755)
    with (CACHE / f"base-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several runs of the tests share the trees
        if not done.exists():
            if root.exists():
                shutil.rmtree(root)
            _install(suite, PACKAGES if bare else f"{PACKAGES},{FURNISHED}", root)
            _prepare(root)
            if not bare:
                write(root / "etc/sudoers.d/deploy", "deploy ALL=(ALL) NOPASSWD:ALL\n", 0o440)
            done.touch()
    return root


def _install(suite: str, packages: str, root: Path) -> None:
    # nothing starts while packages are installed, and each host makes host keys of its own
    policy = 'f="$1/usr/sbin/policy-rc.d"; mkdir -p "${f%/*}"; printf "#!/bin/sh\\nexit 101\\n" >"$f"; chmod 755 "$f"'
    clean = 'rm -f "$1/usr/sbin/policy-rc.d" "$1"/etc/ssh/ssh_host_*'
    words = ["mmdebstrap", "--quiet", "--mode=root", "--variant=apt", f"--include={packages}"]
    words += [f"--setup-hook={policy}", f"--customize-hook={clean}", suite, str(root), mirror()]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, f"mmdebstrap failed:\n{done.stderr[-2000:]}"


def _prepare(root: Path) -> None:
    subprocess.run(["chroot", str(root), "useradd", "-m", "-s", "/bin/bash", "deploy"], check=True)
    write(root / "etc/ssh/sshd_config.d/test.conf", "PasswordAuthentication no\nUseDNS no\n")
    shutil.copy(CERTIFICATES, root / CERTIFICATES.lstrip("/"))
    for unit in ("apt-daily.timer", "apt-daily-upgrade.timer", "console-getty.service", "e2scrub_all.timer"):
        link = root / "etc/systemd/system" / unit
        link.unlink(missing_ok=True)
        link.symlink_to("/dev/null")
    write(root / "etc/machine-id", "")


def write(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a file of a host while it does not run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
