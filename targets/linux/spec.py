"""What a release on a host is made of, from what is desired."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from paasctl.errors import UsageError
from paasctl.hashes import hashed, without_hash
from paasctl.model import Desired, Observed, Tuning
from paasctl.sync import EnvChanges

from .state import Document, HostState
from .upload import tree_name

#: the port of the web server in front, where there is one
HTTP = 80
#: processes beside each other where nothing is said: two web instances, so that one serves while the other restarts
WEB_INSTANCES, WORKERS, THREADS, STOP_WAIT = 2, 1, 4, 35


@dataclass(frozen=True, slots=True)
class Spec:
    """All that makes one release differ from another, but for its env.

    ``content`` is what is compared to see whether there is anything to do; ``requirements`` is what the virtual
    environment named by ``content["venv"]`` is made from, within ``constraints``.
    """

    content: Mapping[str, Any]
    requirements: str = ""
    constraints: str = ""

    @classmethod
    def desired(cls, desired: Desired, state: HostState, host: str, *, uv: bool = False) -> Spec:
        """The spec of what is to be pushed; an env-only push keeps that of the live release.

        Args:
            uv: whether uv installs the requirements there, and not pip.

        Raises:
            UsageError: an env-only push where nothing is live.
        """
        if desired.bundle is None:
            if state.live is None:
                raise UsageError("there is no release yet whose env could change", hint="push the code too")
            return cls(state.live["spec"])
        app, requirements = desired.app, requirement_lines(desired, uv=uv)
        settings = {name: tuning(name, desired) for name in desired.processes}
        content = {
            "digest": desired.bundle.digest,
            "tree": tree_name(desired.bundle, app.persist),
            "persist": sorted(app.persist),
            "built": desired.collected(),
            "venv": venv_name(desired, requirements),
            "python": app.python,
            "processes": dict(desired.processes),
            "settings": settings,
            "process_environment": {name: process_environment(s) for name, s in settings.items()},
            "release_command": desired.release_command,
            "entry": app.entry,
            "handover": desired.handover,
            "runtime": desired.runtime,
            "health": app.health,
            "host": host,
            "port": state.port,
            "front": state.port if state.setup is None else HTTP,
            "static": dict(app.static),
            "migrations": migrations(desired),
        }
        return cls(json.loads(json.dumps(content)), requirements, app.dependencies.constraints)

    def document(
        self, number: int, desired: Desired, env: str, live: Document | None, before: str | None
    ) -> dict[str, Any]:
        """The whole document of a release with this spec; an env-only one runs the commit of the live one. ``before``
        is the good release that it comes after."""
        name, provenance = f"v{number}", desired.provenance
        code = {"commit": provenance.commit, "dirty": provenance.dirty, "unpushed": provenance.unpushed}
        if desired.bundle is None and live:
            code = {key: live[key] for key in code}
        environment = {
            "PAASCTL_RELEASE": name,
            "PAASCTL_ENTRY": self.content["entry"] or "",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return {
            **self.content,
            "spec": self.content,
            "id": name,
            "before": before,
            "env": env,
            "environment": environment,
            "who": provenance.who,
            **code,
            "note": "env only" if desired.bundle is None else "",
        }


#: a line that installs a folder of the app in place (core writes such paths as ``.`` or ``./path``)
EDITABLE = re.compile(r"^-e (?=\.)(.*)$", re.MULTILINE)


def requirement_lines(desired: Desired, *, uv: bool = False) -> str:
    """What the virtual environment gets: the app's requirements and what paasctl adds. Of the app's own folders it gets
    copies: an editable install would lead into a release, which is read-only and goes when it is old.

    Raises:
        UsageError: a server is missing, and is not to be had without its hash.
    """
    dependencies = desired.app.dependencies
    if problem := without_hash(dependencies, uv=uv):
        raise UsageError(problem[0], hint=problem[1])
    requirements = EDITABLE.sub(r"\1", dependencies.requirements.rstrip("\n"))
    lines = [requirements, *dependencies.added, *setuptools(desired)]
    return "\n".join([*lines, ""]).lstrip("\n")


def setuptools(desired: Desired) -> list[str]:
    """Before 3.12 every virtual environment had setuptools, and old packages use its ``pkg_resources``."""
    requirements = desired.app.dependencies.requirements
    old = tuple(int(part) for part in desired.app.python.split(".")) < (3, 12)
    named = re.search(r"^setuptools\b", requirements, re.MULTILINE | re.IGNORECASE) or hashed(desired.app.dependencies)
    return ["setuptools<81"] if old and not named else []


def venv_name(desired: Desired, requirements: str) -> str:
    """One name for one set of dependencies on one Python; code that is itself a dependency is part of it."""
    parts = [desired.app.python, requirements, desired.app.dependencies.constraints]
    if desired.app.dependencies.local and desired.bundle:
        parts.append(desired.bundle.digest)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def tuning(name: str, desired: Desired) -> dict[str, Any]:
    """How Supervisor runs a process; a web process that cannot take over a socket runs once."""
    asked = desired.tuning.get(name, Tuning())
    default = WEB_INSTANCES if name == "web" else 1
    instances = asked.instances if asked.instances is not None else default
    return {
        "instances": 1 if name == "web" and not desired.handover else instances,
        "workers": asked.workers or WORKERS,
        "threads": asked.threads or THREADS,
        "stop_wait": asked.stop_wait or STOP_WAIT,
        "optional": asked.optional,
    }


def process_environment(settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        "PAASCTL_PROCESS": "1",
        "PAASCTL_WORKERS": str(settings["workers"]),
        "PAASCTL_THREADS": str(settings["threads"]),
    }


def migrations(desired: Desired) -> list[str]:
    """The app's migration files (Alembic's and Django's), so that a rollback can say which are ahead."""
    files = desired.bundle.files if desired.bundle else ()
    names = [file.path for file in files if "migrations/" in f"/{file.path}" and file.path.endswith(".py")]
    return [name for name in names if not name.endswith(("__init__.py", "migrations/env.py"))]


def same_env(observed: Observed, changes: EnvChanges) -> bool:
    """Whether a host has the env and the manifest already that it should have."""
    manifest = observed.manifest
    return manifest is not None and manifest == changes.manifest and dict(observed.env) == dict(changes.result)
