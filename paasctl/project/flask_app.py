"""Understand FLASK_APP the way ``flask run`` does, without importing anything."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from paasctl.errors import UsageError
from paasctl.project.denote import Denoted, Names
from paasctl.project.entry import Chosen, Entry, Named
from paasctl.project.frameworks import FACTORY_NAMES
from paasctl.project.sources import SOURCE_FOLDER, Module
from paasctl.textfile import is_file

#: Flask's own order.
_INSTANCE_NAMES = ("app", "application")


def flask_app(value: str, origin: str, names: Names, named: Named) -> Chosen:
    """The entry point that a value of FLASK_APP names.

    Args:
        value: ``blog``, ``wsgi.py``, ``blog:create_app``, ``blog:create_app('x')``, ``blog/app.py``. Not shown.
        origin: ``.flaskenv:1``.

    Raises:
        UsageError: there is no such module in the app's folder, or no app in it.
    """
    where, _, attr = value.strip().partition(":")
    module_name = _module_name(where.strip(), names)
    if not module_name:
        raise UsageError(
            f"{origin}: FLASK_APP names no module that can be imported from the app's folder",
            hint='write FLASK_APP=wsgi.py, or decide with [app] entry = "module:attr" in paasctl.toml',
        )
    module = names.sources.module(module_name)
    if not module or not attr:
        entry = _best(names, module, origin) if module else Entry(module_name, "app")
        return named.choose(str(entry), origin)
    return named.choose(f"{module_name}:{_called(names, module, attr.strip())}", origin)


def _module_name(where: str, names: Names) -> str:
    """The dotted name; a path counts when every folder on it is a package, since only then Flask imports it so."""
    if re.fullmatch(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", where) and names.sources.find(where):
        return where
    path = PurePosixPath(where.removeprefix("./").rstrip("/"))
    parts = path.with_suffix("").parts if path.suffix == ".py" else path.parts
    base = names.sources.root
    if parts[:1] == (SOURCE_FOLDER,) and not is_file(base / SOURCE_FOLDER / "__init__.py"):
        base, parts = base / SOURCE_FOLDER, parts[1:]
    for index in range(1, len(parts)):
        if not is_file(base.joinpath(*parts[:index]) / "__init__.py"):
            return ""
    name = ".".join(parts)
    return name if name and names.sources.find(name) else ""


def _called(names: Names, module: Module, attr: str) -> str:
    """Flask calls a factory that is named without ``()``."""
    denoted = names.denoted(module, attr)
    return f"{attr}()" if denoted and denoted.kind == "factory" else attr


def _best(names: Names, module: Module, origin: str) -> Entry:
    bound = names.scope(module).bound
    found: dict[str, Denoted] = {}
    for name in bound:
        denoted = names.denoted(module, name)
        if denoted:
            found[name] = denoted
    instances = [name for name, denoted in found.items() if denoted.kind == "instance"]
    for name in (*_INSTANCE_NAMES, *(instances if len(instances) == 1 else ())):
        if name in instances:
            return Entry(module.name, name)
    for name in FACTORY_NAMES:
        if name in found and found[name].kind == "factory":
            return Entry(module.name, name, "()")
    for name in (*_INSTANCE_NAMES, *FACTORY_NAMES):
        if names.has(module, name) is not False:  # something is there that cannot be understood: trust Flask's order
            return Entry(module.name, name, "()" if name in FACTORY_NAMES else "")
    raise UsageError(
        f"{origin}: FLASK_APP names {module.path}, and there is no Flask app and no create_app() in it",
        hint='write FLASK_APP=module:attr, or decide with [app] entry = "module:attr" in paasctl.toml',
    )
