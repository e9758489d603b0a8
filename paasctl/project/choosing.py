"""Decide the entry point: the configuration, then the Procfile's web line, FLASK_APP, and what the code shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from paasctl.errors import UsageError
from paasctl.model import Interface
from paasctl.project.commands import ServerCall, server_call
from paasctl.project.denote import Names
from paasctl.project.detect import Choose, detect
from paasctl.project.entry import DEFAULT_ATTRS, Chosen, Named
from paasctl.project.flask_app import flask_app

#: A value and the ``file:line`` or file that it came from.
Said = tuple[str, str]


@dataclass(frozen=True, slots=True)
class EntryPoint:
    """The decision. ``entry`` is None when the web line starts something that is not recognised.

    ``call`` is the server that the web line starts, None without a Procfile or when it starts something else;
    ``source`` is ``src`` when the app itself, or the module that names it, lies there.
    """

    entry: str | None
    origin: str
    framework: str
    interface: Interface
    call: ServerCall | None = None
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    source: str = ""


def entry_point(
    names: Names, python: str, said: Mapping[str, Said], choose: Choose | None, installed: Collection[str] = ()
) -> EntryPoint:
    """Decide.

    Args:
        names: the app's code.
        python: its Python version.
        said: what is said under ``config`` (an entry), ``web`` (the Procfile's line) and ``flask`` (FLASK_APP).
        choose: asks which of several, None where nobody can be asked.
        installed: the distributions that the app needs, by normalised name.

    Raises:
        UsageError: nothing is found, several are possible, or what is said cannot be.
    """
    named = Named(names, python, installed)
    web = said.get("web")
    call = server_call(web[0]) if web else None
    chosen = _said(names, named, said, call)
    if chosen is None:
        try:
            chosen = detect(names, None if web else choose)
        except UsageError:
            if not web:
                raise
            # the web line starts the app in its own way, and nothing needs the entry point to be known
            return EntryPoint(None, web[1], "", (call and call.interface) or "wsgi", call)
    denoted = chosen.denoted
    interface = (call and call.entry and call.interface) or (denoted.interface if denoted else None)
    interface = interface or (call and call.interface) or "wsgi"
    notes, warnings = _disagreements(chosen, call, web, interface)
    if "flask" in said and chosen.origin == said["flask"][1]:
        warnings = (*warnings, *_passed_over(names, chosen))
    return EntryPoint(
        str(chosen.entry),
        chosen.origin,
        denoted.framework if denoted else "",
        interface,
        call,
        notes,
        (*chosen.warnings, *warnings),
        _source(names, chosen),
    )


def _source(names: Names, chosen: Chosen) -> str:
    home = chosen.denoted.origin.partition(":")[0] if chosen.denoted else ""
    return names.sources.source_folder(chosen.entry.module) or (home and names.sources.source_folder(home))


def _said(names: Names, named: Named, said: Mapping[str, Said], call: ServerCall | None) -> Chosen | None:
    """The entry point of the first source that explicitly says one."""
    if "config" in said:
        return named.choose(*said["config"])
    if call and call.entry:
        return named.choose(call.entry, said["web"][1])
    if "flask" in said:
        value, origin = said["flask"]
        return flask_app(value, origin, names, named)
    return None


def _disagreements(
    chosen: Chosen, call: ServerCall | None, web: Said | None, interface: Interface
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    notes: list[str] = []
    warnings: list[str] = []
    if web and call and call.entry and call.entry != str(chosen.entry):
        notes.append(f"{web[1]} names {call.entry}; {chosen.entry} is used, from {chosen.origin}")
    known = chosen.denoted.interface if chosen.denoted else interface
    if web and call and call.interface and call.interface != known and call.program in ("uvicorn", "waitress-serve"):
        warnings.append(f"{web[1]} starts {call.program}, and {chosen.entry} is a {known.upper()} app")
    if web and call and call.program == "gunicorn" and call.interface is None and known == "asgi":
        warnings.append(
            f"{web[1]} starts gunicorn for WSGI, and {chosen.entry} is an ASGI app: "
            "add `-k uvicorn.workers.UvicornWorker`, or start uvicorn"
        )
    return tuple(notes), tuple(warnings)


def _passed_over(names: Names, chosen: Chosen) -> tuple[str, ...]:
    """A wsgi.py that FLASK_APP goes past, where it makes the app differently: often with the production settings."""
    module = names.sources.module("wsgi")
    for attr in DEFAULT_ATTRS if module and chosen.entry.module != "wsgi" else ():
        denoted = names.denoted(module, attr) if module else None
        if denoted and denoted.kind == "instance":
            if denoted == chosen.denoted:
                return ()  # the very same object by another name
            return (
                f"{chosen.origin}: FLASK_APP decides for {chosen.entry}; wsgi.py, which makes the app in its own way, "
                f'is not run (entry = "wsgi:{attr}" under [app] in paasctl.toml runs it)',
            )
    return ()
