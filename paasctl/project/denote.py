"""Say what a name in the user's code is: an app object, a factory that makes one, or something else."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from paasctl.model import Interface
from paasctl.project.frameworks import CONSTRUCTORS, WRAPPERS
from paasctl.project.scope import Bound, Definition, Imported, Scope, local_scope, scope_of
from paasctl.project.sources import Module, Sources

_DEEP = 12  # chains of re-exports and factories are short; a cycle is not
_STARS = 40  # star imports that are followed for one name


@dataclass(frozen=True, slots=True)
class Denoted:
    """What a name is.

    ``origin`` (``module:attr``) is where the object, or the factory that makes it, stands: equal for a re-export, a
    wrapper and the thing itself, so that two names with one origin are one app. ``required`` are the parameters
    without a default of a factory; ``made`` is true for an instance that a factory of the app's own gave.
    """

    kind: Literal["instance", "factory"]
    framework: str
    interface: Interface
    origin: str
    line: int = 0
    required: tuple[str, ...] = ()
    made: bool = False


class Names:
    """Resolves names over all modules of one app; scopes are made once."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self._scopes: dict[tuple[str, str], Scope] = {}
        # what a binding is does not depend on who asks; without this, call graphs are walked again and again
        self._known: dict[tuple[str, str, str, int], Denoted | None] = {}
        self._settled: dict[tuple[str, str], list[tuple[Module, Bound]]] = {}

    def scope(self, module: Module) -> Scope:
        """The top-level names of a module."""
        key = (module.path, module.name)  # a file in src/ can have two names
        if key not in self._scopes:
            self._scopes[key] = scope_of(module)
        return self._scopes[key]

    def settled(self, module: Module, name: str, before: ast.expr | None = None) -> list[tuple[Module, Bound]]:
        """What a name can be bound to after the import of a module, in order, each with the module that says so.

        Star imports are followed; a definition that surely runs hides those above it. With ``before``, what one of the
        name's own values is, it is what the name meant there: ``BASE_DIR = BASE_DIR.parent``.
        """
        if before is not None and any(value is before for value in self.scope(module).bound.get(name, ())):
            return self._definitions(module, name, {module.path}, before)
        key = (module.path, name)
        if key not in self._settled:
            self._settled[key] = self._definitions(module, name, {module.path})
        return self._settled[key]

    def full_name(self, module: Module, node: ast.expr) -> str:
        """As :meth:`Scope.full_name`, for names that come by a star import too."""
        scope = self.scope(module)
        if not scope.stars:
            return scope.full_name(node)
        if isinstance(node, ast.Attribute):
            base = self.full_name(module, node.value)
            return f"{base}.{node.attr}" if base else ""
        if not isinstance(node, ast.Name):
            return ""
        bound = next((value for _, value in reversed(self.settled(module, node.id))), None)
        return bound.full if isinstance(bound, Imported) else node.id

    def _definitions(
        self, module: Module, name: str, seen: set[str], before: ast.expr | None = None
    ) -> list[tuple[Module, Bound]]:
        """The search of :meth:`settled`, backwards; ``seen`` ends circles and keeps it to one look at every module."""
        found: list[tuple[Module, Bound]] = []
        order = self.scope(module).order
        end = next((at for at, each in enumerate(order) if before is not None and each.value is before), len(order))
        for definition in reversed(order[:end]):
            here = self._defined(module, definition, name, seen)
            found = [*here, *found]
            if here and definition.sure:
                break
        return found

    def _defined(self, module: Module, definition: Definition, name: str, seen: set[str]) -> list[tuple[Module, Bound]]:
        if definition.name == name:
            return [(module, definition.value)]
        star = definition.value
        if definition.name != "*" or not isinstance(star, Imported) or name.startswith("_"):
            return []  # a star import leaves out names with an underscore
        other = self.sources.module(star.module)
        if not other or other.path in seen or len(seen) > _STARS:
            return []
        seen.add(other.path)
        return self._definitions(other, name, seen)

    def denoted(self, module: Module, name: str, depth: int = 0) -> Denoted | None:
        """What a top-level name of a module is; None when it is no app and no factory, as far as can be seen."""
        scope = self.scope(module)
        if name not in scope.bound:
            return self._starred(scope, name, depth)
        return self._bound(scope, name, len(scope.bound[name]) - 1, depth)

    def has(self, module: Module, name: str, seen: set[str] | None = None) -> bool | None:
        """Whether a module binds a name; None when that cannot be seen. What was ``seen`` is not asked again."""
        scope = self.scope(module)
        seen = set() if seen is None else seen
        seen.add(module.path)
        if name in scope.bound or (self.sources.find(f"{module.name}.{name}") and module.is_package):
            return True
        unseen = scope.opaque
        for star in scope.stars:
            other = self.sources.module(star)
            if other and other.path in seen:
                continue
            found = self.has(other, name, seen) if other and len(seen) < _STARS else None
            if found:
                return True
            unseen = unseen or found is None
        return None if unseen else False

    def embedded(self, module: Module) -> set[str]:
        """Origins of apps that another app of this module mounts or wraps beside its main one."""
        scope = self.scope(module)
        found: set[str] = set()
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            callee = scope.full_name(node.func)
            inner = [*node.args, *(keyword.value for keyword in node.keywords)]
            if callee.rpartition(".")[2] in WRAPPERS:
                inner = inner[1:]
            elif not (callee in CONSTRUCTORS or (isinstance(node.func, ast.Attribute) and node.func.attr == "mount")):
                continue
            found.update(each.origin for argument in inner for each in self._named_in(scope, argument))
        return found

    def _named_in(self, scope: Scope, node: ast.expr) -> Iterator[Denoted]:
        for child in ast.walk(node):
            if isinstance(child, ast.Name) and child.id in scope.bound:
                denoted = self.denoted(scope.module, child.id)
                if denoted and denoted.kind == "instance":
                    yield denoted

    def _starred(self, scope: Scope, name: str, depth: int) -> Denoted | None:
        for star in scope.stars:
            other = self.sources.module(star)
            if other and depth < _DEEP:
                denoted = self.denoted(other, name, depth + 1)
                if denoted:
                    return denoted
        return None

    def _bound(self, scope: Scope, name: str, index: int, depth: int) -> Denoted | None:
        key = (scope.module.path, scope.module.name, name, index)
        if key not in self._known:
            self._known[key] = None  # the answer to itself, when imports or calls go in a circle
            self._known[key] = self._look(scope, name, index, depth)
        return self._known[key]

    def _look(self, scope: Scope, name: str, index: int, depth: int) -> Denoted | None:
        bound: Bound = scope.bound[name][index]
        if depth > _DEEP or bound is None:
            return None
        place = f"{scope.module.name}:{name}"
        if isinstance(bound, Imported):
            other = self.sources.module(bound.module) if bound.attr else None
            return self.denoted(other, bound.attr, depth + 1) if other else None
        if isinstance(bound, (ast.FunctionDef, ast.AsyncFunctionDef)):
            return (
                _raw_callable(bound, bound.args.args, place)
                or self._factory(scope, bound, place, depth)
                or _conventional(scope.module, bound, place)
            )
        if isinstance(bound, ast.ClassDef):
            return None
        return self._expression(scope, bound, place, (name, index), depth)

    def _expression(self, scope: Scope, node: ast.expr, place: str, at: tuple[str, int], depth: int) -> Denoted | None:
        """What an expression gives; ``at`` is the binding it belongs to, since ``app = ProxyFix(app)`` means the
        ``app`` before it."""
        if isinstance(node, ast.Call):
            return self._call(scope, node, place, at, depth)
        if isinstance(node, ast.Name):
            if node.id == at[0]:
                return self._bound(scope, node.id, at[1] - 1, depth + 1) if at[1] else None
            return self.denoted(scope.module, node.id, depth + 1)
        if isinstance(node, ast.Attribute):
            return self._attribute(scope, node, place, depth)
        choices = [node.body, node.orelse] if isinstance(node, ast.IfExp) else getattr(node, "values", [])
        if isinstance(node, (ast.IfExp, ast.BoolOp)):
            found = (self._expression(scope, each, place, at, depth + 1) for each in choices)
            return next((each for each in found if each), None)
        return None

    def _attribute(self, scope: Scope, node: ast.Attribute, place: str, depth: int) -> Denoted | None:
        if isinstance(node.value, ast.Name) and node.attr == "server":  # Dash keeps its Flask app there
            made = scope.last(node.value.id)
            if isinstance(made, ast.Call) and scope.full_name(made.func) in ("dash.Dash", "dash.dash.Dash"):
                return Denoted("instance", "flask", "wsgi", place, node.lineno)
        other = self.sources.module(scope.full_name(node.value))
        return self.denoted(other, node.attr, depth + 1) if other else None

    def _call(self, scope: Scope, node: ast.Call, place: str, at: tuple[str, int], depth: int) -> Denoted | None:
        made = self._constructor(scope, node.func, depth)
        if made:
            return Denoted("instance", made[0], made[1], place, node.lineno)
        last = scope.full_name(node.func).rpartition(".")[2]
        if last in WRAPPERS and (node.args or node.keywords):
            inner = node.args[0] if node.args else node.keywords[0].value
            wrapped = self._expression(scope, inner, place, at, depth + 1)
            return replace(wrapped, interface=WRAPPERS[last] or wrapped.interface) if wrapped else None
        if isinstance(node.func, ast.Attribute) and node.func.attr == "make_wsgi_app":
            return Denoted("instance", "pyramid", "wsgi", place, node.lineno)
        factory = self._callee(scope, node.func, at, depth)
        if factory and factory.kind == "factory":
            return replace(factory, kind="instance", made=True, line=node.lineno, required=())
        return None

    def _callee(self, scope: Scope, func: ast.expr, at: tuple[str, int], depth: int) -> Denoted | None:
        if isinstance(func, ast.Name) and func.id in scope.bound and func.id != at[0]:
            found = scope.last(func.id)
            if isinstance(found, Imported):  # may be bound in a function only: not through `denoted`
                other = self.sources.module(found.module) if found.attr else None
                return self.denoted(other, found.attr, depth + 1) if other else None
            return self.denoted(scope.module, func.id, depth + 1)
        if isinstance(func, ast.Attribute):
            other = self.sources.module(scope.full_name(func.value))
            return self.denoted(other, func.attr, depth + 1) if other else None
        return None

    def _constructor(self, scope: Scope, func: ast.expr, depth: int) -> tuple[str, Interface] | None:
        """The framework whose app class (or a subclass of it in the app's own code) is called."""
        full = scope.full_name(func)
        if full in CONSTRUCTORS:
            return CONSTRUCTORS[full]
        if depth > _DEEP or not full:
            return None
        found = self._class(scope, func)
        if not found:
            return None
        home, node = found
        call = next((each for each in node.body if getattr(each, "name", "") == "__call__"), None)
        if isinstance(call, (ast.FunctionDef, ast.AsyncFunctionDef)):
            raw = _raw_callable(call, call.args.args[1:], "")
            if raw:
                return raw.framework, raw.interface
        bases = (self._constructor(home, base, depth + 1) for base in node.bases)
        return next((each for each in bases if each), None)

    def _class(self, scope: Scope, func: ast.expr) -> tuple[Scope, ast.ClassDef] | None:
        if isinstance(func, ast.Name):
            bound = scope.last(func.id)
            if isinstance(bound, ast.ClassDef):
                return scope, bound
        module, _, name = scope.full_name(func).rpartition(".")
        other = self.sources.module(module) if module else None
        if not other:
            return None
        bound = self.scope(other).last(name)
        return (self.scope(other), bound) if isinstance(bound, ast.ClassDef) else None

    def _factory(
        self, scope: Scope, node: ast.FunctionDef | ast.AsyncFunctionDef, place: str, depth: int
    ) -> Denoted | None:
        """A factory makes an app AND returns something; a function that only does one of the two is none."""
        nodes = list(_own_nodes(node))
        if isinstance(node, ast.AsyncFunctionDef) or not any(isinstance(n, ast.Return) and n.value for n in nodes):
            return None
        local = local_scope(scope, node)
        for call in nodes:
            if isinstance(call, ast.Call):
                made = self._call(local, call, place, (node.name, 0), depth + 1)
                if made and made.kind == "instance":
                    return replace(
                        made, kind="factory", origin=place, line=node.lineno, required=_required(node.args), made=False
                    )
        return None


