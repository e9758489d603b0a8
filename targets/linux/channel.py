"""The conversation with the agent on a host: one process, requests on its stdin, answers on its stdout."""

from __future__ import annotations

import contextlib
import importlib.resources
import json
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from paasctl.errors import Busy, Conflict, HalfApplied, PaasctlError, UsageError
from paasctl.model import Say

#: A constant: reads the agent's modules from stdin and starts it. Nothing of an app or its env is in an argv.
BOOTSTRAP = """
import importlib.abc, importlib.util, json, os, sys, zlib
source = os.fdopen(os.dup(0), 'rb')
modules = json.loads(zlib.decompress(source.read(int(source.readline()))))
class Modules(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    def find_spec(self, name, path=None, target=None):
        if name in modules:
            return importlib.util.spec_from_loader(name, self, is_package=name == 'paasctl_host')
    def get_source(self, name):
        return modules[name]
    def is_package(self, name):
        return name == 'paasctl_host'
sys.meta_path.insert(0, Modules())
from paasctl_host.main import serve
serve(source, json.loads(source.readline()), modules)
"""


class UnknownBase(PaasctlError):
    """The host does not have the tree that a difference was made against."""


KINDS = {
    "base": UnknownBase,
    "busy": Busy,
    "failed": PaasctlError,
    "usage": UsageError,
    "conflict": Conflict,
    "half": HalfApplied,
}
FRAME = 1 << 16


#: says what went wrong from the last words of the program that carries the conversation
Explain = Callable[[Sequence[str]], PaasctlError]


def broken_off(words: Sequence[str]) -> PaasctlError:
    """The error of a conversation that ended and nobody knows why."""
    return PaasctlError(
        "the conversation with the host broke off",
        hint="run the same command again; it finishes or undoes the rest",
        output="\n".join(words),
    )


class Channel:
    """An agent that runs now. Use it for one paasctl command, then close it.

    Args:
        argv: the words that start Python with :data:`BOOTSTRAP` where the agent is to run.
        hello: what the agent is told first.
        explain: makes the error of a conversation that broke off.
    """

    def __init__(
        self,
        argv: Sequence[str],
        hello: Mapping[str, Any],
        environ: Mapping[str, str],
        explain: Explain = broken_off,
    ) -> None:
        self._explain = explain
        # a file, since a connection that is kept open for the next command would keep a pipe open too
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the channel
        # a session of its own: Ctrl-C is for paasctl, which then tells the agent what to do
        self._process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=dict(environ),
            start_new_session=True,
        )
        self._number = 0
        modules = zlib.compress(json.dumps(agent_modules()).encode("ascii"))
        self._send(b"%d\n" % len(modules) + modules + json.dumps(hello).encode("ascii") + b"\n")

    def call(self, name: str, say: Say | None = None, stream: Iterable[bytes] | None = None, **args: Any) -> Any:
        """Make one request and return its result.

        Args:
            say: told each line of progress.
            stream: binary data that goes with the request.

        Raises:
            PaasctlError: what the agent reports, or that the conversation broke.
        """
        for kind, value in self._answers(name, stream, args):
            if kind == "result":
                return value
            if kind == "say" and say:
                say(value)
        raise AssertionError("unreachable")

    def items(self, name: str, **args: Any) -> Iterator[Any]:
        """Make one request whose answer is many items, and yield them as they come."""
        for kind, value in self._answers(name, None, args):
            if kind == "result":
                return
            if kind == "item":
                yield value

    def close(self) -> None:
        """End the conversation; the agent ends with it."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
        self._process.wait()
        self._stderr.close()

    def _answers(self, name: str, stream: Iterable[bytes] | None, args: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        self._number += 1
        number = self._number
        request = {"id": number, "call": name, "args": args, "streams": stream is not None}
        self._send(json.dumps(request).encode("ascii") + b"\n")
        if stream is not None:
            self._send_frames(stream)
        try:
            while True:
                answer = self._read()
                if answer.pop("id") != number:
                    continue  # the rest of a request that was interrupted
                kind, value = next(iter(answer.items()))
                if kind == "error":
                    raise KINDS[value["kind"]](value["message"], hint=value["hint"], output=value["output"])
                yield kind, value
        except KeyboardInterrupt:
            self._send(b'{"cancel": true}\n')
            raise

    def _send_frames(self, stream: Iterable[bytes]) -> None:
        squeeze = zlib.compressobj(1)
        for data in stream:
            self._frame(squeeze.compress(data))
        self._frame(squeeze.flush())
        self._send(struct.pack(">I", 0))

    def _frame(self, data: bytes) -> None:
        for start in range(0, len(data), FRAME):
            part = data[start : start + FRAME]
            self._send(struct.pack(">I", len(part)) + part)

    def _send(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except OSError as error:
            raise self._broken() from error

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._broken()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _broken(self) -> PaasctlError:
        self._process.wait()
        self._stderr.seek(0)
        return self._explain(self._stderr.read().decode("utf-8", "replace").strip().splitlines()[-5:])


def agent_modules() -> dict[str, str]:
    """The source of every module that the agent is made of, by the name that it has on the host."""
    folder = importlib.resources.files("paasctl.procfiles.host")
    found = {}
    for entry in folder.iterdir():
        stem, _, ending = entry.name.rpartition(".")
        if ending == "py":
            name = "paasctl_host" if stem == "__init__" else f"paasctl_host.{stem}"
            found[name] = entry.read_text(encoding="utf-8")
    return found
