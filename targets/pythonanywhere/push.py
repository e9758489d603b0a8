"""What the steps of a push do, one method each, with what they find out on the way."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from paasctl.errors import PaasctlError, UsageError
from paasctl.model import Bundle, Dependencies, Say
from paasctl.secret import Secret

from . import mending, room, takeover, webapp
from .account import Account
from .archives import send_code, send_layer
from .documents import Active, Deploy, Record, now, trimmed
from .errors import DiskFull, SiteFull
from .jobs import Job, run_job
from .stub import digest
from .switching import MAKE_ROOM, Switch


@dataclass(frozen=True, slots=True)
class Seen:
    """What was observed. Where nothing is live: ``webapp`` is the platform's object, ``ours`` says that paasctl once
    uploaded something for it, and ``pending`` is the document of a first push that was interrupted. ``theirs``: the web
    app is somebody's own, or was so until a takeover that has not come to its end."""

    active: Active
    webapp: Mapping[str, Any] | None = None
    ours: bool = False
    pending: Deploy | None = None
    theirs: bool = False

    @property
    def live(self) -> Deploy | None:
        """The document that is live and has a release."""
        live = self.active.live
        return live if live and live.record else None

    @property
    def base(self) -> Deploy:
        """The document that the next one is made after; of a first push an empty one with a new key."""
        if self.active.live is not None:
            return self.active.live
        if self.pending is None:
            return Deploy(secrets.token_hex(12), secrets.token_hex(32), "", now(), None)
        left = (replace(r, state="failed", note="the push was interrupted") for r in self.pending.releases)
        return replace(self.pending, release=None, releases=trimmed(tuple(left), ""))

    @property
    def parents(self) -> tuple[str, ...]:
        """The documents on top of which the next one may come."""
        return tuple(document.id for document in (self.active.live, self.pending) if document)


@dataclass(frozen=True, slots=True)
class JobWords:
    """What the errors of a command that runs in the new release call it, and their hint."""

    command: str
    hint: str


RELEASING = JobWords(
    "the release command", "correct it and push again; what it did to the database before it failed is still done"
)
COLLECTING = JobWords("collectstatic", "correct the app and push again; the static files could not be collected")


