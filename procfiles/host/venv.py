"""One virtual environment per set of dependencies, made by uv where it is given, else by venv and pip."""

from __future__ import annotations

import glob
import os
import sys
from typing import Callable, Dict, List, Optional, Sequence

from . import bytecode, children, pieces
from .appside import INSTALL
from .deputy import AppUser
from .layout import Layout, remove, writable_copy, write_file, write_json
from .wire import Failure

Say = Callable[[str], None]
#: pip that cannot start a program. In spite of `--only-binary` it builds what is at a URL, or what an option among the
#: requirements wants built, and that code must not run as the user who owns the code of every app
PIP_ALONE = """
import runpy, sys
def refuse(event, args):
    if event in ('subprocess.Popen', 'os.exec', 'os.fork', 'os.forkpty', 'os.posix_spawn', 'os.system'):
        raise PermissionError('pip starts no program here')
sys.addaudithook(refuse)
runpy.run_module('pip', run_name='__main__', alter_sys=True)
"""
#: what uv says where there is no Python to make an environment with
NO_PYTHON = ("no interpreter found", "failed to inspect python", "no download found", "failed to download")
#: what uv and pip say where nobody answers
NO_INDEX = ("error sending request", "failed to establish a new connection")
#: what the system says where nothing can be written any more
FULL = ("no space left", "disk quota exceeded")


