"""Work out strings and paths that the user's code writes down, without running it.

``os.path.join(basedir, "data.db")``, ``BASE_DIR / "media"``, ``"sqlite:///" + path``, and
``os.getenv("DATABASE_URL", default)`` with what the env files say. Whatever else is in an expression gives nothing.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice, product

from paasctl.project.denote import Names
from paasctl.project.envfiles import EnvValue
from paasctl.project.scope import Bound, Imported
from paasctl.project.sources import Module

_DEEP = 12
_MANY = 8

Locals = Mapping[str, list[ast.expr]]
Fits = Callable[[str], object]

_SAME = {"str", "os.fspath", "pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "path.Path"}
_ABSOLUTE = {"os.path.abspath", "os.path.realpath"}
_GETENV = {"os.getenv", "os.environ.get", "environ.get", "getenv"}
_CWD = {"os.getcwd", "pathlib.Path.cwd"}


@dataclass(frozen=True, slots=True)
class Setting:
    """What a module's name is set to, None when that cannot be seen, and the ``file:line`` that does it."""

    value: str | None
    origin: str


class Literals:
    """Evaluates expressions to the strings they can be; paths below ``root`` come out absolute.

    ``instance`` is the folder there that Flask's ``instance_path`` means.
    """

    def __init__(self, names: Names, env: Mapping[str, EnvValue], instance: str = "instance") -> None:
        self._names, self._env, self.instance = names, env, instance
        self.root = str(names.sources.root)

    def values(self, module: Module, node: ast.expr, near: Locals | None = None) -> list[str]:
        """Every string that an expression can be, as far as can be seen; ``near`` are names of a class or function."""
        return list(dict.fromkeys(islice(_Evaluation(self, module, near or {}, node).of(node, 0), _MANY)))

    def env(self, name: str) -> str | None:
        """What the env files say, for use inside only."""
        return self._env[name].value.reveal() if name in self._env else None

    def bound(self, module: Module, name: str, depth: int, before: ast.expr | None = None) -> Iterable[str]:
        """The values of a top-level name of a module; with ``before`` those that it had when that was evaluated."""
        for home, bound in self._names.settled(module, name, before)[-_MANY:]:
            if isinstance(bound, Imported):
                other = self._names.sources.module(bound.module) if bound.attr else None
                if other:
                    yield from self.bound(other, bound.attr, depth + 1) if depth < _DEEP else ()
            elif isinstance(bound, ast.expr):
                yield from _Evaluation(self, home, {}, bound).of(bound, depth + 1)

    def setting(self, module: Module, name: str, fits: Fits | None = None, depth: int = 0) -> Setting | None:
        """What a top-level name is in the end: the last definition whose value can be seen and fits, else the last."""
        found = [self._setting(home, bound, fits, depth) for home, bound in reversed(self._names.settled(module, name))]
        seen = [each for each in found if each.value is not None]
        good = [each for each in seen if fits and fits(each.value or "")]
        return next(iter([*good, *seen, *found]), None)

    def _setting(self, module: Module, bound: Bound, fits: Fits | None, depth: int) -> Setting:
        if isinstance(bound, Imported):
            other = self._names.sources.module(bound.module) if bound.attr and depth < _DEEP else None
            found = self.setting(other, bound.attr, fits, depth + 1) if other else None
            return found or Setting(None, module.path)
        values = self.values(module, bound) if isinstance(bound, ast.expr) else []
        line = f":{bound.lineno}" if bound else ""
        return Setting(values[0] if values else None, f"{module.path}{line}")

    def full_name(self, module: Module, node: ast.expr) -> str:
        """The dotted name of a function, imports resolved."""
        return self._names.full_name(module, node)

    def module(self, name: str) -> Module | None:
        """A module of the app by its name."""
        return self._names.sources.module(name)


