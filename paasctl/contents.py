"""What files of a bundle hold that its user will not have meant: seen in the few that are suspect by size or name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from paasctl.archive import open_entry
from paasctl.ignore import shown
from paasctl.model import Bundle, BundleFile
from paasctl.words import counted

#: git-lfs writes fewer bytes than this in place of a file
POINTER_SIZE = 200
KEY_SIZE = 1 << 15

_POINTER = b"version https://git-lfs.github.com/spec/"
_KEY_NAME = re.compile(r"(?:id_(?:rsa|dsa|ecdsa|ed25519).*|.*\.(?:pem|key))\Z", re.IGNORECASE)
_KEY = re.compile(rb"^-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----", re.MULTILINE)
_NAMED = 3


def warnings(code: Bundle) -> Iterator[str]:
    """Sentences about files that git-lfs has not fetched, and about private keys."""
    if pointers := _which(code, _is_pointer):
        yield f"git-lfs has not fetched all files, and pointers are pushed in place of {pointers}; run `git lfs pull`"
    if keys := _which(code, _is_key):
        yield f"a private key is pushed with the code: {keys}; a line in .paasctlignore keeps a file out"


def _which(code: Bundle, holds: Callable[[BundleFile], bool]) -> str:
    """The first files that are so, for a sentence; empty when there are none."""
    found = [shown(file.path) for file in code.files if file.source is not None and file.link is None and holds(file)]
    more = [counted(len(found) - _NAMED, "more file")] if len(found) > _NAMED else []
    return ", ".join((*found[:_NAMED], *more))


def _is_pointer(file: BundleFile) -> bool:
    return len(_POINTER) < file.size < POINTER_SIZE and _content(file).startswith(_POINTER)


def _is_key(file: BundleFile) -> bool:
    name = file.path.rpartition("/")[2]
    return file.size < KEY_SIZE and bool(_KEY_NAME.match(name)) and bool(_KEY.search(_content(file)))


def _content(file: BundleFile) -> bytes:
    assert file.source is not None  # the others are not asked about
    try:
        with open(file.source, "rb", opener=open_entry) as stream:
            return stream.read(file.size)
    except OSError:  # gone meanwhile: who sends it says so
        return b""
