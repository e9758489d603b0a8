"""Read requirements.txt as pip does: continued lines, nested files, options, hashes; nothing is executed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from paasctl.config.paths import folder_path
from paasctl.errors import UsageError
from paasctl.project.requirement_lines import Line, local_path, refuse_credentials, requirement
from paasctl.textfile import read_text

_COMMENT = re.compile(r"(?:^|\s)#.*$")
_NESTED = re.compile(r"(?:-r|--requirement|-c|--constraint)(?:\s*=\s*|\s+|(?<=-[rc]))(?P<file>.+)")
_EDITABLE = re.compile(r"(?:-e|--editable)(?:\s*=\s*|\s+)(?P<what>.+)")
_QUOTED = re.compile(r"""^(["'])(.*?)\1""")
#: Options of a whole file that are kept as they are. Those with a path or a URL are looked at first.
_OPTIONS = (
    "-i", "--index-url", "--extra-index-url", "--no-index", "-f", "--find-links", "--no-binary", "--only-binary",
    "--prefer-binary", "--require-hashes", "--pre", "--trusted-host", "--use-feature",
)  # fmt: skip
_LINE_OPTION = re.compile(r"\s(--(?:hash|config-settings?|global-option|install-option)(?:\s*=\s*|\s+))(\S+)")


@dataclass(slots=True)
class Requirements:
    """The lines of a file and of all that it includes. ``constraints`` bound versions and install nothing."""

    lines: list[Line] = field(default_factory=list)
    constraints: list[Line] = field(default_factory=list)


def read_requirements(root: Path, file: str) -> Requirements:
    """Read a requirements file of the app.

    Args:
        root: the app's folder.
        file: the file's path in it, with forward slashes.

    Raises:
        UsageError: a file cannot be read, or a line is not what pip understands (``file:line``).
    """
    found = Requirements()
    _Reader(root, found).file(posixpath.normpath(file), constraint=False)
    return found


class _Reader:
    """Each file is read once as requirements and once as constraints, so that cycles end."""

    def __init__(self, root: Path, found: Requirements) -> None:
        self._root, self._found = root, found
        self._seen: set[tuple[str, bool]] = set()

    def file(self, file: str, constraint: bool) -> None:
        if (file, constraint) in self._seen:
            return
        self._seen.add((file, constraint))
        for number, text in _logical_lines(read_text(self._root / file, file).removeprefix("\ufeff")):
            self._line(text, file, f"{file}:{number}", constraint)

    def _line(self, text: str, file: str, where: str, constraint: bool) -> None:
        nested = _NESTED.fullmatch(text)
        if nested:
            self._nested(nested["file"].strip().strip("\"'"), file, where, constraint or text.startswith(("-c", "--c")))
            return
        line = _parsed(text, where)
        into = self._found.constraints if constraint else self._found.lines
        if line not in into:
            into.append(line)

    def _nested(self, name: str, file: str, where: str, constraint: bool) -> None:
        if "://" in name:
            raise UsageError(f"{where}: a nested file cannot be a URL", hint="download it into the app's folder")
        path = folder_path(posixpath.join(posixpath.dirname(file), name))
        if path is None:
            raise UsageError(
                f"{where}: the nested file is not inside the app's folder", hint="copy it into the app's folder"
            )
        if not (self._root / path).is_file():
            raise UsageError(f"{where}: there is no file {path}", hint="paths are relative to the file that names them")
        self.file(path, constraint)


def _parsed(text: str, where: str) -> Line:
    refuse_credentials(text, where)
    editable = _EDITABLE.fullmatch(text)
    if editable:
        what = _unquoted(editable["what"].strip())
        if "://" in what:
            return Line(f"-e {what}")
        return Line(f"-e {local_path(what, where)}", local=True)
    if text.startswith("-"):
        return _option(text, where)
    options = "".join(f" {name.strip(' =')}={value}" for name, value in _LINE_OPTION.findall(f" {text}"))
    line = requirement(_LINE_OPTION.sub("", f" {text}").strip(), where)
    return Line(line.text + options, line.name, line.local)


def _option(text: str, where: str) -> Line:
    name = re.split(r"[\s=]", text, maxsplit=1)[0]
    if name not in _OPTIONS and text[:2] not in ("-i", "-f"):
        raise UsageError(f"{where}: pip's {name} cannot stand in a requirements file", hint="remove the option")
    value = re.split(r"[\s=]+", text, maxsplit=1)[1:] or [""]
    if name in ("-f", "--find-links") and "://" not in value[0]:
        return Line(f"{name} {local_path(_unquoted(value[0]), where)}", local=True)
    return Line(" ".join(text.split()))


def _unquoted(text: str) -> str:
    """An option's value without the quotes around it: pip reads it as a shell does."""
    return _QUOTED.sub(r"\2", text)


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, those that end in a backslash joined; with the number of the first."""
    start, parts = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        start = start or number
        continued = line.endswith("\\") and not line.lstrip().startswith("#")
        parts += f"{line[:-1]} " if continued else line
        if continued:
            continue
        stripped = _COMMENT.sub("", parts).strip()
        if stripped:
            yield start, stripped
        start, parts = 0, ""
    if _COMMENT.sub("", parts).strip():
        yield start, _COMMENT.sub("", parts).strip()
