"""What the web app serves: choosing the release, switching to it, and going back when it cannot be imported."""

from __future__ import annotations

import errno
import faulthandler
import json
import os
import site as site_module
import sys
import time
import traceback
from typing import Any, Callable, Dict, Iterable, List, NamedTuple, Optional

from .document import Document, read_deploy, record_of
from .places import Invalid, Places, WrongPython, exclusive, remove, say
from .release import Release, prune
from .state import State

#: Seconds that importing an app may take before the process is ended and the previous release returns.
IMPORT_LIMIT = 60
#: Seconds to wait for another process of this app that is making a release live.
LOCK_WAIT = 90.0
#: Seconds between two tries to import a live release that failed, or to find a first one.
RETRY = 5.0

#: The environment as the platform gave it: what jobs start from.
PRISTINE: Dict[str, str] = {}
BEFORE = "_PAASCTL_ENVIRONMENT"

WAITING = b"This site is being set up, or its app could not be started. Please try again in a moment.\n"


class Started(NamedTuple):
    """An imported app, the env that it got, and whether that is the env that paasctl wrote."""

    app: Callable[..., Iterable[bytes]]
    env: Dict[str, str]
    intact: bool


class Site:
    """The app of this process, and the document that made it live."""

    def __init__(self, places: Places, limit: int = IMPORT_LIMIT) -> None:
        self.places, self._limit = places, limit
        self.app: Optional[Callable[..., Iterable[bytes]]] = None
        self.live: Optional[Document] = None
        self.failure: Optional[Dict[str, Any]] = None
        self.refused: Optional[Dict[str, Any]] = None
        self.error = ""
        self.intact = True
        self.spoiled = False
        self.since = round(time.time(), 3)
        self._tried = -RETRY

    def load(self) -> None:
        """Serve what ``deploy.json`` says, or what served before when that is impossible. Raises nothing."""
        self._tried = time.monotonic()
        try:
            self.places.close()
            with exclusive(self.places.path("lock"), LOCK_WAIT):
                self._load()
        except OSError as error:
            self.error = "the account's files cannot be used: %s" % error.strerror
            say(self.error)

    def again(self) -> None:
        """Try once more when nothing serves, but not at every request."""
        if self.app is None and not self.spoiled and time.monotonic() - self._tried >= RETRY:
            self.load()

    def wanted(self, state: State) -> Optional[Document]:
        """The document to switch to, or None when what is live should stay."""
        try:
            document = read_deploy(self.places.deploy)
        except Invalid as error:
            say("deploy.json is refused: %s" % error)
            return None
        if document is None or state.failure(document["id"]):
            return None
        if state.live and document["id"] == state.live["id"]:
            return None
        if state.attempt == document["id"]:  # and we hold the lock: whoever tried is gone
            state.fail(document, self._record(document), self._how_it_died(), "app")
            state.try_to_save()
            return None
        if state.live and state.live["id"] not in document["parents"]:
            if not state.refused or state.refused.get("deploy") != document["id"]:
                state.refused = {"deploy": document["id"], "who": document["who"], "at": int(time.time())}
                state.try_to_save()
            return None
        return document

    def _load(self) -> None:
        state = State(self.places)
        document = self.wanted(state)
        if document is not None:
            self._switch(state, document)
        self.failure, self.refused = state.failures[-1] if state.failures else None, state.refused
        if self.app is None and not self.spoiled:
            self._serve_live(state)

    def _record(self, document: Document) -> Optional[Document]:
        return record_of(document) if document["release"] is not None else None

    def _switch(self, state: State, document: Document) -> None:
        """Make a document live. A failure is remembered; what was live stays so."""
        record = self._record(document)
        if record is None:
            state.live, state.attempt = document, ""
            state.try_to_save()
            return
        try:
            release = Release(self.places, record)
            release.check_python()
            release.lay()
            release.env(document["key"])  # a damaged one is not the app's fault
            state.attempt = document["id"]
            state.save()
        except (Invalid, OSError) as error:
            self._fail(state, document, record, reason(error), kind_of(error))
            return
        before = state.live
        try:
            started = self._start(record, document["key"])
            self._note(state, document, started)
            state.save()
        except BaseException as error:  # an app that calls sys.exit() while it is imported must not end the server
            self.spoiled, state.live = True, before
            self._fail(state, document, record, trace(error, self.places), "app")
            self._restart()
            return
        self._serve(started, document)
        self._tidy(state)

    def _note(self, state: State, document: Document, started: Started) -> None:
        state.live, state.attempt, state.refused = document, "", None
        state.env, state.intact = started.env, started.intact

    def _fail(self, state: State, document: Document, record: Document, error: str, kind: str) -> None:
        say("release %s could not be started; the one before it stays" % record["id"])
        state.fail(document, record, error, kind)
        state.try_to_save()

    def _restart(self) -> None:
        """Ask for a fresh process: half of an app has been imported into this one."""
        try:
            os.utime(self.places.wsgi)
        except OSError as error:
            say("the WSGI file could not be touched (%s)" % error.strerror)

    def _serve_live(self, state: State) -> None:
        self.live, self.error = state.live, ""
        record = self._record(state.live) if state.live else None
        if state.live is None or record is None:
            return
        try:
            release = Release(self.places, record)
            release.check_python()
            release.lay()
            started = self._start(record, state.live["key"])
        except BaseException as error:
            self.error = reason(error) if isinstance(error, (Invalid, OSError)) else trace(error, self.places)
            say("release %s is live and could not be started" % record["id"])
            return
        if state.attempt or state.intact != started.intact or state.env != started.env:
            state.attempt, state.intact, state.env = "", started.intact, started.env
            state.try_to_save()
        self._serve(started, state.live)
        self._tidy(state)

    def _serve(self, started: Started, document: Document) -> None:
        self.app, self.intact = started.app, started.intact
        self.live, self.error = document, ""
        say("release %s serves" % document["release"])

    def _start(self, record: Document, key: str) -> Started:
        """Import the app of a release that lies ready, in its env; whatever the app raises comes through."""
        release = Release(self.places, record)
        values, intact = release.env(key)
        hang = self.places.path("hang.txt")
        with open(hang, "w") as file:
            faulthandler.dump_traceback_later(self._limit, exit=True, file=file)
            try:
                app = import_app(release, record, values)
            finally:
                faulthandler.cancel_dump_traceback_later()
        remove(hang)
        release.publish()
        return Started(app, values, intact)

    def _how_it_died(self) -> str:
        try:
            with open(self.places.path("hang.txt"), errors="replace") as file:
                stack = file.read()
        except OSError:
            stack = ""
        if stack.strip():
            return "%s\nimporting the app did not end within %d s" % (stack.strip(), self._limit)
        return "the process ended while it imported the app (it called os._exit, crashed, or ran out of memory)"

    def _tidy(self, state: State) -> None:
        try:
            prune(self.places, [state.live] if state.live else [])
        except Exception as error:  # a good release must not fail over rubbish
            say("cleaning up failed (%s)" % type(error).__name__)


