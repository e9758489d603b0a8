"""The names that a module binds when it is imported, in order, without importing it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from paasctl.project.sources import Module


@dataclass(frozen=True, slots=True)
class Imported:
    """``from module import attr as x``, or ``import module as x`` (then ``attr`` is empty)."""

    module: str
    attr: str = ""

    @property
    def full(self) -> str:
        return f"{self.module}.{self.attr}" if self.attr else self.module


#: What a name can be bound to; None where the value is not an expression of its own (a loop variable, unpacking).
Bound = ast.expr | Imported | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | None


@dataclass(frozen=True, slots=True)
class Definition:
    """One binding of a name, or a star import (then ``name`` is ``*``, and ``value`` says from where).

    ``sure`` is false for what is below an ``if``, ``try``, ``with`` or loop: it may not have happened.
    """

    name: str
    value: Bound
    sure: bool


@dataclass(slots=True)
class Scope:
    """A module's top-level names with everything they are bound to, first to last.

    ``opaque`` is true when names can exist that cannot be seen: a star import from outside, ``__getattr__``,
    ``globals()``. ``stars`` are the modules of star imports. ``order`` has the bindings and the star imports together.
    """

    module: Module
    bound: dict[str, list[Bound]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    opaque: bool = False
    order: list[Definition] = field(default_factory=list)

    def bind(self, name: str, value: Bound, sure: bool) -> None:
        """Note one more thing that a name is bound to."""
        self.bound.setdefault(name, []).append(value)
        self.order.append(Definition(name, value, sure))

    def last(self, name: str) -> Bound:
        """The last thing that a name is bound to, or None."""
        return self.bound.get(name, [None])[-1]

    def full_name(self, node: ast.expr) -> str:
        """``flask.Flask`` for ``Flask`` after ``from flask import Flask``; ``""`` for what is not a dotted name."""
        if isinstance(node, ast.Attribute):
            base = self.full_name(node.value)
            return f"{base}.{node.attr}" if base else ""
        if not isinstance(node, ast.Name):
            return ""
        bound = self.last(node.id)
        return bound.full if isinstance(bound, Imported) else node.id


def scope_of(module: Module) -> Scope:
    """The scope of a module, as its statements would make it on import."""
    scope = Scope(module)
    always = {id(node) for node in module.tree.body}
    for node in executed(module.tree.body):
        _bind(scope, node, id(node) in always)
    scope.opaque = scope.opaque or "__getattr__" in scope.bound
    return scope


def local_scope(scope: Scope, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Scope:
    """The module's scope with what a function imports and binds itself on top."""
    local = Scope(scope.module, {name: list(bound) for name, bound in scope.bound.items()}, scope.stars, scope.opaque)
    for node in executed(function.body):
        _bind(local, node, False)
    return local


def executed(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that run on import, those inside ``if``, ``try``, ``with`` and loops included.

    Left out is what runs only for a script (``if __name__ == "__main__"``) or a type checker.
    """
    for node in body:
        if isinstance(node, ast.If) and _is_guard(node.test):
            yield from executed(node.orelse)
            continue
        yield node
        for part in ("body", "handlers", "orelse", "finalbody"):
            if isinstance(node, (ast.If, ast.Try, ast.With, ast.For, ast.While)):
                for child in getattr(node, part, []):
                    yield from executed(child.body if isinstance(child, ast.ExceptHandler) else [child])


def _is_guard(test: ast.expr) -> bool:
    names = {node.id for node in ast.walk(test) if isinstance(node, ast.Name)}
    attributes = {node.attr for node in ast.walk(test) if isinstance(node, ast.Attribute)}
    return "__name__" in names or "TYPE_CHECKING" in names | attributes


def _bind(scope: Scope, node: ast.stmt, sure: bool) -> None:
    if isinstance(node, ast.Assign):
        for target in node.targets:
            _bind_target(scope, target, node.value, sure)
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        # x += y: the new value is not an expression of its own
        value = node.value if isinstance(node, ast.AnnAssign) else None
        if value is not None or isinstance(node, ast.AugAssign):
            _bind_target(scope, node.target, value, sure)
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        scope.bind(node.name, node, sure)
    elif isinstance(node, ast.Import):
        for alias in node.names:
            first = alias.name.partition(".")[0]
            scope.bind(alias.asname or first, Imported(alias.name if alias.asname else first), sure)
    elif isinstance(node, ast.ImportFrom):
        _bind_from(scope, node, sure)
    elif isinstance(node, (ast.For, ast.With)):
        targets = [node.target] if isinstance(node, ast.For) else [item.optional_vars for item in node.items]
        for each in targets:
            if each is not None:
                _bind_target(scope, each, None, sure)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        scope.opaque = scope.opaque or scope.full_name(node.value.func).startswith(("globals", "exec", "setattr"))


def _bind_target(scope: Scope, target: ast.expr, value: ast.expr | None, sure: bool) -> None:
    if isinstance(target, ast.Name):
        scope.bind(target.id, value, sure)
    elif isinstance(target, (ast.Tuple, ast.List)):
        values = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
        for index, each in enumerate(target.elts):
            _bind_target(scope, each, values[index] if len(values) == len(target.elts) else None, sure)
    elif isinstance(target, ast.Starred):
        _bind_target(scope, target.value, None, sure)
    elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Call):
        scope.opaque = True  # globals()["app"] = ...


def _bind_from(scope: Scope, node: ast.ImportFrom, sure: bool) -> None:
    module = node.module or ""
    if node.level:
        parts = scope.module.package.split(".") if scope.module.package else []
        parts = parts[: len(parts) - node.level + 1]
        module = ".".join([*parts, *([module] if module else [])])
    for alias in node.names:
        if alias.name == "*":
            scope.stars.append(module)
            scope.order.append(Definition("*", Imported(module, "*"), sure))
        else:
            scope.bind(alias.asname or alias.name, Imported(module, alias.name), sure)
