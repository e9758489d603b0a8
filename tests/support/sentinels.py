"""Secrets that are easy to recognise, in awkward shapes, and the search for them where nothing of them may be."""

from __future__ import annotations

import base64
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ"


def _core(number: int) -> str:
    """Sixteen letters that occur nowhere else and that no quoting changes."""
    letter, next_letter = LETTERS[number], LETTERS[number + 1]
    return f"zQ7{letter}w9{next_letter}kX3{letter}v8Jp5{next_letter}"


#: name -> (how the value is built round its core)
SHAPES = {
    "SECRET_KEY": "{}{}",
    "MAIL_PASSWORD": 'it\'s "{}" \\ and `more`',
    "PRIVATE_KEY": "-----BEGIN KEY-----\n{}\n-----END KEY-----\n",
    "BROKER_PASSWORD_URL": "https://user:p%40{}@broker.example.com/x?y=%2F&z=1",
    "DOLLAR": "a$HOME$({})b$$",
    "COMMENTED": "before#{} # after",
    "ACCENTS": "é{}ü漢😀",
    "DASHED": "-{}--",
    "JSON_TOKEN": '{{"token": "{}", "n": [1, 2]}}',
    "SPACES": "  {}\t ",
    "PERCENT": "%({})s %%H {{}}",
    "NUMBER_LIKE": "0x{}",
}


class Sentinels:
    """Known secrets for a ``.env``."""

    def __init__(self) -> None:
        self.cores = {name: _core(number) for number, name in enumerate(SHAPES)}
        self.values = {
            name: shape.format(*[self.cores[name]] * shape.count("{}")) if "{{" not in shape else _braced(shape, core)
            for (name, shape), core in zip(SHAPES.items(), self.cores.values(), strict=True)
        }

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """Every shape in which a secret may leak: as it is, cut, in hex, in base64 at any offset."""
        for name, core in self.cores.items():
            yield name, core.encode()
            yield f"{name} (its first half)", core[:10].encode()
            yield f"{name} (its second half)", core[-10:].encode()
            yield f"{name} (hex)", core.encode().hex().encode()
            yield f"{name} (reversed)", core[::-1].encode()
            for offset in range(3):
                yield f"{name} (base64)", _base64_inside(core.encode(), offset)

    def found(self, text: str | bytes) -> list[str]:
        """Which secrets a text gives away."""
        data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
        lower = data.lower()
        return [what for what, form in self.forms() if form in (lower if "hex" in what else data)]

    def check(self, text: str | bytes, where: str) -> None:
        """Fail when a text gives a secret away; the message does not repeat it."""
        assert not (leaked := self.found(text)), f"{where} gives away {', '.join(leaked)}"

    def check_files(self, roots: Iterable[Path], but: Iterable[Path] = ()) -> int:
        """Fail when a file that others may read gives a secret away, by its content or its name; how many were read.

        ``but`` are files of the user's own.
        """
        skipped, number = {path.resolve() for path in but}, 0
        for path in (entry for root in roots for entry in _files(root)):
            self.check(str(path), "a file's name")
            if path.resolve() in skipped or not stat.S_IMODE(path.stat().st_mode) & 0o044:
                continue
            number += 1
            self.check(path.read_bytes(), f"{path}, which others may read,")
        return number


def _braced(shape: str, core: str) -> str:
    return shape.replace("{}", core, 1).replace("{{", "{").replace("}}", "}")


def _base64_inside(core: bytes, offset: int) -> bytes:
    """The part of a base64 text that does not depend on what surrounds ``core``, ``offset`` bytes into a group."""
    start = (3 - offset) % 3
    length = (len(core) - start) // 3 * 3
    return base64.b64encode(core[start : start + length])


def _files(root: Path) -> Iterator[Path]:
    for path in sorted(root.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path
