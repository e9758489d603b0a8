"""Read a Procfile's web line: which server it starts, and which app it hands to it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from paasctl.model import Interface

_ENTRY = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*(?::[A-Za-z_]\w*(?:\(.*\))?)?")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_OPERATORS = re.compile(r"&&|\|\||[;|&<>`]|\$\(")
#: Programs that only start another one.
_PREFIXES = (
    ("exec",), ("poetry", "run"), ("pipenv", "run"), ("uv", "run"), ("newrelic-admin", "run-program"), ("ddtrace-run",),
    ("opentelemetry-instrument",), ("python", "-m"), ("python3", "-m"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Server:
    """A server program. ``flags`` are its options that take no value: after all others the next word is a value."""

    distribution: str
    interface: Interface | None
    flags: frozenset[str]
    elsewhere: frozenset[str] = frozenset()  # options that make the app be found in another folder


_GUNICORN = """-D -R --preload --reload --daemon --capture-output --enable-stdio-inheritance --proxy-protocol
--no-sendfile --check-config --print-config --spew --reuse-port --log-syslog --suppress-ragged-eofs --initgroups
--do-handshake-on-connect --strip-header-spaces --disable-redirect-access-to-syslog --no-control-socket
--permit-obsolete-folding --permit-unconventional-http-method --permit-unconventional-http-version
--casefold-http-method"""
_UVICORN = """--reload --factory --use-colors --no-use-colors --access-log --no-access-log --proxy-headers
--no-proxy-headers --server-header --no-server-header --date-header --no-date-header --reset-contextvars"""
_HYPERCORN = "-D --debug --reload --daemon"
_WAITRESS = "--call --expose-tracebacks --no-expose-tracebacks --no-log-untrusted-proxy-headers --no-ipv4 --no-ipv6"

SERVERS: dict[str, Server] = {
    "gunicorn": Server(
        "gunicorn", None, frozenset(_GUNICORN.split()), frozenset({"--chdir", "--pythonpath", "--paste"})
    ),
    "uvicorn": Server("uvicorn", "asgi", frozenset(_UVICORN.split()), frozenset({"--app-dir"})),
    "hypercorn": Server("hypercorn", "asgi", frozenset(_HYPERCORN.split())),
    "waitress-serve": Server("waitress", "wsgi", frozenset(_WAITRESS.split())),
    "daphne": Server("daphne", "asgi", frozenset({"--proxy-headers"})),
}
_MODULES = {"waitress": "waitress-serve"}
_DEVELOPMENT = (("flask", "run"), ("manage.py", "runserver"), ("fastapi", "dev"))


@dataclass(frozen=True, slots=True)
class ServerCall:
    """What a command line starts.

    ``entry`` is None when the app argument cannot be recognised; ``needs`` are the distributions that the line needs
    installed; ``interface`` is None when the server does not decide it.
    """

    program: str
    entry: str | None
    interface: Interface | None
    needs: tuple[str, ...]


def server_call(command: str) -> ServerCall | None:
    """The server that a command line starts, or None when it is none that is known."""
    words = _words(command)
    if not words:
        return None
    program = _MODULES.get(words[0], words[0].rpartition("/")[2])
    server = SERVERS.get(program)
    if not server:
        return None
    options, positional = _arguments(words[1:], server.flags)
    worker = options.get("-k") or options.get("--worker-class") or ""
    asgi_worker = program == "gunicorn" and "uvicorn" in worker.lower()
    entry = None
    if positional and not server.elsewhere & options.keys():
        entry = _entry(program, positional[0], options)
    needs = (server.distribution, *(("uvicorn",) if asgi_worker else ()))
    return ServerCall(program, entry, "asgi" if asgi_worker else server.interface, needs)


def is_development_server(command: str) -> bool:
    """Whether a command line starts a server that is made for one developer."""
    words = command.replace("/", " ").split()
    return any(pair in pairwise(words) for pair in _DEVELOPMENT)


def web_line(entry: str, interface: Interface) -> str:
    """The web process of an app without a Procfile: gunicorn for WSGI, uvicorn for ASGI."""
    if interface == "wsgi":
        return f"gunicorn {_quoted(entry)}"
    if entry.endswith("()"):
        return f"uvicorn --factory {entry[:-2]}"
    return f"uvicorn {_quoted(entry)}"


def _quoted(entry: str) -> str:
    return f'"{entry}"' if "'" in entry and not re.search(r'["$`\\]', entry) else shlex.quote(entry)


def _words(command: str) -> Sequence[str]:
    """The words after ``exec``, assignments, ``python -m`` and the like; nothing where a shell does more."""
    try:
        words = shlex.split(command)
        if _OPERATORS.search(_unquoted(command)):
            return []
    except ValueError:  # an unclosed quote
        return []
    while words:
        prefix = next((p for p in _PREFIXES if tuple(words[: len(p)]) == p), None)
        if prefix:
            words = words[len(prefix) :]
        elif _ASSIGNMENT.match(words[0]):
            words = words[1:]
        else:
            break
    return words


def set_by(command: str, name: str) -> str:
    """The plain value that a line gives to a variable in front of its program; empty where a shell makes it."""
    try:
        words = shlex.split(command)
    except ValueError:  # an unclosed quote
        return ""
    front = takewhile(_ASSIGNMENT.match, words[1:] if words[:1] == ["exec"] else words)
    value = dict(word.split("=", 1) for word in front).get(name, "")
    return "" if re.search(r"[$`]", value) else value


def _unquoted(command: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"", "", command)


def _arguments(words: Sequence[str], flags: frozenset[str]) -> tuple[dict[str, str], list[str]]:
    options: dict[str, str] = {}
    positional: list[str] = []
    rest = iter(words)
    for word in rest:
        name, equals, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            positional.append(word)
        elif equals or name in flags:
            options[name] = value
        elif re.fullmatch(r"-[A-Za-z]..*", word) and not word.startswith("--"):
            options[word[:2]] = word[2:]  # -w4
        else:
            options[name] = next(rest, "")
    return options, positional


def _entry(program: str, word: str, options: dict[str, str]) -> str | None:
    if program == "hypercorn":
        word = re.sub(r"^(?:asgi|wsgi):(?=[^:]+:)", "", word)
    if not _ENTRY.fullmatch(word):
        return None
    if program == "gunicorn":
        return word if ":" in word else f"{word}:application"
    if ("--factory" in options or "--call" in options) and not word.endswith(")"):
        return f"{word}()"
    return word
