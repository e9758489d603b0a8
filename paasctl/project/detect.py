"""Find the app in the code: the framework is imported AND an app object or a factory is really there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby

from paasctl.errors import UsageError
from paasctl.project.denote import Denoted, Names
from paasctl.project.django import managed_modules, named_entries
from paasctl.project.entry import Chosen, Entry, example_call
from paasctl.project.frameworks import FACTORY_NAMES, MARKS
from paasctl.project.sources import SOURCE_FOLDER, Module, module_name
from paasctl.textfile import is_file

Choose = Callable[[str, Sequence[str]], str]

_CONVENTIONAL = (("wsgi.py", "asgi.py"), ("app.py", "main.py", "application.py", "__init__.py"))
_FACTORY_RANK, _ODD_RANK = 2, 3
_LOOKED_FOR = "an app object, a create_app() or make_app(), and a WSGI or ASGI callable"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A possible entry point and how well it keeps to conventions (0 is best)."""

    entry: Entry
    denoted: Denoted
    path: str
    rank: int


def detect(names: Names, choose: Choose | None) -> Chosen:
    """The app's one entry point.

    Args:
        names: the app's code.
        choose: asks the user for one of several; None where nobody can be asked.

    Raises:
        UsageError: there is none, or several that are different apps and nobody could be asked.
    """
    found = _usable(candidates(names))
    within = [each for each in found if each.path.startswith(f"{SOURCE_FOLDER}/")]  # src itself is a package
    outside = _best_of_each([each for each in found if each not in within])
    best = outside or _best_of_each(within) or _best_of_each(_usable(_in_source_folder(names)))
    if not best:
        raise _nothing_found(names)
    if len(best) == 1:
        return _chosen(best[0])
    options = [str(candidate.entry) for candidate in best]
    if not choose:
        lines = ", ".join(f"{candidate.entry} ({candidate.path}:{candidate.denoted.line})" for candidate in best)
        raise UsageError(
            f"there is more than one possible entry point: {lines}",
            hint=f'put the right one under [app] in paasctl.toml: entry = "{options[0]}"',
        )
    answer = choose("Which one is the app?", options)
    picked = next(candidate for candidate in best if str(candidate.entry) == answer)
    return Chosen(picked.entry, "chosen", picked.denoted)


def _usable(found: list[Candidate]) -> list[Candidate]:
    return [each for each in found if not (each.denoted.kind == "factory" and each.denoted.required)]


def _in_source_folder(names: Names) -> list[Candidate]:
    """The candidates in src/. Django's are none: its manage.py and all that it builds are run from the app's folder."""
    return [each for each in candidates(names, SOURCE_FOLDER) if each.denoted.framework != "django"]


def candidates(names: Names, base: str = "") -> list[Candidate]:
    """Every app object, and every factory by a usual name, in a module that can be imported from the app's folder.

    ``base`` is a folder in it from which modules are imported instead.
    """
    found: list[Candidate] = []
    embedded: set[str] = set()
    # a module at the top may pass on an app in words of its own: from blog import server
    top = {path for path in names.sources.paths if "/" not in path}
    for module in names.sources.mentioning(*MARKS, also={*top, *_CONVENTIONAL[0], *_CONVENTIONAL[1]}):
        imported = _as_imported(names, module, base)
        here = _in_module(names, imported) if imported else []
        if imported and here:
            found.extend(here)
            embedded |= names.embedded(imported)
    named = set(named_entries(managed_modules(names)))
    return [
        candidate
        for candidate in found
        if candidate.denoted.origin not in embedded
        and (candidate.denoted.framework != "django" or not named or str(candidate.entry) in named)
    ]


def _in_module(names: Names, module: Module) -> list[Candidate]:
    found = []
    for name in names.scope(module).bound:
        denoted = names.denoted(module, name) if not name.startswith("__") else None
        if denoted and (denoted.kind == "instance" or name in FACTORY_NAMES):
            call = "()" if denoted.kind == "factory" else ""
            found.append(Candidate(Entry(module.name, name, call), denoted, module.path, _rank(module, denoted)))
    return found


