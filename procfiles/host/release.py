"""Releases on a host: what one is made of, which is live, which was good, and how long they stay."""

from __future__ import annotations

import os
import shlex
import time
from typing import Any, Dict, List, Optional, Sequence

from . import static
from .deputy import AppUser
from .layout import Layout, point, read_json, remove, write_file, write_json
from .wire import Failure

#: good releases that stay, the live one included
KEPT = 5

START = """\
#!/bin/sh
exec {python} -I {launch} "$@"
"""

Document = Dict[str, Any]


class Releases:
    """The releases of one app: ``releases/ID/release.json`` says all, ``good`` marks one that was healthy."""

    def __init__(self, layout: Layout, launch: str, app: AppUser) -> None:
        self._layout, self._launch, self._app = layout, launch, app

    def all(self) -> List[Document]:
        """Every release that is still here, oldest first, each with its ``state``."""
        folder, live = self._layout.path("releases"), self._layout.live()
        names = os.listdir(folder) if os.path.isdir(folder) else []
        found = [read_json(os.path.join(folder, name, "release.json")) for name in names]
        whole = sorted((d for d in found if d), key=lambda d: int(d["id"][1:]))
        return [dict(d, state=self._state(d["id"], live), good=self._is(d["id"], "good")) for d in whole]

    def get(self, release: str) -> Document:
        """One release's document.

        Raises:
            Failure: there is none (any more).
        """
        found = read_json(self._layout.release(release, "release.json"))
        if not isinstance(found, dict):
            raise Failure("there is no release %s" % release, "`paasctl releases` lists them", kind="usage")
        return found

    def last_number(self) -> int:
        """The highest number that was ever given."""
        noted = int(read_json(self._layout.path("app.json"), {}).get("last", 0))
        return max([noted, *(int(d["id"][1:]) for d in self.all())])

    def make(self, document: Document, env: Optional[Dict[str, str]], manifest: str) -> None:
        """Write a release (and its env, when it is a new one); it is not live yet."""
        if env is not None:
            self._app.call("write_env", id=document["env"], env=env, manifest=manifest)
        folder = self._layout.release(document["id"])
        os.makedirs(folder, exist_ok=True)
        launch = os.path.join(folder, "launch.py")
        python = os.path.join(document["venv"], "bin", "python")
        write_file(launch, self._launch.encode("utf-8"))
        start = START.format(python=shlex.quote(python), launch=shlex.quote(launch))
        write_file(os.path.join(folder, "start"), start.encode("utf-8", "surrogateescape"), 0o755)
        whole = dict(document, env_file=self._layout.env_file(document["env"]), created=time.time())
        write_json(os.path.join(folder, "release.json"), whole, 0o644)
        self._count(document["id"])

    def switch(self, release: str) -> None:
        """Make a release live: one rename."""
        point(self._layout.current, os.path.join("releases", release))

    def publish(self, release: str) -> None:
        """Show a release's static files to the web server in front, where there is one: one rename."""
        if self._layout.public:
            document = self.get(release)
            static.publish(self._layout.public, document, self._layout.path("collected", document["tree"]))

    def mark(self, release: str, state: str) -> None:
        """Note that a release was ``good`` or ``failed``; one that was good stays so, and can be gone back to.

        What made it fail later (a database that was away) may pass, and its health is checked before it is live again.
        """
        if state == "failed" and self.was_good(release):
            return
        write_file(self._layout.release(release, state), b"")

    def was_good(self, release: str) -> bool:
        """Whether a release was found healthy once."""
        return self._is(release, "good")

    def prune(self) -> List[Document]:
        """Remove old releases: the live one, those that led to it, the last good ones and the newest failed one stay.

        Returns:
            The releases that were kept.
        """
        everything, live = self.all(), self._layout.live()
        good = [d["id"] for d in everything if self._is(d["id"], "good")][-KEPT:]
        failed = [d["id"] for d in everything if self._state(d["id"], live) == "failed"][-1:]
        kept = [d for d in everything if d["id"] in {live, *_way_to(live, everything), *good, *failed}]
        for document in everything:
            if document not in kept:
                remove(self._layout.release(document["id"]))
        self._app.call("prune_env", keep=[d["env"] for d in kept])
        return kept

    def env(self, document: Document) -> Document:
        """The env and manifest of a release."""
        return dict(self._app.call("read_env", id=document["env"]))

    def _state(self, release: str, live: Optional[str]) -> str:
        if release == live:
            return "live"
        return next((state for state in ("good", "failed") if self._is(release, state)), "unfinished")

    def _is(self, release: str, state: str) -> bool:
        return os.path.exists(self._layout.release(release, state))

    def _count(self, release: str) -> None:
        path = self._layout.path("app.json")
        write_json(path, dict(read_json(path, {}), last=int(release[1:])))


def _way_to(live: Optional[str], everything: Sequence[Document]) -> List[str]:
    """The releases that rollbacks from the live one go through, as many as are kept."""
    before = {d["id"]: d.get("before") for d in everything}
    way: List[str] = []
    following = before.get(live or "")
    while following and len(way) < KEPT:
        way.append(following)
        following = before.get(following)
    return way