class _Evaluation:
    """One module's view: the same expression means something else in another file.

    ``whole`` is the expression that is evaluated: in ``X = X / "a"`` the name means what it did before.
    """

    def __init__(self, literals: Literals, module: Module, near: Locals, whole: ast.expr) -> None:
        self._literals, self._module, self._near, self._whole = literals, module, near, whole

    def of(self, node: ast.expr, depth: int) -> Iterable[str]:
        if depth > _DEEP:
            return ()
        if isinstance(node, ast.Constant):
            return [node.value] if isinstance(node.value, str) else []
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        result: Iterable[str] = method(node, depth + 1) if method else ()
        return result

    def _name(self, node: ast.Name, depth: int) -> Iterable[str]:
        if node.id == "__file__":
            return [f"{self._literals.root}/{self._module.path}"]
        if node.id in self._near:
            outside = {name: value for name, value in self._near.items() if name != node.id}
            inner = _Evaluation(self._literals, self._module, outside, self._whole)
            return list(islice((value for each in self._near[node.id] for value in inner.of(each, depth)), _MANY))
        return list(islice(self._literals.bound(self._module, node.id, depth, self._whole), _MANY))

    def _binop(self, node: ast.BinOp, depth: int) -> Iterable[str]:
        if not isinstance(node.op, (ast.Add, ast.Div)):
            return []
        pairs = product(list(self.of(node.left, depth)), list(self.of(node.right, depth)))
        return [a + b if isinstance(node.op, ast.Add) else posixpath.join(a, b) for a, b in islice(pairs, _MANY)]

    def _joinedstr(self, node: ast.JoinedStr, depth: int) -> Iterable[str]:
        parts = [list(self.of(part, depth)) for part in node.values]
        return ["".join(each) for each in islice(product(*parts), _MANY)]

    def _formattedvalue(self, node: ast.FormattedValue, depth: int) -> Iterable[str]:
        return self.of(node.value, depth) if node.format_spec is None else []

    def _boolop(self, node: ast.BoolOp, depth: int) -> Iterable[str]:
        """``os.getenv("X") or default``: the first that can be seen to be something."""
        if isinstance(node.op, ast.And):
            return []
        return next((found for found in (list(self.of(each, depth)) for each in node.values) if any(found)), [])

    def _ifexp(self, node: ast.IfExp, depth: int) -> Iterable[str]:
        return [*self.of(node.body, depth), *self.of(node.orelse, depth)]

    def _attribute(self, node: ast.Attribute, depth: int) -> Iterable[str]:
        if node.attr == "parent":
            return [posixpath.dirname(value) for value in self.of(node.value, depth)]
        if node.attr == "instance_path":
            return [f"{self._literals.root}/{self._literals.instance}"]
        if node.attr == "root_path":
            return [posixpath.join(self._literals.root, self._module.folder).rstrip("/")]
        other = self._literals.module(self._literals.full_name(self._module, node.value))
        return self._literals.bound(other, node.attr, depth) if other else []

    def _subscript(self, node: ast.Subscript, depth: int) -> Iterable[str]:
        index = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if isinstance(index, str) and self._literals.full_name(self._module, node.value) == "os.environ":
            return [value for value in [self._literals.env(index)] if value]
        if isinstance(index, int) and isinstance(node.value, ast.Attribute) and node.value.attr == "parents":
            return [_up(value, index + 1) for value in self.of(node.value.value, depth)]
        return []

    def _call(self, node: ast.Call, depth: int) -> Iterable[str]:
        full = self._literals.full_name(self._module, node.func)
        if full in _GETENV:
            return self._getenv(node, depth)
        if full in _CWD:
            return [self._literals.root]
        arguments = [list(self.of(argument, depth)) for argument in node.args]
        if full in _SAME or full == "os.path.join":
            return [posixpath.join(*each) for each in islice(product(*arguments), _MANY) if each]
        if full == "os.path.dirname":
            return [posixpath.dirname(value) for value in arguments[0]] if arguments else []
        if full in _ABSOLUTE or full == "os.path.normpath":
            return [self._absolute(value) for value in arguments[0]] if arguments else []
        return self._method(node, arguments, depth)

    def _method(self, node: ast.Call, arguments: list[list[str]], depth: int) -> Iterable[str]:
        if not isinstance(node.func, ast.Attribute):
            return []
        if node.func.attr in ("resolve", "absolute", "as_posix", "expanduser"):
            return [self._absolute(value) for value in self.of(node.func.value, depth)]
        if node.func.attr == "joinpath":
            starts = list(self.of(node.func.value, depth))
            return [posixpath.join(*each) for each in islice(product(starts, *arguments), _MANY)]
        return []

    def _getenv(self, node: ast.Call, depth: int) -> Iterable[str]:
        first = node.args[0] if node.args else None
        name = first.value if isinstance(first, ast.Constant) else None
        value = self._literals.env(name) if isinstance(name, str) else None
        if value:
            return [value]
        default = node.args[1:2] or [keyword.value for keyword in node.keywords if keyword.arg == "default"]
        return self.of(default[0], depth) if default else []

    def _absolute(self, value: str) -> str:
        return posixpath.normpath(posixpath.join(self._literals.root, value))


def _up(path: str, steps: int) -> str:
    for _ in range(steps):
        path = posixpath.dirname(path)
    return path
