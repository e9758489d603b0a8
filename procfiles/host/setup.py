"""Prepare a bare Debian or Ubuntu host for one app, as root; done twice, it does nothing the second time."""

from __future__ import annotations

import contextlib
import functools
import glob
import grp
import hashlib
import os
import pwd
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from . import accepted, children, packages, texts
from .accounts import clear_cache, folders, invoker, made_user, make_login, make_user, user_exists
from .deputy import AppUser
from .groups import Groups
from .groups import path as supervisor_path
from .layout import DATA, Layout, has_files, read_json, remove, write_file, write_json
from .lock import patiently
from .probe import free_port
from .sections import START
from .wire import Failure, Stream

Arguments = Dict[str, Any]
Config = Dict[str, Any]
#: an act: what it is called in a plan, and how it is done
Act = Tuple[str, Callable[[], None]]
NGINX_DEFAULT = "/etc/nginx/sites-enabled/default"


class Setup:
    """Answers ``setup``'s requests as root. ``do_X`` answers the request X."""

    def __init__(self, layout: Layout, say: Callable[[str], None], app: AppUser) -> None:
        self.layout, self._say = layout, say
        self._groups = Groups(layout, app)
        self._begun_path = layout.setup + ".begun"

    def do_plan(self, args: Arguments, stream: Optional[Stream]) -> List[str]:
        """What would be done, a line each; changes nothing."""
        with alone():
            return [title for title, _ in self._acts(self._complete(args["config"]))]

    def do_act(self, args: Arguments, stream: Optional[Stream]) -> None:
        """Do the one act of the plan that has this title."""
        with alone():
            config = self._complete(args["config"])
            for title, act in self._acts(config):
                if title == args["title"]:
                    self._note_begun(config)
                    act()
                    return

    def do_remove(self, args: Arguments, stream: Optional[Stream]) -> None:
        """Take away what setup put here; the app's data stays unless ``purge``, which also finds data kept before."""
        with alone():
            self._remove(args["purge"], args["user"])

    def _remove(self, purge: bool, user: str) -> None:
        config = self._known() or self._begun()
        if config:
            self._remove_site(config)
        if config or (purge and made_user(os.path.basename(self.layout.root), self.layout.root)):
            self._remove_root(purge)
        user = str(config.get("user") or user)
        if not any(read_json(path, {}).get("user") == user for path in self._others()):
            clear_cache(user)
        # last, so that a removal that was interrupted can be done again
        remove(self.layout.setup)
        remove(self._begun_path)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self.layout.setup))

    def _remove_site(self, config: Config) -> None:
        self._groups.remove(config)
        for path in [*self._files(config), self._enabled(config)]:
            remove(path)
        if config.get("default_site") and not os.path.lexists(NGINX_DEFAULT):
            os.symlink(config["default_site"], NGINX_DEFAULT)
        if os.path.isdir("/etc/nginx") and children.run(["systemctl", "reload", "nginx"], "/", limit=60).status:
            self._say("nginx could not be reloaded (see `systemctl status nginx` there); the site's file is gone")
        for log in glob.glob("/var/log/nginx/paasctl-%s.log*" % config["app"]):
            remove(log)
        for folder in ("/run/paasctl-" + config["app"], "/var/www/paasctl-" + config["app"], config["logs"]):
            remove(folder)

    # --------------------------------------------------------------------------------------------------- acts

    def _complete(self, config: Config) -> Config:
        """The asked configuration with what only the host knows: generation, port, whether the default site goes."""
        accepted.require(config, self.layout)
        known = self._known()
        noted = known or self._begun()
        whole = dict(config, root=self.layout.root, logs=self.layout.logs)
        whole["generation"] = known.get("generation", "a")
        whole["default_site"] = noted.get("default_site", "")
        whole["port"] = noted.get("port") or free_port(8100)
        if known and web_changes(known, whole):
            whole["generation"] = "b" if whole["generation"] == "a" else "a"
        whole["site"] = digest(texts.nginx(whole))
        if not whole["domain"] and not whole["default_site"] and os.path.islink(NGINX_DEFAULT):
            whole["default_site"] = os.readlink(NGINX_DEFAULT)
        return whole

    def _acts(self, config: Config) -> List[Act]:
        self._refuse_a_strangers_user(config)
        acts: List[Act] = []
        missing = packages.missing(config["python"])
        if missing:
            acts.append(("install " + " ".join(missing), lambda: packages.install(missing, self._say)))
        if not user_exists(config["user"]):
            title = "make the user %s, who may log in with the keys of %s" % (config["user"], invoker())
            acts.append((title, lambda: make_login(config["user"])))
        if not user_exists(config["app"]):
            acts.append(("make the user " + config["app"], lambda: make_user(config)))
        if not self._folders_are_right(config):
            acts.append(("make the folders below " + config["root"], lambda: self._make_folders(config)))
        for path, text, mode in self._plain_files(config):
            if read(path) != text:
                acts.append(("write " + path, functools.partial(self._write, path, text, mode)))
        if not self._programs_are_right(config):
            title = "write %s and %s, start the processes" % (supervisor_path(config), site_path(config))
            title += "" if config["domain"] else "; it is the host's default site from then on"
            acts.append((title, lambda: self._programs(config)))
        return acts

    def _programs_are_right(self, config: Config) -> bool:
        linked = os.path.islink(self._enabled(config))
        return linked and self._known() == config and read(supervisor_path(config)) == texts.supervisor(config)

    def _programs(self, config: Config) -> None:
        """The site and the processes; where others serve already, no request is lost."""
        known = self._known()
        self._service("supervisor")
        moves = bool(known) and known["generation"] != config["generation"]
        if moves:
            self._groups.begin(known, config)
        try:
            self._site(config, known)
        except Failure:
            if moves:
                self._groups.abandon(known, config)
            raise
        write_json(self.layout.setup, config, 0o644)
        remove(self._begun_path)
        self._groups.settle(known, config)
        self._write(self._tmpfiles(config), texts.tmpfiles(config), 0o644)

    def _site(self, config: Config, known: Config) -> None:
        """The nginx site: tested as a candidate; the old one stays when it fails.

        One that somebody edited (certbot does) stays as it is until something else is asked of it.
        """
        path, enabled = site_path(config), self._enabled(config)
        before = read(path)
        fits = bool(before) and config["site"] in (known.get("site"), digest(before))
        if fits and os.path.islink(enabled):
            self._service("nginx")
            return
        text = before if fits else texts.nginx(config)
        if before and not fits and digest(before) != known.get("site"):
            self._say("the site had been edited (by certbot?) and is written anew; do again what was done to it")
        broken = children.run(["nginx", "-t"], "/", limit=60)
        children.check(
            broken, "nginx's configuration is broken already, by somebody else; the site was not changed", "mend it"
        )
        was_default = os.readlink(NGINX_DEFAULT) if config["default_site"] and os.path.islink(NGINX_DEFAULT) else ""
        write_file(path, text.encode("utf-8"))
        if not os.path.islink(enabled):
            os.symlink(path, enabled)
        if was_default:
            os.unlink(NGINX_DEFAULT)
        tested = children.run(["nginx", "-t"], "/", limit=60)
        if tested.status:
            self._restore(path, enabled, before, was_default)
            raise Failure("nginx refuses the new site; the old one is in place", "see nginx's own words", tested.output)
        self._service("nginx")
        self._reload_nginx()

    def _restore(self, path: str, enabled: str, before: str, was_default: str) -> None:
        if before:
            write_file(path, before.encode("utf-8"))
        else:
            remove(enabled)
            remove(path)
        if was_default:
            os.symlink(was_default, NGINX_DEFAULT)

    def _write(self, path: str, text: str, mode: int) -> None:
        if "/sudoers.d/" in path:
            self._check_sudoers(text)
        write_file(path, text.encode("utf-8"), mode)
        if "/tmpfiles.d/" in path:
            children.check(children.run(["systemd-tmpfiles", "--create", path], "/"), "systemd-tmpfiles failed")

    def _check_sudoers(self, text: str) -> None:
        candidate = self.layout.path("sudoers.candidate")
        write_file(candidate, text.encode("utf-8"), 0o440)
        try:
            checked = children.run(["visudo", "-c", "-f", candidate], "/", limit=30)
            children.check(checked, "sudo's rules would be wrong, so they were not written", "please report this")
        finally:
            remove(candidate)

    def _make_folders(self, config: Config) -> None:
        for path, owner, group, mode in folders(config):
            own_folder(path, pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid, mode)

    def _folders_are_right(self, config: Config) -> bool:
        try:
            for path, owner, group, mode in folders(config):
                found = os.stat(path)
                wanted = (pwd.getpwnam(owner).pw_uid, grp.getgrnam(group).gr_gid, mode)
                if (found.st_uid, found.st_gid, found.st_mode & 0o7777) != wanted:
                    return False
        except (OSError, KeyError):
            return False
        return True

    def _remove_root(self, purge: bool) -> None:
        keep = [] if purge else [name for name in DATA if has_files(self.layout.path(name))]
        for name in os.listdir(self.layout.root) if os.path.isdir(self.layout.root) else []:
            if name not in keep:
                remove(self.layout.path(name))
        if not keep:
            remove(self.layout.root)
            # forced: the agent that just cleared the app's folders still runs as this user
            children.run(["userdel", "--force", os.path.basename(self.layout.root)], "/")

    def _refuse_a_strangers_user(self, config: Config) -> None:
        if user_exists(config["app"]) and not made_user(config["app"], config["root"]):
            raise Failure(
                "the host already has a user named %s that paasctl did not make" % config["app"],
                "give the app another name in paasctl.toml: [app] name",
                kind="usage",
            )

    def _plain_files(self, config: Config) -> List[Tuple[str, str, int]]:
        app = config["app"]
        return [
            (self.layout.path("start"), START, 0o755),
            # the link in it is moved when the processes that it leads to are there
            (self._tmpfiles(config), texts.tmpfiles(self._as_it_serves(config)), 0o644),
            ("/etc/sudoers.d/paasctl-" + app.replace(".", "_"), texts.sudoers(config), 0o440),
        ]

    def _files(self, config: Config) -> List[str]:
        return [*(path for path, _, _ in self._plain_files(config)), site_path(config)]

    def _tmpfiles(self, config: Config) -> str:
        return "/etc/tmpfiles.d/paasctl-%s.conf" % config["app"]

    def _as_it_serves(self, config: Config) -> Config:
        known = self._known()
        return dict(config, generation=known["generation"]) if known else config

    def _enabled(self, config: Config) -> str:
        return "/etc/nginx/sites-enabled/paasctl-%s" % config["app"]

    def _others(self) -> List[str]:
        """What setup noted of the other apps on this host."""
        notes = glob.glob(os.path.join(os.path.dirname(self.layout.setup), "*.json"))
        return [path for path in notes if path != self.layout.setup]

    def _known(self) -> Config:
        return dict(read_json(self.layout.setup, {}))

    def _begun(self) -> Config:
        """What a first setup that did not come to its end noted before it changed anything."""
        return dict(read_json(self._begun_path, {}))

    def _note_begun(self, config: Config) -> None:
        """Note what a removal must know, the default site that goes before all, before anything is changed."""
        if not self._known():
            os.makedirs(os.path.dirname(self._begun_path), exist_ok=True)
            write_json(self._begun_path, config, 0o644)

    def _service(self, name: str) -> None:
        children.run(["systemctl", "enable", "--now", name], "/", limit=60)

    def _reload_nginx(self) -> None:
        reloaded = children.run(["systemctl", "reload", "nginx"], "/", limit=60)
        children.check(reloaded, "nginx could not be reloaded", "see `systemctl status nginx` on the host")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Nobody else prepares this host meanwhile: two would be in each other's way in apt, nginx and Supervisor.

    Raises:
        Failure: somebody else does, and does not come to an end.
    """
    handle = os.open("/etc", os.O_RDONLY)  # a folder that every host has and no removal must clear away
    try:
        if not patiently(handle):
            raise Failure(
                "another paasctl is preparing this host", "wait for it to end and run the command again", kind="busy"
            )
        yield
    finally:
        os.close(handle)


def web_changes(known: Config, config: Config) -> bool:
    """Whether the group of the web processes must be another one (Supervisor cannot change one that runs)."""
    differs = known["settings"].get("web") != config["settings"].get("web")
    return bool(differs or known["handover"] != config["handover"])


def site_path(config: Config) -> str:
    return "/etc/nginx/sites-available/paasctl-%s" % config["app"]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""


def own_folder(path: str, uid: int, gid: int, mode: int) -> None:
    """Make a folder and give it its owner and mode. Root does it where others may write, so no link is followed."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except NotADirectoryError:
        raise Failure("%s is not a folder; nothing of it was changed" % path, "remove it, then set up again") from None
    try:
        os.fchown(handle, uid, gid)
        os.fchmod(handle, mode)
    finally:
        os.close(handle)
