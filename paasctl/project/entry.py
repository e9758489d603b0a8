"""Entry points: how they are written, and whether one that somebody named can be right."""

from __future__ import annotations

import ast
import difflib
import re
import sys
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import NoReturn

from paasctl.errors import UsageError
from paasctl.project.denote import Denoted, Names
from paasctl.project.sources import SOURCE_FOLDER, Module, module_name
from paasctl.textfile import is_folder

FORMS = '"module:attr", "module:factory()" or "module:factory(\'x\')"'
_FORM = re.compile(
    r"(?P<module>[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)(?::(?P<attr>[A-Za-z_]\w*)(?P<call>\(.*\))?)?", re.DOTALL
)
#: The order in which a module without an attribute is searched.
DEFAULT_ATTRS = ("application", "app")


@dataclass(frozen=True, slots=True)
class Entry:
    """``module:attr``, with ``call`` (``()`` or ``('x')``) when attr is a factory."""

    module: str
    attr: str
    call: str = ""

    def __str__(self) -> str:
        return f"{self.module}:{self.attr}{self.call}"


@dataclass(frozen=True, slots=True)
class Chosen:
    """The entry point that was decided on, who decided (``origin``), and what is known of it."""

    entry: Entry
    origin: str
    denoted: Denoted | None
    warnings: tuple[str, ...] = ()


class Named:
    """An entry point that the user named, checked against the code as far as can be seen without importing it.

    Args:
        names: the app's code.
        python: the app's Python version, since a newer one may parse what this interpreter cannot.
        installed: the distributions that the app needs, by normalised name; a module may come from one.
    """

    def __init__(self, names: Names, python: str, installed: Collection[str] = ()) -> None:
        self._names, self._installed = names, installed
        self._newer = _minor(python) > sys.version_info[:2]

    def choose(self, text: str, origin: str) -> Chosen:
        """Take an entry point as somebody wrote it.

        Raises:
            UsageError: it is not written as an entry point, or the code shows that it cannot be one.
        """
        match = _FORM.fullmatch(text.strip())
        if not match or not _is_literal_call(match["call"] or ""):
            raise UsageError(f"{origin}: the entry point is not written as one", hint=f"write it as {FORMS}")
        name, attr, call = match["module"], match["attr"] or "", match["call"] or ""
        path = self._names.sources.find(name)
        if not path:
            return self._foreign(name, attr, call, origin)
        parsed = self._names.sources.parse(path)
        if not parsed:
            return self._broken(Entry(name, attr or DEFAULT_ATTRS[0], call), path, origin)
        module = replace(parsed, name=name)
        attr = attr or self._default_attr(module, origin)
        self._check_attr(module, attr, origin)
        denoted = self._names.denoted(module, attr)
        self._check_call(Entry(name, attr, call), denoted, origin)
        return Chosen(Entry(name, attr, call), origin, denoted)

    def _foreign(self, name: str, attr: str, call: str, origin: str) -> Chosen:
        top = name.partition(".")[0]
        root = self._names.sources.root
        if self._names.sources.find(top) or is_folder(root / top) or is_folder(root / SOURCE_FOLDER / top):
            raise UsageError(f"{origin}: there is no module {name} in the app's folder", hint=self._near(name))
        near = self._near_module(top)
        if near and distribution(top) not in self._installed:
            wanted = name.replace(top, near, 1) + (f":{attr}{call}" if attr else "")
            raise UsageError(f"{origin}: there is no module {top} in the app's folder", hint=f"did you mean {wanted}?")
        warning = f"{origin}: no file of the app's folder is the module {top}; it must come from an installed package"
        return Chosen(Entry(name, attr or DEFAULT_ATTRS[0], call), origin, None, (warning,))

    def _near_module(self, top: str) -> str | None:
        """The module or package of the app's folder whose name is a slip away."""
        known = {name.partition(".")[0] for name in self._known()}
        return next(iter(difflib.get_close_matches(top, sorted(known), n=1, cutoff=0.8)), None)

    def _near(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._known(), n=1)
        return f"did you mean {near[0]}?" if near else "the module must be importable from the app's folder"

    def _known(self) -> list[str]:
        """The names of the app's modules, those in src/ by their names there."""
        return [module_name(path.removeprefix(f"{SOURCE_FOLDER}/")) for path in self._names.sources.paths]

    def _broken(self, entry: Entry, path: str, origin: str) -> Chosen:
        broken = self._names.sources.broken[path]
        if not self._newer:
            raise UsageError(f"{broken}", hint=f"the app cannot start without it ({origin} names {entry.module})")
        here = f"{sys.version_info[0]}.{sys.version_info[1]}"
        return Chosen(entry, origin, None, (f"{broken} (for Python {here}, which paasctl runs on)",))

    def _default_attr(self, module: Module, origin: str) -> str:
        for attr in DEFAULT_ATTRS:
            if self._names.has(module, attr) is not False:
                return attr
        raise UsageError(
            f"{origin}: {module.path} has neither application nor app", hint=f"name the attribute: {FORMS}"
        )

    def _check_attr(self, module: Module, attr: str, origin: str) -> None:
        if self._names.has(module, attr) is not False:
            return
        near = difflib.get_close_matches(attr, self._names.scope(module).bound, n=1)
        raise UsageError(
            f"{origin}: {module.path} has no {attr}",
            hint=f"did you mean {module.name}:{near[0]}?" if near else f"name what {module.path} defines: {FORMS}",
        )

    def _check_call(self, entry: Entry, denoted: Denoted | None, origin: str) -> None:
        if not denoted:
            return
        if denoted.kind == "instance" and entry.call:
            raise UsageError(
                f"{origin}: {entry.module}:{entry.attr} is an app already, not a factory", hint="leave the () out"
            )
        if denoted.kind == "factory" and not entry.call:
            _refuse_factory(entry, denoted, f"{origin}: {entry} is a factory, and it is not called")
        if denoted.kind == "factory" and entry.call == "()" and denoted.required:
            _refuse_factory(entry, denoted, f"{origin}: {entry.module}:{entry.attr} needs {_and(denoted.required)}")


def _refuse_factory(entry: Entry, denoted: Denoted, message: str) -> NoReturn:
    raise UsageError(message, hint=f'write "{entry.module}:{entry.attr}{example_call(denoted)}"')


def example_call(denoted: Denoted) -> str:
    """How a factory would be called: ``()``, or with a placeholder per parameter that it needs."""
    return f"({', '.join(repr(name.upper()) for name in denoted.required)})"


def _and(names: tuple[str, ...]) -> str:
    return "an argument for " + " and ".join(names)


def distribution(module: str) -> str:
    """The distribution that a module of this name most likely comes from, normalised."""
    return module.replace("_", "-").lower()


def _is_literal_call(call: str) -> bool:
    """``()`` or a call whose arguments are all literals: anything else would have to be executed."""
    if not call:
        return True
    try:
        node = ast.parse(f"f{call}", mode="eval").body
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
            return False
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            ast.literal_eval(argument)
    except (SyntaxError, ValueError):
        return False
    return all(keyword.arg for keyword in node.keywords)


def _minor(python: str) -> tuple[int, int]:
    major, _, minor = python.partition(".")
    return int(major), int(minor)
