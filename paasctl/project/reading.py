"""Put an :class:`~paasctl.model.App` together from what the app's files and the configuration say."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from paasctl import procfile
from paasctl.config import Config, TargetSettings
from paasctl.config.document import read as read_toml
from paasctl.errors import UsageError
from paasctl.model import App
from paasctl.naming import app_name
from paasctl.procfile import Procfile
from paasctl.project.choosing import EntryPoint, Said, entry_point
from paasctl.project.commands import is_development_server, set_by, web_line
from paasctl.project.data import Persistence, covers, databases, find, persistence
from paasctl.project.denote import Names
from paasctl.project.dependencies import Needs, dependencies, read_needs
from paasctl.project.detect import Choose
from paasctl.project.django import VARIABLE, Settings, server_settings, settings_modules
from paasctl.project.envfiles import EnvValue, env_values
from paasctl.project.frameworks import DISTRIBUTIONS
from paasctl.project.literals import Literals
from paasctl.project.logging_faults import logging_faults
from paasctl.project.migrations import migrating
from paasctl.project.python_version import PythonVersion, python_version
from paasctl.project.sources import Sources
from paasctl.project.static import static_folders
from paasctl.textfile import read_text

PROCFILE = "Procfile"


def read(root: Path, config: Config, target: TargetSettings | None = None, *, choose: Choose | None = None) -> App:
    """Read the app in ``root``. Nothing of it is imported or executed.

    Args:
        root: the app's folder.
        config: its configuration; what is set there is not detected.
        target: the target that the app is read for; its ``persist``, ``health``, ``static`` and ``env`` override.
        choose: asks the user which of several entry points is meant; without it several are an error.

    Raises:
        UsageError: there is no app, more than one, or a file of the app cannot be read or understood.
    """
    return _Reading(root.absolute(), config, target, choose).app()


@dataclass(slots=True)
class _Reading:
    """One reading: what has been found out so far, and where each of it came from."""

    root: Path
    config: Config
    target: TargetSettings | None
    choose: Choose | None
    pyproject: Mapping[str, Any] = field(default_factory=dict)
    origins: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    migrate: str = ""
    source: str = ""

    def app(self) -> App:
        if (self.root / "pyproject.toml").is_file():
            self.pyproject = read_toml(self.root / "pyproject.toml", "pyproject.toml").data
        lines = self._procfile()
        python = self._python()
        env = env_values(self.root, self.config.app, self.target)
        names = Names(Sources(self.root))
        needs = read_needs(self.root, self._configured("dependencies"), self.pyproject)
        entry = self._entry(names, python.version, self._said(lines, env), needs, lines)
        server = self._server_settings(names, entry, env, lines)
        source = entry.source or names.sources.source_folder(server.module)
        self.source = "" if needs.installs_project else source
        processes = self._processes(lines, entry)
        self._check_framework(needs, entry)
        # Flask's instance folder is beside the package or module that makes the app
        literals = Literals(names, env, posixpath.join(self.source, "instance"))
        static = self._static(literals, names, entry, server)
        persist, databases = self._persist(literals, names, env, entry, needs)
        self._about(names, entry, needs, lines)
        return App(
            name=self._took("name", app_name(self.root, self._configured("name"), self.pyproject)),
            root=self.root,
            framework=entry.framework or entry.interface,
            entry=entry.entry,
            interface=entry.interface,
            python=python.version,
            dependencies=dependencies(needs, self._servers(entry)),
            processes=processes,
            release=self._release(lines),
            migrate=self.migrate,
            source=self.source,
            health=self._health(),
            test=self._plain("test"),
            persist=persist,
            databases=databases,
            static=static,
            settings=self._took("settings", (server.module, server.reason)) if server.reason else "",
            exclude=self.config.app.exclude or (),
            private=self.config.env_files,
            origins=self.origins,
            notes=tuple(dict.fromkeys(self.notes)),
            warnings=tuple(dict.fromkeys(self.warnings)),
        )

    # ------------------------------------------------------------------------------------------- configuration

    def _where(self, key: str) -> str:
        return f"{self.config.file}:{self.config.app.lines.get(key, 1)}"

    def _configured(self, key: str) -> tuple[str, str] | None:
        value = getattr(self.config.app, key)
        return (value, self._where(key)) if value is not None else None

    def _took(self, key: str, said: tuple[str, str]) -> str:
        self.origins[key] = said[1]
        return said[0]

    def _plain(self, key: str) -> str | None:
        said = self._configured(key)
        return self._took(key, said) if said else None

    def _for_target(self, key: str) -> str:
        lines = self.target.lines if self.target else {}
        return f"{self.config.file}:{lines.get(key, 1)}"

    def _health(self) -> str | None:
        if self.target and self.target.health is not None:
            return self._took("health", (self.target.health, self._for_target("health")))
        return self._plain("health")

    # ------------------------------------------------------------------------------------------- the app's files

    def _procfile(self) -> Procfile | None:
        if (self.root / PROCFILE).is_file():
            return procfile.parse(read_text(self.root / PROCFILE, PROCFILE), PROCFILE)
        for wrong in ("procfile", "Procfile.txt", "ProcFile", "PROCFILE"):
            if (self.root / wrong).is_file():
                self.warnings.append(f"{wrong} is not read; its name must be {PROCFILE}")
        return None

    def _python(self) -> PythonVersion:
        found = python_version(self.root, self._configured("python"), self.pyproject)
        self.origins["python"] = found.origin
        self.notes.extend(found.notes)
        return found

    def _said(self, lines: Procfile | None, env: Mapping[str, EnvValue]) -> dict[str, Said]:
        """What explicitly says an entry point, by source."""
        said: dict[str, Said] = {}
        configured = self._configured("entry")
        if configured:
            said["config"] = configured
        if lines and "web" in lines.processes:
            said["web"] = (lines.processes["web"], f"{PROCFILE}:{lines.lines['web']}")
        if "FLASK_APP" in env:
            said["flask"] = (env["FLASK_APP"].value.reveal(), env["FLASK_APP"].origin)
        return said

    def _entry(
        self, names: Names, python: str, said: Mapping[str, Said], needs: Needs, lines: Procfile | None
    ) -> EntryPoint:
        try:
            return entry_point(names, python, said, self.choose, needs.names)
        except UsageError as error:
            if lines is None or "web" in lines.processes or not error.message.startswith("no app found"):
                raise
            raise UsageError(
                f"{PROCFILE} has no web process, and {error.message}",
                hint=f"add the line `web: COMMAND` that starts the app, or {error.hint}",
            ) from error

    def _processes(self, lines: Procfile | None, entry: EntryPoint) -> dict[str, str]:
        self.origins["entry"], self.origins["interface"] = entry.origin, entry.origin
        if not lines:
            assert entry.entry is not None  # without a web line an entry point was found, or an error raised
            if entry.interface == "asgi" and entry.entry.endswith(")") and not entry.entry.endswith("()"):
                raise UsageError(
                    f"uvicorn cannot hand arguments to the factory of {entry.entry}",
                    hint=f"write a module asgi.py with `app = ...`, and a {PROCFILE} or an entry that names it",
                )
            self.origins["processes"] = f"generated, since there is no {PROCFILE}"
            return {"web": web_line(entry.entry, entry.interface)}
        processes = {name: command for name, command in lines.processes.items() if name != "release"}
        if "web" not in processes:
            line = web_line(entry.entry, entry.interface) if entry.entry else "gunicorn wsgi:app"
            raise UsageError(f"{PROCFILE} has no web process", hint=f"add the line `web: {line}`")
        self.origins["processes"] = PROCFILE
        if is_development_server(processes["web"]):
            self.warnings.append(f"{PROCFILE}:{lines.lines['web']}: web starts a server made for development")
        return processes

    def _release(self, lines: Procfile | None) -> str | None:
        configured = self._plain("release")
        if configured or not lines or "release" not in lines.processes:
            return configured
        return self._took("release", (lines.processes["release"], f"{PROCFILE}:{lines.lines['release']}"))

    # ------------------------------------------------------------------------------------------- dependencies

    def _servers(self, entry: EntryPoint) -> tuple[str, ...]:
        """What the web line needs installed; nothing where it starts no server that is known."""
        if entry.call:
            return entry.call.needs
        if self.origins["processes"] == PROCFILE:
            return ()
        return ("uvicorn",) if entry.interface == "asgi" else ("gunicorn",)

    def _check_framework(self, needs: Needs, entry: EntryPoint) -> None:
        self.origins["dependencies"] = f"{needs.file} ({needs.origin})" if needs.file else "no file"
        if needs.others:
            self.notes.append(f"{needs.file} decides what is installed; {', '.join(needs.others)} is not read")
        wanted = DISTRIBUTIONS.get(entry.framework)
        if wanted and not needs.file:
            raise UsageError(
                f"the app uses {wanted}, and no file says what to install",
                hint=f"write it into requirements.txt: echo {wanted} >> requirements.txt "
                "(or `pip freeze > requirements.txt` in the app's virtual environment)",
            )

    # ------------------------------------------------------------------------------------------- data and static files

    def _server_settings(
        self, names: Names, entry: EntryPoint, env: Mapping[str, EnvValue], lines: Procfile | None
    ) -> Settings:
        if entry.framework != "django" or not entry.entry:
            return Settings()
        said = (env[VARIABLE].value.reveal(), env[VARIABLE].origin) if VARIABLE in env else None
        value = set_by(lines.processes.get("web", ""), VARIABLE) if lines else ""
        line = (value, f"{PROCFILE}:{lines.lines['web']}") if lines and value else None
        found = server_settings(names, entry.entry, said, line)
        self.warnings.extend(found.warnings)
        return found

    def _static(self, literals: Literals, names: Names, entry: EntryPoint, server: Settings) -> dict[str, str]:
        # nobody else could collect them
        settings = settings_modules(names, server.module) if "manage.py" in names.sources.paths else []
        found, origins, notes = static_folders(literals, names.sources, entry.framework, settings)
        self.notes.extend(notes)
        for url, folder in (self.target.static if self.target else {}).items():
            found[url], origins[url] = folder, self._for_target("static")
        self.origins.update({f"static:{url}": origin for url, origin in origins.items()})
        return found

    def _persist(
        self, literals: Literals, names: Names, env: Mapping[str, EnvValue], entry: EntryPoint, needs: Needs
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The paths that outlive a release, and the SQLite files among them."""
        flask = entry.framework == "flask"
        instance = literals.instance if flask else ""
        found = find(literals, names.sources, env, instance, flask and _instance_urls(names.sources, needs))
        detected = persistence(self.root, found, instance)
        said, where = self._said_persist()
        if said is None:
            self.warnings.extend(detected.warnings)
            self.origins.update({f"persist:{path}": origin for path, origin in detected.paths.items()})
            said = tuple(sorted(detected.paths))
        else:
            self.origins.update({f"persist:{path}": where for path in said})
            self._check_said(said, where, detected)
        return said, databases(said, found)

    def _said_persist(self) -> tuple[tuple[str, ...] | None, str]:
        if self.target and self.target.persist is not None:
            return self.target.persist, self._for_target("persist")
        if self.config.app.persist is not None:
            return self.config.app.persist, self._where("persist")
        return None, ""

    def _check_said(self, said: tuple[str, ...], where: str, detected: Persistence) -> None:
        """Name what the next release would begin anew. An SQLite file that an env file names is judged with the env."""
        for path, origin in detected.paths.items():
            if path not in detected.in_env and not covers(said, path):
                self.warnings.append(f"{origin}: {path} is written by the app and is not under persist ({where})")

    # ------------------------------------------------------------------------------------------- for the plan

    def _about(self, names: Names, entry: EntryPoint, needs: Needs, lines: Procfile | None) -> None:
        self.notes.extend(entry.notes)
        self.warnings.extend(entry.warnings)
        self.warnings.extend(logging_faults(names.sources))
        if names.sources.cut:
            self.notes.append("there is a great deal of Python here; only the nearest files were looked at")
        if not self.config.app.release and not (lines and "release" in lines.processes):
            self.migrate, folder = migrating(self.root, names.sources, entry.framework, needs.names)
        if self.migrate:
            self.notes.append(
                f'{folder} is there and no release command: set release = "{self.migrate}" under [app] in '
                "paasctl.toml to migrate on every push"
            )


def _instance_urls(sources: Sources, needs: Needs) -> bool:
    """Whether relative SQLite URLs mean the instance folder: Flask-SQLAlchemy from version 3 on."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.version import Version

    if not any(True for _ in sources.mentioning(b"flask_sqlalchemy")):
        return False
    for line in needs.lines:
        if line.name == "flask-sqlalchemy":
            try:
                said = Requirement(line.text.partition(" --")[0]).specifier
            except InvalidRequirement:
                return True
            limits = [(each.operator, Version(each.version.removesuffix(".*"))) for each in said]
            return not any(
                (operator in ("==", "~=", "===") and version < Version("3"))
                or (operator in ("<", "<=") and version <= Version("3"))
                for operator, version in limits
            )
    return True
