"""Which names stay on the laptop, which a platform reserves, and which values are fit for development only."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import unquote, urlsplit

from paasctl.errors import UsageError
from paasctl.model import App, Env, PlatformFacts
from paasctl.secret import Secret

#: For the laptop alone, as patterns. Sent to another machine only when the configuration's ``send`` names them.
LOCAL_ONLY = (
    "FLASK_DEBUG", "FLASK_ENV", "FLASK_RUN_*", "DEBUG", "WERKZEUG_*",
    "PATH", "HOME", "PYTHONPATH", "VIRTUAL_ENV",
    "HEROKU_API_KEY", "PYTHONANYWHERE_API_TOKEN", "PAASCTL_TOKEN_*",
)  # fmt: skip

#: The values of ``allow`` in the configuration, each with what it lets pass.
ALLOW = {
    "secret_key": "a SECRET_KEY that is a placeholder or short",
    "localhost": "a database, cache or broker URL at localhost",
    "path": "a path of this machine",
    "sqlite": "an SQLite file that does not outlive a release",
    "encrypted": "a value that dotenvx or sops encrypted",
}
SECRET_KEYS = ("SECRET_KEY", "FLASK_SECRET_KEY", "DJANGO_SECRET_KEY", "JWT_SECRET_KEY")
SHORTEST_KEY = 16

_PLACEHOLDER = re.compile(
    r"change[-_ ]?(me|this|it)|replace[-_ ]?(me|this)|fix[-_ ]?me|to[-_ ]?do|placeholder|example|xxxx"
    r"|your[-_ ]?(own[-_ ]?|very[-_ ]?)?(secret|key|random|django|flask)|super[-_ ]?secret|not[-_ ]?(so[-_ ]?)?secret"
    r"|hard[-_ ]to[-_ ]guess|never[-_ ]guess|keyboard[-_ ]cat|(dev|development|test|testing|my|the|a)[-_ ]secret"
    r"|secret[-_ ]?key|^<.*>$|^(?P<one>.)(?P=one)*$",
    re.IGNORECASE,
)
# a word list must not refuse a random key that happens to hold one of the words
_RANDOM = re.compile(r"(?=.*\d)(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9+/=_.\-]{40,}\Z")
#: How Django's startproject begins a key, which is in the settings that are committed: random, and yet no secret.
_STARTPROJECT = "django-insecure-"
_NETWORK = {
    "postgres", "postgresql", "postgis", "pgsql", "cockroachdb", "mysql", "mysql2", "mysqlgis", "mariadb", "mssql",
    "oracle", "mongodb", "redis", "rediss", "valkey", "valkeys", "memcached", "amqp", "amqps", "pyamqp", "rabbitmq",
    "kafka", "nats", "clickhouse", "elasticsearch", "opensearch", "cassandra", "ldap", "stomp", "mqtt",
}  # fmt: skip
_SQLITE = {"sqlite", "sqlite3", "spatialite"}
_HOMES = re.compile(r"/Users/[^/\s]+/|[A-Za-z]:\\Users\\")


@dataclass(frozen=True, slots=True)
class Finding:
    """A value that would do harm on the target. ``message`` and ``fix`` complete "NAME ..."; they hold no value."""

    name: str
    origin: str
    message: str
    fix: str
    allow_key: str

    def __str__(self) -> str:
        return f'{self.origin}: {self.name} {self.message}; {self.fix} (or allow = ["{self.allow_key}"])'


def local_only(names: Iterable[str], send: Collection[str] = ()) -> tuple[str, ...]:
    """Those of the names that are for the laptop only, sorted, less the ones that ``send`` names."""
    known = set(names)
    patterns: tuple[str, ...] = LOCAL_ONLY
    if "PYTHONANYWHERE_SITE" in known:  # only there is the bare name paasctl's credential, and not the app's own
        patterns = (*LOCAL_ONLY, "API_TOKEN")
    found = (name for name in known if name not in send)
    return tuple(sorted(name for name in found if any(fnmatchcase(name, pattern) for pattern in patterns)))


def reserved(env: Env, facts: PlatformFacts) -> None:
    """Refuse names that the platform keeps for itself.

    Raises:
        UsageError: lists all of them, with ``file:line`` and the reason.
    """
    found = []
    for name in sorted(env.values):
        reason = reserved_reason(name, facts)
        if reason:
            found.append(f"{env.origins.get(name, name)}: {name} cannot be set here: {reason}")
    if found:
        raise UsageError("\n".join(found), hint="take them out of the env file; nothing was sent")


def reserved_reason(name: str, facts: PlatformFacts) -> str:
    """Why a platform reserves a name; empty when it does not."""
    if name in facts.reserved:
        return facts.reserved[name]
    return next((why for key, why in facts.reserved.items() if key.endswith("*") and fnmatchcase(name, key)), "")


def dangerous(
    env: Env,
    app: App,
    facts: PlatformFacts,
    allow: Collection[str],
    examples: Mapping[str, Secret],
    *,
    home: Path | None = None,
) -> list[Finding]:
    """Values that fit the laptop only, of names that would be sent.

    Args:
        allow: keys of :data:`ALLOW` that the configuration lets pass.
        examples: the values of ``.env.example``; a SECRET_KEY equal to it is a placeholder.
        home: the user's home folder on this machine; None means that of this process.
    """
    place = _Place(app, facts, examples, home or Path.home())
    findings = []
    for name, secret in env.values.items():
        for key, message, fix in place.problems(name, secret.reveal()):
            if key not in allow:
                findings.append(Finding(name, env.origins.get(name, "env"), message, fix, key))
    return findings


def depends_on_app(env: Env, facts: PlatformFacts) -> bool:
    """Whether :func:`dangerous` needs to know what of the app persists: for an SQLite file where the disk is kept."""
    return not facts.ephemeral_disk and any(sqlite_file(value.reveal()) for value in env.values.values())


@dataclass(frozen=True, slots=True)
class Comparison:
    """``.env`` against ``.env.example``: names it lacks, has without a value, and has beyond the example."""

    missing: tuple[str, ...]
    empty: tuple[str, ...]
    unknown: tuple[str, ...]


def compare(env: Env, examples: Mapping[str, Secret]) -> Comparison:
    """What ``paasctl env check`` reports; each tuple sorted. A name that the example leaves empty may be empty."""
    mine = env.values
    empty = {name for name in examples if name in mine and not mine[name].reveal() and examples[name].reveal()}
    return Comparison(
        tuple(sorted(set(examples) - set(mine))),
        tuple(sorted(empty)),
        tuple(sorted(set(mine) - set(examples))),
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """The platform and the laptop, as far as values are judged by them."""

    app: App
    facts: PlatformFacts
    examples: Mapping[str, Secret]
    home: Path

    def problems(self, name: str, value: str) -> Iterator[tuple[str, str, str]]:
        """``allow`` key, message and fix of each."""
        if value.startswith(("encrypted:", "ENC[")) or name == "sops_mac":
            yield "encrypted", "is still encrypted (dotenvx or sops)", "put the decrypted value into an env file"
            return
        if name in SECRET_KEYS:
            yield from self._secret_key(name, value)
        if not (self.facts.services_beside_app or self.facts.local) and _at_localhost(value):
            yield "localhost", "points at localhost, where the app will not run", "give the host of the service"
        file = sqlite_file(value)
        if file is not None:
            yield from self._sqlite(file)
        if self.facts.local and self._below(value, self.app.root):
            fix = "give it relative to the app's folder" + (", as in sqlite:///app.db" if file is not None else "")
            yield "path", "holds a path in this checkout, which every release would share with it", fix
        elif not self.facts.local and (self._below(value, self.app.root, self.home) or _HOMES.search(value)):
            yield "path", "holds a path of this machine", "give a path that exists on the target"

    def _secret_key(self, name: str, value: str) -> Iterator[tuple[str, str, str]]:
        fix = f"`paasctl env secret {name}` puts a random one into .env"
        example = self.examples.get(name)
        listed = _PLACEHOLDER.search(value) and not _RANDOM.match(value)
        if listed or value.startswith(_STARTPROJECT) or (example and example.reveal() == value != ""):
            yield "secret_key", "is a placeholder", fix
        elif len(value) < SHORTEST_KEY:
            yield "secret_key", f"has fewer than {SHORTEST_KEY} characters", fix

    def _sqlite(self, file: str) -> Iterator[tuple[str, str, str]]:
        if self.facts.ephemeral_disk:
            yield "sqlite", "is an SQLite file, and the platform's disk is wiped", "use a database server"
            return
        path = posixpath.normpath(file)
        outside = path.startswith(("/", "../"))  # an absolute one is a path of this machine, or of the target
        if not outside and not _persists(path, self.app):
            yield "sqlite", "is an SQLite file inside a release, new with every push", "add the file to `persist`"

    def _below(self, value: str, *folders: Path) -> bool:
        """Whether a value names one of the folders, or something in it."""
        roots = [re.escape(str(folder)) for folder in folders if len(folder.parts) > 1]
        pattern = rf"(?:^|[\s=:;,'\"/(])(?:{'|'.join(roots)})(?=$|[/\s:;,'\")])" if roots else r"(?!)"
        return bool(re.search(pattern, value))


def sqlite_file(value: str) -> str | None:
    """The path of an SQLite URL, relative or absolute; None for anything else and for a database in memory."""
    scheme, separator, rest = value.partition("://")
    if not separator or not set(scheme.lower().split("+")) & _SQLITE:
        return None
    path = unquote(rest.partition("?")[0])[1:]  # three slashes: relative; four: absolute
    if path.startswith("file:"):
        path = path.removeprefix("file:")
    return path if path and path != ":memory:" and "mode=memory" not in value else None


def _persists(path: str, app: App) -> bool:
    # Flask-SQLAlchemy 3 looks for a relative file in instance/
    paths = (path, posixpath.join(app.source, "instance", path)) if app.framework == "flask" else (path,)
    kept = [each.rstrip("/") for each in app.persist]
    return any(one == each or one.startswith(f"{each}/") for one in paths for each in kept)


def _at_localhost(value: str) -> bool:
    scheme, separator, _ = value.partition("://")
    if not separator or not set(scheme.lower().split("+")) & _NETWORK:
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    hosts = [_host(each) for each in parts.netloc.rpartition("@")[2].split(",")]
    if not any(hosts) and re.search(r"(?:^|&)(?:host|unix_socket|unix_sock)=", parts.query):
        return False  # the driver is told the host, or a socket of the platform's own proxy, in the query
    return any(map(_is_loopback, hosts))


def _host(netloc: str) -> str:
    if netloc.startswith("["):
        return netloc[1:].partition("]")[0]
    return netloc.partition(":")[0].lower()


def _is_loopback(host: str) -> bool:
    if host in ("", "localhost", "0.0.0.0", "host.docker.internal") or host.endswith(".localhost"):
        return True  # no host: a socket of the same machine
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
