"""Prepare a bare Debian or Ubuntu host for one app, as root; done twice, it does nothing the second time."""

from __future__ import annotations

import contextlib
import functools
import glob
import grp
import os
import pwd
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from . import accepted, children, packages, site, texts
from .accounts import clear_cache, folders, invoker, made_user, make_login, make_user, user_exists
from .deputy import AppUser
from .groups import Groups, names
from .groups import path as supervisor_path
from .layout import DATA, Layout, begun_path, has_files, read_json, remove, write_file, write_json
from .lock import patiently
from .probe import free_port
from .sections import START
from .wire import Failure, Stream

Arguments = Dict[str, Any]
Config = Dict[str, Any]
#: an act: what it is called in a plan, and how it is done
Act = Tuple[str, Callable[[], None]]
INSTALL = "install "


class Setup:
    """Answers ``setup``'s requests as root. ``do_X`` answers the request X."""

    def __init__(self, layout: Layout, say: Callable[[str], None], app: AppUser) -> None:
        self.layout, self._say = layout, say
        self._groups = Groups(layout, app)
        self._site = site.Site(layout, say)

    def do_plan(self, args: Arguments, stream: Optional[Stream]) -> List[str]:
        """What would be done, a line each; changes nothing."""
        return [title for title, _ in self._acts(self._complete(args["config"]))]

    def do_act(self, args: Arguments, stream: Optional[Stream]) -> None:
        """Do the one act of the plan that has this title."""
        with alone():
            config = self._complete(args["config"])
            for title, act in self._acts(config):
                # another setup may have installed a part of it meanwhile
                if title == args["title"] or (title.startswith(INSTALL) and args["title"].startswith(INSTALL)):
                    if not self._known() and not title.startswith(INSTALL):  # packages stay after a removal
                        self._note_begun(config)
                    act()
                    return

    def do_remove(self, args: Arguments, stream: Optional[Stream]) -> None:
        """Take away what setup put here; the app's data stays unless ``purge``, which also finds data kept before."""
        with alone():
            self._remove(args["purge"], args["user"])

    def _remove(self, purge: bool, user: str) -> None:
        known, begun = self._known(), self._begun()
        config, made = known or begun, made_user(os.path.basename(self.layout.root), self.layout.root)
        # a setup that did not come to its end may have made no folder yet: what is there is its own if the user is
        folders_are_ours = bool(known or (begun and made))
        if config:
            self._groups.remove(config, begun)
            if folders_are_ours:
                remove(self.layout.current)  # a `down` that is run again does not ask for what is not there
            self._remove_site(config)
        if folders_are_ours:
            remove(config["logs"])
        if folders_are_ours or (made and purge):
            self._remove_root(purge)
        user = str(config.get("user") or user)
        if not any(read_json(path, {}).get("user") == user for path in self._others()):
            clear_cache(user)
        # last, so that a removal that was interrupted can be done again
        remove(self.layout.setup)
        remove(begun_path(self.layout))
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self.layout.setup))

    def _remove_site(self, config: Config) -> None:
        for path, _, _ in self._plain_files(config):
            if not path.startswith(self.layout.root):
                remove(path)
        self._site.remove(config)
        for folder in ("/run/paasctl-" + config["app"], "/var/www/paasctl-" + config["app"]):
            remove(folder)

    # --------------------------------------------------------------------------------------------------- acts

    def _complete(self, config: Config) -> Config:
        """The asked configuration with what only the host knows: generation and port."""
        accepted.require(config, self.layout)
        known = self._known()
        whole = dict(config, root=self.layout.root, logs=self.layout.logs)
        whole["generation"] = known.get("generation", "a")
        whole["port"] = known.get("port") or free_port(8100, self._ports())
        if known and web_changes(known, whole):
            whole["generation"] = "b" if whole["generation"] == "a" else "a"
        whole["site"] = site.digest(texts.nginx(whole))
        return whole

    def _acts(self, config: Config) -> List[Act]:
        self._refuse_a_strangers(config)
        acts: List[Act] = []
        missing = packages.missing(config["python"])
        if missing:
            acts.append((INSTALL + " ".join(missing), lambda: packages.install(missing, self._say)))
        if not user_exists(config["user"]):
            title = "make the user %s, who may log in with the keys of %s" % (config["user"], invoker())
            acts.append((title, lambda: make_login(config["user"])))
        if not user_exists(config["app"]):
            acts.append(("make the user " + config["app"], lambda: make_user(config)))
        if not self._folders_are_right(config):
            acts.append(("make the folders below " + config["root"], lambda: self._make_folders(config)))
        for path, text, mode in self._plain_files(config):
            if site.read(path) != text:
                acts.append(("write " + path, functools.partial(self._write, path, text, mode)))
        if not self._programs_are_right(config):
            title = "write %s and %s, start the processes" % (supervisor_path(config), site.file_path(config))
            title += "" if config["domain"] else "; it is the host's default site from then on"
            acts.append((title, lambda: self._programs(config)))
        return acts

    def _programs_are_right(self, config: Config) -> bool:
        linked = os.path.islink(site.link_path(config)) and not self._begun()
        return linked and self._known() == config and site.read(supervisor_path(config)) == texts.supervisor(config)

    def _programs(self, config: Config) -> None:
        """The site and the processes; where others serve already, no request is lost."""
        known, begun = self._known(), self._begun()
        self._note_begun(config)
        children.run(["systemctl", "enable", "--now", "supervisor"], "/", limit=60)
        moves = bool(known) and known["generation"] != config["generation"]
        try:
            if moves:
                self._groups.begin(known, config)
            changed = self._put_site(config, known, begun, moves)
        except Failure:
            if known and not begun:  # all is as it was
                remove(begun_path(self.layout))
            raise
        if changed:
            site.reload()
        write_json(self.layout.setup, config, 0o644)
        self._groups.settle(known, config, begun)
        self._write(self._tmpfiles(config), texts.tmpfiles(config), 0o644)
        remove(begun_path(self.layout))

    def _put_site(self, config: Config, known: Config, begun: Config, moves: bool) -> bool:
        try:
            return self._site.put(config, known, begun)
        except Failure:
            if moves:
                self._groups.abandon(known, config)
            raise

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
            made = made_user(os.path.basename(self.layout.root), self.layout.root)
            remove(self.layout.root)
            if made:
                # forced: the agent that just cleared the app's folders still runs as this user
                children.run(["userdel", "--force", os.path.basename(self.layout.root)], "/")

    def _refuse_a_strangers(self, config: Config) -> None:
        """Refuse a user, and folders, that are there and that paasctl did not make: a removal would take them along."""
        app, advice = config["app"], "give the app another name in paasctl.toml: [app] name"
        if made_user(app, config["root"]):
            return
        if user_exists(app):
            message = "the host already has a user named %s that paasctl did not make" % app
            raise Failure(message, advice, kind="usage")
        for path in (config["root"], config["logs"]):
            if os.path.lexists(path) and (not os.path.isdir(path) or os.listdir(path)):
                message = "the host already has %s, which paasctl did not make" % path
                raise Failure(message, advice + ", or move that away", kind="usage")

    def _plain_files(self, config: Config) -> List[Tuple[str, str, int]]:
        app = config["app"]
        return [
            (self.layout.path("start"), START, 0o755),
            # the link in it is moved when the processes that it leads to are there
            (self._tmpfiles(config), texts.tmpfiles(self._as_it_serves(config)), 0o644),
            ("/etc/sudoers.d/paasctl-" + app.replace(".", "_"), texts.sudoers(config), 0o440),
        ]

    def _tmpfiles(self, config: Config) -> str:
        return "/etc/tmpfiles.d/paasctl-%s.conf" % config["app"]

    def _as_it_serves(self, config: Config) -> Config:
        known = self._known()
        return dict(config, generation=known["generation"]) if known else config

    def _others(self) -> List[str]:
        """What setup noted of the other apps on this host."""
        notes = glob.glob(os.path.join(os.path.dirname(self.layout.setup), "*.json"))
        return [path for path in notes if path != self.layout.setup]

    def _known(self) -> Config:
        return dict(read_json(self.layout.setup, {}))

    def _begun(self) -> Config:
        """What a setup that did not come to its end noted before it changed anything."""
        return dict(read_json(begun_path(self.layout), {}))

    def _note_begun(self, config: Config) -> None:
        """Note what a removal, and the next setup, must know before anything is changed."""
        os.makedirs(os.path.dirname(self.layout.setup), exist_ok=True)
        every = names(self._known(), self._begun(), config)
        write_json(begun_path(self.layout), dict(config, names=every), 0o644)

    def _ports(self) -> List[int]:
        """The ports that other apps of this host have."""
        begun = glob.glob(os.path.join(os.path.dirname(self.layout.setup), "*.begun"))
        notes = [*self._others(), *(path for path in begun if path != begun_path(self.layout))]
        return [read_json(path, {}).get("port", 0) for path in notes]


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Nobody else prepares this host meanwhile: two would be in each other's way in apt, nginx and Supervisor.

    Raises:
        Failure: somebody else does, and does not come to an end.
    """
    handle = os.open("/root", os.O_RDONLY)  # every host has it, no removal must clear it away, and root alone opens it
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