def restore_environment() -> None:
    """Take out of this process's environment what an earlier release put there.

    A server that reloads by starting its program anew hands its environment on, names and values of the last
    release included. So the first process notes what the platform gave it, and each later one goes back to that.
    """
    try:
        before = json.loads(os.environ.pop(BEFORE, "null"))
    except ValueError:
        before = None
    if isinstance(before, dict):
        for name in list(os.environ):
            if name not in before and not name.startswith("UWSGI_"):
                del os.environ[name]
        os.environ.update(before)
    PRISTINE.clear()
    PRISTINE.update(os.environ)
    os.environ[BEFORE] = json.dumps(PRISTINE)


def import_app(release: Release, record: Document, values: Dict[str, str]) -> Callable[..., Iterable[bytes]]:
    """Put a release's env, packages and code in force in this process and import its entry."""
    os.environ.update(values)
    os.environ.update(platform_env(release, record))
    os.chdir(release.code)
    sys.path.insert(0, release.packages)
    site_module.addsitedir(release.packages)  # its .pth files
    sys.path[:0] = import_path(release, values)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(line_buffering=True)
    if not record["runtime"]:
        return plain_entry(record["entry"])
    import _paasctl_runtime as runtime  # type: ignore[import-not-found,unused-ignore]

    runtime.load_env(release.env_file)
    runtime.install()
    app: Callable[..., Iterable[bytes]] = runtime.wrap_wsgi(runtime.load_entry(record["entry"]))
    return app


def import_path(release: Release, values: Dict[str, str]) -> List[str]:
    """The code's folder, and what PYTHONPATH names in it: this process runs already when it gets to know that."""
    named = values.get("PYTHONPATH", "").split(os.pathsep)
    return [release.code, *(os.path.join(release.code, folder) for folder in named if folder)]


def platform_env(release: Release, record: Document) -> Dict[str, str]:
    """What every process of a release gets from us, whatever ``.env`` says of the rest."""
    return {
        "PAASCTL_RELEASE": record["id"],
        "PAASCTL_ENV_FILE": release.env_file,
        "PAASCTL_ENTRY": record["entry"],
        "PAASCTL_CLIENT_HEADER": "X-Real-IP",
        "PYTHONUNBUFFERED": "1",
    }


def plain_entry(entry: str) -> Callable[..., Iterable[bytes]]:
    """Import ``module:attr``, ``module:factory()`` or ``module`` where the runtime is switched off."""
    import ast
    import importlib

    name, _, expression = entry.partition(":")
    module = importlib.import_module(name)
    if not expression:
        expression = "application" if hasattr(module, "application") else "app"
    node = ast.parse(expression.strip(), mode="eval").body
    call = node if isinstance(node, ast.Call) else None
    parts = ast.unparse(call.func if call else node) if hasattr(ast, "unparse") else expression.partition("(")[0]
    found: Any = module
    for part in parts.strip().split("."):
        found = getattr(found, part)
    if call is None:
        return found  # type: ignore[no-any-return]
    named = {k.arg: ast.literal_eval(k.value) for k in call.keywords if k.arg}
    return found(*[ast.literal_eval(a) for a in call.args], **named)  # type: ignore[no-any-return]


def reason(error: BaseException) -> str:
    """One sentence for a failure that is ours or the disk's, not the app's."""
    if isinstance(error, OSError):
        where = os.path.basename(str(error.filename or ""))
        return (error.strerror or "the disk could not be written") + (" (%s)" % where if where else "")
    return str(error)


def kind_of(error: BaseException) -> str:
    """Which kind of failure that is not the app's: the wrong ``python``, a disk that is ``full``, or the ``files``."""
    if isinstance(error, WrongPython):
        return "python"
    return "full" if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT) else "files"


def trace(error: BaseException, places: Places) -> str:
    """A traceback that begins in the app's own code; one that never came there has its last line alone, if the app's
    entry is what could not be found."""
    frame = error.__traceback__
    while frame is not None and not _is_app(frame.tb_frame.f_code.co_filename, places):
        frame = frame.tb_next
    if frame is None and not isinstance(error, (ImportError, SyntaxError, AttributeError)):
        frame = error.__traceback__
    lines: List[str] = traceback.format_exception(type(error), error, frame)
    return "".join(lines)


def _is_app(path: str, places: Places) -> bool:
    return path.startswith(places.path("releases") + os.sep) and os.path.basename(path) != "_paasctl_runtime.py"
