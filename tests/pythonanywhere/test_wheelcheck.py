"""What may be sent to PythonAnywhere as dependencies, and what only looks as if it may."""

import importlib
from pathlib import Path

import pytest

from paasctl.target import load

wheelcheck = importlib.import_module(load("pythonanywhere").__module__ + ".wheelcheck")
ELF = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x03\0\x3e\0" + b"\0" * 20
ARM = ELF[:18] + b"\xb7\0" + ELF[20:]
BITS32 = b"\x7fELF\x01" + ELF[5:]


def package(folder: Path, name: str, tags: list[str], files: dict[str, bytes] | None = None) -> None:
    files = files or {f"{name}.py": b"x = 1\n"}
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir(parents=True)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (info / "WHEEL").write_text("Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags))
    (info / "RECORD").write_text("".join(f'"{path}",sha256=x,1\n' for path in files))


@pytest.mark.parametrize(
    ("tag", "good"),
    [
        ("py3-none-any", True),
        ("py2.py3-none-any", True),
        ("py2-none-any", False),
        ("py311-none-any", True),
        ("py312-none-any", False),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("cp311-cp311-manylinux_2_28_x86_64", True),
        ("cp311-cp311-manylinux_2_34_x86_64", False),
        ("cp311-cp311-manylinux1_x86_64", True),
        ("cp310-cp310-manylinux2014_x86_64", False),
        ("cp312-cp312-manylinux2014_x86_64", False),
        ("cp37-abi3-manylinux2014_x86_64", True),
        ("cp311-abi3-manylinux2014_x86_64", True),
        ("cp312-abi3-manylinux2014_x86_64", False),
        ("cp311-cp311-linux_x86_64", False),
        ("cp37-abi3-linux_x86_64", False),
        ("cp311-cp311-musllinux_1_2_x86_64", False),
        ("cp311-cp311-manylinux2014_aarch64", False),
        ("cp311-cp311-macosx_11_0_arm64", False),
        ("cp311-cp311-win_amd64", False),
        ("cp311-none-manylinux2014_x86_64", True),
        ("pp311-pypy311_pp73-manylinux2014_x86_64", False),
        ("cp311-cp311t-manylinux2014_x86_64", False),
        ("nonsense", False),
    ],
)
def test_tags(tag: str, good: bool) -> None:
    assert wheelcheck.fits(tag, 11) is good


GOOD = "cp311-cp311-manylinux_2_17_x86_64"
CASES = {
    "a manylinux wheel": (
        ["py3-none-any", GOOD],
        {"m/_x.cpython-311-x86_64-linux-gnu.so": ELF, "m.libs/a.so.1": ELF},
        "",
    ),
    "abi3": (["cp37-abi3-manylinux2014_x86_64"], {"m/_x.abi3.so": ELF}, ""),
    "built here": (["cp311-cp311-linux_x86_64"], {"m/_x.so": ELF}, "was built for this machine"),
    "another python": (["cp310-cp310-manylinux2014_x86_64"], {"m.py": b""}, "is not for Python 3.11"),
    "native in a pure wheel": (["py3-none-any"], {"m/lib.so": ELF}, "is no manylinux wheel"),
    "native without a name": (["py3-none-any"], {"m/tool": ELF}, "is no manylinux wheel"),
    "arm": ([GOOD], {"m/_x.so": ARM}, "not for Linux on x86-64"),
    "32 bits": ([GOOD], {"m/_x.so": BITS32}, "not for Linux on x86-64"),
    "mac": ([GOOD], {"m/_x.dylib": b"\xcf\xfa\xed\xfe"}, "not for Linux on x86-64"),
    "windows": (["py3-none-any"], {"m/_x.pyd": b"MZ"}, "not for Linux on x86-64"),
    "so for 3.12": ([GOOD], {"m/_x.cpython-312-x86_64-linux-gnu.so": ELF}, "is for Python 3.12"),
    "no tags": ([], {"m.py": b""}, "says nothing about what it was built for"),
    "windows launcher": (["py3-none-any"], {"m/t64.exe": b"MZ"}, ""),
}


@pytest.mark.parametrize("name", CASES)
def test_folders(name: str, tmp_path: Path) -> None:
    tags, files, why = CASES[name]
    package(tmp_path, "m", tags, files)
    package(tmp_path, "fine", ["py3-none-any"])
    found = wheelcheck.check(tmp_path, "3.11")
    if not why:
        assert found == []
    else:
        assert [p.package for p in found] == ["m"]
        assert why in found[0].why


CHOSEN = {
    "the platform of whoever built it": (
        [GOOD.replace("manylinux_2_17", "linux")],
        {"m/_x.cpython-311-x86_64-linux-gnu.so": ELF},
        "",
    ),
    "programs for several systems": (
        ["py3-none-any"],
        {"m/linux/x": ELF, "m/arm/x": ARM, "m/x.dll": b"MZ", "m/x.dylib": b"\xcf\xfa\xed\xfe", "m/x.so": BITS32},
        "",
    ),
    "modules for several systems": (
        [GOOD],
        {
            "m/_x.cpython-311-x86_64-linux-gnu.so": ELF,
            "m/_x.cpython-311-aarch64-linux-gnu.so": ARM,
            "m/_x.cpython-312-x86_64-linux-gnu.so": ELF,
        },
        "",
    ),
    "abi3 for a newer Python": (["cp312-abi3-manylinux2014_x86_64"], {"m/_x.abi3.so": ELF}, "is not for Python 3.11"),
    "arm under our own name": ([GOOD], {"m/_x.cpython-311-x86_64-linux-gnu.so": ARM}, "not for Linux on x86-64"),
    "a link back": (["py3-none-any"], {"m.pth": b"/home/me/src\n"}, "leads to a folder of this machine"),
}


@pytest.mark.parametrize("name", CHOSEN)
def test_wheels_that_were_chosen_by_their_names(name: str, tmp_path: Path) -> None:
    tags, files, why = CHOSEN[name]
    package(tmp_path, "m", tags, files)
    found = wheelcheck.check(tmp_path, "3.11", built=False)
    assert [p.package for p in found] == (["m"] if why else [])
    assert not why or why in found[0].why


def test_a_native_file_of_nobody(tmp_path: Path) -> None:
    package(tmp_path, "fine", ["py3-none-any"])
    (tmp_path / "stray.so").write_bytes(ELF)
    assert [p.package for p in wheelcheck.check(tmp_path, "3.11")] == ["stray.so"]
    assert not wheelcheck.check(tmp_path, "3.11", built=False)


def test_an_editable_install(tmp_path: Path) -> None:
    package(tmp_path, "m", ["py3-none-any"], {"__editable__.m.pth": b"/home/me/src\n"})
    (found,) = wheelcheck.check(tmp_path, "3.11")
    assert (found.package, found.why) == ("m", "leads to a folder of this machine (-e)")
