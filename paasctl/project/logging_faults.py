"""Recognise the ``register_logging`` that many Flask guides show, with its three mistakes."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from paasctl.project.sources import Module, Sources

_REQUEST_ATTRIBUTES = ("url", "remote_addr", "method", "path", "headers")
_HANDLER = ("FileHandler", "SMTPHandler", "StreamHandler")


def logging_faults(sources: Sources) -> list[str]:
    """One sentence for every mistake, with ``file:line``."""
    found: list[str] = []
    for module in sources.mentioning(b"Formatter", b"Handler("):
        found.extend(f"{module.path}:{line}: {fault}" for line, fault in sorted(_in_module(module)))
    return list(dict.fromkeys(found))


def _in_module(module: Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and any(_last(base).endswith("Formatter") for base in node.bases):
            yield from _formatter(node)
        elif isinstance(node, ast.FunctionDef):
            yield from _unused_handlers(node)


def _formatter(node: ast.ClassDef) -> Iterator[tuple[int, str]]:
    used = [n for n in ast.walk(node) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)]
    guarded = any(
        isinstance(n, ast.Name) and n.id in ("has_request_context", "has_app_context") for n in ast.walk(node)
    )
    for each in used:
        name = each.value.id if isinstance(each.value, ast.Name) else ""
        if each.attr not in _REQUEST_ATTRIBUTES:
            continue
        if name == "requests":
            yield (
                each.lineno,
                f"{node.name} uses requests.{each.attr}, which does not exist, so that no record is ever written; "
                f"it is flask's request.{each.attr}",
            )
        elif name == "request" and not guarded:
            yield each.lineno, f"{node.name} fails outside a request; ask flask.has_request_context() first"
            return


def _unused_handlers(node: ast.FunctionDef) -> Iterator[tuple[int, str]]:
    """Handlers that are made and set up, and never handed to anything."""
    for statement in node.body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
            continue
        target = statement.targets[0]
        if isinstance(target, ast.Name) and _last(statement.value.func).endswith(_HANDLER):
            uses = [n for n in ast.walk(node) if isinstance(n, ast.Name) and n.id == target.id and n is not target]
            owners = [n.value for n in ast.walk(node) if isinstance(n, ast.Attribute)]
            if all(use in owners for use in uses):  # only target.setLevel(...) and the like
                yield statement.lineno, f"the handler {target.id} is never added to a logger; call addHandler with it"


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
