"""Packages that note on a host which user runs code of theirs: source archives, and a wheel that starts with Python."""

from __future__ import annotations

import io
import tarfile
import zipfile

from hostlab.fleet import Host

#: where the notes are: NAME-USERID
NOTES = "/var/tmp/ran"
NOTE = "import os; open('/var/tmp/ran/{}-%d' % os.getuid(), 'w').close()\n"
BUILD = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'


def project(name: str, old: bool = False) -> dict[str, str]:
    """The files of a project; an ``old`` one is from before pyproject.toml."""
    setup = (
        NOTE.format(name) + f"from setuptools import setup\nsetup(name='{name}', version='1', py_modules=['{name}'])\n"
    )
    files = {"setup.py": setup, f"{name}.py": f"NAME = '{name}'\n"}
    return files if old else {**files, "pyproject.toml": BUILD}


def sdist(name: str, old: bool = False) -> bytes:
    files = {**project(name, old), "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"}
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for path, text in files.items():
            entry = tarfile.TarInfo(f"{name}-1/{path}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


def wheel_that_starts_with_python(name: str) -> bytes:
    """Its .pth file is run by every Python of the environment."""
    info = f"{name}-1.dist-info"
    files = {
        f"{name}.pth": NOTE.format(name),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return made.getvalue()


def offer(host: Host, folder: str, files: dict[str, bytes]) -> None:
    """Put archives where the host's pip finds them, and make the folder for the notes."""
    host.ssh(f"mkdir -p {folder}; install -d -m 1777 {NOTES}; rm -f {NOTES}/*")
    for name, data in files.items():
        (host.root / folder.lstrip("/") / name).write_bytes(data)


def ran(host: Host) -> set[str]:
    """Which package's code was run by which user, as ``NAME-USER``; the notes are removed."""
    notes = host.out(f"ls {NOTES}; rm -f {NOTES}/*").split()
    users = {name: host.out(f"id -nu {name.rpartition('-')[2]}").strip() for name in notes}
    return {f"{note.rpartition('-')[0]}-{user}" for note, user in users.items()}
