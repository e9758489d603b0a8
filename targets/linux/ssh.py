"""The system's OpenSSH client as the way to a host: all of the user's own configuration, keys and agent apply."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
import shutil
import stat
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from paasctl.errors import PaasctlError, UsageError

from .channel import BOOTSTRAP, Ending, Otherwise, broken_off
from .refusals import is_sshs_own, refusal, unknown

#: seconds that a connection is kept for the next command, and that connecting may take
KEEP, CONNECT = 600, 15
#: seconds that a connection's own program may take to let go of it
STOP = 5
#: characters of a socket's name, and bytes of the folder: ssh adds 18, and the shortest limit (macOS) is 104
NAME, LONGEST = 40, 45
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

    def argv(self, command: str, *, tty: bool = False, alone: bool = False) -> list[str]:
        """The words that run a shell command line on the host, ``alone`` on a connection of their own. No secret is
        ever among them."""
        shared = ["-o", "ControlPath=none"] if alone else self._control()
        words = [self._program, *self._configuration, *shared, *ALIVE, "-o", f"ConnectTimeout={CONNECT}"]
        words += ["-o", "StrictHostKeyChecking=yes", "-t" if tty else "-T", "--", self.destination, command]
        return words

    def python(self, before: str = "", *, alone: bool = False) -> list[str]:
        """The words that start the agent on the host; ``before`` stands before Python (``sudo -n``)."""
        return self.argv(f"{before} python3 -I -c {shlex.quote(BOOTSTRAP)}".lstrip(), alone=alone)

    @property
    def user(self) -> str:
        """The user who logs in."""
        return self._settings["user"]

    @property
    def host(self) -> str:
        """The host's real name or address, after the client's configuration."""
        return self._settings["hostname"]

    def explain(self, ending: Ending) -> PaasctlError:
        """The error of a conversation that failed, from ssh's own last words."""
        if ending.begun:
            return broken_off(ending, self.destination)
        return refusal(ending, self.destination) or unknown(ending, self.destination)

    def otherwise(self, before: str = "") -> Otherwise | None:
        """How the agent is started where the connection that was kept is dead (the laptop slept); None: none is kept.

        One of paasctl's own is given up for a new one; one of the user's own is passed by.
        """
        path = self._control_path
        if path is None or not path.is_socket():
            return None

        def words(ending: Ending) -> list[str] | None:
            if refusal(ending, self.destination) or not is_sshs_own(ending):
                return None
            if self._has_control_path:
                return self.python(before, alone=True)
            self._give_up(path)
            return self.python(before)

        return words

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

    @cached_property
    def _control_path(self) -> Path | None:
        """The socket of the connection that is kept; named here, since ssh's own ``%C`` cannot be asked for."""
        if self._has_control_path:
            return Path(self._settings["controlpath"])
        folder = socket_folder(self.sockets)
        settings = "\n".join(f"{name} {value}" for name, value in sorted(self._settings.items()))
        return folder / hashlib.sha256(settings.encode()).hexdigest()[:NAME] if folder else None

    def _control(self) -> list[str]:
        path = self._control_path
        if path is None or self._has_control_path:
            return []
        return ["-o", "ControlMaster=auto", "-o", f"ControlPath={path}", "-o", f"ControlPersist={KEEP}"]

    def _give_up(self, path: Path) -> None:
        """Have the kept connection take no more commands; what other paasctls do on it goes on."""
        words = [self._program, *self._configuration, "-o", f"ControlPath={path}", "-O", "stop", "--", self.destination]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(words, capture_output=True, env=dict(self.environ), timeout=STOP)
        path.unlink(missing_ok=True)


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
