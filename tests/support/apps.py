"""A sample app in a checkout and a home of its own, ready to be pushed to this machine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from support import processes
from support.cli import Home, Paasctl
from support.projects import Project
from support.web import Answer, fetch

SECRET = "k1-Vn4tXq9bRw2LzJ7cMd5pHs8f"


class App:
    """A checkout, and the paasctl that pushes it; attributes of both are at hand here."""

    def __init__(self, project: Project, paasctl: Paasctl) -> None:
        self.project, self.paasctl = project, paasctl
        self.run, self.push, self.start = paasctl.run, paasctl.push, paasctl.start
        self.url = ""

    def first_push(self, **env: str) -> str:
        """Write .env, push, and remember the URL that the push printed."""
        self.project.env({"SECRET_KEY": SECRET, **env})
        self.url = self.push().url
        return self.url

    def get(self, path: str = "/", data: bytes | None = None) -> Answer:
        return fetch(self.url + path, data)

    def serves(self) -> str:
        """The version that / is from; the response must be whole."""
        answer = self.get("/")
        assert answer.status == 200, answer
        (version,) = answer.versions
        return version

    def live(self) -> str:
        """The id of the release that is live."""
        return str(self.paasctl.status()["targets"][0]["release"]["id"])

    def releases(self) -> list[dict[str, str]]:
        """The releases as ``releases --json`` gives them, newest first."""
        return list(self.run("releases", "local", "--json").json()["releases"])

    def states(self) -> set[str]:
        """The states of all processes, once none is within its first second, in which Supervisor calls it starting."""
        end = time.monotonic() + 20
        while "starting" in (found := self._states()) and time.monotonic() < end:
            time.sleep(0.2)
        return found

    def _states(self) -> set[str]:
        return {str(one["state"]) for one in self.paasctl.status()["targets"][0]["processes"]}

    def running(self) -> list[tuple[int, int]]:
        """Which processes run, each by id and start, so that a restart shows."""
        return [(one.pid, one.started) for one in self.paasctl.processes()]


Maker = Callable[..., App]


@contextmanager
def apps() -> Iterator[Maker]:
    """Makes apps; afterwards each is taken down, and nothing of it may run or lie about."""
    made: list[App] = []
    with tempfile.TemporaryDirectory(prefix="pe2e-") as folder:

        def make(name: str, folder_name: str = "", **options: bool) -> App:
            home = Home(Path(folder) / f"h{len(made)}")
            project = Project.copy(name, home.root / (folder_name or name), **options)
            made.append(App(project, Paasctl(project.root, home)))
            return made[-1]

        try:
            yield make
        finally:
            for app in made:
                app.paasctl.close()
            assert not (left := processes.under(Path(folder))), left
