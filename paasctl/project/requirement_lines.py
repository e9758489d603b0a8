"""Check one pip requirement or option and bring it into its normal form; nothing is looked up anywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from paasctl.config.paths import folder_path
from paasctl.errors import UsageError

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s;'\"]+")
_REFERENCE = re.compile(r"\$\{[A-Z0-9_]+\}")
_ARCHIVE = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2")
_VCS = ("git+", "hg+", "svn+", "bzr+")


@dataclass(frozen=True, slots=True)
class Line:
    """A requirement in its normal form. ``name`` is empty where it cannot be known; ``local`` points into the app."""

    text: str
    name: str = ""
    local: bool = False


def requirement(text: str, where: str) -> Line:
    """One requirement: ``flask>=3 ; python_version > "3.8"``, a URL, or a path in the app's folder.

    Args:
        text: the requirement, without options.
        where: ``file:line``, for messages.

    Raises:
        UsageError: it is none, holds a credential, or points out of the app's folder.
    """
    refuse_credentials(text, where)
    if _is_path(text):
        return Line(local_path(text, where), local=True)
    if text.startswith(_VCS) or "://" in text.partition(" ")[0]:
        return _url(text, where)
    try:
        parsed = Requirement(text)
    except InvalidRequirement as error:
        shown = "" if "://" in text else f": {text[:60]}"
        raise UsageError(f"{where}: this is not a pip requirement{shown}", hint=_hint(text)) from error
    if parsed.url and parsed.url.startswith("file:"):
        _refuse_outside(where)
    name = canonicalize_name(parsed.name)
    # written out here and not by str(): the digest must not depend on the version of the library
    extras = f"[{','.join(sorted(parsed.extras))}]" if parsed.extras else ""
    version = f" @ {parsed.url}" if parsed.url else str(parsed.specifier)
    marker = f" ; {parsed.marker}" if parsed.marker else ""
    return Line(f"{name}{extras}{version}{marker}", name)


def local_path(text: str, where: str) -> str:
    """A path in the app's folder, with its extras and marker, as ``./path``.

    Raises:
        UsageError: it is absolute or leaves the folder.
    """
    path, semicolon, marker = text.partition(";")
    match = re.fullmatch(r"(?P<path>[^\[]*)(?P<extras>\[[^\]]*\])?", path.removeprefix("file:").strip())
    given = match["path"].strip() if match else path.strip()
    inside = "." if given in (".", "./") else folder_path(given)
    if inside is None:
        _refuse_outside(where)
    plain = "." if inside == "." else f"./{inside.rstrip('/')}"
    extras = (match["extras"] or "") if match else ""
    return f"{plain}{extras}" + (f" ; {marker.strip()}" if semicolon else "")


def refuse_credentials(text: str, where: str) -> None:
    """Refuse a URL that holds a password or a token; ``${NAME}`` in its place is fine.

    Raises:
        UsageError: there is one. It is not shown.
    """
    for url in _URL.findall(text):
        try:
            parts = urlsplit(url)
            secrets = [parts.password or ""]
            if "ssh" not in parts.scheme:  # ssh://git@host: a user's name is no secret there
                secrets.append(parts.username or "")
        except ValueError as error:
            raise UsageError(f"{where}: the URL is not valid", hint="correct it") from error
        if any(secret and not _REFERENCE.fullmatch(secret) for secret in secrets):
            raise UsageError(
                f"{where}: a URL holds a user name, password or token",
                hint="write ${NAME} in its place and set NAME where packages are installed, or use ~/.netrc there; "
                "revoke it if it was ever committed",
            )


def _url(text: str, where: str) -> Line:
    if text.startswith("file:"):
        _refuse_outside(where)
    egg = re.search(r"#(?:.*&)?egg=([A-Za-z0-9._-]+)", text)
    return Line(" ".join(text.split()), canonicalize_name(egg[1]) if egg else "")


def _refuse_outside(where: str) -> NoReturn:
    raise UsageError(
        f"{where}: the path is not inside the app's folder, so the target will not have it",
        hint="move it into the app's folder and write ./path, or publish it and name it with a version",
    )


def _is_path(text: str) -> bool:
    start = re.split(r"[\s;\[]", text, maxsplit=1)[0]
    if "://" in start or " @ " in text:
        return False
    return start.startswith((".", "/", "~", "file:")) or "/" in start or start.endswith(_ARCHIVE)


def _hint(text: str) -> str:
    single = re.fullmatch(r"([A-Za-z0-9._-]+)\s*=\s*([0-9][\w.]*)", text)
    return f"write {single[1]}=={single[2]}" if single else "write it as name==version"
