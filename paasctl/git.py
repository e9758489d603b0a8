"""What git knows of the app's folder: its files, where the code came from, and whether ``.env`` is safe."""

from __future__ import annotations

import getpass
import os
import re
import socket
import stat
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from paasctl.errors import UsageError
from paasctl.ignore import Rules, decode, on_disk, shown, unreadable
from paasctl.model import Provenance
from paasctl.words import counted

# git sets these for its hooks and aliases, and then every git below them looks at another repository or index
KEPT = re.compile(r"GIT_(CONFIG_(GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|CEILING_DIRECTORIES|EXEC_PATH)$")
UNOPENED = re.compile(rb"could not open directory '(.*)/': (.*)")
SUBMODULE = b"160000 "
#: how `git ls-files -t` marks what it tracks and does not want on the disk
SKIPPED = b"S "


@dataclass(frozen=True, slots=True)
class _Answer:
    """What git said. ``ok`` is false as well where there is no git at all."""

    ok: bool
    out: bytes = b""
    err: bytes = b""

    @property
    def records(self) -> list[bytes]:
        return [record for record in self.out.split(b"\0") if record]

    @property
    def foreign(self) -> bool:
        """Git refuses because the repository belongs to another user."""
        return b"dubious ownership" in self.err


def _git(root: Path, *arguments: str) -> _Answer:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_") or KEPT.match(name)}
    # names are names and not patterns; nothing is written, not even the index; messages are ours to read
    environ |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_LITERAL_PATHSPECS": "1", "GIT_TERMINAL_PROMPT": "0"}
    try:
        done = subprocess.run(["git", *arguments], cwd=root, env=environ, stdin=subprocess.DEVNULL, capture_output=True)
    except OSError:
        return _Answer(False)
    return _Answer(done.returncode == 0, done.stdout, done.stderr)


def listing(root: Path, rules: Rules) -> list[str] | None:
    """The files that git tracks below a folder, and the untracked ones that it does not ignore.

    Submodules and other repositories inside are listed too. Files that are tracked and deleted are still named.

    Returns:
        Paths relative to ``root``, unordered; None where git has nothing to say: no git, no repository, one that
        belongs to somebody else, or a folder that the repository around it ignores.
    Raises:
        UsageError: a folder is unreadable, or a submodule or a file is not checked out.
    """
    return _listing(root, rules) or None


def _listing(root: Path, rules: Rules) -> list[str] | None:
    answer = _git(root, "ls-files", "-z", "-t", "--cached", "--others", "--exclude-standard")
    if not answer.ok:
        return None
    _refuse_unopened(answer, rules)
    _refuse_sparse(root, answer, rules)
    found: set[str] = set()
    for record in answer.records:
        path = decode(record[2:]).rstrip("/")
        inside = _nested(root, path, rules) if _is_folder(on_disk(root, path)) else [path]
        if inside is None:
            return None
        found.update(inside)
    return list(found)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _nested(root: Path, path: str, rules: Rules) -> list[str] | None:
    """The files of a repository inside the repository: a submodule, or a clone that nobody added; None as above."""
    if rules.excludes(path, folder=True):
        return []
    inner = on_disk(root, path)
    if (inner / ".git").exists():
        names = _listing(inner, Rules())
        return None if names is None else [f"{path}/{name}" for name in names]
    staged = _git(root, "ls-files", "-z", "--stage", "--", str(inner))
    if any(record.startswith(SUBMODULE) for record in staged.records):
        raise UsageError(
            f"the submodule {shown(path)} is not checked out, so its files cannot be pushed",
            hint="run `git submodule update --init --recursive`, or exclude it",
        )
    return []  # a tracked file that became a folder: what is in it is listed by itself


def _refuse_unopened(answer: _Answer, rules: Rules) -> None:
    """Git only warns about a folder that it cannot open, and would leave its files out in silence."""
    for match in UNOPENED.finditer(answer.err):
        path = decode(match[1])
        if not rules.excludes(path, folder=True):
            raise unreadable(f"{path}/", OSError(0, decode(match[2])))


