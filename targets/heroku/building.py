"""Brings a bundle to Heroku and starts its build: the archive to a signed address, then one build of it."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from typing import BinaryIO

import requests

from paasctl.bundle import write_tar_gz
from paasctl.errors import PaasctlError, UsageError
from paasctl.model import Bundle, Say
from paasctl.secret import Secret
from paasctl.words import counted

from . import waiting
from .api import Api
from .failures import Uncertain, broken
from .records import HerokuBuild
from .stream import open_session

#: Bytes. Heroku refuses a slug above 500 MB, and the archive is the least that a slug holds.
LARGEST = 500_000_000

#: Seconds to connect, and for each write of the archive.
_TIMEOUT = (5.0, 300.0)
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Source:
    """An uploaded archive: its signed address, and ``SHA256:`` with the digest of its bytes."""

    url: Secret
    checksum: str


def upload(api: Api, bundle: Bundle, say: Say) -> Source:
    """Pack the bundle and put it where Heroku fetches it. Nothing of it is visible to anybody before a build.

    Raises:
        UsageError: the archive is larger than a slug may be.
        PaasctlError: it could not be uploaded.
    """
    with tempfile.TemporaryFile() as archive:
        write_tar_gz(bundle, archive)
        size = archive.tell()
        if size > LARGEST:
            raise UsageError(
                f"the archive has {size // 1_000_000} MB; Heroku's limit is 500 MB",
                hint="leave out what the app does not need with `exclude`",
            )
        archive.seek(0)
        checksum = f"SHA256:{hashlib.file_digest(archive, 'sha256').hexdigest()}"
        to, source = api.source()
        say(f"uploading {counted(len(bundle.files), 'file')}, {_size(size)}")
        _put(to, archive)
    return Source(source, checksum)


def start(api: Api, source: Source, tree: str, note: str, known: frozenset[str], say: Say) -> HerokuBuild:
    """Start one build, and never a second one: when the answer is lost, look whether it exists.

    Args:
        tree: the bundle's digest, which names the build.
        note: where the code came from.
        known: ids of the builds that were there before.

    Raises:
        PaasctlError: Heroku refused, or it is not known whether the build exists.
    """
    blob = {"url": source.url.reveal(), "checksum": source.checksum, "version": tree, "version_description": note}
    try:
        return api.start_build(blob)
    except Uncertain as error:
        say(f"{error.message}; looking whether the build was started")
        return _started(api, tree, known) or api.start_build(blob)


def _started(api: Api, tree: str, known: frozenset[str]) -> HerokuBuild | None:
    for look in waiting.looks(2):  # Heroku may still be writing it down
        found = next((one for one in api.builds(5) if one.tree == tree and one.id not in known), None)
        if found or look == 2:
            return found
    return None


def _put(url: Secret, archive: BinaryIO) -> None:
    """PUT the archive. A signed address takes neither a token nor a content type; the same bytes may go twice."""
    failure: PaasctlError | None = None
    for attempt in range(_ATTEMPTS):
        if attempt:
            waiting.pause(waiting.PAUSES[attempt])
        failure = _put_once(url, archive)
        if failure is None:
            return
    assert failure is not None
    raise failure


def _put_once(url: Secret, archive: BinaryIO) -> PaasctlError | None:
    archive.seek(0)
    with open_session() as session:
        try:
            response = session.put(url.reveal(), data=archive, timeout=_TIMEOUT, allow_redirects=False)
        except requests.RequestException as error:
            told = broken(error, "the host that stores sources for Heroku")
            return PaasctlError(f"uploading failed: {told.message}; nothing has changed", hint="push again")
    if response.status_code < 300:
        return None
    return PaasctlError(
        f"uploading failed: the store answered HTTP {response.status_code}; nothing has changed", hint="push again"
    )


def _size(size: int) -> str:
    return f"{size / 1_000_000:.1f} MB" if size >= 1_000_000 else f"{size / 1000:.1f} kB"
