"""Show what happens to env names: names and reasons, never values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from paasctl.changes import NameChange
from paasctl.console import Console

#: op -> mark and colour. What is not here changes nothing and is shown with -v.
MARKS = {
    "add": ("+", "green"),
    "update": ("~", "yellow"),
    "delete": ("-", "red"),
    "keep": ("!", "dim"),
    "protected": ("!", "dim"),
    "drift": ("!", "magenta"),
    "conflict": ("!", "bold magenta"),
    "local": (".", "dim"),
}
SILENT = ("=", "dim")


def show(console: Console, names: Iterable[NameChange], hidden: Sequence[str] = ()) -> None:
    """One line per name: ``+`` added, ``~`` changed, ``-`` deleted, ``!`` left alone, ``.`` only local.

    ``hidden`` are ops that, like those that change nothing, are shown with ``-v`` only.
    """
    for change in names:
        mark, colour = MARKS.get(change.op, SILENT)
        if (change.op in MARKS and change.op not in hidden) or console.verbosity:
            console.out(f"  {mark} {words(change)}", colour)


def words(change: NameChange) -> str:
    """``NAME (reason)``; derived names also show their value, which is no secret."""
    name = f"{change.name}={change.value}" if change.value and change.op in ("add", "update", "same") else change.name
    reasons = [change.reason] if change.reason else []
    if change.op in ("conflict", "drift"):
        reasons.insert(0, change.op)
    if change.held:
        reasons.append("asked about; without a terminal it needs --delete")
    return f"{name} ({': '.join(reasons)})" if reasons else name


def document(names: Iterable[NameChange]) -> list[dict[str, Any]]:
    """The names as JSON; ``value`` only for paasctl's own derived names."""
    return [
        {"name": change.name, "op": change.op, "reason": change.reason, "held": change.held}
        | ({"value": change.value} if change.value else {})
        for change in names
    ]


def table(console: Console, targets: Mapping[str, Sequence[NameChange]]) -> None:
    """Several targets beside each other: one row per name, one column per target."""
    cells = {target: {change.name: cell(change) for change in names} for target, names in targets.items()}
    names = sorted({name for found in cells.values() for name in found})
    rows = [(name, *(cells[target].get(name, "") for target in targets)) for name in names]
    shown = rows if console.verbosity else [row for row in rows if any(text[:1] not in ("", "=") for text in row[1:])]
    console.table(("NAME", *targets), shown)


def cell(change: NameChange) -> str:
    """One name on one target, in a table."""
    mark, _ = MARKS.get(change.op, SILENT)
    return f"{mark} {change.op}" + (" (held)" if change.held else "")
