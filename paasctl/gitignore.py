"""Patterns in the syntax of .gitignore, matched entry by entry on the way down, as git does it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One line: what the whole path, and what its last part, must look like.

    pathspec compiles the line. It lets a pattern match all that is below a folder as well. Git does not: it never looks
    below an ignored folder, and below one that is included again the pattern has no say. So the last part is asked
    too, and the number of parts where the pattern fixes it (``depth``; 0 where it does not). ``folders``: no files.
    """

    path: GitIgnoreSpec
    name: GitIgnoreSpec
    depth: int
    folders: bool

    @classmethod
    def of(cls, line: str) -> _Pattern:
        from pathspec import GitIgnoreSpec

        line = _without_trailing_spaces(line)
        if line.endswith(("/**", "/**/")):  # what is inside; to pathspec the folder itself is inside too
            line = line.rstrip("/") + "/*" + "/" * line.endswith("/")
        core = line.removeprefix("!").rstrip("/")
        parts = core.removeprefix("/").split("/")
        free = "**" in parts or "/" not in core
        last = "/" + parts[-1] if free else "*"
        whole, end = GitIgnoreSpec.from_lines([line]), GitIgnoreSpec.from_lines([last])
        return cls(whole, end, depth=0 if free else len(parts), folders=line.endswith("/"))

    def says(self, path: str, name: str, folder: bool) -> bool | None:
        if self.folders and not folder:
            return None
        if self.depth and self.depth != path.count("/") + 1:
            return None
        if not self.name.match_file(name):
            return None
        return self.path.check_file(path + "/" * folder).include


@dataclass(frozen=True, slots=True)
class Patterns:
    """The lines of one ignore file."""

    lines: tuple[_Pattern, ...] = ()

    @classmethod
    def of(cls, lines: Iterable[str]) -> Patterns:
        """Compile patterns.

        Raises:
            ValueError: one of them means nothing.
        """
        compiled = (_Pattern.of(line) for line in lines if line.strip() and not line.startswith("#"))
        return cls(tuple(compiled))

    def __bool__(self) -> bool:
        return bool(self.lines)

    def say(self, path: str, *, folder: bool) -> bool | None:
        """Whether this very path is ignored (True), included again (False), or not mentioned (None).

        Args:
            path: relative to the folder of the ignore file. The folders above it have been asked before.
        """
        name = path.rpartition("/")[2]
        for line in reversed(self.lines):
            said = line.says(path, name, folder)
            if said is not None:
                return said
        return None


def _without_trailing_spaces(line: str) -> str:
    bare = line.rstrip(" ")
    escaped = (len(bare) - len(bare.rstrip("\\"))) % 2 == 1  # an escaped backslash escapes no space
    return line[: len(bare) + escaped]


def means_something(line: str) -> bool:
    """Whether a line can be compiled; git passes over those that cannot."""
    try:
        Patterns.of([line])
    except ValueError:
        return False
    return True
