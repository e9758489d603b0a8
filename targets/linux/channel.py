"""The conversation with the agent on a host: one process, requests on its stdin, answers on its stdout."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.resources
import json
import select
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from paasctl.errors import Busy, Conflict, HalfApplied, PaasctlError, UsageError
from paasctl.model import Say

from . import squeeze

#: what the bootstrap says before anything else, so that what a shell's start-up files print is not taken for an answer
HAVE, NEED = b"paasctl-agent: have\n", b"paasctl-agent: need\n"

#: A constant: reads the agent's modules from stdin and starts it. Nothing of an app or its env is in an argv.
#: With a digest on its first line it keeps them in the user's own cache; what is there counts only with that digest.
BOOTSTRAP = """
import hashlib, json, os, zlib
source = os.fdopen(os.dup(0), 'rb')
wanted = source.readline().decode('ascii').strip()
folder = os.path.join(os.path.expanduser('~'), '.cache', 'paasctl', 'agent')
data = b''
try:
    if wanted:
        with open(os.path.join(folder, wanted), 'rb') as file:
            data = file.read()
except OSError:
    pass
have = hashlib.sha256(data).hexdigest() == wanted
os.write(1, b'paasctl-agent: have\\n' if have else b'paasctl-agent: need\\n')
if not have:
    data = source.read(int(source.readline()))
try:
    if wanted and not have and hashlib.sha256(data).hexdigest() == wanted:
        import tempfile
        os.makedirs(folder, mode=0o700, exist_ok=True)
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        handle, temporary = tempfile.mkstemp(dir=folder)
        with os.fdopen(handle, 'wb') as file:
            file.write(data)
        os.replace(temporary, os.path.join(folder, wanted))
except OSError:
    pass
