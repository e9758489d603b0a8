"""Find the folders of static files, and the URL paths that they are served under."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator

from paasctl.project.bindings import Binding, Called, walk
from paasctl.project.frameworks import CONSTRUCTORS
from paasctl.project.literals import Fits, Literals, Setting
from paasctl.project.sources import Module, Sources
from paasctl.textfile import is_folder

Found = tuple[dict[str, str], dict[str, str], tuple[str, ...]]


def static_folders(literals: Literals, sources: Sources, framework: str, settings: list[Module]) -> Found:
    """URL path -> folder (both without the app's own), where each was found, and notes for the plan."""
    if framework == "flask":
        return _flask(literals, sources)
    return _django(literals, settings) if framework == "django" else ({}, {}, ())


def _flask(literals: Literals, sources: Sources) -> Found:
    found: dict[str, str] = {}
    origins: dict[str, str] = {}
    for module in sources.mentioning(b"Flask"):
        for each in walk(module):
            if not isinstance(each, Called):
                continue
            if CONSTRUCTORS.get(literals.full_name(module, each.node.func), ("",))[0] != "flask":
                continue
            place = _flask_folder(literals, each)
            if place and is_folder(sources.root / place[1]):
                found.setdefault(*place)
                origins.setdefault(place[0], each.origin)
    return found, origins, ()


def _flask_folder(literals: Literals, call: Called) -> tuple[str, str] | None:
    """Flask's rule: ``static`` beside the module, under the folder's own name, unless said otherwise."""
    folder = _literal(literals, call, "static_folder", "static")
    if not folder:
        return None
    url = _literal(literals, call, "static_url_path", f"/{posixpath.basename(folder.rstrip('/'))}")
    inside = _inside(literals, posixpath.join(_flask_root(literals, call), folder))
    # at "/" the folder would hide the app itself from whoever serves the files
    return (_url(url), inside) if inside and url and url.strip("/") else None


def _flask_root(literals: Literals, call: Called) -> str:
    """The folder of the module or package that the first argument names."""
    name = call.argument(0, "import_name")
    if isinstance(name, ast.Subscript) and call.module.package:  # __name__.split(".")[0]
        return call.module.package.partition(".")[0]
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        named = literals.module(name.value)
        return named.folder if named else call.module.folder
    return call.module.folder


def _literal(literals: Literals, call: Called, keyword: str, default: str) -> str | None:
    node = next((k.value for k in call.node.keywords if k.arg == keyword), None)
    if node is None:
        return default
    values = literals.values(call.module, node, call.near)
    return values[0] if values else None


def _django(literals: Literals, settings: list[Module]) -> Found:
    url = _setting(literals, settings, "STATIC_URL")
    # a developer's local settings, which are not pushed, may lead elsewhere
    root = _setting(literals, settings, "STATIC_ROOT", lambda value: _inside(literals, value))
    if not url or url.value is None or "://" in url.value:
        return {}, {}, ()
    if not root:
        files = ", ".join(module.path for module in settings)
        note = f"{url.origin}: STATIC_ROOT is not set, so collectstatic cannot run and static files are not served"
        return {}, {}, (f"{note} (read: {files})",)
    if root.value is None:
        note = f"{root.origin}: the folder that STATIC_ROOT names cannot be seen in the code"
        return {}, {}, (f"{note}; [targets.NAME.static] in paasctl.toml can name it",)
    folder = _inside(literals, root.value)
    if not folder:
        note = f"{root.origin}: STATIC_ROOT is no folder in the app's, so static files are not served from it"
        return {}, {}, (note,)
    return {_url(url.value): folder}, {_url(url.value): root.origin}, ()


def _setting(literals: Literals, settings: list[Module], key: str, fits: Fits | None = None) -> Setting | None:
    """What a setting is in the first of the modules, which star-imports the others; also in a class for settings."""
    found = literals.setting(settings[0], key, fits) if settings else None
    return found or next((each for module in settings for each in _in_classes(literals, module, key)), None)


def _in_classes(literals: Literals, module: Module, key: str) -> Iterator[Setting]:
    for each in walk(module):
        if isinstance(each, Binding) and each.key == key:
            values = literals.values(module, each.value, each.near)
            yield Setting(values[0] if values else None, each.origin)


def _url(path: str) -> str:
    return f"/{path.strip('/')}/" if path.strip("/") else "/"


def _inside(literals: Literals, path: str) -> str | None:
    absolute = posixpath.normpath(posixpath.join(literals.root, path))
    relative = posixpath.relpath(absolute, literals.root)
    return None if relative.startswith("..") or relative == "." else relative
