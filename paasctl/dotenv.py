"""Read ``.env`` files strictly and hermetically: whatever is unclear is an error with ``file:line``, never a guess."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dotenv.parser import Binding, parse_stream
from dotenv.variables import Variable, parse_variables

from paasctl.errors import UsageError
from paasctl.model import Env
from paasctl.secret import Secret
from paasctl.textfile import read_bytes

DEFAULT = ".env"
EXAMPLE = ".env.example"
FLASKENV = ".flaskenv"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")

_LITERAL = "write each `${` of a value that is meant literally as `${:-$}{`"
_WRITE = "write each as NAME=value, once in a file, with quotes around spaces and line ends; nothing was sent"
_SHOWN = 20
#: what encoders of base64 wrap, and its padded last line (which has no underscore, as names of several words do)
_LONG = re.compile(r"=[^\S\n]*([A-Za-z0-9+/]{60,})\s*\Z")
_PADDED = re.compile(r"([A-Za-z][A-Za-z0-9]*)(==?)\s*\Z")
_WRAPS = (64, 76)


@dataclass(frozen=True, slots=True)
class Statement:
    """One ``NAME=value`` of a file; ``value`` is as python-dotenv parses it, before ``${X}`` is resolved."""

    name: str
    value: Secret
    line: int


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a line. ``name`` is empty when the line is too broken to be sure of one."""

    line: int
    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Contents:
    """What one file says: its statements in order, the value of each name, and everything that is wrong with it."""

    statements: tuple[Statement, ...]
    values: Mapping[str, Secret]
    problems: tuple[Problem, ...]

    @property
    def lines(self) -> dict[str, int]:
        """The line on which each name is set."""
        return {statement.name: statement.line for statement in self.statements}


def read(root: Path, files: Sequence[str] | None, target: str, origin: str = "") -> Env:
    """Read the env files of a target, later ones winning name by name.

    Args:
        root: the app's folder; origins and messages are relative to it.
        files: the files that the configuration names, all of which must exist; None means ``.env``, then
            ``.env.TARGET``, whichever there are. FLASK_APP alone also comes from ``.flaskenv``.
        target: the target's name.
        origin: where the configuration names ``files``, as ``file:line``.

    Raises:
        UsageError: a file is missing, unreadable or not UTF-8, or says something that is not plain. Messages give
            ``file:line`` and never a value.
    """
    for name in files or () if origin else ():
        if not (root / name).exists():
            raise UsageError(f"{origin}: the env file {name} is not there", hint=f"write {name}, or mend `env = [...]`")
    layers = [(name, path) for name, path in _layers(root, files, target) if files is not None or _present(path, name)]
    contents = {name: parse(read_bytes(path, name), name) for name, path in layers}
    refuse(contents)
    values, origins = _flask_app(root)
    for name, content in contents.items():
        values.update(content.values)
        origins.update({key: f"{name}:{line}" for key, line in content.lines.items()})
    return Env(values, origins, tuple(contents), managed=bool(contents))


def read_example(root: Path) -> dict[str, Secret] | None:
    """The names and placeholder values of ``.env.example``, read leniently; None where there is no such file.

    Raises:
        UsageError: the file cannot be read or is not UTF-8.
    """
    path = root / EXAMPLE
    if not _present(path, EXAMPLE):
        return None
    text = decode(read_bytes(path, EXAMPLE), EXAMPLE)
    return {b.key: Secret(b.value or "") for _, b in _bindings(text) if b.key and NAME.match(b.key)}


def decode(data: bytes, name: str) -> str:
    """The text of an env file, without its byte order mark; line ends as they are.

    Raises:
        UsageError: it is not UTF-8, or holds a NUL character.
    """
    text, bad = "", data.find(b"\0")
    what = "a NUL character"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        bad, what = error.start, "a byte that is not UTF-8"
    if bad >= 0:  # raised out here: the decoding error would carry the file's bytes into a traceback
        line = data[:bad].count(b"\n") + 1
        raise UsageError(f"{name}:{line}: {what}; nothing was sent", hint=f"save {name} as UTF-8 text")
    return text


def parse(data: bytes, name: str) -> Contents:
    """What the bytes of one env file say. ``${X}`` sees the file's earlier names only, as with python-dotenv.

    Raises:
        UsageError: the bytes are not text; anything else that is wrong is in ``problems``.
    """
    return evaluate(decode(data, name))


def evaluate(text: str) -> Contents:
    """What the text of one env file says."""
    values: dict[str, Secret] = {}
    statements: list[Statement] = []
    problems: list[Problem] = []
    lines: dict[str, int] = {}
    later = {b.key: line for line, b in _bindings(text) if b.key}
    above = ""
    for line, binding in _bindings(text):
        problem = _broken(binding, line, lines) or _wrapped(binding, line, above)
        above = binding.original.string if binding.key else ""
        if problem:
            problems.append(problem)
        if binding.key is None or binding.value is None or (problem and not problem.name):
            continue
        undefined = next(_undefined(binding.value, values), None)
        if undefined is not None:
            problems.append(Problem(line, _explain(binding.key, undefined, later), binding.key))
        lines[binding.key] = line
        statements.append(Statement(binding.key, Secret(binding.value), line))
        values[binding.key] = Secret(_resolve(binding.value, values))
    return Contents(tuple(statements), values, tuple(problems))


