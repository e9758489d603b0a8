"""Walk over everything that a module gives a name to: settings in variables, classes, dicts, keyword arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field

from paasctl.project.literals import Locals
from paasctl.project.sources import Module


@dataclass(frozen=True, slots=True)
class Binding:
    """``key = value`` in any form. ``near`` are the names of the classes and functions around it."""

    module: Module
    key: str
    value: ast.expr
    near: Locals = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"{self.module.path}:{self.value.lineno}"


@dataclass(frozen=True, slots=True)
class Called:
    """A call anywhere in a module."""

    module: Module
    node: ast.Call
    near: Locals = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"{self.module.path}:{self.node.lineno}"

    def argument(self, position: int, keyword: str) -> ast.expr | None:
        """An argument that can be given by position or by name."""
        named = next((k.value for k in self.node.keywords if k.arg == keyword), None)
        return named or (self.node.args[position] if len(self.node.args) > position else None)


def walk(module: Module) -> Iterator[Binding | Called]:
    """Every binding and call of a module in the order of the text; classes that are made for tests are left out."""
    yield from _walk(module, module.tree, {})


def _walk(module: Module, node: ast.AST, near: Locals) -> Iterator[Binding | Called]:
    for child in ast.iter_child_nodes(node):
        inner = near
        if isinstance(child, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            if isinstance(child, ast.ClassDef) and "test" in child.name.lower():
                continue
            inner = {**near, **_assigned(child)}
        yield from _given(module, child, near)
        yield from _walk(module, child, inner)


def _assigned(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> dict[str, list[ast.expr]]:
    found: dict[str, list[ast.expr]] = {}
    for statement in ast.walk(node):
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(statement.value)
    return found


def _given(module: Module, node: ast.AST, near: Locals) -> Iterator[Binding | Called]:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            key = _key(target)
            if key:
                yield Binding(module, key, node.value, near)
    elif isinstance(node, ast.AnnAssign) and node.value and isinstance(node.target, ast.Name):
        yield Binding(module, node.target.id, node.value, near)
    elif isinstance(node, ast.Dict):
        for name, value in zip(node.keys, node.values, strict=True):
            if isinstance(name, ast.Constant) and isinstance(name.value, str):
                yield Binding(module, name.value, value, near)
    elif isinstance(node, ast.Call):
        yield Called(module, node, near)
        for keyword in node.keywords:
            if keyword.arg:
                yield Binding(module, keyword.arg, keyword.value, near)


def _key(target: ast.expr) -> str:
    """``X`` of ``X = ...``, ``app.config["X"] = ...`` and ``settings.X = ...``."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
        return target.slice.value if isinstance(target.slice.value, str) else ""
    return ""
