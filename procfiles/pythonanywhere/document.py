"""Reading ``deploy.json``: everything in it is checked before anything is done with it."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, Optional

from .places import Invalid, read_json

VERSION = 1

#: A file or folder name of ours: no separator, no leading dot, nothing that a shell or a tar would read otherwise.
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,79}")
HEX = re.compile(r"[0-9a-f]{8,128}")
SHA256 = re.compile(r"[0-9a-f]{64}")
ENTRY = re.compile(r"[A-Za-z_][\w.]*(:[A-Za-z_][^\n]{0,200})?")
PYTHON = re.compile(r"3\.\d{1,2}")
URL = re.compile(r"/[\w./~-]{0,200}")

#: No archive of an app is larger; a document that says so is damaged.
LARGEST = 8 * 1024**3
MOST_FILES = 500_000

Document = Dict[str, Any]


def read_deploy(path: str) -> Optional[Document]:
    """The document at ``path``, checked; None when there is none.

    Raises:
        Invalid: it is damaged, or a newer paasctl wrote it.
    """
    document = read_json(path)
    return None if document is None else check_deploy(document)


def check_deploy(document: Document) -> Document:
    """Check a deploy document and the release that it makes live.

    Raises:
        Invalid: it is not one that paasctl writes.
    """
    if document.get("v") != VERSION or isinstance(document.get("v"), bool):
        raise Invalid("deploy.json has another version than this program; push again with the newest paasctl")
    need(document, "id", HEX)
    need(document, "key", SHA256)
    parents = document.get("parents")
    if not isinstance(parents, list) or not all(isinstance(p, str) and HEX.fullmatch(p) for p in parents):
        raise Invalid("deploy.json: parents is not a list of ids")
    for key in ("who", "when"):
        text(document, key)
    releases = document.get("releases")
    if not isinstance(releases, list) or not all(isinstance(r, dict) for r in releases):
        raise Invalid("deploy.json: releases is not a list")
    if "release" not in document:
        raise Invalid("deploy.json does not say what should be live")
    if document["release"] is not None:
        need(document, "release", NAME)
        check_record(record_of(document))
    return document


def record_of(document: Document) -> Document:
    """The record of the release that a document makes live.

    Raises:
        Invalid: it names one that it does not hold.
    """
    for record in document["releases"]:
        if record.get("id") == document["release"]:
            found: Document = record
            return found
    raise Invalid("deploy.json names a release that it does not hold")


def check_record(record: Document) -> Document:
    """Check what one release is made of.

    Raises:
        Invalid: it is not one that paasctl writes.
    """
    need(record, "id", NAME)
    need(record, "python", PYTHON)
    need(record, "entry", ENTRY)
    check_archive(record.get("code"))
    if record.get("layer") is not None:
        check_archive(record["layer"])
    env = record.get("env")
    if not isinstance(env, dict):
        raise Invalid("a release has no env")
    need(env, "id", NAME)
    need(env, "mac", SHA256)
    for key in ("persist",):
        each(record, key, is_relative)
    static = record.get("static")
    if not isinstance(static, dict) or not all(
        is_static_url(url) and isinstance(folder, str) and is_relative(folder) for url, folder in static.items()
    ):
        raise Invalid("a release's static folders are not folders of the app")
    health = record.get("health")
    if not isinstance(health, str) or not health.startswith("/") or len(health) > 1000 or not health.isprintable():
        raise Invalid("a release's health path is not a path")
    if not isinstance(record.get("runtime"), bool):
        raise Invalid("a release does not say whether the runtime is on")
    return record


def check_archive(archive: Any) -> Document:
    """Check the description of an uploaded archive: its name, its parts with their digests, its unpacked size."""
    if not isinstance(archive, dict):
        raise Invalid("a release's archive is not described")
    need(archive, "name", NAME)
    number(archive, "bytes", LARGEST)
    number(archive, "files", MOST_FILES)
    parts = archive.get("parts")
    if not isinstance(parts, list) or not 1 <= len(parts) <= 200:
        raise Invalid("an archive has no parts")
    for part in parts:
        if not isinstance(part, dict):
            raise Invalid("an archive's part is not described")
        need(part, "name", NAME)
        need(part, "sha256", SHA256)
        number(part, "size", LARGEST)
    return archive


def need(document: Mapping[str, Any], key: str, pattern: re.Pattern[str]) -> str:
    """A text of the document that matches a pattern."""
    value = document.get(key)
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise Invalid("%s is missing or not what paasctl writes" % key)
    return value


def text(document: Mapping[str, Any], key: str) -> str:
    """A short text for people."""
    value = document.get(key)
    if not isinstance(value, str) or len(value) > 1000:
        raise Invalid("%s is missing or too long" % key)
    return value


def number(document: Mapping[str, Any], key: str, most: int) -> int:
    """A whole number from 0 to ``most``."""
    value = document.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Invalid("%s is not a number in range" % key)
    return value


def each(document: Mapping[str, Any], key: str, good: Callable[[str], bool]) -> List[str]:
    """A list of texts, each of which passes a check."""
    values = document.get(key)
    if not isinstance(values, list) or not all(isinstance(value, str) and good(value) for value in values):
        raise Invalid("%s is not what paasctl writes" % key)
    return values


def is_static_url(url: str) -> bool:
    """Is this a URL that a folder of static files may have? Its parts name the folder that the copies lie in."""
    return URL.fullmatch(url) is not None and is_relative(url.strip("/") or "root")


def is_relative(path: str) -> bool:
    """Is this a path below a folder, with neither a way out nor an empty part? A ``/`` at its end is allowed."""
    parts = (path[:-1] if path.endswith("/") else path).split("/")
    return len(path) < 4000 and all(part not in ("", ".", "..") and "\0" not in part for part in parts)
