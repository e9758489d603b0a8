"""Recognise the ``register_logging`` that many Flask guides show, with its three mistakes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from paasctl.project.sources import Module, Sources

_REQUEST_ATTRIBUTES = ("url", "remote_addr", "method", "path", "headers")
_REQUESTS = ("request", "flask.request")
_HANDLER = ("FileHandler", "SMTPHandler", "StreamHandler")


def logging_faults(sources: Sources) -> list[str]:
    """One sentence for every mistake, with ``file:line``."""
    found: list[str] = []
    for module in sources.mentioning(b"Formatter", b"Handler("):
        found.extend(f"{module.path}:{line}: {fault}" for line, fault in sorted(_in_module(module, sources)))
    return list(dict.fromkeys(found))


def _in_module(module: Module, sources: Sources) -> Iterator[tuple[int, str]]:
    for name, fault in _unused_handlers(module.tree, _at_the_top(module.tree)):
        if [each.path for each in sources.mentioning(name.id.encode())] == [module.path]:  # nobody may import it
            yield name.lineno, fault
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef) and any(_last(base).endswith("Formatter") for base in node.bases):
            yield from _formatter(node)
        elif isinstance(node, ast.FunctionDef):
            yield from ((name.lineno, fault) for name, fault in _unused_handlers(node, ast.walk(node)))


def _at_the_top(tree: ast.Module) -> Iterator[ast.AST]:
    """Everything that runs when a module is imported, also below an ``if``; what is in functions and classes is not."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def _formatter(node: ast.ClassDef) -> Iterator[tuple[int, str]]:
    guarded = any(_is_guard(each) for each in ast.walk(node))
    for each in ast.walk(node):
        if not isinstance(each, ast.Attribute) or each.attr not in _REQUEST_ATTRIBUTES:
            continue
        owner = ast.unparse(each.value)
        if owner == "requests":
            yield (
                each.lineno,
                f"{node.name} uses requests.{each.attr}, which does not exist, so that no record is ever written; "
                f"it is flask's request.{each.attr}",
            )
        elif owner in _REQUESTS and not guarded:
            yield each.lineno, f"{node.name} fails outside a request; ask flask.has_request_context() first"
            return


def _is_guard(node: ast.AST) -> bool:
    """Whether a formatter asks if there is a request, or lives with it when there is none."""
    if isinstance(node, ast.If | ast.IfExp):
        return ast.unparse(node.test) in _REQUESTS
    if isinstance(node, ast.BoolOp):
        return any(ast.unparse(each) in _REQUESTS for each in node.values)
    return isinstance(node, ast.Try) or (
        isinstance(node, ast.Name | ast.Attribute) and _last(node) in ("has_request_context", "has_app_context")
    )


def _unused_handlers(scope: ast.AST, statements: Iterable[ast.AST]) -> Iterator[tuple[ast.Name, str]]:
    """Handlers that are made and set up, and never handed to anything."""
    for statement in statements:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
            continue
        target = statement.targets[0]
        if isinstance(target, ast.Name) and _last(statement.value.func).endswith(_HANDLER):
            uses = [n for n in ast.walk(scope) if isinstance(n, ast.Name) and n.id == target.id]
            owners = [n.value for n in ast.walk(scope) if isinstance(n, ast.Attribute)]
            if all(use in owners or isinstance(use.ctx, ast.Store) for use in uses):  # only target.setLevel(...)
                yield target, f"the handler {target.id} is never added to a logger; call addHandler with it"


def _last(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
