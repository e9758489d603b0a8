"""Supervisor's own interface over its unix socket: quicker than its control program, which starts Python anew."""

from __future__ import annotations

import contextlib
import http.client
import socket
import xmlrpc.client
from typing import Any, Iterator, Tuple, Union

from .wire import Failure

#: seconds until an answer: no call waits for a process, so only a supervisord that hangs takes longer
ANSWER = 30
#: its faults, as `supervisor.xmlrpc.Faults` numbers them
SHUTDOWN_STATE, BAD_NAME, FAILED, SPAWN_ERROR = 6, 10, 30, 50
ALREADY_STARTED, NOT_RUNNING, ALREADY_ADDED, STILL_RUNNING = 60, 70, 90, 91


class NoAnswer(Failure):
    """supervisord does not answer; ``gone`` says that it is not there (any more)."""

    def __init__(self, gone: bool, why: str) -> None:
        message = "the app's Supervisor does not answer (%s); what was live is still live" % why
        super().__init__(message, "run the same command again; its log is logs/supervisord.log in the app's folder")
        self.gone = gone


class Refused(Failure):
    """supervisord refuses; ``code`` is its fault's number."""

    def __init__(self, code: int, asked: str, words: str) -> None:
        if code == SHUTDOWN_STATE:
            message, hint = "the app's Supervisor is ending its processes", "wait a moment, then run the command again"
        else:
            message = "the app's Supervisor refuses %s: %s" % (asked, words)
            hint = "run the same command again; its log is logs/supervisord.log in the app's folder"
        super().__init__(message, hint, kind="busy" if code == SHUTDOWN_STATE else "failed")
        self.code = code


@contextlib.contextmanager
def fine(*codes: int) -> Iterator[None]:
    """Pass over refusals with these numbers: what was asked for is so already."""
    try:
        yield
    except Refused as refusal:
        if refusal.code not in codes:
            raise


class Rpc:
    """The ``supervisor`` namespace of a supervisord.

    Args:
        path: its unix socket.
    """

    def __init__(self, path: str) -> None:
        self._proxy: Any = xmlrpc.client.ServerProxy("http://supervisor", _Transport(path), allow_none=True)

    def call(self, method: str, *args: Any) -> Any:
        """Call one method.

        Raises:
            NoAnswer: supervisord is not there, or hangs.
            Refused: it refuses.
        """
        try:
            return getattr(self._proxy.supervisor, method)(*args)
        except xmlrpc.client.Fault as fault:
            raise Refused(fault.faultCode, " ".join([method, *map(str, args)]), fault.faultString) from None
        except xmlrpc.client.ProtocolError as error:  # an exception of its own, which is in its log
            raise Refused(0, " ".join([method, *map(str, args)]), "%d %s" % (error.errcode, error.errmsg)) from None
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswer(not isinstance(error, socket.timeout), type(error).__name__) from None


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, host: Union[Tuple[str, Any], str]) -> http.client.HTTPConnection:
        return _Connection(self._path)


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=ANSWER)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