def _raw_callable(
    node: ast.FunctionDef | ast.AsyncFunctionDef, parameters: list[ast.arg], place: str
) -> Denoted | None:
    """A plain WSGI or ASGI callable is known by its parameters' names."""
    names = [parameter.arg.lstrip("_") for parameter in parameters]
    if isinstance(node, ast.AsyncFunctionDef):
        if names == ["scope", "receive", "send"]:
            return Denoted("instance", "asgi", "asgi", place, node.lineno)
    elif len(names) == 2 and names[0] in ("environ", "env") and names[1].startswith("start"):
        return Denoted("instance", "wsgi", "wsgi", place, node.lineno)
    return None


def _conventional(module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef, place: str) -> Denoted | None:
    """``application`` or ``app`` in a wsgi.py is what a server calls, whatever it calls its two parameters."""
    stem = module.path.rpartition("/")[2].removesuffix(".py")
    called = stem == "wsgi" and node.name in ("application", "app") and isinstance(node, ast.FunctionDef)
    if called and len(_required(node.args)) == 2 and not node.args.kwonlyargs:
        return Denoted("instance", "wsgi", "wsgi", place, node.lineno)
    return None


def _required(arguments: ast.arguments) -> tuple[str, ...]:
    positional = [*arguments.posonlyargs, *arguments.args]
    required = positional[: len(positional) - len(arguments.defaults)]
    keyword = [a for a, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if default is None]
    return tuple(argument.arg for argument in [*required, *keyword])


def _own_nodes(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function's body, without those of functions and classes inside it."""
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)):
            stack.extend(ast.iter_child_nodes(node))
