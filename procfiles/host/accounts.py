"""The users of a host and the folders that each owns, as root."""

from __future__ import annotations

import grp
import os
import pwd
from typing import Any, Dict, List, Tuple

from . import children
from .layout import APPS, write_file

Config = Dict[str, Any]
#: folders that hold something else stay
CLEAR = 'rm -rf "$1/paasctl/agent"; rmdir "$1/paasctl" "$1"'


def folders(config: Config) -> List[Tuple[str, str, str, int]]:
    """Path, owner, group and mode: code is the deploying user's, data and env are the app's, logs are root's."""
    root, app, user = config["root"], config["app"], config["user"]
    code = [(os.path.join(root, name), user, app, 0o2755) for name in ("code", "objects", "releases", "venvs", "tmp")]
    data = [(os.path.join(root, name), app, app, mode) for name, mode in APPS.items()]
    group = str(grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name)
    return [
        (root, user, app, 0o2750),
        *code,
        *data,
        (config["logs"], "root", app, 0o750),
        ("/var/www/paasctl-" + app, user, group, 0o755),
    ]


def make_user(config: Config) -> None:
    argv = ["useradd", "--system", "--user-group", "--home-dir", config["root"], "--no-create-home"]
    made = children.run([*argv, "--shell", "/usr/sbin/nologin", config["app"]], "/")
    children.check(made, "the user %s could not be made" % config["app"], "give the app another name in paasctl.toml")


def made_user(name: str, root: str) -> bool:
    """Whether a user is the one that :func:`make_user` made for the app below ``root``."""
    return user_exists(name) and pwd.getpwnam(name).pw_dir == root


def clear_cache(user: str) -> None:
    """Remove the agent that paasctl keeps in a user's home; as that user, for a link there could lead root astray."""
    if user_exists(user):
        cache = os.path.join(pwd.getpwnam(user).pw_dir, ".cache")
        children.run(["runuser", "-u", user, "--", "sh", "-c", CLEAR, "sh", cache], "/")


def make_login(name: str) -> None:
    """Make the user who deploys; whoever may prepare the host may log in as this user."""
    made = children.run(["useradd", "--create-home", "--user-group", "--shell", "/bin/bash", name], "/")
    children.check(made, "the user %s could not be made" % name, "make it by hand, then run setup again")
    entry, keys = pwd.getpwnam(name), os.path.expanduser("~%s/.ssh/authorized_keys" % invoker())
    folder = os.path.join(entry.pw_dir, ".ssh")
    os.mkdir(folder, 0o700)
    with open(keys, "rb") as file:
        allowed = file.read()
    write_file(os.path.join(folder, "authorized_keys"), allowed, 0o600)
    for path in (folder, os.path.join(folder, "authorized_keys")):
        os.chown(path, entry.pw_uid, entry.pw_gid)


def invoker() -> str:
    """Who logged in to prepare the host: root, or whoever called sudo."""
    return os.environ.get("SUDO_USER") or "root"


def user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
