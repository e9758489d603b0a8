"""Carries a push out: what each of its steps does, and what it has learned on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from paasctl.errors import PaasctlError
from paasctl.model import Say
from paasctl.redact import Redactor

from . import building, configuring, creating, following, history, meanwhile, resuming, serving, undoing
from .api import Api
from .building import Source
from .failures import ApiError, Unreachable
from .following import Failed
from .hints import Hints
from .intent import Intent
from .ledger import NAME, Ledger
from .records import HerokuBuild, HerokuRelease
from .state import origin_note
from .undoing import Done


@dataclass(frozen=True, slots=True)
class Place:
    """Where an app that does not exist yet is made."""

    region: str = ""
    team: str = ""


class Push:
    """One push. Its public methods are its steps, in the order in which they run."""

    def __init__(self, api: Api, intent: Intent, place: Place, url: str, redactor: Redactor, hints: Hints) -> None:
        self._api, self._intent, self._place, self._redactor, self._hints = api, intent, place, redactor, hints
        self.url = url
        self._source: Source | None = None
        self._addons: Mapping[str, str] = intent.addons
        self._dropped: frozenset[str] = frozenset()
        self._stored = intent.state.values.get(NAME)
        start, live = resuming.start(intent), intent.state.live
        self._has_code = live is None or bool(live.artifact)
        newest = next(iter(intent.state.releases or ()), None)
        self._done = Done(
            start=start,
            before=intent.state.values,
            half=start is not None and start != live,
            seen=newest.version if newest else None,
        )

    # -------------------------------------------------------------------------------------------------- prepare

    def create(self, say: Say) -> None:
        self.url = creating.create(self._api, self._place.region, self._place.team, say)

    def upload(self, say: Say) -> None:
        assert self._intent.bundle is not None
        self._source = building.upload(self._api, self._intent.bundle, say)

    def compare(self, say: Say) -> None:
        """Nobody has released anything since the plan, or changed the config. An env sync has not asked for releases
        before; what it sees now is what it would go back to."""
        state = self._intent.state
        if state.releases is not None:
            meanwhile.require_unchanged(self._api, next(iter(state.releases), None))
        else:
            releases = meanwhile.require_quiet(self._api)
            self._done.start = history.live(releases)
            self._done.seen = releases[0].version if releases else None
        if self._intent.writes:
            configuring.compare(self._api, state.values)

    # --------------------------------------------------------------------------------------------------- commit

    def configure(self, say: Say) -> None:
        """The one write of the config vars, and the wait for the release that it makes."""
        self._write_ours(self._intent.first_write, say)
        state = self._intent.state
        if self._intent.bundle is not None and not (state.live and state.live.artifact):
            return  # without code there is no release command that could run, and no dyno that restarts
        release = self._config_release()
        self._has_code = bool(release.artifact)
        self._await_config(release, say)

    def _config_release(self) -> HerokuRelease:
        """The release that the write made. Somebody else's may be behind it, or before it."""
        releases = configuring.release_after(self._api, self._newest)
        mine = (one for one in reversed(releases) if one.version > (self._newest or 0) and NAME in one.description)
        release = next(mine, releases[0])
        self._done.note(release)
        return release

    def _write_ours(self, make: Callable[[Ledger, frozenset[str]], configuring.Changes], say: Say) -> None:
        """One write; where it turns out to hold an add-on's names, once more without them."""
        written = make(self._notes(), self._dropped)
        try:
            self._write(written, say)
        except configuring.Owned as owned:
            self._drop(owned.names, say)
            written = make(self._notes(), self._dropped)
            self._write(written, say)
        self._stored = written[NAME]

    def _write(self, written: configuring.Changes, say: Say) -> None:
        self._done.wrote, self._done.written = True, written
        if self._intent.bundle is None or self._done.live is not None:  # no code comes after it that would be looked at
            self._hints.note("written", resuming.mark(written[NAME]))
        try:
            configuring.write(self._api, written, say)
        except (configuring.Owned, ApiError, Unreachable):
            self._done.wrote = False
            raise

    def _drop(self, names: frozenset[str], say: Say) -> None:
        self._dropped |= names
        self._addons = {**self._addons, **dict.fromkeys(names, "an add-on")}
        say(f"! {', '.join(sorted(names))}: an add-on's, left alone")

    def _await_config(self, release: HerokuRelease, say: Say) -> None:
        """The release command of the code that is live runs with the new config. With new code on its way, its
        outcome is not the one that counts."""
        try:
            following.await_release(self._api, release, self._redactor, say)
        except Failed as failure:
            if self._intent.bundle is None:
                raise
            say(f"{failure.message}; going on with the new code")

    def build(self, say: Say) -> None:
        """Start the build (or join the one that runs), and follow it until its release is live."""
        start = self._done.start.id if self._done.start else ""
        self._hints.note("unproven", f"{self._intent.tree} {start}")
        try:
            build = self._intent.joined or self._start(say)
            self._done.sent, self._done.build = True, build
            say(f"build {build.id}")
            self._follow(build, say)
        except Failed:
            self._done.over = True
            raise
        except KeyboardInterrupt:
            if self._done.build is not None:
                say(f"build {self._done.build.id} goes on at Heroku; the same command follows it")
            raise

    def _start(self, say: Say) -> HerokuBuild:
        assert self._source is not None
        self._done.sent = True
        note = origin_note(self._intent.desired.provenance)
        try:
            return building.start(self._api, self._source, self._intent.tree, note, self._known, say)
        except (ApiError, Unreachable):
            self._done.sent = False
            raise

    def _follow(self, build: HerokuBuild, say: Say) -> None:
        build = following.await_build(self._api, build, self._redactor, say)
        release = self._api.release(build.release) if build.release else self._released()
        self._done.note(release, code=True)
        self._done.live = following.await_release(self._api, release, self._redactor, say)
        self._done.over = True
        say(f"{release.name} is live")

    def _released(self) -> HerokuRelease:
        """The newest release, where Heroku does not say which one the build made."""
        return configuring.release_after(self._api, self._newest)[0]

    def scale(self, say: Say) -> None:
        self._api.scale(self._intent.scaling)
        present = self._intent.state.formation or {}
        self._done.scaled = {process: present[process] for process in self._intent.scaling if process in present}

    # ------------------------------------------------------------------------------------------ verify and finish

    def verify(self, say: Say) -> None:
        """The new dynos are up, and the app answers."""
        if self._done.live is not None:
            self._require_serving(self._done.live.version, say)
            self._hints.note("unproven", "")
        elif not self._has_code:
            say("the app has no code yet")
        elif self.url:
            serving.check_health(self.url, self._intent.desired.app.health, say)
            if self._intent.state.unproven:
                self._hints.note("unproven", "")
        else:
            say("the app's address is not known here; its health was not asked for")
        self._hints.note("written", "")

    def verify_live(self, say: Say) -> None:
        """The same for the release that is live since an earlier push."""
        live = self._intent.state.live
        if live is not None:
            self._require_serving(live.version, say)
        self._hints.note("unproven", "")

    def undo_live(self, say: Say) -> None:
        """The way back from that release, to where the earlier push began."""
        state = self._intent.state
        resuming.go_back(self._api, state.live, resuming.code_start(state), self._redactor, say)

    def _require_serving(self, version: int, say: Say) -> None:
        serving.require_serving(self._api, version, self.url, self._intent.desired.app.health, say)

    def remove(self, say: Say) -> None:
        """Remove what the new release does not need any more; when it turns out to need it, bring it back."""
        self._require_same_late()
        kept = self._stored
        self._write_ours(self._intent.late_write, say)
        gone = [name for name in self._intent.late if name not in self._dropped]
        try:
            release = following.await_release(self._api, self._config_release(), self._redactor, say)
            self._require_serving(release.version, say)
        except following.StillRunning:
            raise
        except PaasctlError as failure:
            before = {name: self._intent.state.values.get(name) for name in gone}
            undoing.bring_back(self._api, {NAME: kept, **before}, self._done, failure, self._redactor, say)
        self._hints.note("written", "")

    def _require_same_late(self) -> None:
        now, before = self._api.config_vars(), self._intent.state.values
        moved = [name for name in self._intent.late if now.get(name) != before.get(name)]
        if moved or now.get(NAME) != self._stored:
            raise PaasctlError(
                f"somebody changed {', '.join(moved) or 'the config'} meanwhile; nothing was removed",
                hint="run the same command again; it shows what is different now",
            )

    @property
    def goes_on(self) -> bool:
        """Whether there is something at Heroku that goes on without this machine: a build was (or may be) there."""
        return self._done.sent

    def undo(self, say: Say) -> None:
        undoing.undo(self._api, self._done, self._intent.tree, self._known, self._redactor, say)

    # --------------------------------------------------------------------------------------------------------------

    @property
    def _newest(self) -> int | None:
        """The version of the newest release that is known, this push's own included."""
        return self._done.latest or self._done.seen

    @property
    def _known(self) -> frozenset[str]:
        return frozenset(build.id for build in self._intent.state.builds)

    def _notes(self) -> Ledger:
        """The notes for the manifest of this write."""
        state = self._intent.state
        start = state.start if state.releases is not None else None
        addons = {name: owner for name, owner in self._addons.items() if name in state.values}
        known = replace(state.ledger, before=start.version if start else None, tree=self._intent.tree, addons=addons)
        return replace(known, app=self._api.app, url=self.url) if self.url else known
