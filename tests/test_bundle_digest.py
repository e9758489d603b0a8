"""A bundle's digest depends on the files and on nothing else, and a target can recompute it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bundles import ODD_NAMES, TREES, app, commit, contents, make, repository, touch, write

from paasctl.bundle import build, digest, entry_line, mtime

#: What a target does: the format from the docstring of paasctl.bundle, standard library only, Python 3.8.
RECOMPUTE = r"""
import hashlib, os, stat, sys
root = os.fsencode(sys.argv[1])
lines = []
for folder, folders, files in os.walk(root):
    for name in files + [name for name in folders if os.path.islink(os.path.join(folder, name))]:
        full = os.path.join(folder, name)
        mode = os.lstat(full).st_mode
        if stat.S_ISLNK(mode):
            kind, content = "120000", os.readlink(full)
        else:
            kind = "100755" if mode & 0o100 else "100644"
            with open(full, "rb") as stream:
                content = stream.read()
        path = os.path.relpath(full, root)
        lines.append((path, kind.encode() + b" " + hashlib.sha256(content).hexdigest().encode() + b" " + path + b"\0"))
print(hashlib.sha256(b"".join(line for _, line in sorted(lines))).hexdigest())
"""


def recomputed(root: Path) -> str:
    """The digest as another process with another locale and umask computes it."""
    command = [sys.executable, "-X", "utf8=0", "-c", RECOMPUTE, str(root)]
    environ = {"LC_ALL": "C", "PATH": os.environ["PATH"]}
    return subprocess.run(command, env=environ, check=True, text=True, stdout=subprocess.PIPE).stdout.strip()


def test_the_digest_is_the_one_that_a_target_recomputes(tmp_path: Path) -> None:
    touch(tmp_path, ODD_NAMES)
    write(tmp_path, "sub/run.sh", "sub-/a", "sub/deep/x", "sub.py")
    (tmp_path / "sub/run.sh").chmod(0o755)
    (tmp_path / "sub/up").symlink_to("../sub.py")
    (tmp_path / "folder").symlink_to("sub/")
    assert build(app(tmp_path), {}).digest == recomputed(tmp_path)


def test_the_digest_is_the_same_under_any_locale(tmp_path: Path) -> None:
    touch(tmp_path, ODD_NAMES)
    (tmp_path / "link-é").symlink_to("ünïcode-日本語.py")
    program = (
        "import sys; from pathlib import Path; from support.bundles import app; from paasctl.bundle import build;"
        "print(build(app(Path(sys.argv[1])), {}).digest)"
    )
    support = str(Path(__file__).parent)
    digests = set()
    for locale, utf8 in (("C.UTF-8", "1"), ("POSIX", "0"), ("en_US.ISO-8859-1", "0")):
        environ = {"LC_ALL": locale, "PYTHONPATH": support, "PATH": os.environ["PATH"], "PYTHONCOERCECLOCALE": "0"}
        command = [sys.executable, "-X", f"utf8={utf8}", "-c", program, str(tmp_path)]
        digests.add(subprocess.run(command, env=environ, check=True, text=True, stdout=subprocess.PIPE).stdout)
    assert len(digests) == 1


def test_git_and_a_walk_agree_on_the_digest(tmp_path: Path) -> None:
    write(tmp_path, "app.py", "sub/x.py", "a.log")
    write(tmp_path, ".gitignore", content="*.log\n")
    walked = build(app(tmp_path), {}).digest
    commit(repository(tmp_path))
    assert build(app(tmp_path), {}).digest == walked


@given(TREES, st.randoms(), st.sampled_from([0o022, 0o077, 0o002]))
@settings(max_examples=60, deadline=None)
def test_order_times_and_umask_do_not_change_the_digest(files, random, umask) -> None:  # type: ignore[no-untyped-def]
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
        items = list(files.items())
        make(Path(one), items, 0o022)
        random.shuffle(items)
        make(Path(two), [(path, (content, x, (when * 7) % 2**31)) for path, (content, x, when) in items], umask)
        first, second = build(app(Path(one)), {}), build(app(Path(two)), {})
        assert first.digest == second.digest
        assert [(f.path, f.mode, f.mtime, f.digest) for f in first.files] == [
            (f.path, f.mode, f.mtime, f.digest) for f in second.files
        ]


@given(TREES.filter(bool), st.data())
@settings(max_examples=40, deadline=None)
def test_every_change_changes_the_digest(files, data) -> None:  # type: ignore[no-untyped-def]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        make(root, files.items(), 0o022)
        before = build(app(root), {})
        victim = data.draw(st.sampled_from(before.files))
        assert victim.source is not None
        kind = data.draw(st.sampled_from(["content", "mode", "name", "gone"]))
        if kind == "content":
            victim.source.write_bytes(victim.source.read_bytes() + b"!")
        elif kind == "mode":
            victim.source.chmod(0o644 if victim.mode == 0o755 else 0o755)
        elif kind == "name":
            victim.source.rename(victim.source.with_name("renamed-to-something-longer"))
        else:
            victim.source.unlink()
        assert build(app(root), {}).digest != before.digest


def test_an_entry_s_line_is_the_documented_one() -> None:
    assert entry_line(0o100755, "ab", "sub/é\udcff") == b"100755 ab sub/\xc3\xa9\xff\0"
    with pytest.raises(ValueError, match="644"):
        entry_line(0o644, "ab", "x")


def test_the_digest_ignores_the_order_of_entries(tmp_path: Path) -> None:
    write(tmp_path, "b", "a/z", "a-")
    bundle = build(app(tmp_path), {})
    assert digest(reversed(bundle.files)) == bundle.digest


def test_times_derive_from_the_content(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "same.py", content="x = 1\n")
    write(tmp_path, "b.py", content="x = 2\n")
    times = {file.path: file.mtime for file in build(app(tmp_path), {}).files}
    assert times["a.py"] == times["same.py"] != times["b.py"]
    assert mtime("00000000" + "f" * 56) == 946_684_800
    assert 946_684_800 <= mtime("ffffffff" + "0" * 56) < 946_684_800 + 630_720_000


def test_two_builds_of_a_tree_are_equal(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "b/c.py")
    assert build(app(tmp_path), {"x": b"1"}) == build(app(tmp_path), {"x": b"1"})
    assert contents(build(app(tmp_path), {})) != contents(build(app(tmp_path), {"a.py": b""}))
