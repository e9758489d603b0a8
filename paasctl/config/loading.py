"""Read ``paasctl.toml``, or ``[tool.paasctl]`` in pyproject.toml, or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from paasctl.config.document import Document, read
from paasctl.config.paths import folder_path
from paasctl.config.settings import AppSettings, Config, TargetSettings
from paasctl.config.table import Table
from paasctl.errors import UsageError
from paasctl.model import LogDestination, Tuning

FILE = "paasctl.toml"
PYPROJECT = "pyproject.toml"

APP_KEYS = (
    "name", "entry", "python", "dependencies", "health", "release", "test", "env", "persist", "exclude",
)  # fmt: skip
PROCESS_KEYS = ("instances", "workers", "threads", "stop_wait", "optional")
#: Keys that every target understands; all others belong to its adapter.
COMMON_KEYS = (
    "adapter", "env", "persist", "health", "log", "pool_recycle", "runtime", "send", "allow", "static", "processes",
)  # fmt: skip
LOG_DESTINATIONS = ("stdout", "stderr", "file", "keep")

_APP_NAME = re.compile(r"[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?")
_TARGET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
#: it also becomes a line in a web server's configuration and a folder on a host
_URL_PATH = re.compile(r"/(?:(?!\.\.?/)[A-Za-z0-9._~@+-]+/)*")
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_CREDENTIAL = re.compile(
    r"(?:^|_)(?:token|api_?key|access_?key|private_?key|secret_?key|password|passwd|secret|credentials?)$"
)


def load(root: Path) -> Config:
    """The configuration of the app in ``root``; an empty one when there is no file.

    Raises:
        UsageError: the file cannot be read or is not TOML; both files configure paasctl; a key is unknown, has a
            wrong type or is a credential. Where it can be found, the message starts with ``file:line``.
    """
    own = read(root / FILE, FILE) if (root / FILE).is_file() else None
    shared = read(root / PYPROJECT, PYPROJECT) if (root / PYPROJECT).is_file() else None
    table = _tool_table(shared) if shared else None
    if own and table:
        line = table.lines()[""]
        raise UsageError(
            f"paasctl is configured twice: in {FILE} and in {PYPROJECT}:{line}", hint="keep one of the two"
        )
    if own:
        return _config(FILE, Table(own, (), "", own.data))
    return _config(PYPROJECT, table) if table else Config()


def _tool_table(document: Document) -> Table | None:
    tool = document.data.get("tool")
    if not isinstance(tool, Mapping) or "paasctl" not in tool:
        return None
    return Table(document, ("tool", "paasctl"), "tool.paasctl", tool["paasctl"])


def _config(file: str, table: Table) -> Config:
    table.unknown(("app", "targets"))
    app, targets = table.table("app"), table.table("targets").tables()
    for each in (app, *targets.values()):
        _refuse_credentials(each)
    return Config(file, _app(app), {name: _target(name, each) for name, each in targets.items()})


def _refuse_credentials(table: Table, nested: bool = False) -> None:
    for key, value in table.data.items():
        if isinstance(value, Mapping):
            if key not in ("static", "processes"):
                _refuse_credentials(table.table(key), nested=True)
        elif _CREDENTIAL.search(key.lower().replace("-", "_")) and (isinstance(value, str) or not nested):
            table.fail(
                key,
                f"{key} looks like a credential, and credentials never live in this file",
                "delete the line (and revoke the credential if it was ever committed); paasctl reads credentials from "
                "the environment, or from where the platform's own tool keeps them: "
                "`paasctl doctor TARGET` names every place",
            )


def _app(table: Table) -> AppSettings:
    table.unknown(APP_KEYS)
    _python_in_quotes(table)
    settings = AppSettings(
        name=table.text("name"),
        entry=table.text("entry"),
        python=table.text("python"),
        dependencies=table.text("dependencies"),
        health=_health(table),
        release=table.text("release"),
        test=table.text("test"),
        env=table.texts("env"),
        persist=_persist(table),
        exclude=table.texts("exclude"),
        lines=table.lines(),
    )
    if settings.name is not None and not _APP_NAME.fullmatch(settings.name):
        table.fail(
            "name",
            "name must be 1 to 30 of a-z, 0-9 and -, and start with a letter",
            "platforms and Linux make host and user names of it",
        )
    return settings


def _python_in_quotes(table: Table) -> None:
    if isinstance(table.data.get("python"), float):
        table.fail("python", "python must be a string", 'write it in quotes ("3.10"): as a number, 3.10 is 3.1')


def _target(name: str, table: Table) -> TargetSettings:
    _check_target_name(name, table)
    if "python" in table.data:
        _python_in_quotes(table)
    return TargetSettings(
        name=name,
        adapter=table.text("adapter") or name,
        env=table.texts("env"),
        persist=_persist(table),
        health=_health(table),
        log=cast("LogDestination | None", table.choice("log", LOG_DESTINATIONS)),
        pool_recycle=table.number("pool_recycle"),
        runtime=table.flag("runtime", True),
        send=_names(table, "send"),
        allow=table.texts("allow") or (),
        static=_static(table.table("static")),
        processes={process: _process(each) for process, each in table.table("processes").tables().items()},
        settings={key: value for key, value in table.data.items() if key not in COMMON_KEYS},
        lines=table.lines(),
    )


def _check_target_name(name: str, table: Table) -> None:
    if not _TARGET_NAME.fullmatch(name):
        table.fail("", "a target's name is made of letters, digits, - and _", "it also names its file .env.TARGET")
    if name == "example":
        table.fail("", "a target cannot be named example", ".env.example is the template and would be its env file")


def _process(table: Table) -> Tuning:
    table.unknown(PROCESS_KEYS)
    return Tuning(
        instances=table.number("instances"),
        workers=table.number("workers"),
        threads=table.number("threads"),
        stop_wait=table.number("stop_wait"),
        optional=table.flag("optional", False),
    )


def _health(table: Table) -> str | None:
    path = table.text("health")
    if path is not None and (not path.startswith("/") or any(c.isspace() for c in path)):
        table.fail("health", "health must be a path that starts with /", 'for example health = "/healthz"')
    return path


def _names(table: Table, key: str) -> tuple[str, ...]:
    names = table.texts(key) or ()
    if not all(_ENV_NAME.fullmatch(name) for name in names):
        table.fail(key, f"{key} must be an array of env names", f'names only, no values: {key} = ["FLASK_DEBUG"]')
    return names


def _persist(table: Table) -> tuple[str, ...] | None:
    paths = table.texts("persist")
    return None if paths is None else tuple(_inside(table, "persist", path) for path in paths)


def _inside(table: Table, key: str, path: str) -> str:
    clean = folder_path(path)
    if clean is None:
        table.fail(
            key,
            f"{key} holds a path that is not inside the app's folder",
            "paths are relative to the app's folder, and may not be the folder itself or leave it",
        )
    return clean


def _static(table: Table) -> dict[str, str]:
    static: dict[str, str] = {}
    data: Mapping[str, Any] = table.data
    for url in data:
        folder = table.text(url)
        path = url if url.endswith("/") else f"{url}/"
        if not _URL_PATH.fullmatch(path):
            table.fail(
                url,
                "the left side is a URL path that starts with /, made of letters, digits and . _ ~ @ + -",
                '"/static/" = "app/static"',
            )
        static[path] = _inside(table, url, str(folder)).rstrip("/")
    return static
