"""What the files of a bundle hold that its user will not have meant: seen in the few that are suspect by their size."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from paasctl.archive import open_entry
from paasctl.ignore import shown
from paasctl.model import Bundle, BundleFile
from paasctl.words import counted

#: git-lfs writes fewer bytes than this in place of a file
POINTER_SIZE = 200

_POINTER = b"version https://git-lfs.github.com/spec/"
_NAMED = 3


def warnings(code: Bundle) -> Iterator[str]:
    """Sentences about files that git-lfs has not fetched."""
    if pointers := _which(code, _is_pointer):
        yield f"git-lfs has not fetched all files, and pointers are pushed in place of {pointers}; run `git lfs pull`"


def _which(code: Bundle, holds: Callable[[BundleFile], bool]) -> str:
    """The first files that are so, for a sentence; empty when there are none."""
    found = [shown(file.path) for file in code.files if file.source is not None and file.link is None and holds(file)]
    more = [counted(len(found) - _NAMED, "more file")] if len(found) > _NAMED else []
    return ", ".join((*found[:_NAMED], *more))


def _is_pointer(file: BundleFile) -> bool:
    return len(_POINTER) < file.size < POINTER_SIZE and _content(file).startswith(_POINTER)


def _content(file: BundleFile) -> bytes:
    assert file.source is not None  # the others are not asked about
    try:
        with open(file.source, "rb", opener=open_entry) as stream:
            return stream.read(file.size)
    except OSError:  # gone meanwhile: who sends it says so
        return b""
