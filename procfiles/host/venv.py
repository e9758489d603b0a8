"""One virtual environment per set of dependencies, made by uv, else by venv and pip."""

from __future__ import annotations

import os
import shutil
from typing import Callable, List, Optional, Sequence

from . import children
from .layout import Layout, read_json, remove, write_file, write_json
from .wire import Failure

Say = Callable[[str], None]
#: seconds that an installation may take
INSTALL = 1800


class Venvs:
    """The virtual environments of one app, named by the digest of what is in them."""

    def __init__(self, layout: Layout, uv: Optional[str]) -> None:
        self._layout = layout
        self._uv = uv or shutil.which("uv")

    def path(self, name: str) -> str:
        return self._layout.path("venvs", name)

    def complete(self, name: str) -> bool:
        """Whether an environment is there as a whole (an interrupted one is not)."""
        return os.path.exists(os.path.join(self.path(name), ".complete"))

    def names(self) -> List[str]:
        folder = self._layout.path("venvs")
        return [name for name in os.listdir(folder) if self.complete(name)] if os.path.isdir(folder) else []

    def make(self, name: str, python: str, requirements: str, folder: str, say: Say) -> None:
        """Make an environment; nothing is left of one that cannot be made.

        Args:
            python: minor version, ``3.11``.
            requirements: pip requirement lines; relative paths in them are relative to ``folder``.

        Raises:
            Failure: no such Python (``usage``), or something cannot be installed.
        """
        if self.complete(name):
            return
        place = self.path(name)
        remove(place)
        listing = self._layout.path("tmp", "requirements.txt")
        write_file(listing, requirements.encode("utf-8"))
        try:
            self._create(place, python)
            self._install(place, listing, folder, say)
            write_json(os.path.join(place, ".complete"), {"python": python})
        except BaseException:
            remove(place)
            raise
        finally:
            remove(listing)

    def prune(self, keep: Sequence[str]) -> None:
        """Remove every environment that is not named, and halves of them."""
        for name in os.listdir(self._layout.path("venvs")):
            if name not in keep:
                remove(self.path(name))

    def python(self, name: str) -> Optional[str]:
        """The Python version that an environment was made for."""
        found = read_json(os.path.join(self.path(name), ".complete"), {})
        return str(found.get("python")) if found else None

    def _create(self, place: str, python: str) -> None:
        if self._uv:
            argv = [self._uv, "venv", "--quiet", "--no-project", "--python", python, place]
            made = children.run(argv, self._layout.root)
        else:
            found = shutil.which("python" + python)
            made = children.run([found or "python" + python, "-m", "venv", place], self._layout.root)
        if not made.status:
            return
        if "no space left" in made.output.lower():
            raise Failure("the disk is full; nothing was changed", "make room, then push again", made.output)
        raise Failure(
            "Python %s is not on this machine and could not be fetched; nothing was changed" % python,
            "install Python %s, or name another version in paasctl.toml: [app] python" % python,
            made.output,
            kind="usage",
        )

    def _install(self, place: str, listing: str, folder: str, say: Say) -> None:
        python = os.path.join(place, "bin", "python")
        if self._uv:
            argv = [self._uv, "pip", "install", "--python", python, "--compile-bytecode", "--no-progress"]
            argv += ["-r", listing]
        else:
            argv = [python, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "-r", listing]
        installed = children.run(argv, folder, limit=INSTALL, say=say)
        if not installed.status:
            return
        if "no space left" in installed.output.lower():
            raise Failure("the disk is full; nothing was changed", "make room, then push again", installed.output)
        # the installer's words are not repeated: they were said while it ran
        raise Failure(
            "the app's requirements could not be installed; nothing was changed",
            "mend the dependency file (the installer's own words are above), then push again",
        )
