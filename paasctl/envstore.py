"""Put edited env files on the disk: private, atomic, and proven by reading them back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from paasctl import atomic
from paasctl.dotenv import DEFAULT, evaluate, parse
from paasctl.envfile import distribute, rewrite
from paasctl.errors import PaasctlError, UsageError
from paasctl.ignore import EDIT_MARK
from paasctl.secret import Secret
from paasctl.seen import FOLDER, prepare
from paasctl.textfile import read_bytes


def apply(
    root: Path, files: Sequence[str], changes: Mapping[str, Secret | None], *, tracked: Callable[[str], bool]
) -> tuple[str, ...]:
    """Change values in a target's env files, without touching anything else in them.

    Args:
        root: the app's folder.
        files: the env files in their order, as :attr:`paasctl.model.Env.files` has them; none: ``.env`` is made.
        changes: the new value per name; None takes the name out.
        tracked: says whether git tracks a file of this name.

    Returns:
        The names of the files that were written.
    Raises:
        UsageError: git tracks a file that would hold the values, a file has problems, or a value cannot be written.
        PaasctlError: a file could not be written; it is as it was.
    """
    texts = {file: _text(root / file, file) for file in (files or (DEFAULT,))}
    contents = {file: evaluate(text.removeprefix("\ufeff")) for file, text in texts.items()}
    edits = distribute(contents, changes)
    results = {file: rewrite(texts[file], edits[file], file) for file in edits}
    # the file that wins comes last: cut short before it, every name that it has is as it was, and the same pull goes on
    written = tuple(file for file in texts if file in results and results[file] != texts[file])
    for file in written:
        _refuse_tracked(file, tracked)
    for file in written:
        save(root, file, results[file])
    return written


def save(root: Path, name: str, text: str) -> None:
    """Replace an env file: mode 0600, in one step; a copy of the old one stays until the new one is read back.

    Raises:
        PaasctlError: it could not be written, or reads back differently; the old file is in place.
    """
    real = (root / name).resolve()  # a link stays a link
    data = text.encode()
    try:
        folder, mark = _workshop(root, name, real)
        for left in folder.iterdir():
            if left.name.startswith(mark):  # of a run that was killed
                left.unlink(missing_ok=True)
        old = folder / f"{mark}old"
        _copy(real, old)
        atomic.replace(real, data, mark, folder)
        proven = parse(real.read_bytes(), name) == parse(data, name)
        if not proven and old.exists():
            old.replace(real)
        old.unlink(missing_ok=True)
    except OSError as error:
        raise PaasctlError(f"{name} could not be written ({error.strerror}); it is as it was") from error
    if not proven:
        raise PaasctlError(f"{name} read back differently from what was written; the old one is in place again")


def _workshop(root: Path, name: str, real: Path) -> tuple[Path, str]:
    """Where an env file's copies are while it is written, and how their names begin: in paasctl's own folder, which
    git does not see; or beside the file, where only a rename from there stays on one file system."""
    own = root / FOLDER
    prepare(own)
    if own.stat().st_dev == real.parent.stat().st_dev:
        return own, name.replace("/", "%") + EDIT_MARK
    return real.parent, real.name + EDIT_MARK


def _text(path: Path, name: str) -> str:
    if not path.exists():
        return ""
    data = read_bytes(path, name)
    parse(data, name)  # says what is wrong with the bytes
    return data.decode()


def _refuse_tracked(name: str, tracked: Callable[[str], bool]) -> None:
    if tracked(name):
        raise UsageError(
            f"{name} is tracked by git, so its values would be in the repository; nothing was written",
            hint=f"`git rm --cached {name}`, and add it to .gitignore",
        )


def _copy(source: Path, copy: Path) -> None:
    if source.exists():
        handle = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(source.read_bytes())
            file.flush()
            os.fsync(file.fileno())
