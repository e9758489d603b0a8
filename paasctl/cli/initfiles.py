"""What ``paasctl init`` writes: each file as a step that shows its text and never replaces a file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paasctl import dotenv, envfile, envstore, git, procfile, rules
from paasctl.config import FILE
from paasctl.errors import UsageError
from paasctl.model import App, Say, Step
from paasctl.session import Session
from paasctl.target import Adapter

PROCFILE = "Procfile"
GITIGNORE = ".gitignore"
ENV = ".env"
IGNORED = (".env", ".env.*", "!.env.example", ".paasctl/")


def steps(session: Session, app: App, name: str, kind: str, adapter: Adapter) -> Iterator[Step]:
    """One step per file that is missing or lacks a line.

    Args:
        name: the target's name.
        kind: its adapter's name.
    """
    root = session.root
    if session.config.file is None:
        yield _new(root / FILE, toml(app, name, kind, adapter))
    elif table := table_to_add(session, name, adapter):
        yield _append(root / FILE, table)
    if not (root / PROCFILE).exists():
        lines = {**({"release": app.release} if app.release else {}), **app.processes}
        yield _new(root / PROCFILE, procfile.format(lines))
    missing = _not_ignored(root)
    if missing:
        yield _append(root / GITIGNORE, missing)
    key = secret_name(root, app)
    if key:
        yield Step(f"put a fresh random {key} into {ENV}", lambda say: _secret(root, key))


# ------------------------------------------------------------------------------------------------------ paasctl.toml


def toml(app: App, name: str, kind: str, adapter: Adapter) -> str:
    """The text of paasctl.toml: what was detected with where it came from, and the target's settings as comments."""
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment("What paasctl found. Every line may go: what is not here is detected anew."))
    table = tomlkit.table()
    for key, value in _detected(app):
        table.add(key, value)
        if key in app.origins:
            table[key].comment(app.origins[key])
    if app.migrate:
        table.add(tomlkit.comment(f'release = "{app.migrate}"  # runs before a release goes live: migrations'))
    document.add("app", table)
    own = tomlkit.table()
    if name != kind:
        own.add("adapter", kind)
    for line in _settings(adapter):
        own.add(tomlkit.comment(line))
    targets = tomlkit.table(is_super_table=True)
    targets.add(name, own)
    document.add("targets", targets)
    return tomlkit.dumps(document)


def table_to_add(session: Session, name: str, adapter: Adapter) -> list[str]:
    """The lines of a table for the end of a paasctl.toml that lacks it; nothing where it cannot stand there."""
    if session.config.file != FILE or name in session.config.targets:
        return []
    text = (session.root / FILE).read_text("utf-8")
    lines = ["", f"[targets.{name}]", *(f"# {line}" for line in _settings(adapter))]
    try:
        tomllib.loads("\n".join([text, *lines]))
    except tomllib.TOMLDecodeError:  # its targets are an inline table, or its last line is not ended
        return []
    return lines


def _settings(adapter: Adapter) -> Iterator[str]:
    for key, setting in adapter.settings.items():
        yield f"{key} = {_example(setting.type)}  # {setting.help}"


def _detected(app: App) -> Iterator[tuple[str, Any]]:
    yield "name", app.name
    if app.entry:
        yield "entry", app.entry
    yield "python", app.python
    if app.dependencies.file:
        yield "dependencies", app.dependencies.file
    if app.persist:
        yield "persist", list(app.persist)


def _example(kind: type) -> str:
    return {str: '"..."', int: "0", bool: "true", list: '["..."]', dict: "{}"}.get(kind, '"..."')


# -------------------------------------------------------------------------------------------------- the other files


def _not_ignored(root: Path) -> list[str]:
    """The lines that .gitignore lacks so that neither secrets nor paasctl's own folder get into the repository."""
    path = root / GITIGNORE
    lines = path.read_text("utf-8", "surrogateescape").splitlines() if path.exists() else []
    there = {line.strip().strip("/") for line in lines}
    return [line for line in IGNORED if line.strip("/") not in there]


def secret_name(root: Path, app: App) -> str:
    """The name under which the app wants a secret key that .env does not have yet; empty: it wants none.

    Raises:
        UsageError: an env file says something that is not plain.
    """
    example = dotenv.read_example(root) or {}
    wanted = [name for name in rules.SECRET_KEYS if name in example]
    if not wanted and app.framework in ("flask", "django"):
        wanted = [rules.SECRET_KEYS[0]]
    there = dotenv.parse((root / ENV).read_bytes(), ENV).values if (root / ENV).exists() else {}
    return wanted[0] if wanted and not any(name in there for name in rules.SECRET_KEYS) else ""


def _new(path: Path, text: str) -> Step:
    def write(_say: Say) -> None:
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError as error:
            raise UsageError(
                f"{path.name} is there by now, and stays as it is", hint="run the command again"
            ) from error

    return Step(f"write {path.name}", write, tuple(text.rstrip("\n").splitlines()))


def _append(path: Path, lines: list[str]) -> Step:
    def write(_say: Say) -> None:
        before = path.read_bytes() if path.exists() else b""
        glue = b"\n" if before and not before.endswith(b"\n") else b""
        with path.open("ab") as file:
            file.write(glue + "".join(f"{line}\n" for line in lines).encode())

    return Step(f"add lines to {path.name}" if path.exists() else f"write {path.name}", write, tuple(lines))


def _secret(root: Path, name: str) -> None:
    files, changes = (ENV,), {name: envfile.random_secret()}
    envstore.apply(root, files, changes, tracked=lambda file: git.tracked(root, file))
