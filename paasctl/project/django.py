"""What a Django project says about itself: its settings module and the application that the settings name."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from paasctl.project.denote import Names
from paasctl.project.scope import executed
from paasctl.project.sources import Module

_DEEP = 8


def settings_modules(names: Names) -> list[Module]:
    """The module that manage.py names, and those it star-imports; the nearest first, empty when there is none."""
    manage = names.sources.parse("manage.py") if "manage.py" in names.sources.paths else None
    first = _named_settings(manage) if manage else None
    return list(_with_stars(names, first, 0)) if first else []


def named_entries(settings: list[Module]) -> list[str]:
    """``mysite.wsgi:application`` for each of WSGI_APPLICATION and ASGI_APPLICATION that is set to a literal."""
    found: dict[str, str] = {}
    for module in settings:
        for node in executed(module.tree.body):
            if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
                continue
            for target in node.targets:
                key = target.id if isinstance(target, ast.Name) else ""
                if key in ("WSGI_APPLICATION", "ASGI_APPLICATION") and isinstance(node.value.value, str):
                    found.setdefault(key, ":".join(node.value.value.rsplit(".", 1)))
    return list(found.values())


def _named_settings(manage: Module) -> str | None:
    """The literal of ``os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")``."""
    for node in ast.walk(manage.tree):
        if isinstance(node, ast.Call) and len(node.args) == 2:
            key, value = node.args
            if isinstance(key, ast.Constant) and key.value == "DJANGO_SETTINGS_MODULE":
                return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else None
    return None


def _with_stars(names: Names, name: str, depth: int) -> Iterator[Module]:
    module = names.sources.module(name)
    if not module or depth > _DEEP:
        return
    yield module
    for star in names.scope(module).stars:
        yield from _with_stars(names, star, depth + 1)
