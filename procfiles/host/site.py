"""An app's site in the host's nginx, as root: only what nginx accepts stays, and the host's default site is kept."""

from __future__ import annotations

import contextlib
import glob
import hashlib
import os
from typing import Any, Callable, Dict, List

from . import children, texts
from .layout import Layout, remove, write_file
from .wire import Failure

Config = Dict[str, Any]
NGINX = "/etc/nginx"
DEFAULT = NGINX + "/sites-enabled/default"


class Site:
    """The site of one app.

    An app without a domain is the host's default site: the link to nginx's own is moved aside. It comes back when no
    app is the default site any more.
    """

    def __init__(self, layout: Layout, say: Callable[[str], None]) -> None:
        self._say, self._notes = say, layout.setup
        #: the link to the host's default site while it is switched off, whichever app of the host took it away
        self._aside = os.path.join(os.path.dirname(layout.setup), "default-site")

    def put(self, config: Config, known: Config, begun: Config) -> bool:
        """Write the site as a candidate; the old one stays when nginx refuses it.

        One that somebody edited (certbot does) stays as it is until something else is asked of it.

        Args:
            known: what the last setup that came to its end noted; empty before.
            begun: what one that did not come to its end noted; empty where there was none.

        Returns:
            Whether nginx must be reloaded.

        Raises:
            Failure: nginx refuses the site, or another one that is there; all is as it was.
        """
        path, link = file_path(config), link_path(config)
        before, linked = read(path), os.path.islink(link)
        stays = bool(before) and known.get("site") == config["site"] and digest(before) != begun.get("site")
        if stays and linked and not begun:
            start_nginx()
            return False
        text = before if stays else texts.nginx(config)
        if before not in ("", text) and digest(before) not in (known.get("site"), begun.get("site")):
            self._say("the site had been edited (by certbot?) and is written anew; do again what was done to it")
        refuse_broken(link)
        if not config["domain"]:
            self._switch_default_off()
        write_file(path, text.encode("utf-8"))
        if not linked:
            os.symlink(path, link)
        refused = tested()
        if refused.status:
            self._restore(path, link, before, linked)
            if not known or known["domain"]:
                self._switch_default_on(quietly=True)
            message = "nginx refuses the new site; the old one is in place"
            raise Failure(message, "see nginx's own words", refused.output)
        if config["domain"] and any(each and not each["domain"] for each in (known, begun)):
            self._switch_default_on()
        start_nginx()
        return True

    def remove(self, config: Config) -> None:
        """Take the site away, and switch the host's default site on again."""
        for path in (link_path(config), file_path(config)):  # a link that leads nowhere is an error to nginx
            remove(path)
        self._switch_default_on(quietly=bool(config["domain"]))
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

    def _switch_default_on(self, *, quietly: bool = False) -> None:
        """Bring the link back, unless there is one, or nginx refuses it beside a site that is the default one now."""
        if not os.path.islink(self._aside):
            return
        if os.path.isdir(os.path.dirname(DEFAULT)) and not os.path.lexists(DEFAULT):
            os.symlink(os.readlink(self._aside), DEFAULT)
            if tested().status and not without(DEFAULT).status:
                os.unlink(DEFAULT)
                if not quietly:
                    self._say("nginx's default site stays off: another site of this host is the default one now")
                if self._others():
                    return  # the removal of one of these brings it back
        remove(self._aside)

    def _others(self) -> List[str]:
        """What setup noted of the other apps of this host."""
        folder, own = os.path.split(self._notes)
        return [name for name in os.listdir(folder) if ".json" in name and not name.startswith(own)]

    def _restore(self, path: str, link: str, before: str, linked: bool) -> None:
        if not linked:
            remove(link)
        if before:
            write_file(path, before.encode("utf-8"))
        else:
            remove(link)
            remove(path)


def refuse_broken(link: str) -> None:
    """Refuse to work on a configuration that is broken; what a setup that was killed left at ``link`` is mended.

    Raises:
        Failure: somebody else broke it.
    """
    broken = tested()
    if broken.status and os.path.islink(link) and not without(link).status:
        return
    children.check(
        broken, "nginx's configuration is broken already, by somebody else; the site was not changed", "mend it"
    )


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


def reload() -> None:
    """Have nginx read its configuration anew.

    Raises:
        Failure: it does not.
    """
    children.check(reloaded(), "nginx could not be reloaded", "see `systemctl status nginx` on the host")


def start_nginx() -> None:
    children.run(["systemctl", "enable", "--now", "nginx"], "/", limit=60)


def read(path: str) -> str:
    """A file's text; empty where there is none."""
    with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
        return file.read()
    return ""