def _rank(module: Module, denoted: Denoted) -> int:
    file = module.path.rpartition("/")[2]
    conventional = next((rank for rank, files in enumerate(_CONVENTIONAL) if file in files), None)
    if denoted.kind == "instance":
        return _ODD_RANK if conventional is None else conventional
    # a script that only imports the factory is not where it belongs
    at_home = conventional is not None or denoted.origin.startswith(f"{module.name}:")
    return _FACTORY_RANK if at_home else _ODD_RANK + 1


def _best_of_each(found: list[Candidate]) -> list[Candidate]:
    """Of each app (one origin) the names that keep best to conventions; a re-export of one object counts once."""
    best: list[Candidate] = []
    by_origin = sorted(found, key=lambda c: c.denoted.origin)
    for _, same in groupby(by_origin, key=lambda c: c.denoted.origin):
        group = sorted(same, key=lambda c: (c.rank, c.path.count("/"), c.path, _attr_rank(c.entry.attr)))
        first = group[0]
        best.append(first)
        for other in group[1:]:
            # two files that each call the factory may call it differently; wsgi.py beside asgi.py is a real question
            apart = other.rank == first.rank and other.path != first.path
            if apart and (other.denoted.interface != first.denoted.interface or _each_made(first, other)):
                best.append(other)
    return sorted(best, key=lambda c: (c.rank, c.path))


def _each_made(first: Candidate, other: Candidate) -> bool:
    """Whether two instances come from two calls of a factory, rather than one being a re-export of the other."""
    made = first.denoted.made and other.denoted.made
    return made and first.denoted.line != other.denoted.line and first.rank in (0, _ODD_RANK)


def _attr_rank(attr: str) -> int:
    return {"application": 0, "app": 1}.get(attr, 2)


def _as_imported(names: Names, module: Module, base: str) -> Module | None:
    """The module by the name that it is imported by from ``base``; None when it cannot be."""
    if _plain_folder(names, module, base) is not None:
        return None
    if not base:
        return module
    return names.sources.module(module_name(module.path.removeprefix(f"{base}/")))


def _plain_folder(names: Names, module: Module, base: str = "") -> str | None:
    """The first folder on the way to a module that is no package (its own imports would not work), or None."""
    folders = module.path.split("/")[:-1]
    if base and folders[:1] != [base]:
        return base
    for index in range(1 if base else 0, len(folders)):
        folder = "/".join(folders[: index + 1])
        if not is_file(names.sources.root / folder / "__init__.py"):
            return folder
    return None


def _chosen(candidate: Candidate) -> Chosen:
    return Chosen(candidate.entry, f"detected in {candidate.path}:{candidate.denoted.line}", candidate.denoted)


def _nothing_found(names: Names) -> UsageError:
    write = 'say where it is, under [app] in paasctl.toml: entry = "module:attr"'
    for candidate in (*candidates(names), *_in_source_folder(names)):
        required = candidate.denoted.required
        if required:
            name = f"{candidate.entry.module}:{candidate.entry.attr}"
            return UsageError(
                f"{candidate.path}:{candidate.denoted.line}: {name} makes the app, and needs an argument for "
                f"{' and '.join(required)}",
                hint=f'say which under [app] in paasctl.toml: entry = "{name}{example_call(candidate.denoted)}"',
            )
    if names.sources.broken:
        broken = min(names.sources.broken.values(), key=lambda b: (b.path.count("/"), b.path))
        return UsageError(f"no app found, and {broken}", hint=f"repair the file, or {write}")
    elsewhere = _elsewhere(names)
    if elsewhere:
        return elsewhere
    count = len(names.sources.paths)
    files = "no Python file is here" if not count else f"looked through {count} Python file{'s' * (count > 1)}"
    return UsageError(f"no app found: {files}" + (f" for {_LOOKED_FOR}" if count else ""), hint=write)


def _elsewhere(names: Names) -> UsageError | None:
    """An app that is there but cannot be imported from the app's folder."""
    for module in names.sources.mentioning(*MARKS):
        in_src = module.path.startswith(f"{SOURCE_FOLDER}/")
        folder = (in_src and _plain_folder(names, module, SOURCE_FOLDER)) or module.folder.partition("/")[0]
        if folder and _in_module(names, module):
            return UsageError(
                f"the app in {module.path} cannot be imported from here, since {folder}/ is not a package",
                hint=f"run paasctl in {folder}/, or write a wsgi.py here that imports the app",
            )
    return None
