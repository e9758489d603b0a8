"""What a Django project says about itself: its settings module and the application that the settings name."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from paasctl.project.denote import Names
from paasctl.project.scope import Imported, executed
from paasctl.project.sources import Module

VARIABLE = "DJANGO_SETTINGS_MODULE"
_DEEP = 8


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings module that the server uses, empty where nobody names one.

    ``reason`` says why manage.py has to be told, and is empty where it names the same or is not there.
    """

    module: str = ""
    reason: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    """A line that names a settings module; ``forced`` when it does so whatever the env says."""

    module: str
    origin: str
    forced: bool = False


def server_settings(
    names: Names, entry: str, said: tuple[str, str] | None, line: tuple[str, str] | None = None
) -> Settings:
    """Which settings the server uses: those of the env, else those that its own module names, else manage.py's.

    Args:
        entry: the entry point, ``config.wsgi:application``.
        said: DJANGO_SETTINGS_MODULE of the env files, and its ``file:line``.
        line: the same where the web line sets it in front of its program, which wins for the server.
    """
    module, _, attr = entry.partition(":")
    server = _Line(*line, forced=True) if line else _of_server(names, module, attr)
    manage = _of_manage(names)
    if said:
        return Settings(said[0], warnings=_passed_over(said, server))
    if not server:
        return Settings(manage[0].module if manage else "")
    return Settings(server.module, _disagreement(names, server, manage))


def settings_modules(names: Names, first: str) -> list[Module]:
    """A settings module, and those that it star-imports; the nearest first, each once."""
    return list(_with_stars(names, first, 0, set()))


def managed_modules(names: Names) -> list[Module]:
    """The same for the settings that manage.py names; empty when there are none."""
    manage = _of_manage(names)
    return settings_modules(names, manage[0].module) if manage else []


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


def _of_manage(names: Names) -> list[_Line]:
    manage = names.sources.parse("manage.py") if "manage.py" in names.sources.paths else None
    return list(_lines(manage)) if manage else []


def _of_server(names: Names, name: str, attr: str, depth: int = 0) -> _Line | None:
    """What the module of the entry point names, or the one that it has the application from; None when unclear."""
    module = names.sources.module(name)
    if not module or depth > _DEEP:
        return None
    lines = list(_lines(module))
    if lines:
        return lines[0] if len({line.module for line in lines}) == 1 else None
    passed_on = [bound for _, bound in names.settled(module, attr) if isinstance(bound, Imported) and bound.attr]
    return _of_server(names, passed_on[-1].module, passed_on[-1].attr, depth + 1) if passed_on else None


def _lines(module: Module) -> Iterator[_Line]:
    """``os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")``, or the same assigned to."""
    for node in ast.walk(module.tree):
        key, value = _pair(node)
        named = isinstance(key, ast.Constant) and key.value == VARIABLE
        if named and isinstance(value, ast.Constant) and isinstance(value.value, str) and value.value:
            yield _Line(value.value, f"{module.path}:{value.lineno}", isinstance(node, ast.Assign))


def _pair(node: ast.AST) -> tuple[ast.expr | None, ast.expr | None]:
    """The key and the value of ``x.setdefault(key, value)`` or of ``x[key] = value``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and len(node.args) == 2:
        return (node.args[0], node.args[1]) if node.func.attr == "setdefault" else (None, None)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
        return node.targets[0].slice, node.value
    return None, None


def _disagreement(names: Names, server: _Line, manage: list[_Line]) -> str:
    """Why every process is told what the server uses; empty when manage.py is not there, or says the same."""
    others = [line for line in manage if line.module != server.module]
    if "manage.py" not in names.sources.paths or (manage and not others):
        return ""
    other = f"{others[0].origin} {others[0].module}" if others else "manage.py none that can be seen"
    return f"{server.origin} names it for the server, {other}"


def _passed_over(said: tuple[str, str], server: _Line | None) -> tuple[str, ...]:
    """Other settings than those of the env, in the module that the server starts: often those for production."""
    if not server or server.module == said[0]:
        return ()
    if server.forced:
        return (
            f"{server.origin} sets {VARIABLE} to {server.module} for the server, whatever {said[1]} says to all the "
            "others: migrations may go to another database than the server's",
        )
    return (
        f"{said[1]}: {VARIABLE} decides; {server.origin} names other settings, {server.module}, which are not used "
        "(without the line they are; .env.TARGET can set it for one target)",
    )


def _with_stars(names: Names, name: str, depth: int, seen: set[str]) -> Iterator[Module]:
    """The last star import first, since what it brings wins."""
    module = names.sources.module(name)
    if not module or depth > _DEEP or module.path in seen:
        return
    seen.add(module.path)
    yield module
    for star in reversed(names.scope(module).stars):
        yield from _with_stars(names, star, depth + 1, seen)
