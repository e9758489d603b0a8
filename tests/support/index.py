"""A package index in a folder: wheels that hold one module each, served without a server."""

from __future__ import annotations

import zipfile
from pathlib import Path


def index(folder: Path, *packages: tuple[str, str]) -> str:
    """The address of a new index that holds these versions of these packages."""
    for name, version in packages:
        page = folder / name
        page.mkdir(parents=True, exist_ok=True)
        wheel = _wheel(page, name, version)
        with (page / "index.html").open("a") as links:
            links.write(f'<a href="{wheel.name}">{wheel.name}</a>\n')
    return folder.as_uri()


def _wheel(folder: Path, name: str, version: str) -> Path:
    info = f"{name}-{version}.dist-info"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.py", f"version = {version!r}\n")
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n")
    return wheel