class Venvs:
    """The virtual environments of one app, named by the digest of what is in them.

    Args:
        uv: the program, where the app's user is this one: it builds what has no wheel as whoever runs it.
    """

    def __init__(self, layout: Layout, uv: Optional[str], app: AppUser) -> None:
        self._layout, self._app = layout, app
        self._uv = uv

    def path(self, name: str) -> str:
        return self._layout.path("venvs", name)

    def complete(self, name: str) -> bool:
        """Whether an environment is there as a whole: an interrupted one is not, nor one whose Python was removed."""
        return all(os.path.exists(os.path.join(self.path(name), part)) for part in (".complete", "bin/python"))

    def names(self) -> List[str]:
        folder = self._layout.path("venvs")
        return [name for name in os.listdir(folder) if self.complete(name)] if os.path.isdir(folder) else []

    def make(self, name: str, python: str, lists: Dict[str, str], folder: str, local: bool, say: Say) -> None:
        """Make an environment; nothing is left of one that cannot be made.

        Args:
            python: minor version, ``3.11``.
            lists: pip requirement lines by the option that takes them, ``-r`` and ``-c``; relative paths in them are
                relative to ``folder``.
            local: the lines name projects in ``folder``. They are built in a copy of it, since builds write where
                they are and ``folder`` is read-only.

        Raises:
            Failure: no such Python (``usage``), or something cannot be installed.
        """
        if self.complete(name):
            return
        place = self.path(name)
        remove(place)
        files = {option: self._layout.path("tmp", "list" + option) for option, text in lists.items() if text}
        for option, path in files.items():
            write_file(path, lists[option].encode("utf-8"))
        # named after the set: what uv keeps of a built folder it keeps by the folder's path
        copy = self._layout.path("tmp", "build-" + name)
        try:
            self._create(place, python)
            words = [word for option in files for word in (option, files[option])]
            if local and self._uv:
                writable_copy(folder, copy)
            self._install(place, python, words, copy if local and self._uv else folder, local, say)
            write_json(os.path.join(place, ".complete"), {"python": python})
        except BaseException:
            remove(place)
            raise
        finally:
            for path in (*files.values(), copy):
                remove(path)

    def prune(self, keep: Sequence[str]) -> None:
        """Remove every environment that is not named, and halves of them."""
        for name in os.listdir(self._layout.path("venvs")):
            if name not in keep:
                remove(self.path(name))

    def _create(self, place: str, python: str) -> None:
        if self._uv:
            made = self._uv_venv(self._uv, place, python)
            for other in unseen_pythons(python):
                if no_python(made):
                    made = self._uv_venv(self._uv, place, other)
        else:
            made = children.run(["python" + python, "-m", "venv", place], self._layout.root)
        if not made.status:
            return
        refuse_full_disk(made)
        if no_python(made):
            raise Failure(
                "Python %s is not on this machine and could not be fetched; nothing was changed" % python,
                "install Python %s, or name another version in paasctl.toml: [app] python" % python,
                made.output,
                kind="usage",
            )
        message = "the virtual environment could not be made; nothing was changed"
        raise Failure(message, "mend what the words above say, then push again", made.output)

    def _uv_venv(self, uv: str, place: str, python: str) -> children.Ended:
        argv = [uv, "venv", "--quiet", "--no-project", "--clear", "--python", python, place]
        return children.run(argv, self._layout.root, self._uv_environment())

    def _install(self, place: str, version: str, lists: List[str], folder: str, local: bool, say: Say) -> None:
        if self._uv:
            python = os.path.join(place, "bin", "python")
            argv = [self._uv, "pip", "install", "--python", python, "--no-progress"]
            installed = children.run([*argv, *lists], folder, self._uv_environment(), INSTALL, say)
            if not installed.status:
                bytecode.prepare(place, [self.path(name) for name in self.names()])
        else:
            installed = self._with_pip(place, version, lists, folder, local, say)
        if not installed.status:
            return
        refuse_full_disk(installed)
        if says(installed, NO_INDEX):
            raise Failure(
                "the package index cannot be reached; nothing was changed",
                "look at the network and at the index's address (the installer's own words are above), then push again",
            )
        # the installer's words are not repeated: they were said while it ran
        raise Failure(
            "the app's requirements could not be installed; nothing was changed",
            "mend the dependency file (the installer's own words are above), then push again",
        )

    def _uv_environment(self) -> Dict[str, str]:
        """uv does as pip does, unless the machine says otherwise: it trusts what the machine trusts (a company's own
        certificate authority too), and of several indexes none hides the versions of another."""
        return {"UV_SYSTEM_CERTS": "true", "UV_INDEX_STRATEGY": "unsafe-best-match", **os.environ}

    def _with_pip(
        self, place: str, version: str, lists: List[str], folder: str, local: bool, say: Say
    ) -> children.Ended:
        """Wheels run no code while they are installed; the app's user makes wheels of what is none."""
        if not local:
            installed = self._pip_alone(place, ["--only-binary", ":all:", *lists])
            if not installed.status:
                return installed
            say("not everything has a wheel for this host; building")
            # half of it may be there, and a .pth file among it, which would be run when pip is
            remove(place)
            self._create(place, version)
        python, ready = os.path.join(place, "bin", "python"), self._layout.path("tmp", "wheels")
        try:
            built = self._app.call("build_wheels", python=python, lists=lists, folder=folder, local=local)
            if built["status"]:
                return children.Ended(built["status"], built["output"])
            pieces.write(ready, self._app.items("wheels"))
            wheels = sorted(glob.glob(os.path.join(ready, "*.whl")))
            return self._pip_alone(place, ["--no-index", "--no-deps", *wheels], say)  # they are the whole set
        finally:
            self._app.call("remove_wheels")
            remove(ready)

    def _pip_alone(self, place: str, words: List[str], say: Optional[Say] = None) -> children.Ended:
        argv = [os.path.join(place, "bin", "python"), "-I", "-c", PIP_ALONE, "install", "--quiet", "--no-input"]
        return children.run([*argv, "--disable-pip-version-check", *words], self._layout.root, limit=INSTALL, say=say)


def says(ended: children.Ended, words: Sequence[str]) -> bool:
    return any(each in ended.output.lower() for each in words)


def no_python(made: children.Ended) -> bool:
    return made.status == 127 or bool(made.status and says(made, NO_PYTHON))  # 127: no such command


def refuse_full_disk(ended: children.Ended) -> None:
    if says(ended, FULL):
        raise Failure("the disk is full; nothing was changed", "make room, then push again", ended.output)


def unseen_pythons(version: str) -> List[str]:
    """Interpreters of a minor version that uv may not see: pyenv's newest, behind shims on PATH; the one in use."""
    root = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    found = sorted(glob.glob(os.path.join(root, "versions", version + ".*", "bin", "python")), reverse=True)[:1]
    return found + ([sys.executable] if version == "%d.%d" % sys.version_info[:2] else [])
