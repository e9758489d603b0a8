"""Where everything of one app lies on a host, and the writes that are either done or not done."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
from typing import IO, Any, Dict, Optional

from .wire import Failure

#: others may write into /tmp too, so whose this folder is gets checked
SHORT = "/tmp/paasctl-%d"

#: the folders that the app's user owns, and their modes; the first two hold data
APPS = {"shared": 0o750, "backups": 0o700, "env": 0o700, "run": 0o700}
DATA = ("shared", "backups")
#: any of them tells that something of a push is here
PUSHED = ("code", "objects", "releases", "venvs", "app.json")


class Layout:
    """The folder of one app.

    ``code/TREE`` (read-only), ``objects/`` (contents by digest), ``env/ID.json`` (env and manifest, 0600),
    ``releases/ID`` (points to one of each), ``current`` (the link that says which release is live),
    ``venvs/HASH``, ``shared/`` (persist paths), ``logs/``, ``run/`` (sockets), ``backups/``.
    """

    def __init__(self, root: str, logs: Optional[str] = None, setup: str = "", public: str = "") -> None:
        self.root = root
        self.logs = logs or os.path.join(root, "logs")
        #: what `paasctl setup` noted, in a folder that root alone can write; "" where there is no setup
        self.setup = setup
        #: where a web server in front finds the static files; "" where there is none
        self.public = public

    @classmethod
    def of(cls, hello: Dict[str, Any]) -> Layout:
        """The layout that paasctl told the agent."""
        return cls(hello["root"], hello.get("logs"), hello.get("setup", ""), hello.get("public", ""))

    def path(self, *parts: str) -> str:
        return os.path.join(self.root, *parts)

    @property
    def current(self) -> str:
        return self.path("current")

    def release(self, release: str, *parts: str) -> str:
        return self.path("releases", release, *parts)

    def make(self) -> None:
        """Make the folders. The app's own folder is private, and so everything below it."""
        try:
            make_private(self.root)
            for name in ("code", "objects", "releases", "venvs", "tmp"):
                os.makedirs(self.path(name), exist_ok=True)
        except OSError as error:
            raise disk_failure(error, self.root) from error

    def make_apps(self) -> None:
        """Make the folders that the app's user owns."""
        try:
            for name, mode in APPS.items():
                os.makedirs(self.path(name), mode=mode, exist_ok=True)
            os.makedirs(self.logs, mode=0o750, exist_ok=True)
        except OSError as error:
            raise disk_failure(error, self.root) from error

    def built(self, tree: str) -> str:
        """Where the app's user puts what it builds for a tree (collected static files)."""
        return self.path("shared", ".built", tree)

    def env_file(self, env: str) -> str:
        """The file of one env; the app's user alone can read it."""
        return self.path("env", env + ".json")

    def live(self) -> Optional[str]:
        """The id of the release that ``current`` names, or None; also where nothing of that release is left.

        Raises:
            Failure: nobody knows, since this user may not look.
        """
        try:
            release = os.path.basename(os.readlink(self.current))
        except PermissionError:
            message = "%s cannot be read: permission denied; nothing was changed" % self.root
            raise Failure(message, "give it back to the user who pushed, then run the command again") from None
        except OSError:
            return None
        return release if isinstance(read_json(self.release(release, "release.json")), dict) else None

    def begun(self) -> bool:
        """Whether something of a push is here, if only of one that failed or that was not taken away whole."""
        return any(os.path.exists(self.path(name)) for name in PUSHED)

    def run_folder_path(self) -> str:
        """Where the sockets are: a path short enough for them (108 bytes on Linux, 104 on macOS)."""
        near = self.path("run")
        if len(os.fsencode(near)) < 80:
            return near
        return os.path.join(SHORT % os.getuid(), hashlib.sha256(os.fsencode(self.root)).hexdigest()[:16])

    def run_folder(self) -> str:
        """Make the folder for sockets, private to the user, and return it."""
        folder, base = self.run_folder_path(), SHORT % os.getuid()
        if folder.startswith(base):
            os.makedirs(base, mode=0o700, exist_ok=True)
            found = os.lstat(base)
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
                raise Failure("%s belongs to somebody else, so no socket can be made there" % base, "remove it")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        return folder


