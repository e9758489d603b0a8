"""An app's site in the host's nginx, as root: only what nginx accepts stays, and the host's default site is kept."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
from typing import Any, Callable, Dict

from . import children, texts
from .layout import Layout, remove, write_file
from .wire import Failure

Config = Dict[str, Any]
NGINX = "/etc/nginx"
DEFAULT = NGINX + "/sites-enabled/default"


class Site:
    """The site of one app.

    An app without a domain is the host's default site: the link to nginx's own is moved aside. It comes back when the
    app gets a domain or is removed.
    """

    def __init__(self, layout: Layout, say: Callable[[str], None]) -> None:
        self._say = say
        #: the host's default site while it is switched off: the very link that this app took away
        self._aside = os.path.splitext(layout.setup)[0] + ".default"

    def put(self, config: Config, known: Config) -> None:
        """Write the site as a candidate; the old one stays when nginx refuses it.

        One that somebody edited (certbot does) stays as it is until something else is asked of it.

        Args:
            known: what the last setup that came to its end noted; empty before.

        Raises:
            Failure: nginx refuses the site, or another one that is there, or cannot be reloaded.
        """
        path, link = file_path(config), link_path(config)
        before, text = read(path), texts.nginx(config)
        if before and known.get("site") == config["site"] and os.path.islink(link):
            start_nginx()
            return
        if known.get("site") == config["site"] and before:
            text = before  # somebody took the link away, and may have edited the file
        elif before not in ("", text) and digest(before) != known.get("site"):
            self._say("the site had been edited (by certbot?) and is written anew; do again what was done to it")
        broken = tested()
        children.check(
            broken, "nginx's configuration is broken already, by somebody else; the site was not changed", "mend it"
        )
        write_file(path, text.encode("utf-8"))
        if not os.path.islink(link):
            os.symlink(path, link)
        if not config["domain"]:
            self._switch_default_off()
        refused = tested()
        if refused.status:
            self._restore(path, link, before)
            if not known or known["domain"]:
                self._switch_default_on()
            raise Failure(
                "nginx refuses the new site; the old one is in place", "see nginx's own words", refused.output
            )
        if config["domain"]:
            self._switch_default_on()
        start_nginx()
        children.check(reloaded(), "nginx could not be reloaded", "see `systemctl status nginx` on the host")

    def remove(self, config: Config) -> None:
        """Take the site away, and switch the host's default site on again."""
        for path in (file_path(config), link_path(config)):
            remove(path)
        self._switch_default_on()
        if os.path.isdir(NGINX) and reloaded().status:
            self._say("nginx could not be reloaded (see `systemctl status nginx` there); the site's file is gone")
        for log in glob.glob("/var/log/nginx/paasctl-%s.log*" % config["app"]):
            remove(log)

    def _switch_default_off(self) -> None:
        """Move the link to the default site aside, where there is one."""
        if not os.path.islink(DEFAULT):
            return
        os.makedirs(os.path.dirname(self._aside), exist_ok=True)
        remove(self._aside)
        os.symlink(os.readlink(DEFAULT), self._aside)  # first: whatever ends this here, a removal finds it
        os.unlink(DEFAULT)

    def _switch_default_on(self) -> None:
        """Bring the link back, unless there is one, or nginx refuses it beside what has come meanwhile."""
        if not os.path.islink(self._aside):
            return
        if not os.path.lexists(DEFAULT):
            os.symlink(os.readlink(self._aside), DEFAULT)
            if tested().status and not without(DEFAULT).status:
                os.unlink(DEFAULT)
                self._say("nginx's default site stays off: another site of this host is the default one now")
        remove(self._aside)

    def _restore(self, path: str, link: str, before: str) -> None:
        if before:
            write_file(path, before.encode("utf-8"))
        else:
            remove(link)
            remove(path)


def without(link: str) -> children.Ended:
    """What nginx says of its configuration when a link is not there."""
    target = os.readlink(link)
    os.unlink(link)
    try:
        return tested()
    finally:
        os.symlink(target, link)


def file_path(config: Config) -> str:
    return NGINX + "/sites-available/paasctl-%s" % config["app"]


def link_path(config: Config) -> str:
    return NGINX + "/sites-enabled/paasctl-%s" % config["app"]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def tested() -> children.Ended:
    return children.run(["nginx", "-t"], "/", limit=60)


def reloaded() -> children.Ended:
    return children.run(["systemctl", "reload", "nginx"], "/", limit=60)


def start_nginx() -> None:
    children.run(["systemctl", "enable", "--now", "nginx"], "/", limit=60)


def read(path: str) -> str:
    """A file's text; empty where there is none."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
        return file.read()
    return ""
