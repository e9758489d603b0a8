"""The users of a host and the folders that each owns, as root."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import tempfile
from typing import Any, Dict, List, Tuple

from . import children
from .layout import APPS, write_file
from .wire import Failure

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
    argv += ["--comment", comment(config["app"])]
    made = children.run([*argv, "--shell", "/usr/sbin/nologin", config["app"]], "/")
    children.check(made, "the user %s could not be made" % config["app"], "give the app another name in paasctl.toml")


def made_user(name: str, root: str) -> bool:
    """Whether a user is the one that :func:`make_user` made for the app below ``root``."""
    if not user_exists(name):
        return False
    found = pwd.getpwnam(name)
    return (found.pw_dir, found.pw_gecos) == (root, comment(name))


def comment(name: str) -> str:
    """What says in the list of users who made an app's user."""
    return "paasctl " + name


def clear_cache(user: str) -> None:
    """Remove the agent that paasctl keeps in a user's home; as that user, for a link there could lead root astray."""
    if user_exists(user):
        cache = os.path.join(pwd.getpwnam(user).pw_dir, ".cache")
        children.run(["runuser", "-u", user, "--", "sh", "-c", CLEAR, "sh", cache], "/")


def make_login(name: str) -> None:
    """Make the user who deploys; whoever may prepare the host may log in as this user.

    Raises:
        Failure: it cannot be made, or nobody could log in; it is not there then.
    """
    keys = os.path.expanduser("~%s/.ssh/authorized_keys" % invoker())
    try:
        with open(keys, "rb") as file:
            allowed = file.read()
    except OSError as error:
        message = "the user %s was not made: %s cannot be read (%s)" % (name, keys, error.strerror)
        raise Failure(message, "make it by hand, with a key to log in, then run setup again") from error
    skeleton = tempfile.mkdtemp(dir="/root", prefix=".paasctl-")
    try:  # with its keys from the first moment on
        home = os.path.join(skeleton, "home")
        shutil.copytree("/etc/skel", home, symlinks=True)
        os.mkdir(os.path.join(home, ".ssh"), 0o700)
        write_file(os.path.join(home, ".ssh", "authorized_keys"), allowed, 0o600)
        argv = ["useradd", "--create-home", "--skel", home, "--user-group", "--shell", "/bin/bash", name]
        made = children.run(argv, "/")
    finally:
        shutil.rmtree(skeleton)
    children.check(made, "the user %s could not be made" % name, "make it by hand, then run setup again")


def invoker() -> str:
    """Who logged in to prepare the host: root, or whoever called sudo."""
    return os.environ.get("SUDO_USER") or "root"


def user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