def begun_path(layout: Layout) -> str:
    """What a first setup notes before it changes anything; gone when it has come to its end."""
    return layout.setup + ".begun"


def open_regular(path: str) -> IO[bytes]:
    """Open a file that is a file: the app can put a pipe or a device in its place, which would be read for ever.

    Raises:
        OSError: there is none.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return os.fdopen(handle, "rb")


def read_json(path: str, default: Any = None, most: int = -1) -> Any:
    """Read a JSON file, or return ``default`` where there is none (or it is damaged).

    Args:
        most: bytes that are read; a longer file counts as damaged.
    """
    try:
        with open_regular(path) as file:
            return json.loads(file.read(most))
    except (OSError, ValueError, RecursionError):
        return default


def write_json(path: str, document: Any, mode: int = 0o600) -> None:
    """Replace a JSON file as a whole: after a crash it is the old one or the new one."""
    write_file(path, json.dumps(document, sort_keys=True).encode("ascii"), mode)


def write_file(path: str, data: bytes, mode: int = 0o644) -> None:
    """Replace a file as a whole; its mode is in force before its content is there."""
    from tempfile import mkstemp  # takes a while to import, which a command that changes nothing does without

    folder = os.path.dirname(path)
    try:
        handle, temporary = mkstemp(dir=folder, prefix=".new-")
        try:
            with os.fdopen(handle, "wb") as file:
                os.fchmod(file.fileno(), mode)
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except OSError as error:
        raise disk_failure(error, folder) from error


def point(link: str, target: str) -> None:
    """Make ``link`` a symbolic link to ``target``, in one rename."""
    temporary = link + ".new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.replace(temporary, link)
    sync_folder(os.path.dirname(link))


def sync_folder(path: str) -> None:
    """Make renames in a folder survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: str) -> None:
    """Remove a file, a socket, a link, or a tree (also a read-only one); nothing there is fine."""
    if os.path.islink(path) or not os.path.isdir(path):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        return
    if os.getuid():  # root needs no permission, and must not be led astray while it takes one
        for folder, _, _ in os.walk(path):
            os.chmod(folder, 0o700)
    from shutil import rmtree

    rmtree(path)


def writable_copy(folder: str, place: str) -> None:
    """Copy a read-only tree so that its user may write in it; what is at ``place`` goes."""
    from shutil import copytree

    remove(place)
    copytree(folder, place, symlinks=True)
    for at, _, names in os.walk(place):
        os.chmod(at, 0o755)
        for name in names:
            if not os.path.islink(os.path.join(at, name)):
                os.chmod(os.path.join(at, name), 0o644 | os.stat(os.path.join(at, name)).st_mode)


def make_private(folder: str) -> None:
    """Make a folder and what is missing above it, all for this user alone."""
    if os.path.isdir(folder):
        return
    make_private(os.path.dirname(folder))
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)


def remove_contents(folder: str) -> None:
    """Remove what is in a folder; the folder itself goes too where its parent is ours."""
    for name in os.listdir(folder) if os.path.isdir(folder) else []:
        remove(os.path.join(folder, name))
    with contextlib.suppress(OSError):
        os.rmdir(folder)


def has_files(folder: str) -> bool:
    return any(files for _, _, files in os.walk(folder))


def disk_failure(error: OSError, path: str) -> Failure:
    """The sentence for what the machine refused; whoever knows adds what is live (kind ``host``)."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    reason = "the disk is full" if full else (error.strerror or type(error).__name__).lower()
    if full or error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Failure(
            "cannot write below %s: %s" % (path, reason),
            "make room or fix its permissions, then push again",
            kind="host",
        )
    where = error.filename if isinstance(error.filename, str) else path
    return Failure("%s: %s" % (where, reason), "mend that on the host, then run the command again", kind="host")