def refuse(contents: Mapping[str, Contents]) -> None:
    """Stop when files, by name, have problems.

    Raises:
        UsageError: lists them, each with ``file:line``.
    """
    found = [f"{name}:{p.line}: {p.text}" for name, content in contents.items() for p in content.problems]
    if found:
        more = f"\n... and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        hint = f"{_WRITE} ({_LITERAL})" if "${" in "".join(found) else _WRITE
        raise UsageError("\n".join(found[:_SHOWN]) + more, hint=hint)


def _layers(root: Path, files: Sequence[str] | None, target: str) -> list[tuple[str, Path]]:
    names = (DEFAULT, f"{DEFAULT}.{target}") if files is None else files
    return [(name, root / name) for name in dict.fromkeys(names)]


def _present(path: Path, name: str) -> bool:
    if path.is_symlink() and not path.exists():
        raise UsageError(f"{name} is a link to a file that does not exist", hint=f"repair or remove {name}")
    return path.exists()


def _flask_app(root: Path) -> tuple[dict[str, Secret], dict[str, str]]:
    path = root / FLASKENV
    if not _present(path, FLASKENV):
        return {}, {}
    content = parse(read_bytes(path, FLASKENV), FLASKENV)
    mattering = tuple(p for p in content.problems if p.name in ("", "FLASK_APP"))
    refuse({FLASKENV: Contents(content.statements, content.values, mattering)})
    if "FLASK_APP" not in content.values:
        return {}, {}
    return {"FLASK_APP": content.values["FLASK_APP"]}, {"FLASK_APP": f"{FLASKENV}:{content.lines['FLASK_APP']}"}


def _bindings(text: str) -> Iterator[tuple[int, Binding]]:
    """python-dotenv's statements and the line on which each begins (its own count includes blank lines before)."""
    # None: inside quotes too, python-dotenv reads CRLF as LF
    for binding in parse_stream(io.StringIO(text, newline=None)):
        string = binding.original.string
        blank = string[: len(string) - len(string.lstrip())]
        yield binding.original.line + blank.count("\n"), binding


def _broken(binding: Binding, line: int, earlier: Mapping[str, int]) -> Problem | None:
    # Names are shown only where they are certainly names: the inner lines of an unquoted key file parse as names too.
    if binding.error:
        return Problem(
            line,
            "this is not `NAME=value` (a space in the name, a quote that is not closed, text after a quote?)",
        )
    if binding.key is None:
        return None
    if binding.value is None:
        return Problem(line, "there is no `=` (a value of several lines must be in quotes)")
    if not NAME.match(binding.key):
        return Problem(line, "the name is not letters, digits and `_`, or begins with a digit")
    if binding.key in earlier:
        return Problem(line, f"{binding.key} is already set on line {earlier[binding.key]}", binding.key)
    return None


def _wrapped(binding: Binding, line: int, above: str) -> Problem | None:
    if _is_rest(binding.original.string, above):
        return Problem(line, "this is the end of the value above (a value of several lines must be in quotes)")
    return None


def _is_rest(string: str, above: str) -> bool:
    """Whether a statement is surely the last line of base64 that begins on the line above, as openssl wraps it.

    ``ab==`` is, and so is ``xYz=`` where the line above ends where a wrap does; ``MAIL_URL=`` and ``URL=`` are names.
    """
    begun, rest = _LONG.search(above), _PADDED.match(string)
    if not begun or not rest or len(begun[1]) % 4 or len(rest[1] + rest[2]) % 4:
        return False
    if rest[2] == "==":
        return True
    name = rest[1]
    return len(begun[1]) in _WRAPS and name != name.upper() and not (name.islower() and name.isalpha())


def _undefined(value: str, known: Mapping[str, Secret]) -> Iterator[str]:
    for atom in parse_variables(value):
        if isinstance(atom, Variable) and atom.default is None and atom.name not in known:
            yield atom.name


def _explain(name: str, undefined: str, lines: Mapping[str, int]) -> str:
    # What stands in the braces may be a piece of a password; it is shown only when the file itself uses it as a name.
    if undefined in lines and NAME.match(undefined):
        return f"{name} uses ${{{undefined}}}, which is set only on line {lines[undefined]}; set it above"
    return f"{name} uses a ${{...}} that is not set above in this file"


def _resolve(value: str, known: Mapping[str, Secret]) -> str:
    names = {atom.name for atom in parse_variables(value) if isinstance(atom, Variable)}
    plain = {name: known[name].reveal() for name in names if name in known}
    return "".join(atom.resolve(plain) for atom in parse_variables(value))
