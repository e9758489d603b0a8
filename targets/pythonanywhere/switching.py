"""Making a release live: ``deploy.json``, a reload, and the site's own word for it; and the way back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from paasctl.errors import Conflict, PaasctlError
from paasctl.model import Say

from . import mending, room, webapp
from .account import Account
from .documents import Deploy, Record, now
from .errors import DiskFull, SiteFull
from .mending import PAUSES
from .signed import NoAnswer, SiteStatus
from .stub import digest, stub
from .webapp import WebApp

#: How often a site may take a question and not answer it in time before it counts as hanging.
LATE = 2


#: What helps where no old release can go any more.
MAKE_ROOM = "the disk is full: delete files on the Files page, or set disk under the target to less than now"


class Switch:
    """One change of what is live.

    Args:
        before: the document that is live, if one is; ``undo`` makes its release live again.
        parents: the documents on top of which the new one may come; the site refuses it when another one is live.
        site: the web app's settings with the new release.

    ``fresh`` says that the running process has served nothing yet and needs no reload to take a first release;
    ``theirs`` that somebody's own site is there until then, ``moved`` that the web app's settings or its WSGI file
    may not be those of before, and ``lost`` that somebody else's push is live. ``answer`` is the status of the new
    release's health page, 0 before it is known.
    """

    def __init__(self, account: Account, before: Deploy | None, parents: tuple[str, ...], site: WebApp) -> None:
        self._account, self._before, self._parents, self._site = account, before, parents, site
        self._document: Deploy | None = None
        self.lost = self.fresh = self.moved = self.theirs = False
        self.answer = 0

    def go(self, base: Deploy, record: Record, say: Say, *, choose_python: bool = False) -> None:
        """Write the document that makes a release live, and reload.

        The Python is chosen in between: whenever a process is started meanwhile, it finds a release that it can serve.

        Args:
            base: the document before, with the settings and stub that are in force now.
        """
        account = self._account
        self._document = base.after(account.who, now(), record, self._parents)
        account.api.write(account.path("deploy.json"), self._document.to_json())
        if choose_python:
            webapp.choose_python(account.api, account.settings.domain, self._site.python)
        if not self.fresh:
            mending.reload(account, self._site, say)

    def forget(self, gone: Collection[str]) -> Deploy:
        """Make the live release live again without some older ones, so that nobody is offered what is then deleted.

        Raises:
            PaasctlError: the site did not take that up.
            Conflict: somebody else's push is live.
        """
        account, before = self._account, self._before
        assert before is not None
        base = replace(before, releases=tuple(r for r in before.releases if r.id not in gone))
        document = base.after(account.who, now(), base.record, self._parents)
        self._parents = (*self._parents, document.id)  # an undo must come on top of either
        account.api.write(account.path("deploy.json"), document.to_json())
        mending.reload(account, WebApp.from_json(base.site), account.api.transport.progress)
        for pause in PAUSES:
            account.clock.sleep(pause)
            found = account.active().live
            if found and found.id == document.id:
                self._before, self._parents = document, (document.id,)
                return document
            if found and found.id not in self._parents:
                raise self._beaten(found.who, found.release or "")
        raise PaasctlError(
            "the site did not let old releases go to make room; nothing was switched",
            hint="see `paasctl status` and `paasctl logs`",
        )

    def upload_stub(self, say: Say) -> None:
        """Upload the WSGI file. One that arrives damaged serves no release, so an undo looks at it too."""
        self.moved = True
        settings = self._account.settings
        text = stub(settings.home, self._account.folder, settings.domain, settings.wsgi)
        self._account.api.write(settings.wsgi, text)

    def verify(self, say: Say) -> None:
        """Wait until the site says that the new release serves, and that it is well.

        Raises:
            PaasctlError: it could not be started, or is not well.
            Conflict: somebody else's push is live.
        """
        document = self._document
        assert document is not None
        last: PaasctlError | None = None
        late = 0
        for pause in PAUSES:
            self._account.clock.sleep(pause)
            try:
                status = self._account.site.status(document.key)
            except NoAnswer as error:
                last, late = error, late + error.late
                if late == LATE:
                    raise self._hanging(document, error) from None
                say(f"not yet: {error.message}")
                continue
            if self._serves(document, status):
                return
            say("the site has not switched yet")
        self._settle(document, last, say)

    def _serves(self, document: Deploy, status: SiteStatus) -> bool:
        if status.deploy == document.id:
            if not status.serves:
                raise self._broken(document, {"error": status.error})
            self._check_health(document, status)
            return True
        if status.failure.get("deploy") == document.id:
            raise self._broken(document, status.failure)
        if status.unread and status.stub == digest():  # a process of another stub may be about to end
            raise self._broken(document, {"error": status.unread, "kind": "files"})
        if status.refused.get("deploy") == document.id or status.deploy not in ("", *self._parents):
            raise self._beaten(status.who, status.release)
        return False

    def _beaten(self, who: str, release: str) -> Conflict:
        self.lost = True
        return Conflict(
            f"{who or 'somebody'} pushed at the same time; their release {release or '(none)'} is live, yours is not",
            hint="run the same command again to push on top of it",
        )

    def _settle(self, document: Deploy, last: PaasctlError | None, say: Say) -> None:
        """The site gave no clear answer; what it last wrote decides."""
        found = self._account.active().live
        if found and found.id == document.id:
            say("warning: the site started the release but answers no signed question, so its health is not known")
            return
        if found and found.id not in self._parents:
            raise self._beaten(found.who, found.release or "")
        if self._account.api.read(self._account.path("deploy.json")) != document.to_json():
            raise self._broken(document, {"error": "deploy.json is not what was uploaded", "kind": "files"})
        raise PaasctlError(
            f"release {document.release} did not start" + (f": {last.message}" if last else ""),
            hint=self._stays(last.hint if last and last.hint else "see `paasctl logs`"),
            output=self._error_log(),
        )

    def _stays(self, what: str) -> str:
        """A hint that first says what visitors get now."""
        nothing = "the site that was there serves as before" if self.theirs else "nothing is live yet"
        before = f"{self._before.release} serves as before" if self._before else nothing
        return f"{before}; {what}"

    def _broken(self, document: Deploy, failure: Mapping[str, Any]) -> PaasctlError:
        """The error for a release that could not be started. ``kind``: the app failed, or what was uploaded does not
        fit (``files``) or finds no room (``full``), or the web app runs another Python (``python``)."""
        lines = str(failure.get("error") or "").strip().splitlines() or ["no reason was given"]
        kind = failure.get("kind")
        what = {"files": "push again", "full": MAKE_ROOM, "python": "the web app's Python is set back too: push again"}
        self.moved = self.moved or kind == "python"
        error = SiteFull if kind == "full" else PaasctlError
        return error(
            f"release {document.release} could not be started: {lines[-1][:300]}",
            hint=self._stays(what.get(str(kind), "correct the app and push again")),
            output="\n".join(lines[-40:]) if len(lines) > 1 else "",
        )

    def _hanging(self, document: Deploy, error: NoAnswer) -> PaasctlError:
        page = document.record.health if document.record else "/"
        return PaasctlError(
            f"release {document.release} does not answer {page}: {error.message}, {LATE} times",
            hint=self._stays("see `paasctl logs`; health under [app] says which page is asked"),
        )

    def _check_health(self, document: Deploy, status: SiteStatus) -> None:
        record, found = document.record, status.answered
        self.answer = found
        if record is None or record.accepts(found):
            return
        raise PaasctlError(
            f"release {record.id} started but is not well: {record.health} answers {found}",
            hint=self._stays("see `paasctl logs`; health under [app] says which page is asked"),
            output=str((status.health or {}).get("error") or "") or self._error_log(),
        )

    def _error_log(self) -> str:
        """The last lines of the site's error log, as far as they can be had."""
        account = self._account
        try:
            data = account.api.read(f"/var/log/{account.settings.domain}.error.log")
        except PaasctlError:
            return ""
        return "\n".join((data or b"").decode("utf-8", "replace").splitlines()[-30:])

    def undo(self, say: Say) -> None:
        """Make what was live before live again, with the settings of then; remember that the new release failed.

        Raises:
            PaasctlError: the site does not say that it serves as before.
        """
        if self.lost:
            return
        if self._document is None:  # nothing was switched yet
            self._settings_back(say)
            return
        bad = self._document.record
        record = self._before.record if self._before else None
        base = self._document
        if bad and (self._before is None or self._before.find(bad.id) is None):
            base = replace(base, releases=tuple(replace(r, state="failed") if r == bad else r for r in base.releases))
        if self._before:
            base = replace(base, site=self._before.site)
        document = base.after(self._account.who, now(), record, (*self._parents, self._document.id))
        self._write_back(document, [r for r in document.releases if r.state != "failed"])
        self._settings_back(say)
        mending.reload(self._account, self._old_site or self._site, say)
        self._confirm(document, record)

    def _write_back(self, document: Deploy, needed: Sequence[Record]) -> None:
        """Write what is live again; on a disk that the failed release has filled, its files go first."""
        path, data = self._account.path("deploy.json"), document.to_json()
        try:
            self._account.api.write(path, data)
        except DiskFull:
            room.sweep(self._account, needed)
            self._account.api.write(path, data)

    @property
    def _old_site(self) -> WebApp | None:
        return WebApp.from_json(self._before.site) if self._before else None

    def _settings_back(self, say: Say) -> None:
        if self.moved and self._old_site:
            say("setting the web app as it was")
            mending.set_right(self._account, self._old_site, self._site.static, say)

    def _confirm(self, document: Deploy, record: Record | None) -> None:
        last = ""
        for pause in PAUSES:
            self._account.clock.sleep(pause)
            try:
                status = self._account.site.status(document.key)
            except NoAnswer as error:
                last = error.message
                continue
            if status.deploy in (document.id, *self._parents) and status.serves == (record is not None):
                return
            last = status.error.strip().splitlines()[-1] if status.error.strip() else "another release serves"
        raise PaasctlError(f"the site does not serve as before: {last}", hint="see `paasctl status` and `paasctl logs`")
