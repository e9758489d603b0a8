"""The byte-code of virtual environments that share files: taken over where it is right, compiled everywhere else."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from paasctl.procfiles.host import bytecode

PACKAGE = "lib/python3/site-packages/shop"


def test_a_tree_is_compiled_where_it_can_be_and_checked_by_its_source(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/good.py").write_text("VALUE = 1\n")
    (tmp_path / "app/bad.py").write_text("def f(:\n")
    (tmp_path / "app/lost.py").symlink_to("nowhere")
    (tmp_path / "later.py").write_text("VALUE = 2\n")
    subprocess.run([sys.executable, "-I", "-c", bytecode.COMPILE, str(tmp_path)], check=True, capture_output=True)
    made = {path.name.partition(".")[0]: path.read_bytes() for path in tmp_path.rglob("*.pyc")}
    assert set(made) == {"good", "later"}
    assert {code[4:8] for code in made.values()} == {b"\x03\0\0\0"}, "PEP 552: by its hash, which is checked"


def test_byte_code_that_a_full_disk_cut_short_is_removed(tmp_path: Path) -> None:
    """Python 3.11 puts it in place; here what it puts there is cut, and the write of another one fails."""
    (tmp_path / "short.py").write_text("VALUE = 1\n")
    (tmp_path / "stale.py").write_text("VALUE = 2\n")
    stale = Path(importlib.util.cache_from_source(str(tmp_path / "stale.py")))
    stale.parent.mkdir()
    stale.write_bytes(importlib.util.MAGIC_NUMBER + b"\x03\0\0\0" + b"\0" * 8 + b"\xe3")
    cutting = """import importlib._bootstrap_external as external
real = external._write_atomic
def cut(path, data, mode=0o666):
    if "stale" in path: raise OSError(28, "No space left on device")
    real(path, data[:40], mode)
external._write_atomic = cut
"""
    subprocess.run([sys.executable, "-I", "-c", cutting + bytecode.COMPILE, str(tmp_path)], check=True)
    assert list(tmp_path.rglob("*.pyc")) == []


def environment(root: Path, name: str, **modules: str | Path) -> Path:
    """A virtual environment's folder with a package; a path is linked as installers do, a text is a file of its own."""
    place = root / name
    (place / PACKAGE).mkdir(parents=True)
    (place / "bin").mkdir()
    (place / "bin/python").symlink_to(sys.executable)
    for module, content in modules.items():
        path = place / PACKAGE / f"{module}.py"
        if isinstance(content, Path):
            path.hardlink_to(content)
        else:
            path.write_text(content)
    return place


def compiled(place: Path, module: str) -> Path:
    return Path(importlib.util.cache_from_source(str(place / PACKAGE / f"{module}.py")))


def printed(place: Path, module: str) -> str:
    code = f"import shop.{module} as m; print(m.VALUE, m.f.__code__.co_filename)"
    words = [sys.executable, "-B", "-c", code]
    path = {"PYTHONPATH": str(place / PACKAGE / "..")}
    return subprocess.run(words, env=path, capture_output=True, text=True, check=True).stdout.strip()


def text(value: int) -> str:
    return f"VALUE = {value}\ndef f(): pass\n"


def test_byte_code_of_the_same_file_is_taken_over(tmp_path: Path) -> None:
    first = environment(tmp_path, "first", same=text(1), other=text(1), alone=text(1))
    bytecode.prepare(str(first), [])
    second = environment(tmp_path, "second", same=first / PACKAGE / "same.py", other=text(2), new=text(3))
    bytecode.prepare(str(second), [str(first)])
    assert compiled(second, "same").samefile(compiled(first, "same"))
    for module, value in (("same", 1), ("other", 2), ("new", 3)):
        shown = printed(second, module)
        assert shown.startswith(f"{value} ") and "/second/" in shown, "a traceback names the file that runs"
    assert not compiled(second, "other").samefile(compiled(first, "other"))
    assert not compiled(second, "alone").exists()
    assert printed(first, "other").startswith("1 ")


@pytest.mark.parametrize("broken", ["def (", "\0"])
def test_what_does_not_compile_is_left_alone(tmp_path: Path, broken: str) -> None:
    place = environment(tmp_path, "first", old=broken, new=text(1))
    bytecode.prepare(str(place), [str(tmp_path / "gone")])
    assert compiled(place, "new").exists() and not compiled(place, "old").exists()
