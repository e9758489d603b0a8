"""What ssh, and a host on the way to the agent, say when it does not begin; told with what to do."""

from __future__ import annotations

from paasctl.errors import PaasctlError

from .channel import Ending

#: holds for all of these: the agent had not begun
NOTHING = "nothing was sent, nothing changed there"
#: ssh's exit status for what went wrong on its own side, and a shell's for a program that is not there
OWN, NOT_FOUND = 255, 127

Signs = tuple[tuple[str, str, str], ...]
#: what ssh itself says, what happened, what to do
SSH: Signs = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "the host key of {} is not the one that is known",
        "find out why; if the host was made anew: ssh-keygen -R HOST, then ssh {} once",
    ),
    (
        "Host key verification failed",
        "the host key of {} is not known",
        "compare it and accept it once by hand: ssh {}",
    ),
    (
        "Too many authentication failures",
        "{} does not let this user in: too many keys were offered",
        "name the right one for {} in your ssh configuration: IdentityFile, and IdentitiesOnly yes",
    ),
    (
        "Permission denied (",
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
    ("Network is unreachable", "{} cannot be reached (no network)", "check your network"),
)
NO_PYTHON = ("{} has no python3", "ssh {} sudo apt-get install -y python3")
NO_SUDO = ("{} has no sudo", 'run setup as root: setup_user = "root" in paasctl.toml')
NOT_ROOT = ("this user may not become root on {}", 'run setup as a user who may: setup_user = "root", or with sudo')
#: what the host says
HOST: Signs = (
    ("python3: command not found", *NO_PYTHON),  # by sudo, whose exit status says nothing
    *((sign, *NOT_ROOT) for sign in ("a password is required", "must have a tty", "not in the sudoers", "not allowed")),
)


def refusal(ending: Ending, destination: str) -> PaasctlError | None:
    """The error of a way to the agent that is refused for a known reason; None where the reason is not known."""
    text = "\n".join(ending.words)
    if ending.status == NOT_FOUND:
        return _error(ending, destination, *(NO_SUDO if "sudo" in last_word(ending) else NO_PYTHON))
    for sign, message, hint in SSH if is_sshs_own(ending) else HOST:
        if sign in text:
            return _error(ending, destination, message, hint)
    return None


def unknown(ending: Ending, destination: str) -> PaasctlError:
    """The error where nothing but the last word is known."""
    what = "cannot be reached" if is_sshs_own(ending) else "could not be asked"
    return _error(ending, destination, f"{{}} {what} ({last_word(ending)})", "does `ssh {} python3 --version` work?")


def is_sshs_own(ending: Ending) -> bool:
    """Whether ssh did not come so far that the host ran something, or was ended since it waited for nothing."""
    return ending.status == OWN or ending.status < 0


def last_word(ending: Ending) -> str:
    return ending.words[-1].strip() if ending.words else f"exit status {ending.status}"


def _error(ending: Ending, destination: str, message: str, hint: str) -> PaasctlError:
    told = f"{message.replace('{}', destination)}; {NOTHING}"
    return PaasctlError(told, hint=hint.replace("{}", destination), output="\n".join(ending.words))
