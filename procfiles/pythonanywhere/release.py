"""One release on disk: its layer, code, persist links, static files and env."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import shutil
import sys
from typing import Any, Dict, Iterator, List, Optional

from .document import Document
from .places import Invalid, Places, WrongPython, names_in, older, remove
from .unpack import unpack

#: Seconds that what no release names is kept: another push may be about to name it.
GRACE = 600.0
BARE = "python"


class Release:
    """The files of one release; everything in here may be repeated, and nothing in here runs the app."""

    def __init__(self, places: Places, record: Document) -> None:
        self._places, self._record = places, record
        layer = record.get("layer")
        self.code = places.path("releases", record["code"]["name"])
        #: A virtual environment; one without packages where the app needs none.
        self.layer = places.path("layers", layer["name"] if layer else BARE + record["python"])
        self._brought: Optional[Document] = layer
        self.env_file = places.path("env", record["env"]["id"] + ".json")

    @property
    def packages(self) -> str:
        """The folder that the app's dependencies are imported from."""
        return os.path.join(self.layer, "lib", "python" + self._record["python"], "site-packages")

    def lay(self) -> None:
        """Unpack what is not unpacked yet, and link what outlives releases. The caller holds the lock.

        Raises:
            Invalid: an archive is missing or damaged, or the machine has not the Python that it is made for.
            OSError: the disk is full, or the like.
        """
        if self._brought is not None:
            self._unpack(self._brought, self.layer)
        complete_layer(self.layer, self._record["python"])
        self._unpack(self._record["code"], self.code)
        for path in self._record["persist"]:
            link_persistent(self.code, self._places.data, path)

    def check_python(self) -> None:
        """Is this process's Python the one that the release was made for?

        Raises:
            WrongPython: it is not.
        """
        running = "%d.%d" % sys.version_info[:2]
        if running != self._record["python"]:
            raise WrongPython(
                "the web app runs Python %s, and release %s was made for %s"
                % (running, self._record["id"], self._record["python"])
            )

    def _unpack(self, archive: Document, target: str) -> None:
        if not os.path.isdir(target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            unpack(archive, self._places.path("incoming"), target)
        for part in archive["parts"]:
            remove(self._places.path("incoming", part["name"]))

    def env(self, key: str) -> "tuple[Dict[str, str], bool]":
        """The env's names and values, and whether the file is the one that paasctl wrote.

        Raises:
            Invalid: the file is missing or damaged.
        """
        try:
            with open(self.env_file, "rb") as file:
                data = file.read()
            os.chmod(self.env_file, 0o600)
        except FileNotFoundError:
            raise Invalid("the env file of release %s is not there" % self._record["id"]) from None
        try:
            values = json.loads(data.decode("utf-8"))["env"]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Invalid("the env file of release %s is damaged" % self._record["id"]) from None
        if not isinstance(values, dict) or not all(isinstance(v, str) for v in values.values()):
            raise Invalid("the env file of release %s is damaged" % self._record["id"])
        intact = hmac.compare_digest(env_mac(key, data), self._record["env"]["mac"])
        return values, intact

    def publish(self) -> None:
        """Lay the static folders where the platform's own file server may read them; one rename makes them current.

        A copy's name says what is in it: files that were made after the last copy (collectstatic) make another one.
        """
        if not self._record["static"]:
            return
        digest = hashlib.sha256(json.dumps(self._record["static"], sort_keys=True).encode())
        for source in sorted(self._record["static"].values()):
            for line in listing(os.path.join(self.code, source.rstrip("/"))):
                digest.update(line)
        name = "%s-%s" % (self._record["code"]["name"], digest.hexdigest()[:8])
        folder = os.path.join(self._places.public, name)
        for shared in (os.path.dirname(self._places.public), self._places.public):
            open_folder(shared)
        if not os.path.isdir(folder):
            temporary = "%s.%d.tmp" % (folder, os.getpid())
            remove(temporary)
            open_folder(temporary)
            for url, source in self._record["static"].items():
                copy_public(os.path.join(self.code, source.rstrip("/")), os.path.join(temporary, slug(url)), self.code)
            os.rename(temporary, folder)
        point(os.path.join(self._places.public, "current"), name)


def env_mac(key: str, data: bytes) -> str:
    """What the env file's record in ``deploy.json`` says about its bytes."""
    return hmac.new(bytes.fromhex(key), b"paasctl-env-file\0" + data, hashlib.sha256).hexdigest()


def slug(url: str) -> str:
    """The folder name for a static URL: ``/static/`` becomes ``static``."""
    return url.strip("/").replace("/", "_") or "root"


def point(link: str, target: str) -> None:
    """Make a symbolic link, or turn it, in one rename."""
    temporary = "%s.%d.tmp" % (link, os.getpid())
    remove(temporary)
    os.symlink(target, temporary)
    os.rename(temporary, link)


def interpreter(version: str) -> str:
    """The program of a Python version. ``sys.executable`` is no help: in a web worker it is the server's.

    Raises:
        Invalid: there is none.
    """
    name = "python" + version
    folders = ["/usr/local/bin", "/usr/bin", os.path.join(sys.base_prefix, "bin"), os.path.join(sys.prefix, "bin")]
    for folder in folders:
        path = os.path.join(folder, name)
        if os.access(path, os.X_OK):
            return os.path.realpath(path)  # a virtual environment finds its library from here
    raise Invalid("there is no %s on this machine" % name)


def complete_layer(layer: str, version: str) -> None:
    """Make a layer a virtual environment: its interpreter is a link, so that the layer itself fits any account."""
    config = os.path.join(layer, "pyvenv.cfg")
    if os.path.exists(config):
        return
    program = interpreter(version)
    folder = os.path.join(layer, "bin")
    os.makedirs(folder, exist_ok=True)
    for name in ("python", "python3", "python" + version):
        point(os.path.join(folder, name), program)
    lines = "home = %s\ninclude-system-site-packages = true\nversion = %s\n" % (os.path.dirname(program), version)
    with open(config + ".tmp", "w") as file:
        file.write(lines)
    os.rename(config + ".tmp", config)


def link_persistent(code: str, data: str, path: str) -> None:
    """Put a link to the data that outlives releases in the place of a path of the app's folder.

    What the archive brought at that path is the data's first content, and is thrown away later.
    """
    is_folder = path.endswith("/")
    link, kept = os.path.join(code, path.rstrip("/")), os.path.join(data, path.rstrip("/"))
    if os.path.islink(link) and os.readlink(link) == kept:
        return
    parent = os.path.dirname(link)
    os.makedirs(parent, exist_ok=True)
    os.makedirs(os.path.dirname(kept), mode=0o700, exist_ok=True)
    if not inside(parent, code):
        raise Invalid("the persist path %s leads through a link" % path)
    if os.path.lexists(link):
        if os.path.lexists(kept) or os.path.islink(link):
            remove(link)
        else:
            shutil.move(link, kept)
    if is_folder:
        os.makedirs(kept, mode=0o700, exist_ok=True)
    point(link, kept)


def inside(path: str, folder: str) -> bool:
    """Does a path, with all links followed, lie in a folder?"""
    real, root = os.path.realpath(path), os.path.realpath(folder)
    return real == root or real.startswith(root + os.sep)


def open_folder(path: "str | bytes") -> None:
    """Make a folder that others may read, whatever the umask is."""
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o755)