@dataclass(slots=True)
class Push:
    """One push on its way.

    ``record`` is the release that is made; its archives and env are filled in as they are uploaded. ``base`` is the
    document that the new one is made after; ``to_come`` are the bytes of code that follow the dependencies;
    ``started`` says that the site's process has run a job of this push.
    """

    account: Account
    seen: Seen
    base: Deploy
    record: Record
    site: webapp.WebApp
    switch: Switch
    needs: Dependencies | None = None
    env: Mapping[str, Secret] = field(default_factory=dict)
    to_come: int = 0
    started: bool = False

    def upload_layer(self, name: str, say: Say) -> None:
        """Resolve the dependencies and upload them."""
        assert self.needs is not None
        with self.account.telling(say), self._told_of_python():
            layer = send_layer(
                self.needs,
                self.record.python,
                name,
                self.account.resolver,
                self.account.settings.upload_limit,
                lambda unpacked, packed: self._room(unpacked + self.to_come, packed),
                self._upload,
                say,
            )
        self.record = replace(self.record, layer=layer)

    @contextmanager
    def _told_of_python(self) -> Iterator[None]:
        """Where no packages are found for a Python that PythonAnywhere does not have, that is what is said."""
        try:
            yield
        except UsageError as error:
            better = webapp.not_offered(self.account.api, self.record.python)
            if better is None:
                raise
            raise better from error

    def upload_code(self, bundle: Bundle, say: Say) -> None:
        """Upload the app's code as one archive."""
        with self.account.telling(say):
            code = send_code(bundle, self.account.settings.upload_limit, self._room, self._upload)
        self.record = replace(self.record, code=code)

    def upload_env(self, say: Say) -> None:
        """Upload the env as a file of its own; nothing reads it before ``deploy.json`` names it."""
        values = {name: value.reveal() for name, value in self.env.items()}
        data = json.dumps({"env": values}, sort_keys=True).encode()
        id = f"{self.record.id}-{secrets.token_hex(4)}"
        with self.account.telling(say):
            self.account.api.write(self.account.path("env", f"{id}.json"), data)
        self.record = replace(self.record, env={"id": id, "mac": env_mac(self.base.key, data)})

    def keep_site(self, say: Say) -> None:
        """Copy the site that is taken over, before anything of it is replaced."""
        assert self.seen.webapp is not None
        with self.account.telling(say):
            takeover.keep(self.account, self.seen.webapp, say)

    def create_site(self, say: Say) -> None:
        """Create the web app, set it up, and upload the stub."""
        settings, api = self.account.settings, self.account.api
        with self.account.telling(say):
            if self.seen.webapp is None:
                webapp.create(api, settings.domain, self.site.python)
            webapp.apply(api, settings.domain, self.site, self.seen.webapp, {})
            self.switch.upload_stub(say)
        self.base = replace(self.base, site=self.site.to_json(), stub=digest())

    def change_site(self, say: Say) -> None:
        """Write the web app's settings that differ from what is wanted; the Python is chosen with the switch."""
        settings, api = self.account.settings, self.account.api
        ours = dict(self.base.site.get("static") or {})
        self.switch.moved = True
        with self.account.telling(say):
            found = webapp.find(api.webapps(), settings.domain)
            if found is None:
                mending.set_right(self.account, self.site, ours, say)
            else:
                webapp.apply(api, settings.domain, self.site, found, ours, but=("python_version",))
        self.base = replace(self.base, site=self.site.to_json())

    def collect(self, say: Say) -> None:
        """Collect a Django app's static files into the new release's own folder.

        Raises:
            PaasctlError: it failed; its output is attached.
            Conflict: somebody else pushed meanwhile.
        """
        through = "python -m _paasctl_runtime " if self.record.runtime else ""
        known = self.seen.active.released  # the note of the last release command stays as it is
        self._run_in_release(f"{through}python manage.py collectstatic --noinput", known, COLLECTING, say)

    def run_release(self, fingerprint: str, say: Say) -> None:
        """Run the release command in the new release, before anything switches to it.

        Raises:
            PaasctlError: it failed; its output is attached.
            Conflict: somebody else pushed meanwhile.
        """
        self._run_in_release(self.record.command, fingerprint, RELEASING, say)

    def _run_in_release(self, line: str, fingerprint: str, words: JobWords, say: Say) -> None:
        result = self._job(line, fingerprint, say)
        if result.get("kind") == "full" and self._clear(say):
            result = self._job(line, fingerprint, say)
        output = str(result.get("output", ""))
        require_success(result, output, words)
        for said in output.splitlines()[-20:]:
            say(said)

    def _job(self, line: str, fingerprint: str, say: Say) -> Mapping[str, Any]:
        job = Job(
            kind="release",
            argv=(line,),
            more={"record": self.record.to_json(), "parents": list(self.seen.parents), "fingerprint": fingerprint},
        )
        first = self.seen.live is None
        with self.account.telling(say):
            present = webapp.WebApp.from_json(self.seen.live.site) if self.seen.live else self.site
            start = first and not self.started
            result = run_job(self.account, self.base.key, job, say, present, start=start)
        self.started = True
        self.switch.fresh = first and self.seen.pending is None  # else the reload has made that one live
        return result

    def go_live(self, say: Say) -> None:
        """Commit: write ``deploy.json``, and reload."""
        base, live = self.base, self.seen.live
        other = live is not None and live.site.get("python") != self.site.python
        with self.account.telling(say):
            if base.stub != digest():
                self.switch.upload_stub(say)
                base = replace(base, stub=digest())
            self.switch.go(base, self.record, say, choose_python=other)

    def check(self, say: Say) -> None:
        """Wait until the new release serves and is well. Where the site has no room to unpack it, the oldest release
        goes, and it is tried once more.

        Raises:
            PaasctlError: it could not be started, or is not well.
            Conflict: somebody else's push is live.
        """
        try:
            self.switch.verify(say)
        except SiteFull:
            if not self._clear(say):
                raise
            # what was set before is as it was; only the older releases are gone
            base = replace(self.base, site=self.site.to_json(), stub=digest())
            with self.account.telling(say):
                self.switch.go(base, self.record, say)
            self.switch.verify(say)

    def _clear(self, say: Say) -> bool:
        """Let the oldest release (else what nobody needs) go so that the site can unpack this one; did anything go?

        Not while the web app's Python changes: what is live could not be started by the new one.
        """
        live = self.seen.live
        if live is None or live.site.get("python") != self.site.python:
            return False
        with self.account.telling(say):
            gone = self._let_oldest_go("") or self._sweep()
        if gone:
            say("the disk was full: old files went to make room; trying once more")
        return gone

    def undo(self, say: Say) -> None:
        """Back to what was live, the web app's settings included; to the site that was there before the first push."""
        with self.account.telling(say):
            if self.seen.theirs and not self.switch.lost and takeover.put_back(self.account, self.site.static, say):
                return
            self.switch.undo(say)

    def _room(self, unpacked: int, packed: int) -> None:
        """Let old releases go where the upload would not fit.

        Raises:
            PaasctlError: it cannot fit; no release has gone.
        """
        self._let_go(room.must_go(self.base, self.record, unpacked + packed, self.account.settings.disk))

    def _upload(self, name: str, content: bytes) -> None:
        """Upload a part of an archive. On a disk that is fuller than we know, what nobody needs goes, then the oldest
        release; each time it is tried once more."""
        archive = name.partition(".")[0]
        ways = iter((self._sweep, self._let_oldest_go))
        while True:
            try:
                return self.account.api.write(self.account.path("incoming", name), content)
            except DiskFull:
                if not any(way(archive) for way in ways):  # it goes on where it stopped
                    raise

    def _sweep(self, arriving: str = "") -> bool:
        return room.sweep(self.account, (*self.base.releases, self.record), arriving)

    def _let_oldest_go(self, arriving: str) -> bool:
        return self._let_go(room.oldest(self.base, self.record), arriving)

    def _let_go(self, gone: Sequence[Record], arriving: str = "") -> bool:
        """Take old releases out of what can be rolled back to, and then delete their files; were there any?"""
        if not gone:
            return False
        shorter = self.switch.forget({record.id for record in gone})
        self.seen = replace(self.seen, active=replace(self.seen.active, live=shorter))
        self.base = shorter
        return self._sweep(arriving)


def require_success(result: Mapping[str, Any], output: str, words: JobWords) -> None:
    """Stop a push one of whose commands failed, or could not be run at all.

    Raises:
        PaasctlError: with its output.
    """
    again = {"failed": "push again; see `paasctl logs` if that says the same", "full": MAKE_ROOM}
    if result.get("kind") in again:
        message = f"{words.command} could not be run: {output}; nothing was switched"
        raise PaasctlError(message, hint=again[str(result["kind"])])
    if result["rc"]:
        raise PaasctlError(
            f"{words.command} ended with status {result['rc']}; nothing was switched",
            hint=words.hint,
            output="\n".join(output.splitlines()[-60:]),
        )


def env_mac(key: str, data: bytes) -> str:
    """What ``deploy.json`` says about the env file's bytes; the site compares it."""
    return hmac.new(bytes.fromhex(key), b"paasctl-env-file\0" + data, hashlib.sha256).hexdigest()