modules = json.loads(zlib.decompress(data))
bootstrap = {}
exec(modules['paasctl_host.bootstrap'], bootstrap)
bootstrap['start'](source, modules)
"""
#: lines of a shell's start-up files that are passed over
NOISE = 200


class UnknownBase(PaasctlError):
    """The host does not have the tree that a difference was made against."""


class NotExpanded(PaasctlError):
    """The host cannot expand what was sent, although it said that it knows the coding."""


KINDS = {
    "base": UnknownBase,
    "coding": NotExpanded,
    "busy": Busy,
    "failed": PaasctlError,
    "usage": UsageError,
    "conflict": Conflict,
    "half": HalfApplied,
}
FRAME = 1 << 16
#: seconds in which the far end of a connection that is there already begins; else the connection is dead
FIRST = 10


@dataclass(frozen=True, slots=True)
class Ending:
    """How the program that carries a conversation ended: its exit status, its last words, whether the agent had
    begun."""

    status: int
    words: tuple[str, ...]
    begun: bool


#: says what went wrong
Explain = Callable[[Ending], PaasctlError]
#: the words that start the agent in another way, where one ended before the agent began; None: there is no other
Otherwise = Callable[[Ending], Sequence[str] | None]


def broken_off(ending: Ending, host: str = "the host") -> PaasctlError:
    """The error of a conversation that ended and nobody knows why."""
    return PaasctlError(
        f"the conversation with {host} broke off",
        hint="run the same command again; it finishes or undoes the rest",
        output="\n".join(ending.words),
    )


class Channel:
    """An agent that runs now. Use it for one paasctl command, then close it.

    Args:
        argv: the words that start Python with :data:`BOOTSTRAP` where the agent is to run.
        hello: what the agent is told first.
        explain: makes the error of a conversation that broke off.
        otherwise: given when ``argv`` uses a connection that may be dead: the other way, which is taken once.
        cached: whether the far end keeps the agent for the next time, in its user's own cache.
        codings: how contents are sent, the best first; see :mod:`squeeze`.
    """

    def __init__(
        self,
        argv: Sequence[str],
        hello: Mapping[str, Any],
        environ: Mapping[str, str],
        explain: Explain = broken_off,
        *,
        otherwise: Otherwise | None = None,
        cached: bool = False,
        codings: Sequence[str] = squeeze.NETWORK,
    ) -> None:
        self._explain, self._otherwise, self.codings = explain, otherwise, codings
        self._asked = self._begun = self._closed = False
        self._modules = zlib.compress(json.dumps(agent_modules(), sort_keys=True).encode("ascii"), 9)
        self._hello = json.dumps(hello).encode("ascii") + b"\n"
        self._environ, self._digest = dict(environ), hashlib.sha256(self._modules).hexdigest() if cached else ""
        # a file, since a connection that is kept open for the next command would keep a pipe open too
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the channel
        self._process = self._started(argv)
        self._number = 0
        self._ahead: tuple[str, Mapping[str, Any], Future[int]] | None = None

    def _started(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        # a session of its own: Ctrl-C is for paasctl, which then tells the agent what to do
        process = subprocess.Popen(
            list(argv),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=self._environ,
            start_new_session=True,
        )
        assert process.stdin is not None
        # the answer, or why there is none, is read with the first request: by then it has long been under way
        with contextlib.suppress(OSError):
            process.stdin.write(self._digest.encode("ascii") + b"\n")
            process.stdin.flush()
        return process

    def call(self, name: str, say: Say | None = None, stream: Iterable[bytes] | None = None, **args: Any) -> Any:
        """Make one request and return its result.

        Args:
            say: told each line of progress.
            stream: binary data that goes with the request, in pieces of any size.

        Raises:
            PaasctlError: what the agent reports, or that the conversation broke.
        """
        for kind, value in self._answers(name, stream, args):
            if kind == "result":
                return value
            if kind == "say" and say:
                say(value)
        raise AssertionError("unreachable")

    def ahead(self, name: str, **args: Any) -> None:
        """Make a request while this program does something else; the same :meth:`call`, if it is the next, answers it.

        The far end begins only when it has been given itself, for which somebody must wait.
        """
        pool = ThreadPoolExecutor(1, "ahead")
        self._ahead = name, args, pool.submit(self._request, name, args, False)
        pool.shutdown(wait=False)

    def items(self, name: str, **args: Any) -> Iterator[Any]:
        """Make one request whose answer is many items, and yield them as they come."""
        for kind, value in self._answers(name, None, args):
            if kind == "result":
                return
            if kind == "item":
                yield value

    def close(self) -> None:
        """End the conversation; the agent ends with it."""
        self._closed = True
        self._hang_up()
        if self._ahead is not None:  # it reads still; the far end's end is its end
            wait([self._ahead[2]])
            self._hang_up()  # it may have gone another way meanwhile
        self._leave()
        self._stderr.close()

    def _hang_up(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _leave(self) -> None:
        """Wait for the end of the program that was hung up."""
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdout.close()
        self._process.wait()

    def _answers(self, name: str, stream: Iterable[bytes] | None, args: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        number = self._asked_ahead(name, args) or self._request(name, args, stream is not None)
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

    def _asked_ahead(self, name: str, args: Mapping[str, Any]) -> int:
        """The number of the request that was made ahead, when it is this one; 0 when it is not."""
        if self._ahead is None:
            return 0
        known, known_args, future = self._ahead
        number = future.result()
        self._ahead = None
        return number if (known, known_args) == (name, args) else 0

    def _request(self, name: str, args: Mapping[str, Any], streams: bool) -> int:
        """Send a request; its number."""
        self._begin()
        self._number += 1
        request = {"id": self._number, "call": name, "args": args, "streams": streams}
        self._send(json.dumps(request).encode("ascii") + b"\n")
        return self._number

    def _begin(self) -> None:
        """Give the far end the agent if it lacks it, and the first words."""
        if self._asked:
            return
        self._asked = True
        first = self._first(FIRST if self._otherwise else None)
        if not first and self._otherwise:
            argv = self._otherwise(self._ending())
            if argv and not self._closed:  # nothing was begun there, so that nothing is done twice
                self._leave()
                self._process = self._started(argv)
                first = self._first()
        if not first:
            raise self._broken()
        self._begun = True
        lacks = first.endswith(NEED)
        self._send((b"%d\n" % len(self._modules) + self._modules if lacks else b"") + self._hello)

    def _first(self, patience: float | None = None) -> bytes:
        """The agent's first line; empty where there is none, after ``patience`` seconds of silence too."""
        assert self._process.stdout is not None
        if patience is not None and not select.select([self._process.stdout], [], [], patience)[0]:
            self._process.kill()
            return b""  # what is not read to its end: ssh has given its output to the one who keeps the connection
        for _ in range(NOISE):
            line = self._process.stdout.readline()
            if not line or line.endswith((HAVE, NEED)):
                return line
        return b""

    def _send_frames(self, stream: Iterable[bytes]) -> None:
        for data in stream:
            self._frame(data)
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
        except (OSError, ValueError) as error:  # it has ended, or was hung up since it had
            raise self._broken() from error

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise self._broken()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _broken(self) -> PaasctlError:
        return self._explain(self._ending())

    def _ending(self) -> Ending:
        if not self._begun:
            self._hang_up()  # it ends when there is nothing to hear
        status = self._process.wait()
        self._stderr.seek(0)
        words = self._stderr.read().decode("utf-8", "replace").strip().splitlines()[-20:]
        return Ending(status, tuple(words), self._begun)


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