def listing(folder: str) -> Iterator[bytes]:
    """A line for each file below a folder: its path, size and time. Files of the same lines are taken for the same."""
    for root, folders, files in os.walk(os.fsencode(folder)):
        folders.sort()
        for name in sorted(files):
            path = os.path.join(root, name)
            try:
                about = os.lstat(path)
            except OSError:  # another process of the app removed it meanwhile
                continue
            yield b"%s\0%d %d\n" % (os.path.relpath(path, os.fsencode(folder)), about.st_size, about.st_mtime_ns)


def copy_public(source: str, target: str, code: str) -> None:
    """Lay the regular files of a folder elsewhere, by hard links where the disk can. Links are left out."""
    open_folder(target)
    if not inside(source, code):
        return
    for folder, _, files in os.walk(os.fsencode(source)):
        into = os.path.join(os.fsencode(target), os.path.relpath(folder, os.fsencode(source)))
        open_folder(into)
        for name in files:
            path = os.path.join(folder, name)
            if os.path.islink(path) or not os.path.isfile(path):
                continue
            os.chmod(path, os.stat(path).st_mode | 0o444)
            _link_or_copy(path, os.path.join(into, name))


def _link_or_copy(source: bytes, target: bytes) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def prune(places: Places, documents: List[Document]) -> None:
    """Remove what none of the documents names and no push of the last minutes can have brought.

    Of the public copies of the code that is served only the last one stays: an app may change its files at each start.
    """
    named = {"releases": set(), "layers": set(), "env": set()}  # type: Dict[str, set[str]]
    for document in documents:
        for record in document["releases"]:
            for kind, key in (("releases", "code"), ("layers", "layer")):
                named[kind].add(str((record.get(key) or {}).get("name")))
            named["env"].add(str((record.get("env") or {}).get("id")) + ".json")
    for kind, keep in named.items():
        for name in names_in(places.path(kind)):
            bare = kind == "layers" and name.startswith(BARE)
            _prune_one(places.path(kind, name), bare or name in keep, GRACE)
    served = _served(places.public)
    for name in names_in(places.public):
        code = name.rpartition("-")[0]
        replaced = name != served and code == served.rpartition("-")[0]
        kept = name == "current" or (code in named["releases"] and not replaced)
        _prune_one(os.path.join(places.public, name), kept, GRACE)
    for kind, seconds in (("incoming", 86400.0), ("jobs", 7 * 86400.0), ("nonces", 2 * GRACE)):
        for name in names_in(places.path(kind)):
            _prune_one(places.path(kind, name), name == "lock", seconds)


def _served(public: str) -> str:
    """The name of the copy that the platform's file server reads; empty where there is none."""
    try:
        return os.readlink(os.path.join(public, "current"))
    except OSError:
        return ""


def _prune_one(path: str, keep: bool, grace: float) -> None:
    if not keep and older(path, grace):
        remove(path)


def summary(record: Document) -> Dict[str, Any]:
    """What is remembered of a release that failed."""
    return {key: record.get(key) for key in ("id", "when", "who", "digest", "commit", "dirty", "unpushed")}