def _refuse_sparse(root: Path, answer: _Answer, rules: Rules) -> None:
    """A sparse checkout has only some of the files. What is marked so and there all the same is pushed."""
    marked = [decode(record[2:]) for record in answer.records if record.startswith(SKIPPED)]
    absent = [path for path in marked if not os.path.lexists(on_disk(root, path)) and not rules.excludes(path)]
    if absent:
        more = f" and {counted(len(absent) - 1, 'more file')}" if len(absent) > 1 else ""
        are = "are" if more else "is"
        raise UsageError(
            f"{shown(min(absent))}{more} {are} in git and not checked out (sparse checkout), so cannot be pushed",
            hint="run `git sparse-checkout disable`, or exclude what the app does not need",
        )


def provenance(root: Path) -> Provenance:
    """Who pushes from where, and which commit. Outside git everything but ``who`` is empty.

    Untracked files count as dirty when they would be pushed. A repository without a remote is never unpushed.
    """
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=all", "-z", "--", ".")
    if not status.ok:
        return Provenance(who())
    heads = dict(record[len(b"# branch.") :].split(b" ", 1) for record in status.records if record[:9] == b"# branch.")
    commit, branch = decode(heads.get(b"oid", b"")), decode(heads.get(b"head", b""))
    if commit == "(initial)":
        commit = ""
    return Provenance(
        who=who(),
        commit=commit,
        branch="" if branch == "(detached)" else branch,
        dirty=any(_counts(record) for record in status.records),
        unpushed=bool(commit) and _unpushed(root),
    )


def _counts(record: bytes) -> bool:
    if record.startswith(b"? "):
        return not Rules().excludes(decode(record[2:].rstrip(b"/")), folder=record.endswith(b"/"))
    return not record.startswith(b"# ")


def _unpushed(root: Path) -> bool:
    if not _git(root, "remote").out:
        return False
    return bool(_git(root, "rev-list", "--max-count=1", "HEAD", "--not", "--remotes").out)


def who() -> str:
    """``user@machine``, as it is recorded with releases and env names."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a uid without a name, as in many containers
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def tracked(root: Path, name: str) -> bool:
    """Whether git tracks a file of this name, be it on the disk or not."""
    return bool(_git(root, "ls-files", "-z", "--cached", "--", name).out)


def persist_notes(root: Path, persist: Iterable[str]) -> tuple[str, ...]:
    """Sentences about tracked files that no release will have, because their folder persists on the target.

    An empty file that only makes a folder exist (``.gitkeep``, ``.gitignore``) is none of them.
    """
    names = list(persist)
    if not names:
        return ()
    found = [os.fsdecode(record) for record in _git(root, "ls-files", "-z", "--cached", "--", *names).records]
    files = [path for path in found if not path.rpartition("/")[2].startswith((".git", ".keep"))]
    if not files:
        return ()
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return (
        f"{shown(files[0])}{more}, which git tracks, is not pushed: what lies under a persist path is the target's own",
    )


def env_warnings(root: Path, files: Iterable[str | Path]) -> tuple[str, ...]:
    """Sentences about env files that others can see, each with the fix.

    Args:
        root: the app's folder.
        files: the env files, absolute or relative to ``root``; those that do not exist are passed over.
    """
    names = [os.path.relpath(root / file, root) for file in files if (root / file).is_file()]
    answer = _git(root, "ls-files", "-z", "--cached", "--", *names) if names else _git(root, "rev-parse", "--git-dir")
    some = bool(answer.out) or (len(names) > 1 and not answer.ok)  # one of them may be outside the repository
    warnings = [*_foreign_warning(root, answer)]
    for name in names:
        warnings += [*(_tracked_warning(root, name) if some else ()), *_mode_warning(root, name)]
    return tuple(warnings)


def _foreign_warning(root: Path, answer: _Answer) -> Iterable[str]:
    if answer.foreign:
        yield (
            "git does not read this folder because it belongs to another user, so the files were found without git "
            f"and commit and branch are unknown; `git config --global --add safe.directory {root}` trusts it"
        )


def _tracked_warning(root: Path, name: str) -> Iterable[str]:
    if tracked(root, name):
        yield (
            f"{shown(name)} is tracked by git, so whoever can read the repository can read its values: run "
            f"`git rm --cached {shown(name)}`, add {shown(name)} to .gitignore, and rotate the secrets in it"
        )


def _mode_warning(root: Path, name: str) -> Iterable[str]:
    mode = stat.S_IMODE((root / name).stat().st_mode)
    if mode & (stat.S_IRGRP | stat.S_IROTH):
        yield f"{shown(name)} can be read by other users here (mode {mode:04o}): run `chmod 600 {shown(name)}`"
