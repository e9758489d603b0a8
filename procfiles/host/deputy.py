"""Who acts as the app's user: this very process where the users are the same, else one that sudo starts."""

from __future__ import annotations

import json
import subprocess
import zlib
from typing import Any, Dict, Iterator, Optional, Protocol, Sequence, Tuple

from .wire import Failure, Wire

#: as paasctl's own bootstrap: a constant in the argument, everything else on stdin
BOOTSTRAP = """
import json, os, zlib
source = os.fdopen(os.dup(0), 'rb')
modules = json.loads(zlib.decompress(source.read(int(source.readline()))))
bootstrap = {}
exec(modules['paasctl_host.bootstrap'], bootstrap)
bootstrap['start'](source, modules)
"""


class AppUser(Protocol):
    """The app's user: owns the env, the persist paths and every process of the app."""

    def begin(self) -> None:
        """Get ready for the first call, where that takes a while; nothing waits here."""

    def call(self, name: str, **args: Any) -> Any: ...

    def items(self, name: str, **args: Any) -> Iterator[Any]: ...


class Direct:
    """The app's user is this process's."""

    def __init__(self, side: Any) -> None:
        self._side = side

    def begin(self) -> None:
        pass

    def call(self, name: str, **args: Any) -> Any:
        return getattr(self._side, "do_" + name)(args, None)

    def items(self, name: str, **args: Any) -> Iterator[Any]:
        yield from getattr(self._side, "items_" + name)(args)


class Deputy:
    """The app's user is another one: a second agent, started by sudo when it is first needed.

    What it owns it touches itself, so that a link which the app put somewhere never leads this user astray.
    """

    def __init__(self, wire: Wire, argv: Sequence[str], hello: Dict[str, Any], modules: Dict[str, str]) -> None:
        self._wire, self._argv, self._hello, self._modules = wire, argv, hello, modules
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._number = 0

    def begin(self) -> None:
        self._process = self._process or self._start()

    def call(self, name: str, **args: Any) -> Any:
        for kind, value in self._answers(name, args):
            if kind == "result":
                return value
            if kind == "say":
                self._wire.say(value)
        raise AssertionError("unreachable")

    def items(self, name: str, **args: Any) -> Iterator[Any]:
        for kind, value in self._answers(name, args):
            if kind == "item":
                yield value
            elif kind == "result":
                return

    def _answers(self, name: str, args: Dict[str, Any]) -> Iterator[Tuple[str, Any]]:
        self.begin()
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        self._number += 1
        try:
            process.stdin.write(json.dumps({"id": self._number, "call": name, "args": args}).encode("ascii") + b"\n")
            process.stdin.flush()
        except OSError:
            raise self._refused(process) from None
        while True:
            line = process.stdout.readline()
            if not line.endswith(b"\n"):
                raise self._refused(process)
            answer = json.loads(line)
            if answer.pop("id") != self._number:
                continue
            kind, value = next(iter(answer.items()))
            if kind == "error":
                raise Failure(value["message"], value["hint"], value["output"], value["kind"])
            yield kind, value

    def _start(self) -> "subprocess.Popen[bytes]":
        pipe = subprocess.PIPE
        process = subprocess.Popen([*self._argv, BOOTSTRAP], stdin=pipe, stdout=pipe, stderr=pipe)
        assert process.stdin is not None
        modules = zlib.compress(json.dumps(self._modules).encode("ascii"), 6)  # less than a pipe holds
        try:
            process.stdin.write(b"%d\n" % len(modules) + modules + json.dumps(self._hello).encode("ascii") + b"\n")
            process.stdin.flush()
        except OSError:
            raise self._refused(process) from None
        return process

    def _refused(self, process: "subprocess.Popen[bytes]") -> Failure:
        assert process.stderr is not None
        process.kill()
        words = process.stderr.read().decode("utf-8", "replace").strip()
        return Failure(
            "this user may not act as the app's user on the host",
            "run `paasctl setup` for this target again: it writes the sudo rules",
            words[-2000:],
            kind="host",
        )
