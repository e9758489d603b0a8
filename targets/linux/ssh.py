"""The system's OpenSSH client as the way to a host: all of the user's own configuration, keys and agent apply."""

from __future__ import annotations

import hashlib
import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from paasctl.errors import PaasctlError, UsageError

from .channel import BOOTSTRAP, broken_off

#: seconds that a connection is kept for the next command, and that connecting may take
KEEP, CONNECT = 600, 15
#: bytes of a folder for sockets: ssh's names in it take 58, and the shortest limit (macOS) is 104
LONGEST = 45
ALIVE = ("-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=4")


@dataclass(frozen=True)
class Ssh:
    """One destination as the user would type it after ``ssh``.

    Args:
        config: another client configuration than the user's own, or None.
        sockets: a private folder for the sockets of kept connections.
        login: another user than the destination and the configuration name.
    """

    destination: str
    config: Path | None
    sockets: Path
    environ: Mapping[str, str]
    login: str = ""

    def argv(self, command: str, *, tty: bool = False) -> list[str]:
        """The words that run a shell command line on the host. No secret is ever among them."""
        shared = [] if self._has_control_path else self._control()
        words = [self._program, *self._configuration, *shared, *ALIVE, "-o", f"ConnectTimeout={CONNECT}"]
        words += ["-o", "StrictHostKeyChecking=yes", "-t" if tty else "-T", "--", self.destination, command]
        return words

    def python(self, before: str = "") -> list[str]:
        """The words that start the agent on the host; ``before`` stands before Python (``sudo -n``)."""
        return self.argv(f"{before} python3 -I -c {shlex.quote(BOOTSTRAP)}".lstrip())

    @property
    def user(self) -> str:
        """The user who logs in."""
        return self._settings["user"]

    @property
    def host(self) -> str:
        """The host's real name or address, after the client's configuration."""
        return self._settings["hostname"]

    def explain(self, words: Sequence[str]) -> PaasctlError:
        """The error of a connection that failed, from ssh's own last words."""
        text = "\n".join(words)
        for sign, message, hint in SIGNS:
            if sign in text:
                return PaasctlError(message.format(self.destination), hint=hint.format(self.destination), output=text)
        return broken_off(words)

    @cached_property
    def _program(self) -> str:
        found = shutil.which("ssh", path=self.environ.get("PATH"))
        if found is None:
            raise UsageError("there is no ssh program on this machine", hint="install OpenSSH's client")
        return found

    @property
    def _configuration(self) -> list[str]:
        # what ssh reads first counts
        return [*(("-F", str(self.config)) if self.config else ()), *(("-l", self.login) if self.login else ())]

    @property
    def _has_control_path(self) -> bool:
        return self._settings.get("controlpath", "none") != "none"

    @cached_property
    def _settings(self) -> dict[str, str]:
        words = [self._program, *self._configuration, "-G", "--", self.destination]
        answer = subprocess.run(words, capture_output=True, text=True, env=dict(self.environ))
        if answer.returncode:
            raise UsageError(
                f"ssh does not understand its configuration for {self.destination}: {answer.stderr.strip()}"
            )
        return dict(line.split(" ", 1) for line in answer.stdout.splitlines() if " " in line)

    def _control(self) -> list[str]:
        folder = socket_folder(self.sockets)
        if folder is None:
            return []
        return ["-o", "ControlMaster=auto", "-o", f"ControlPath={folder}/%C", "-o", f"ControlPersist={KEEP}"]


def socket_folder(wanted: Path) -> Path | None:
    """A folder of this user's alone whose path is short enough for sockets; None: connections are not kept."""
    if len(os.fsencode(wanted)) <= LONGEST:
        wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
        return wanted
    # others may write into /tmp too, so whose this folder is gets checked
    base = Path(f"/tmp/paasctl-ssh-{os.getuid()}")
    base.mkdir(exist_ok=True, mode=0o700)
    found = base.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        return None
    folder = base / hashlib.sha256(os.fsencode(wanted)).hexdigest()[:8]
    folder.mkdir(exist_ok=True, mode=0o700)
    return folder


#: what ssh says, what happened, what to do; nothing was changed in any of these cases
SIGNS = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the host key of {} is not the one that is known; nothing was sent",
        "find out why; if the host was made anew: ssh-keygen -R HOST, then ssh {} once",
    ),
    (
        "Host key verification failed",
        "the host key of {} is not known; nothing was sent",
        "compare it and accept it once by hand: ssh {}",
    ),
    (
        "Permission denied",
        "{} does not let this user in",
        "`ssh {}` must work without a password: add your public key there",
    ),
    (
        "Could not resolve hostname",
        "there is no host named as in {}",
        "check the name in paasctl.toml and your network",
    ),
    ("timed out", "{} cannot be reached (no answer)", "is the host up, and its port open? Try: ssh {}"),
    ("Connection refused", "{} cannot be reached (connection refused)", "is sshd running there? Try: ssh {}"),
    ("No route to host", "{} cannot be reached (no route)", "check your network, and that the host is up"),
    ("python3: not found", "{} has no python3", "ssh {} sudo apt-get install -y python3"),
    ("python3: command not found", "{} has no python3", "ssh {} sudo apt-get install -y python3"),
    (
        "a password is required",
        "this user may not become root on {}",
        'run setup as a user who may: hosts = ["root@..."], or with sudo',
    ),
)
